"""The two shapes of a driver: a unit that answers when asked, and a listener that is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from drivers.links import Link
from drivers.readings import Reading
from firmware_profiles.points import Timing


class Driver(Protocol):
    """What both shapes have: the device's name, its channels in the order of its readings, its timing."""

    @property
    def device(self) -> str: ...
    @property
    def channels(self) -> tuple[str, ...]: ...
    @property
    def timing(self) -> Timing: ...


class Unit(Driver, Protocol):
    """A device on a shared bus that answers requests; the bus owner calls one unit at a time."""

    async def read(self, link: Link) -> Sequence[Reading]:
        """One reading a channel, in order; a part that failed is MISSING with the reason.

        Raises:
            DriverError: nothing at all could be read.
        """
        ...

    async def probe(self, link: Link) -> None:
        """The cheapest question that shows the device is back.

        Raises:
            DriverError: it is not.
        """
        ...

    def longest_s(self, char_s: float) -> float:
        """More than a probe and a read together can take, on a line whose characters take `char_s`."""
        ...


class Listener(Driver, Protocol):
    """A device that pushes frames on a link of its own."""

    def stream(self, link: Link) -> AsyncIterator[Sequence[Reading]]:
        """Readings as they arrive, for ever.

        Raises:
            DriverError: the link failed, or nothing valid came within the timing's timeout.
        """
        ...
