"""Finding cameras that do not announce themselves: every address of a small network is asked, once."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from drivers.cameras.access import Trust
from drivers.cameras.onvif.envelope import NAMESPACES, SoapFault, envelope, opened
from drivers.cameras.onvif.session import DEVICE_PATH
from drivers.cameras.onvif.wire import Wire
from drivers.errors import BadConfig, DriverError, Unauthorised

PORTS = (80, 8080, 8000, 8899, 443, 554)
HTTPS_PORTS = (443, 8443)
RTSP_PORTS = (554, 8554)
AT_ONCE = 128
MOST_HOSTS = 4096
CONNECT_S, ANSWER_S = 1.5, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A device that answered, as an ONVIF device or as an RTSP server; other open ports are not told."""

    host: str
    port: int
    kind: Literal["onvif", "rtsp"]


async def sweep(
    networks: Sequence[str],
    *,
    ports: Sequence[int] = PORTS,
    at_once: int = AT_ONCE,
    most_hosts: int = MOST_HOSTS,
    tell: Callable[[Found], None] = lambda _: None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Found]:
    """Connect to each port of each address, such as of "10.0.0.0/24", and ask for the time where one is open.

    `tell` has each device as it is found, `progress` how many of how many ports have been asked.

    Raises:
        BadConfig: no network, or more than `most_hosts` addresses together.
    """
    hosts = addresses(networks, most_hosts)
    targets = _targets(hosts, ports)
    total, done = len(hosts) * len(ports), 0
    found: list[Found] = []

    async def work() -> None:
        nonlocal done
        for host, port in targets:
            one = await _ask(host, port)
            done += 1
            if one is not None:
                found.append(one)
                tell(one)
            progress(done, total)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, total)):
            group.create_task(work())
    return sorted(found, key=lambda one: (ipaddress.ip_address(one.host).packed, one.port))


def addresses(networks: Sequence[str], most_hosts: int = MOST_HOSTS) -> list[str]:
    """Each address of these networks once.

    Raises:
        BadConfig: as `sweep`.
    """
    parsed = [_network(each) for each in networks]
    total = sum(network.num_addresses for network in parsed)
    if total > most_hosts:
        names = ", ".join(map(str, parsed))
        raise BadConfig(
            f"{names}: {total} addresses, and one sweep asks at most {most_hosts}; name smaller networks, "
            f"such as {_smaller(parsed[0], most_hosts)}"
        )
    return list(dict.fromkeys(str(host) for network in parsed for host in network.hosts()))


def _network(written: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(written.strip(), strict=False)
    except ValueError:
        raise BadConfig(f"{written!r} is no network; write it as 192.168.1.0/24") from None


def _smaller(network: ipaddress.IPv4Network | ipaddress.IPv6Network, most_hosts: int) -> str:
    bits = max(most_hosts.bit_length() - 1, 0)
    return f"{network.network_address}/{max(network.prefixlen, network.max_prefixlen - bits)}"


async def _ask(host: str, port: int) -> Found | None:
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return None
    try:
        if port in RTSP_PORTS:
            return Found(host=host, port=port, kind="rtsp") if await _speaks_rtsp(reader, writer) else None
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
    return Found(host=host, port=port, kind="onvif") if await _speaks_onvif(host, port) else None


async def _speaks_rtsp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    try:
        async with asyncio.timeout(ANSWER_S):
            return (await reader.readexactly(7)) == b"RTSP/1."
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


async def _speaks_onvif(host: str, port: int) -> bool:
    """Whether it answers the one question that needs no user, be it that it wants one all the same."""
    wire = Wire(host, port, https=port in HTTPS_PORTS, trust=Trust(verify=False), timeout_s=ANSWER_S)
    action = f"{NAMESPACES['tds']}/GetSystemDateAndTime"
    headers = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'}
    try:
        answer = await wire.post(
            wire.url(DEVICE_PATH), envelope("<tds:GetSystemDateAndTime/>"), headers, timeout_s=ANSWER_S
        )
        opened(answer.body, answer.status, wire.where)
    except SoapFault:
        return True
    except Unauthorised:
        return b"Envelope" in answer.body
    except DriverError:
        return False
    finally:
        await wire.close()
    return True


def _targets(hosts: Sequence[str], ports: Sequence[int]) -> Iterator[tuple[str, int]]:
    """A port at a time over all hosts, so that no single one is asked for many at once."""
    return ((host, port) for port in ports for host in hosts)
