"""The child process of pty_bus: carries bytes between two ptys as a half-duplex line does."""

from __future__ import annotations

import os
import random
import select
import time
import tty
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakes.children import attend_call, be_child
from fakes.pty_bus import Noise, Side, Traffic

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

# Bytes are handed over in pieces of at most this long, or one character: what a UART's FIFO does.
PIECE_S = 0.001
# A frame begins after a silence of 3.5 characters, and of this at least, or when the other side has spoken.
LEAST_GAP_S = 0.005


class Port:
    """One end of the line: a raw pty behind a symbolic link that stays the same when it is plugged again."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self.fd = -1
        self._held = -1
        self.plug()

    def plug(self) -> None:
        if self.fd < 0:
            # The far end is held open too, so that the line does not hang up when a program closes it.
            self.fd, self._held = os.openpty()
            tty.setraw(self._held)
            os.set_blocking(self.fd, False)
            self._link.symlink_to(os.ttyname(self._held))

    def unplug(self) -> None:
        if self.fd >= 0:
            self._link.unlink()
            os.close(self._held)
            os.close(self.fd)
            self.fd = -1

    def read(self) -> bytes:
        try:
            return os.read(self.fd, 4096)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> int:
        """Bytes that were taken; fewer when nobody reads and the queue is full, as in a UART's overrun."""
        try:
            return os.write(self.fd, data) if self.fd >= 0 else 0
        except BlockingIOError:
            return 0


class Wire:
    """One direction: what `source` sends reaches `target` after the time its characters take."""

    def __init__(self, source: Port, target: Port) -> None:
        self.source = source
        self.target = target
        self.echo = False
        self.traffic = Traffic()
        self.free_at_s = 0.0
        self._on_the_way: deque[tuple[float, bytes]] = deque()
        self.noise(None)

    def noise(self, noise: Noise | None) -> None:
        self._noise = noise
        self._random = random.Random(noise.seed if noise else 0)
        self._frames_since = 0

    def carry(self, data: bytes, *, character_s: float, begins_frame: bool, collides: bool) -> None:
        now_s = time.monotonic()
        if begins_frame:
            damaged = self._damage(data)
            self._count(frames=1, damaged_frames=int(damaged != data), collisions=int(collides))
            data = damaged
        self._count(bytes=len(data), busy_s=len(data) * character_s)
        start_s = max(now_s, self.free_at_s)
        self.free_at_s = start_s + len(data) * character_s
        size = len(data) if character_s == 0 else max(1, int(PIECE_S / character_s))
        for at in range(0, len(data), max(1, size)):
            piece = data[at : at + size]
            self._on_the_way.append((start_s + (at + len(piece)) * character_s, piece))

    def _damage(self, data: bytes) -> bytes:
        noise = self._noise
        self._frames_since += 1
        if noise is None or not (
            (noise.every and self._frames_since % noise.every == 0)
            or (noise.probability and self._random.random() < noise.probability)
        ):
            return data
        at = self._random.randrange(len(data))
        if noise.kind == "flip":
            return data[:at] + bytes([data[at] ^ 1 << self._random.randrange(8)]) + data[at + 1 :]
        if noise.kind == "drop":
            return data[:at] + data[at + 1 :]
        return data[:at] + self._random.randbytes(1) + data[at:]

    def _count(self, **more: float) -> None:
        counted: dict[str, Any] = {name: getattr(self.traffic, name) + step for name, step in more.items()}
        self.traffic = replace(self.traffic, **counted)

    def lose(self, data: bytes = b"") -> None:
        """Drop these bytes and all that are on the way."""
        self._count(lost_bytes=len(data) + sum(len(piece) for _, piece in self._on_the_way))
        self._on_the_way.clear()

    def due_s(self) -> float:
        return self._on_the_way[0][0] if self._on_the_way else float("inf")

    def deliver(self) -> None:
        """Hand over what is due."""
        while self._on_the_way and self._on_the_way[0][0] <= time.monotonic():
            _, piece = self._on_the_way.popleft()
            self._count(lost_bytes=len(piece) - self.target.write(piece))
            if self.echo:
                self.source.write(piece)


class Bus:
    """The servant: two ports, a wire each way, and the controls of the test."""

    def __init__(self, directory: str, baud: int | None, bits_per_character: int) -> None:
        self._ports: dict[Side, Port] = {
            "master": Port(Path(directory) / "master"),
            "slave": Port(Path(directory) / "slave"),
        }
        master, slave = self._ports["master"], self._ports["slave"]
        self._wires: dict[Side, Wire] = {"master": Wire(master, slave), "slave": Wire(slave, master)}
        self._last_speaker: Wire | None = None
        self._joined = True
        self._bits_per_character = bits_per_character
        self.pace(baud)
        self.greeting: Any = None

    def run(self, connection: Connection) -> None:
        wires = list(self._wires.values())
        while True:
            wait_s = min(wire.due_s() for wire in wires) - time.monotonic()
            timeout_s = None if wait_s == float("inf") else max(0.0, wait_s)
            speaking = {wire.source.fd: wire for wire in wires if wire.source.fd >= 0}
            watched: list[Any] = [connection, *speaking]
            ready, _, _ = select.select(watched, [], [], timeout_s)
            for fd in ready:
                if fd in speaking:
                    self._hear(speaking[fd])
            for wire in wires:
                wire.deliver()
            if connection in ready:  # last, as it may unplug a port
                attend_call(self, connection)

    def _hear(self, wire: Wire) -> None:
        data = wire.source.read()
        if not self._joined:
            wire.lose(data)
        elif data:
            gap_s = max(LEAST_GAP_S, 3.5 * self._character_s)
            quiet_s = time.monotonic() - wire.free_at_s
            other_is_free_at_s = max(other.free_at_s for other in self._wires.values() if other is not wire)
            wire.carry(
                data,
                character_s=self._character_s,
                begins_frame=wire is not self._last_speaker or quiet_s > gap_s,
                collides=self._character_s > 0 and other_is_free_at_s > time.monotonic(),
            )
            self._last_speaker = wire

    # The controls, called by the parent.

    def pace(self, baud: int | None) -> None:
        self._character_s = self._bits_per_character / baud if baud else 0.0

    def noise(self, sender: Side, noise: Noise | None) -> None:
        self._wires[sender].noise(noise)

    def echo(self, echo: bool) -> None:
        self._wires["master"].echo = echo

    def join(self, joined: bool) -> None:
        self._joined = joined
        if not joined:
            for wire in self._wires.values():
                wire.lose()

    def plug(self, plugged: bool) -> None:
        if plugged:
            self._ports["master"].plug()
        else:
            self._ports["master"].unplug()

    def traffic(self) -> dict[Side, Traffic]:
        return {side: wire.traffic for side, wire in self._wires.items()}


if __name__ == "__main__":
    be_child(Bus)
