"""A broker that answers as the test says, for what Mosquitto never says: it runs in the test's own event loop.

MQTT 3.1.1 (OASIS 2014) and MQTT 5.0 (OASIS 2019); enough of them for one publishing client at a time.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from fakes.ports import listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

CONNECT, PUBLISH, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 8, 12, 14


class Act(Enum):
    """What to do instead of sending a PUBACK."""

    SILENCE = "silence"
    HANG_UP = "hang up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """A PUBLISH as it came; `size` is that of the whole packet, `connection` counts from 1."""

    topic: str
    payload: bytes
    retain: bool
    size: int
    connection: int


class ScriptedBroker:
    """`answer(publish)` gives the PUBACK's reason code, or an Act.

    `connack` is what follows CONNACK's fixed header: acknowledge flags, code, and with MQTT 5 properties;
    None says nothing. `suback` is the reason code a subscription gets, or an Act. `port`, `published` and
    `subscribed`, the SUBSCRIBE packets, are there once it runs.
    """

    def __init__(
        self,
        answer: Callable[[Publish], int | Act] = lambda _: 0,
        *,
        connack: bytes | None = None,
        suback: int | Act = 1,
        host: str = "127.0.0.1",
    ) -> None:
        self.host = host
        self.port = 0
        self.published: list[Publish] = []
        self.subscribed: list[bytes] = []
        self.connections = 0
        self.said_goodbye = 0
        self._answer = answer
        self._connack = connack
        self._suback = suback
        self._silent = False
        self._writers: set[asyncio.StreamWriter] = set()

    def never_answer(self) -> None:
        """Take connections, and say nothing to CONNECT."""
        self._silent = True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedBroker]:
        listener = listen(self.host)
        self.port = listener.getsockname()[1]
        server = await asyncio.start_server(self._serve, sock=listener)
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.close()
            await server.wait_closed()

    def send(self, packet: bytes) -> None:
        """Send a packet of the test's own to everybody connected."""
        for writer in self._writers:
            writer.write(packet)

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._converse(reader, writer, self.connections)
        self._writers.discard(writer)
        writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> None:
        version = 5
        while True:
            head, body, size = await _packet(reader)
            kind = head >> 4
            if kind == CONNECT and not self._silent:
                version = body[6]  # after the protocol name, 00 04 "MQTT"
                writer.write(_packed(0x20, self._connack or (b"\0\0\0" if version == 5 else b"\0\0")))
            elif kind == PUBLISH:
                publish, mid = _publish(head, body, size, connection, version)
                self.published.append(publish)
                code = self._answer(publish)
                if code is Act.HANG_UP:
                    return
                if isinstance(code, int):
                    writer.write(_packed(0x40, mid + (bytes([code]) if version == 5 and code else b"")))
            elif kind == SUBSCRIBE:
                writer.write(self._subscribe(body, version))
            elif kind == PINGREQ:
                writer.write(b"\xd0\0")
            elif kind == DISCONNECT:
                self.said_goodbye += 1
                return

    def _subscribe(self, body: bytes, version: int) -> bytes:
        self.subscribed.append(body)
        if isinstance(self._suback, Act):
            if self._suback is Act.HANG_UP:
                raise ConnectionAbortedError
            return b""
        properties = b"\0" if version == 5 else b""
        return _packed(0x90, body[:2] + properties + bytes([self._suback]))


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes, int]:
    """(first byte, what follows the length, bytes in all)."""
    (head,) = await reader.readexactly(1)
    length, shift = 0, 0
    while True:
        (byte,) = await reader.readexactly(1)
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    return head, await reader.readexactly(length), 1 + shift // 7 + length


def _packed(head: int, body: bytes) -> bytes:
    return bytes([head, len(body)]) + body


def _publish(head: int, body: bytes, size: int, connection: int, version: int) -> tuple[Publish, bytes]:
    end = 2 + int.from_bytes(body[:2], "big")
    payload = body[end + 2 :]
    if version == 5:
        payload = payload[1 + payload[0] :]  # property length below 128, then the properties
    publish = Publish(
        topic=body[2:end].decode(), payload=payload, retain=bool(head & 1), size=size, connection=connection
    )
    return publish, body[end : end + 2]
