"""One physical link: a serial port or a TCP connection, as a byte stream with deadlines."""

from __future__ import annotations

import asyncio
import errno
import os
import termios
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from serial import serial_for_url
from serial.rs485 import RS485Settings
from serial_asyncio_fast import connection_for_serial

from drivers.endpoints import Endpoint, SerialEndpoint
from drivers.errors import Garbled, LinkClosed, LinkTimeout

LONGEST_UNREAD = 0x10000
"""Octets kept for who reads next; of more the oldest are dropped."""

LONGEST_FRAME = 260
"""Characters a unit of a shared line may send without a pause."""

CLOSED_WITHIN_S = 1.0
"""A port or connection that was closed is free again after this long at the latest."""


@dataclass(slots=True)
class Overdue:
    """Answers to one request that may still come, though nobody waits for them: how many, until when."""

    pdu: bytes
    count: int = 0
    until: float = 0.0


class Link(asyncio.Protocol):
    """An open link: bytes out, bytes in, and how long the line has been quiet.

    `echoes` is learnt: an RS-485 adapter that hears itself returns every request before the answer. `late`
    holds, by unit id, the answers that may still come (until, monotonic s).
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.echoes = isinstance(endpoint, SerialEndpoint) and endpoint.echoes
        self.late: dict[int, Overdue] = {}
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._lost: LinkClosed | None = None
        self._idle_since = 0.0
        self.opened = asyncio.Event()
        self._ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a serial transport is duck-typed
        self._idle_since = time.monotonic()
        self.opened.set()

    def data_received(self, data: bytes) -> None:
        self._received += data
        del self._received[:-LONGEST_UNREAD]
        self._idle_since = time.monotonic()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()
        self._lost = _closed(self.endpoint, exc) if exc else LinkClosed(f"{self.endpoint}: {_HUNG_UP}")
        self._wake()

    @property
    def lost(self) -> bool:
        """Whether the other end hung up or the port went away."""
        return self._lost is not None

    async def send(self, data: bytes, *, silence_s: float = 0.0) -> None:
        """Write `data` after at least `silence_s` of quiet; bytes that came unasked before are thrown away.

        Raises:
            LinkClosed: the port is gone.
            Garbled: the line was not quiet for a second, or the time of the longest frame.
        """
        deadline = time.monotonic() + silence_s + max(1.0, LONGEST_FRAME * self.endpoint.char_s)
        while (wait := self._idle_since + silence_s - time.monotonic()) > 0:
            if time.monotonic() > deadline:
                raise Garbled(f"{self.endpoint}: {_NEVER_QUIET}", bytes(self._received))
            await asyncio.sleep(wait)
        if self._lost or self._transport is None:
            raise self._lost or LinkClosed(f"{self.endpoint}: not open")
        self._received.clear()
        self._transport.write(data)
        self._idle_since = time.monotonic() + len(data) * self.endpoint.char_s

    async def receive(self, timeout_s: float) -> bytes:
        """The bytes that have arrived, at least one.

        Raises:
            LinkTimeout: nothing came in time.
            LinkClosed: the port is gone or the peer hung up.
        """
        if not self._received:
            await self._arrival(timeout_s)
        data = bytes(self._received)
        self._received.clear()
        return data

    async def settle(self, quiet_s: float) -> None:
        """Throw away the rest of a bad frame, until the line was quiet for `quiet_s`."""
        for _ in range(20):
            try:
                await self.receive(quiet_s)
            except LinkTimeout:
                return

    def close(self) -> None:
        """Close at once; unsent bytes are dropped."""
        if self._transport is not None:
            self._transport.abort()

    async def ended(self) -> None:
        """Wait until the port is free again: a transport closes it with a later turn of the loop."""
        if self._transport is not None:
            with suppress(TimeoutError):  # a connection cut off while it was being made may never say so
                async with asyncio.timeout(CLOSED_WITHIN_S):
                    await self._ended.wait()

    async def _arrival(self, timeout_s: float) -> None:
        if self._lost:
            raise self._lost
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._waiter
        except TimeoutError:
            raise LinkTimeout(f"{self.endpoint}: no answer within {timeout_s:g} s") from None
        finally:
            self._waiter = None
        if self._lost and not self._received:
            raise self._lost

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


@asynccontextmanager
async def open_link(endpoint: Endpoint, timeout_s: float = 3.0) -> AsyncIterator[Link]:
    """Open and finally close a link; a serial port is opened exclusively.

    Raises:
        LinkClosed: no such port, no permission, in use, refused or unreachable; the message says which.
    """
    link = Link(endpoint)
    try:
        await _open(link, endpoint, timeout_s)
        yield link
    finally:
        link.close()
        await link.ended()


async def _open(link: Link, endpoint: Endpoint, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            if isinstance(endpoint, SerialEndpoint):
                await _open_serial(link, endpoint)
            else:
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: link, endpoint.host, endpoint.port)
    except TimeoutError:
        raise LinkClosed(f"{endpoint}: no connection within {timeout_s:g} s") from None
    except (OSError, ValueError) as error:
        raise _closed(endpoint, error) from error
    except termios.error as error:  # no OSError; of a pty, which has no parity, and of poor adapters
        raise LinkClosed(f"{endpoint}: {_NOT_TAKEN}") from error


async def _open_serial(link: Link, endpoint: SerialEndpoint) -> None:
    line = endpoint.line
    settings = {"baudrate": line.baud, "bytesize": line.data_bits, "parity": line.parity}
    port = await asyncio.to_thread(
        serial_for_url, endpoint.path, **settings, stopbits=line.stop_bits, exclusive=True
    )
    try:
        transport, _ = await connection_for_serial(asyncio.get_running_loop(), lambda: link, port)
    except BaseException:
        port.close()  # or it would stay locked until the garbage is collected
        raise
    await link.opened.wait()  # a serial transport reports in only with the loop's next turn
    if endpoint.kernel_rs485:
        try:
            transport.serial.rs485_mode = RS485Settings()  # type: ignore[union-attr]  # ioctl TIOCSRS485
        except (OSError, ValueError) as error:
            link.close()
            raise LinkClosed(f"{endpoint}: {_NO_RS485}") from error


_NO_RS485 = 'its driver cannot turn the direction of RS-485; set rs485 = "auto" for this port'
_NOT_TAKEN = "the port does not take this baud rate, parity or number of bits"
_NEVER_QUIET = "the line is never quiet: a unit that keeps talking, or two masters on it?"
_HUNG_UP = "the other end closed the connection"
_ADVICE = {
    errno.ENOENT: "no such port: is the adapter plugged in, and does the board profile name it right?",
    errno.EACCES: "no permission: the user must be in group dialout",
    errno.EBUSY: "in use by another program",
    errno.EAGAIN: "in use by another program, perhaps the running daemon",
    errno.ECONNREFUSED: "connection refused: is the device on, and is the port number right?",
    errno.EHOSTUNREACH: "no route to the device",
    errno.ENETUNREACH: "no route to the device's network",
    errno.ENOTTY: "not a serial port",
    errno.EIO: "the port stopped working: unplugged?",
}


def _closed(endpoint: Endpoint, error: Exception) -> LinkClosed:
    number = getattr(error, "errno", None) or 0
    advice = _ADVICE.get(number) or (os.strerror(number) if number > 0 else str(error))
    return LinkClosed(f"{endpoint}: {advice}")
