"""The child process of modbus_slave: one TCP port or one serial line, answered by the libmodbus engine."""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import socket
import time
import tty
from typing import TYPE_CHECKING, Any

from fakes import ports
from fakes.children import attend_call, be_child
from fakes.libmodbus import Engine, Kind, Registers, Request, Unit

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

# A half frame older than this is noise. Longer than 3.5 characters at 1200 baud, 32 ms.
SILENCE_S = 0.05


class TcpLine:
    """One accepted connection: cuts the stream into ADUs by the MBAP length."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection
        self._buffer = bytearray()
        self.fd = connection.fileno()

    def receive(self) -> bool:
        """Take what has arrived; False when the peer has hung up."""
        try:
            data = self._socket.recv(4096)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._buffer += data
        return bool(data)

    def frames(self) -> list[bytes]:
        frames = []
        while len(self._buffer) >= 8:
            size = 6 + int.from_bytes(self._buffer[4:6], "big")
            if not 8 <= size <= 260 or self._buffer[2:4] != b"\0\0":
                raise ValueError(f"not an MBAP header: {self._buffer[:8].hex()}")
            if len(self._buffer) < size:
                break
            frames.append(bytes(self._buffer[:size]))
            del self._buffer[:size]
        return frames

    def malformed(self) -> bool:
        """A malformed ADU: False, the connection does not survive it."""
        return False

    def send(self, answer: bytes) -> None:
        if self.fd >= 0:
            try:
                self._socket.send(answer)
            except OSError:  # the peer has gone; its hang-up is read next
                return

    def close(self) -> None:
        self.fd = -1
        self._socket.close()


class SerialLine:
    """A serial line: cuts the bytes into RTU requests by function code, and forgets them after a silence."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        self._buffer = bytearray()
        self._heard_s = 0.0

    def receive(self) -> bool:
        """Take what has arrived; False when the line has been unplugged."""
        try:
            data = os.read(self.fd, 4096)
        except BlockingIOError:
            return True
        except OSError:
            return False
        now_s = time.monotonic()
        if now_s - self._heard_s > SILENCE_S:
            self._buffer.clear()
        self._heard_s = now_s
        self._buffer += data
        return bool(data)

    def frames(self) -> list[bytes]:
        size = _rtu_size(self._buffer)
        if size is None or len(self._buffer) < size:
            return []
        frame = bytes(self._buffer[:size])
        self._buffer.clear()  # half duplex: what came after a whole request is noise
        return [frame]

    def malformed(self) -> bool:
        """A bad checksum: True, a slave says nothing and goes on listening."""
        return True

    def send(self, answer: bytes) -> None:
        try:
            os.write(self.fd, answer)
        except OSError:  # nobody reads, or the line was unplugged: its hang-up is read next
            return

    def close(self) -> None:
        os.close(self.fd)


def _rtu_size(head: bytearray) -> int | None:
    """Bytes of the RTU request that begins so, its checksum included; None while that is not yet known."""
    if len(head) < 2:
        return None
    function = head[1]
    counts_at = {15: 6, 16: 6, 23: 10}.get(function)
    if counts_at is not None:
        return None if len(head) <= counts_at else counts_at + 1 + head[counts_at] + 2
    if function == 22:
        return 10
    return 8 if function <= 6 else 4


class Slave:
    """The servant: the engine, its lines, the answers that are not yet due, and the controls of the test."""

    def __init__(self, units: dict[int, Registers], *, rtu: bool) -> None:
        self._engine = Engine(units, rtu=rtu)
        self._selector = selectors.DefaultSelector()
        self._lines: dict[int, TcpLine | SerialLine] = {}
        self._due: list[tuple[float, int, TcpLine | SerialLine, bytes]] = []
        self._order = itertools.count()
        self._accepted = 0
        self.greeting: Any = None

    def run(self, connection: Connection) -> None:
        self._selector.register(connection, selectors.EVENT_READ, lambda: attend_call(self, connection))
        while True:
            timeout_s = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, _ in self._selector.select(timeout_s):
                attend: Callable[[], None] = key.data
                attend()
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, line, answer = heapq.heappop(self._due)
                line.send(answer)

    def listen(self, host: str, port: int) -> None:
        listener = ports.listen(host, port)
        listener.setblocking(False)
        self.greeting = listener.getsockname()[1]
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))

    def attach(self, line: TcpLine | SerialLine) -> None:
        self._lines[line.fd] = line
        self._selector.register(line.fd, selectors.EVENT_READ, lambda: self._attend(line))

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # the peer hung up before it was accepted
            return
        self._accepted += 1
        self.attach(TcpLine(connection))

    def _attend(self, line: TcpLine | SerialLine) -> None:
        if line.fd not in self._lines:  # dropped by a control that came in the same round
            return
        alive = line.receive()
        try:
            for adu in line.frames():
                answer, due_s = self._engine.answer(adu)
                if answer and due_s <= time.monotonic():
                    line.send(answer)
                elif answer:
                    heapq.heappush(self._due, (due_s, next(self._order), line, answer))
        except ValueError:
            alive = alive and line.malformed()
        if not alive:
            self._detach(line)

    def _detach(self, line: TcpLine | SerialLine) -> None:
        self._selector.unregister(line.fd)
        del self._lines[line.fd]
        self._due = [entry for entry in self._due if entry[2] is not line]
        heapq.heapify(self._due)
        line.close()

    def unit(self, unit: int) -> Unit:
        if unit not in self._engine.units:
            raise ValueError(f"unit {unit} is not configured: expected one of {sorted(self._engine.units)}")
        return self._engine.units[unit]

    # The controls, called by the parent.

    def write(self, unit: int, kind: Kind, values: dict[int, int]) -> None:
        self.unit(unit).write(kind, values)

    def read(self, unit: int, kind: Kind, address: int, count: int) -> list[int]:
        return self.unit(unit).read(kind, address, count)

    def pause(self, unit: int, paused: bool) -> None:
        self.unit(unit).paused = paused

    def delay(self, unit: int, delay_s: float) -> None:
        self.unit(unit).delay_s = delay_s

    def fail(self, unit: int, code: int, times: int) -> None:
        failing = self.unit(unit)
        failing.exception, failing.exceptions_left = code, times

    def requests(self) -> list[Request]:
        return list(self._engine.log)

    def forget_requests(self) -> None:
        self._engine.log.clear()

    def connections(self) -> tuple[int, int]:
        return len(self._lines), self._accepted

    def drop_connections(self) -> None:
        for line in list(self._lines.values()):
            if isinstance(line, TcpLine):
                self._detach(line)


def build(units: dict[int, Registers], line: str | tuple[str, int]) -> Slave:
    """A slave on a serial line's path, or on a TCP (host, port)."""
    if isinstance(line, str):
        slave = Slave(units, rtu=True)
        slave.attach(SerialLine(line))
    else:
        slave = Slave(units, rtu=False)
        slave.listen(*line)
    return slave


if __name__ == "__main__":
    be_child(build)
