"""A simulated instrument on a line: a pty, or a TCP port as a serial converter or a Modbus TCP device has."""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import termios
import time
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

from drivers.simulation.instrument import SimulatedInstrument

SILENCE_S = 0.05
"""A half request older than this is forgotten."""

MOST_UNREAD = 1024
"""Octets a pushing gauge leaves for a program that does not read; then they are stale."""


class Line:
    """What comes in and goes out on one line, and when."""

    def __init__(
        self, instrument: SimulatedInstrument, send: Callable[[bytes], None], delay_s: float, began_s: float
    ) -> None:
        self._instrument = instrument
        self._send = send
        self._delay_s = delay_s
        self._began_s = began_s
        self._waiting = bytearray()
        self._heard_s = 0.0

    def hear(self, data: bytes) -> None:
        """Take bytes; what the instrument answers goes out after the delay."""
        now_s = time.monotonic()
        if now_s - self._heard_s > SILENCE_S:
            self._waiting.clear()
        self._heard_s = now_s
        self._waiting += data
        for answer in self._instrument.hear(self._waiting, now_s - self._began_s):
            asyncio.get_running_loop().call_later(self._delay_s, self._send, answer)

    def push(self) -> None:
        """One turn of a gauge that pushes."""
        for frame in self._instrument.push(time.monotonic() - self._began_s):
            self._send(frame)


@asynccontextmanager
async def on_pty(
    instrument: SimulatedInstrument, *, link: Path | None = None, delay_s: float = 0.0, strict: bool = False
) -> AsyncIterator[Path]:
    """Serve on a new pty while the context lasts; the path a master opens: `link`, or the pty's own.

    `strict`: it hears only a master that talks at the profile's baud rate. A pty keeps no parity.

    Raises:
        OSError: no pty, or `link` cannot be made.
    """
    with _pty() as (fd, held, own), ExitStack() as undo:
        path = own
        if link is not None:
            path = undo.enter_context(_also_called(own, link))
        loop, baud = asyncio.get_running_loop(), instrument.profile.line.baud
        line = Line(instrument, lambda data: _write(fd, held, data), delay_s, time.monotonic())

        def readable() -> None:
            data = os.read(fd, 4096)
            if not strict or _baud_of(held) == baud:
                line.hear(data)

        loop.add_reader(fd, readable)
        undo.callback(loop.remove_reader, fd)
        async with _pushing(instrument, line.push):
            yield path


@asynccontextmanager
async def on_tcp(
    instrument: SimulatedInstrument, host: str, port: int, *, delay_s: float = 0.0
) -> AsyncIterator[tuple[str, int]]:
    """Serve any number of clients while the context lasts; the address, with the port if 0 was asked for.

    Raises:
        OSError: the address cannot be used.
    """
    began_s = time.monotonic()
    lines: set[_Client] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Client(instrument, lines, delay_s, began_s), host, port)

    def push() -> None:
        frames = instrument.push(time.monotonic() - began_s)
        for client in lines:
            client.send(b"".join(frames))

    try:
        async with _pushing(instrument, push):
            yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        for client in lines:
            client.hang_up()
        await asyncio.sleep(0)


class _Client(asyncio.Protocol):
    """One TCP connection."""

    def __init__(
        self, instrument: SimulatedInstrument, lines: set[_Client], delay_s: float, began_s: float
    ) -> None:
        self._line = Line(instrument, self.send, delay_s, began_s)
        self._lines = lines
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's
        self._lines.add(self)

    def data_received(self, data: bytes) -> None:
        self._line.hear(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self._lines.discard(self)

    def send(self, data: bytes) -> None:
        if data and self._transport and not self._transport.is_closing():
            self._transport.write(data)

    def hang_up(self) -> None:
        if self._transport:
            self._transport.abort()


@asynccontextmanager
async def _pushing(instrument: SimulatedInstrument, push: Callable[[], None]) -> AsyncIterator[None]:
    """Push now and every interval while the context lasts; nothing for what speaks only when asked."""
    interval_s = instrument.push_s
    if interval_s is None:
        yield
        return

    async def keep_on() -> None:
        while True:
            push()
            await asyncio.sleep(interval_s)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(keep_on())
        yield
        task.cancel()


@contextmanager
def _pty() -> Iterator[tuple[int, int, Path]]:
    """The instrument's end, the master's end held open so that it does not hang up, and its path."""
    fd, held = os.openpty()
    try:
        tty.setraw(held)
        os.set_blocking(fd, False)
        yield fd, held, Path(os.ttyname(held))
    finally:
        os.close(held)
        os.close(fd)


@contextmanager
def _also_called(own: Path, link: Path) -> Iterator[Path]:
    link.symlink_to(own)
    try:
        yield link
    finally:
        link.unlink(missing_ok=True)


def _write(fd: int, held: int, data: bytes) -> None:
    unread = array.array("i", [0])
    fcntl.ioctl(held, termios.FIONREAD, unread)
    if unread[0] > MOST_UNREAD:
        termios.tcflush(held, termios.TCIFLUSH)
    with suppress(BlockingIOError, OSError):
        os.write(fd, data)


def _baud_of(held: int) -> int | None:
    """What the master has set; the codes of termios are not numbers of bauds."""
    code = termios.tcgetattr(held)[5]
    rates = (int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdigit())
    return next((rate for rate in rates if getattr(termios, f"B{rate}") == code), None)
