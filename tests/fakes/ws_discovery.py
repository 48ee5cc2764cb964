"""A device that answers WS-Discovery probes on a port of the test's own, on the loopback interface by default."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from lxml import etree  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSD = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
GROUPS = {socket.AF_INET: "239.255.255.250", socket.AF_INET6: "ff02::c"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """`type` is the only one it answers to, besides to a probe for any; "any": to that alone. `raw` instead of XML."""

    endpoint: str = "urn:uuid:00000000-0000-4000-8000-000000000001"
    type: str = "NetworkVideoTransmitter"
    scopes: str = ""
    addresses: str = "http://127.0.0.1/onvif/device_service"
    raw: bytes | None = None
    times: int = 1

    def answer(self, relates_to: str) -> bytes:
        if self.raw is not None:
            return self.raw
        return (
            f'<s:Envelope xmlns:s="{SOAP}" xmlns:a="{WSA}" xmlns:d="{WSD}" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">'
            f"<s:Header><a:RelatesTo>{relates_to}</a:RelatesTo><a:Action>{WSD}/ProbeMatches</a:Action></s:Header>"
            f"<s:Body><d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>{self.endpoint}</a:Address>"
            f"</a:EndpointReference><d:Types>dn:{self.type}</d:Types><d:Scopes>{escape(self.scopes)}</d:Scopes>"
            f"<d:XAddrs>{self.addresses}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch>"
            "</d:ProbeMatches></s:Body></s:Envelope>"
        ).encode()


class Responder(asyncio.DatagramProtocol):
    """Answers for several devices. `probes` are the types that were asked for."""

    def __init__(self, devices: tuple[Device, ...], port: int) -> None:
        self.devices = devices
        self.port = port
        self.probes: list[str] = []
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        root = etree.fromstring(data)
        assert root.find(f"{{{SOAP}}}Body/{{{WSD}}}Probe") is not None
        message = root.findtext(f"{{{SOAP}}}Header/{{{WSA}}}MessageID")
        wanted = root.findtext(f"{{{SOAP}}}Body/{{{WSD}}}Probe/{{{WSD}}}Types") or ""
        self.probes.append(wanted)
        for device in self.devices:
            if not wanted or wanted.rpartition(":")[2] == device.type:
                for _ in range(device.times):
                    self._transport.sendto(device.answer(message), addr)  # type: ignore[union-attr]


@contextmanager
def _joined(family: socket.AddressFamily, interface: str) -> Iterator[socket.socket]:
    index = socket.if_nametoindex(interface)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        group = socket.inet_pton(family, GROUPS[family])
        if family == socket.AF_INET:
            joining = struct.pack("=4s4si", group, b"", index)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joining)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + struct.pack("@I", index))
        sock.bind(("", 0))
        yield sock


@asynccontextmanager
async def responding(
    *devices: Device, interface: str = "lo", family: socket.AddressFamily = socket.AF_INET
) -> AsyncIterator[Responder]:
    """Answers while the context is open, at `port`."""
    with _joined(family, interface) as sock:
        responder = Responder(devices, sock.getsockname()[1])
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: responder, sock=sock)
        try:
            yield responder
        finally:
            transport.close()
            await asyncio.sleep(0)
