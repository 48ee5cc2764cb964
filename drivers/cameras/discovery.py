"""Finding cameras that announce themselves: WS-Discovery of April 2005, as ONVIF Core 7 has it.

What they say of themselves is told, and nothing of it is proven: no credentials are sent.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from lxml import etree  # type: ignore[import-untyped]

from drivers.cameras.onvif.envelope import Element, every, text
from drivers.errors import BadConfig, LinkClosed

PORT = 3702
GROUP, GROUP6 = "239.255.255.250", "ff02::c"
TYPES = ("dn:NetworkVideoTransmitter", "tds:Device", "")
"""What is asked for, each in a probe of its own: cameras know one or the other, some answer only to any."""

REPEATS_S = (0.0, 0.5, 1.5)
"""When each is sent: datagrams get lost."""

MOST_FOUND = 4096
_SCOPE = "onvif://www.onvif.org/"
_DECLARED = (
    'xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
    'xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What one device answered, from `sender`: its lasting name, addresses, and what its scopes say.

    `location` has its parts, from country to room as the camera has them, with "/" between.
    """

    endpoint: str
    sender: str
    addresses: tuple[str, ...]
    types: tuple[str, ...]
    name: str = ""
    hardware: str = ""
    location: str = ""
    scopes: tuple[str, ...] = ()

    @property
    def at(self) -> tuple[str, int, bool]:
        """Host, port, and whether by HTTPS: where it answered from, at the port that it tells."""
        best = min(self.addresses, key=lambda each: urlsplit(each).hostname != self.sender, default="")
        parts = urlsplit(best)
        https = parts.scheme == "https"
        return self.sender, _port(best) or (443 if https else 80), https


async def discover(
    interfaces: Sequence[str], *, within_s: float = 4.0, port: int = PORT
) -> AsyncIterator[Announced]:
    """Ask on these interfaces, by IPv4 and IPv6; each device once, as it answers, until `within_s` is over.

    Raises:
        BadConfig: there is no such interface.
        LinkClosed: nothing could be sent on any of them.
    """
    answers: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue(MOST_FOUND)
    began_s, sent, seen = time.monotonic(), 0, _Seen()
    with ExitStack() as stack:
        ways = [stack.enter_context(way) for way in await _ways(interfaces, answers, port)]
        while (now_s := time.monotonic() - began_s) < within_s:
            if sent < len(REPEATS_S) and now_s >= REPEATS_S[sent]:
                _send_all(ways, interfaces)
                sent += 1
            until_s = min([within_s, *REPEATS_S[sent : sent + 1]])
            try:
                async with asyncio.timeout(until_s - now_s):
                    data, sender = await answers.get()
            except TimeoutError:
                continue
            for each in announced(data, sender):
                if seen.is_new(each):
                    yield each


def usable_interfaces() -> list[str]:
    """All but the loopback."""
    return [name for _, name in socket.if_nameindex() if name != "lo"]


