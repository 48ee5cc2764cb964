"""A serial line between two ptys, in its own process: paced, noisy, echoing, cut or unplugged on demand."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from fakes.children import Child

Side = Literal["master", "slave"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Damage to one byte of every `every`-th frame, and of each other frame with the seeded probability."""

    kind: Literal["flip", "drop", "insert"]
    every: int = 0
    probability: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What one side has sent; `busy_s` is the time its characters held the line, 0 at unlimited speed."""

    bytes: int = 0
    frames: int = 0
    busy_s: float = 0.0
    damaged_frames: int = 0
    lost_bytes: int = 0
    collisions: int = 0


class PtyBus(Child):
    """The daemon opens `master_path`, the slave or gauge `slave_path`; both stay the same when unplugged.

    `baud` None is unlimited. A character has 10 bits, 11 with parity or a second stop bit.
    """

    def __init__(self, *, baud: int | None = None, bits_per_character: int = 10, echo: bool = False) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="pty-bus-")
        super().__init__("fakes.pty_bus_child", self._directory.name, baud, bits_per_character)
        self.master_path = Path(self._directory.name) / "master"
        self.slave_path = Path(self._directory.name) / "slave"
        self.echo(echo)

    def pace(self, baud: int | None) -> None:
        """Change the speed; None is unlimited."""
        self.call("pace", baud)

    def noise(self, sender: Side, noise: Noise | None) -> None:
        """Damage what `sender` sends from its next frame on; None is a clean line."""
        self.call("noise", sender, noise)

    def echo(self, echo: bool) -> None:
        """Return the master's own bytes to it, as RS-485 adapters with an enabled receiver do."""
        self.call("echo", echo)

    def cut(self) -> None:
        """Lose every byte, those on the way too, until `join`."""
        self.call("join", False)

    def join(self) -> None:
        self.call("join", True)

    def unplug(self) -> None:
        """Pull the master's adapter: its path disappears and an open descriptor hangs up."""
        self.call("plug", False)

    def plug(self) -> None:
        """A new adapter under the master's path."""
        self.call("plug", True)

    def traffic(self) -> dict[Side, Traffic]:
        """What each side has sent so far."""
        return cast("dict[Side, Traffic]", self.call("traffic"))

    def close(self) -> None:
        super().close()
        self._directory.cleanup()
