"""The head of the fake PTZ camera: a position that moves with time."""

from __future__ import annotations

import time

Position = tuple[float, float, float]
LOW: Position = (-1.0, -1.0, 0.0)
HIGH: Position = (1.0, 1.0, 1.0)
FULL_TURN_S = 1.0
"""At full speed from one end of an axis to the middle; also what any preset takes to reach."""


class Mount:
    """Pan and tilt from -1 to 1, zoom from 0 to 1. `stuck`: told to move it answers well and stays."""

    def __init__(self) -> None:
        self.stuck = False
        self.stops = 0
        self.presets: dict[str, tuple[str, Position]] = {
            "1": ("Home", (0.0, 0.0, 0.0)),
            "2": ("Staff gauge", (0.5, -0.25, 0.4)),
        }
        self._from: Position = (0.0, 0.0, 0.0)
        self._speed: Position = (0.0, 0.0, 0.0)
        self._since_s = time.monotonic()
        self._until_s = self._since_s

    @property
    def position(self) -> Position:
        elapsed_s = max(0.0, min(time.monotonic(), self._until_s) - self._since_s)
        moved = [
            min(max(at + speed * elapsed_s / FULL_TURN_S, low), high)
            for at, speed, low, high in zip(self._from, self._speed, LOW, HIGH, strict=True)
        ]
        return moved[0], moved[1], moved[2]

    @property
    def moving(self) -> bool:
        return any(self._speed) and time.monotonic() < self._until_s

    def move(self, speed: Position, for_s: float) -> None:
        self._from = self.position
        self._speed = (0.0, 0.0, 0.0) if self.stuck else speed
        self._since_s = time.monotonic()
        self._until_s = self._since_s + for_s

    def goto(self, position: Position) -> None:
        pan, tilt, zoom = (to - at for to, at in zip(position, self.position, strict=True))
        self.move((pan, tilt, zoom), FULL_TURN_S)

    def stop(self) -> None:
        self.stops += 1
        self.move((0.0, 0.0, 0.0), 0.0)
