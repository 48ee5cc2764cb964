"""An RS-485 bus of libmodbus slaves at mixed settings, in its own process: a pty whose speed is the master's.

Each slave hears only a master that talks at its own baud rate and parity, and every character takes the time
it takes there. A pty has no parity bit, and glibc refuses to set one; `parity_on_ptys` writes the parity where
a pty keeps it.
"""

from __future__ import annotations

import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

from fakes.children import Child
from fakes.libmodbus import Registers, Request

CMSPAR = 0o10000000000
"""Of asm-generic/termbits.h."""

Parity = Literal["N", "E", "O"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slave:
    """One instrument: where it listens, what it has, how long it takes over an answer."""

    unit: int
    baud: int
    parity: Parity = "N"
    registers: Registers
    delay_s: float = 0.02


class MixedBus(Child):
    """The master opens `path`."""

    def __init__(self, *slaves: Slave) -> None:
        super().__init__("fakes.mixed_bus_child", slaves)
        self.path = cast("str", self.greeting)

    def requests(self) -> list[Request]:
        """All requests that some slave understood, its own or another's, in order."""
        return cast("list[Request]", self.call("requests"))

    def characters(self) -> int:
        """Characters the master has sent, understood or not."""
        return cast("int", self.call("characters"))


@contextmanager
def parity_on_ptys() -> Iterator[None]:
    """Within this process PARENB becomes CMSPAR for even parity and PARODD for odd, which a pty stores."""
    real = termios.tcsetattr

    def tcsetattr(fd: Any, when: int, attributes: Any) -> None:
        if attributes[2] & termios.PARENB:
            mark = termios.PARODD if attributes[2] & termios.PARODD else CMSPAR
            attributes = [*attributes[:2], attributes[2] & ~termios.PARENB | mark, *attributes[3:]]
        real(fd, when, attributes)

    termios.tcsetattr = tcsetattr  # pyserial calls it through the module
    try:
        yield
    finally:
        termios.tcsetattr = real
