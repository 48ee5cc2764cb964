"""What the page looks through: one camera, and its motors where it has any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from drivers.frames import Frame


class Position(Protocol):
    """A position the camera remembers."""

    @property
    def token(self) -> str: ...
    @property
    def name(self) -> str: ...


class Sight(Protocol):
    """One camera that can be looked through."""

    async def look(self) -> Frame:
        """A picture as it is now, unmasked.

        Raises:
            DriverError: there is none; the message says why.
        """
        ...


@runtime_checkable
class Turning(Protocol):
    """A sight that can be turned; each raises DriverError where the camera does not."""

    async def presets(self) -> Sequence[Position]:
        """What it remembers; empty where it has no motors."""
        ...

    async def goto(self, token: str) -> None:
        """Start to turn to a preset."""
        ...

    async def move(self, *, pan: float, tilt: float, zoom: float, for_s: float) -> None:
        """Turn at these speeds, -1 to 1, and stop after `for_s`."""
        ...
