"""What a camera is, its network, its clock: the device service (ONVIF Core)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal
from xml.sax.saxutils import escape

from drivers.cameras.onvif.clock import ClockReading, ClockSource
from drivers.cameras.onvif.envelope import Element, SoapFault, every, find, text
from drivers.cameras.onvif.services import Services
from drivers.errors import Garbled, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """What a camera told of itself; "" where it leaves something out.

    `clock_offset_ms`: how far the clock that it checks signatures by is ahead of ours, and `clock_source`
    which of its readings that is; `clock_by_ntp`: it is set by NTP. `services`: namespace to path.
    `media`: version of the media service that is used, 0 for none.
    """

    manufacturer: str
    model: str
    firmware: str
    serial: str
    hardware: str
    mac: str | None
    clock_offset_ms: int
    clock_source: ClockSource
    clock_by_ntp: bool
    media: Literal[0, 1, 2]
    has_ptz: bool
    has_imaging: bool
    has_events: bool
    services: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFacts:
    """How a camera is set up in its network: addresses with prefix length, servers by name or address."""

    mac: str | None
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]
    dns: tuple[str, ...]
    ntp: tuple[str, ...]


async def connect(services: Services) -> DeviceFacts:
    """Read the clock, sign in, and find the services."""
    session = services.session
    clock = await session.measure()
    device = await services.ask("tds", "GetDeviceInformation")
    await services.find()
    return DeviceFacts(
        manufacturer=text(device, "Manufacturer"),
        model=text(device, "Model"),
        firmware=text(device, "FirmwareVersion"),
        serial=text(device, "SerialNumber"),
        hardware=text(device, "HardwareId"),
        mac=await _mac(services),
        clock_offset_ms=session.offset_ms,
        clock_source=session.source,
        clock_by_ntp=clock.by_ntp,
        media=2 if services.offers("tr2") else 1 if services.offers("trt") else 0,
        has_ptz=services.offers("tptz"),
        has_imaging=services.offers("timg"),
        has_events=services.offers("tev"),
        services=MappingProxyType(dict(services.paths)),
    )


async def network(services: Services) -> NetworkFacts:
    """Addresses, name servers and time servers."""
    interfaces = await services.ask("tds", "GetNetworkInterfaces")
    dns = await services.ask("tds", "GetDNS")
    ntp = await services.ask("tds", "GetNTP")
    return NetworkFacts(
        mac=_first_mac(interfaces),
        ipv4=_addresses(interfaces, "IPv4"),
        ipv6=_addresses(interfaces, "IPv6"),
        dns=_hosts(dns, "DNSInformation", "DNS"),
        ntp=_hosts(ntp, "NTPInformation", "NTP"),
    )


async def reboot(services: Services) -> None:
    """Restart the camera, once: an answer that is lost is not asked for again."""
    await services.ask("tds", "SystemReboot", repeat=False)


async def set_time(services: Services, at_ms: int) -> ClockReading:
    """Set the camera's clock to `at_ms` UTC, no NTP from now on; its time zone stays. The clock read back."""
    before = await services.session.measure()
    zone = f"<tds:TimeZone><tt:TZ>{escape(before.zone)}</tt:TZ></tds:TimeZone>" if before.zone else ""
    try:
        await services.ask("tds", "SetSystemDateAndTime", _time(at_ms, before, zone))
    except SoapFault:  # some cameras refuse the name of a zone that they gave themselves
        if not zone:
            raise
        await services.ask("tds", "SetSystemDateAndTime", _time(at_ms, before, ""))
    return await services.session.measure()


def _time(at_ms: int, before: ClockReading, zone: str) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return (
        "<tds:DateTimeType>Manual</tds:DateTimeType>"
        f"<tds:DaylightSavings>{'true' if before.daylight else 'false'}</tds:DaylightSavings>{zone}"
        f"<tds:UTCDateTime><tt:Time><tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute>"
        f"<tt:Second>{at.second}</tt:Second></tt:Time><tt:Date><tt:Year>{at.year}</tt:Year>"
        f"<tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day></tt:Date></tds:UTCDateTime>"
    )


async def _mac(services: Services) -> str | None:
    """None also where this account may not see it."""
    try:
        return _first_mac(await services.ask("tds", "GetNetworkInterfaces", settle=False))
    except (Refused, Garbled):
        return None


def _first_mac(interfaces: Element) -> str | None:
    for interface in every(interfaces, "NetworkInterfaces"):
        if mac := text(interface, "Info/HwAddress"):
            return mac.lower().replace("-", ":")
    return None


def _addresses(interfaces: Element, family: str) -> tuple[str, ...]:
    config = f"NetworkInterfaces/{family}/Config"
    kinds = ("Manual", "LinkLocal", "FromDHCP", "FromRA")
    told = [address for kind in kinds for address in every(interfaces, f"{config}/{kind}")]
    found = [f"{text(one, 'Address')}/{text(one, 'PrefixLength')}" for one in told if text(one, "Address")]
    return tuple(dict.fromkeys(address.rstrip("/") for address in found))


def _hosts(answer: Element, information: str, stem: str) -> tuple[str, ...]:
    """Of a list of tt:IPAddress or tt:NetworkHost: "FromDHCP" first, as the camera uses it."""
    told = find(answer, information)
    hosts: list[str] = []
    for host in (*every(told, f"{stem}FromDHCP"), *every(told, f"{stem}Manual")):
        known = (text(host, kind) for kind in ("DNSname", "IPv4Address", "IPv6Address"))
        hosts.extend(name for name in known if name)
    return tuple(dict.fromkeys(hosts))