def announced(data: bytes, sender: str) -> Iterator[Announced]:
    """The devices of one answer; nothing where it is none."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        return
    for match in every(root, "Body/ProbeMatches/ProbeMatch"):
        yield _announced(match, sender)


def _announced(match: Element, sender: str) -> Announced:
    scopes = tuple(text(match, "Scopes").split())
    said: dict[str, list[str]] = {}
    for scope in scopes:
        if scope.lower().startswith(_SCOPE):
            name, _, value = scope[len(_SCOPE) :].partition("/")
            said.setdefault(name.lower(), []).append(_readable(unquote(value)).strip("/"))
    return Announced(
        endpoint=text(match, "EndpointReference/Address").lower(),
        sender=sender,
        addresses=tuple(each for each in text(match, "XAddrs").split() if _port(each) is not None),
        types=tuple(each.rpartition(":")[2] for each in text(match, "Types").split()),
        name=" ".join(said.get("name", [])),
        hardware=" ".join(said.get("hardware", [])),
        location="/".join(said.get("location", [])),
        scopes=scopes,
    )


def _readable(words: str) -> str:
    """Anybody on the network announces himself in any characters, also such as steer a terminal."""
    return "".join(each for each in words if each.isprintable())


def _port(address: str) -> int | None:
    """Of an http address, 0 where it names none; None where it is not one."""
    try:
        parts = urlsplit(address)
        port = parts.port or 0
    except ValueError:
        return None
    return port if parts.scheme in ("http", "https") and parts.hostname else None


@dataclass(slots=True)
class _Seen:
    """Devices by endpoint. Some makers ship one endpoint in many cameras: those answer from other addresses.

    A device that is reached by IPv4 and IPv6 has both, and is one.
    """

    by_endpoint: dict[str, list[Announced]] = field(default_factory=dict)

    def is_new(self, one: Announced) -> bool:
        others = self.by_endpoint.setdefault(one.endpoint, [])
        if any(_is_same(one, other) for other in others):
            return False
        others.append(one)
        return True


def _is_same(one: Announced, other: Announced) -> bool:
    if one.sender == other.sender or set(one.addresses) & set(other.addresses):
        return True
    return bool(one.endpoint) and (":" in one.sender) != (":" in other.sender)


class _Way(asyncio.DatagramProtocol):
    """A socket on one interface; closed on leaving its context."""

    def __init__(self, answers: asyncio.Queue[tuple[bytes, str]], target: tuple[str, int]) -> None:
        self._answers = answers
        self._target = target
        self._transport: asyncio.DatagramTransport | None = None
        self.error: OSError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a datagram endpoint

    def datagram_received(self, data: bytes, addr: tuple[str, int] | tuple[str, int, int, int]) -> None:
        scope = addr[3] if len(addr) == 4 else 0
        sender = f"{addr[0].partition('%')[0]}%{_name_of(scope)}" if scope else addr[0]
        if not self._answers.full():
            self._answers.put_nowait((data, sender))

    def error_received(self, exc: Exception) -> None:
        self.error = exc if isinstance(exc, OSError) else None

    def send(self, data: bytes) -> None:
        self.error = None
        if self._transport is not None:
            self._transport.sendto(data, self._target)


async def _ways(
    interfaces: Sequence[str], answers: asyncio.Queue[tuple[bytes, str]], port: int
) -> list[_Way]:
    """Sockets for each interface and family; where a family is missing, there is none."""
    ways: list[_Way] = []
    for name in interfaces:
        index = _index_of(name)
        for family, group in ((socket.AF_INET, GROUP), (socket.AF_INET6, GROUP6)):
            try:
                sock = _socket(family, index)
            except OSError:
                continue
            way = _Way(answers, (group, port))
            await asyncio.get_running_loop().create_datagram_endpoint(lambda way=way: way, sock=sock)  # type: ignore[misc]
            ways.append(way)
    return ways


def _socket(family: socket.AddressFamily, index: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET:
            # struct ip_mreqn of ip(7): group, own address, interface
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", b"", b"", index))
            sock.bind(("", 0))
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            sock.bind(("::", 0))
    except OSError:
        sock.close()
        raise
    return sock


def _send_all(ways: Sequence[_Way], interfaces: Sequence[str]) -> None:
    """An interface that cannot send is put up with, but not if it is all of them."""
    for way in ways:
        for kind in TYPES:
            way.send(_probe(kind))
    if all(way.error for way in ways):
        reason = next((way.error.strerror for way in ways if way.error), "no addresses")
        raise LinkClosed(f"cannot ask for cameras on {', '.join(interfaces) or 'no interface'}: {reason}")


def _probe(kind: str) -> bytes:
    types = f"<d:Types>{kind}</d:Types>" if kind else ""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope {_DECLARED}><s:Header>'
        "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>"
        f"<a:MessageID>uuid:{uuid4()}</a:MessageID>"
        "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
        f"</s:Header><s:Body><d:Probe>{types}</d:Probe></s:Body></s:Envelope>"
    ).encode()


def _index_of(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        known = ", ".join(name for _, name in socket.if_nameindex())
        raise BadConfig(f"there is no interface {interface!r}; there are {known}") from None


def _name_of(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return str(index)
