"""When the next picture of a camera is due. Pure: the caller brings the time, monotonic seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

DAY_MIN = 24 * 60
FIRST_WITHIN_S = 10.0
"""The first picture after a start comes within this, or within the period where that is shorter."""

LEAST_GAP = 0.437
"""Of a period; no round share of it, on the edge of which turns counted anew would often fall."""


def phase(camera: str) -> float:
    """Where in a period the turn of this camera is, 0 to 1, so that many do not come at once."""
    return crc32(camera.encode()) / 2**32


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the day in minutes of local time, the end not included.

    An end before the start is on the next day; where both are the same it is the whole day.
    """

    start_min: int
    end_min: int

    @property
    def length_min(self) -> int:
        """Minutes."""
        return (self.end_min - self.start_min) % DAY_MIN or DAY_MIN

    def since(self, minute: float) -> float:
        """Minutes since it last opened."""
        return (minute - self.start_min) % DAY_MIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A picture each `every_s`, on battery each `battery_every_s`; no `windows` are the whole day."""

    every_s: float
    battery_every_s: float | None = None
    windows: Sequence[Window] = ()

    def period_s(self, *, on_battery: bool) -> float:
        """Seconds from picture to picture."""
        return self.battery_every_s if on_battery and self.battery_every_s else self.every_s


@dataclass(slots=True)
class _Burst:
    began_s: float
    until_s: float


class Schedule:
    """One camera's turns. A picture that could not be taken in time is not made up for."""

    def __init__(self, camera: str, plan: Plan, now_s: float) -> None:
        self.plan = plan
        self._phase = phase(camera)
        self._began_s = now_s
        self._taken_s: float | None = None
        self._bursts: dict[float, _Burst] = {}

    def due(self, now_s: float, *, minute: float, on_battery: bool = False) -> float:
        """When the next picture is due, in the past where it is overdue; ask again when something changed.

        `minute` is the local time of day in minutes.
        """
        regular = self._regular(now_s, minute, self.plan.period_s(on_battery=on_battery))
        return min([regular, *self._hurried(now_s)])

    def taken(self, now_s: float) -> None:
        """A picture was taken, or tried in vain."""
        self._taken_s = now_s

    def hasten(self, now_s: float, every_s: float, for_s: float) -> None:
        """Something is up: a picture now, and each `every_s` for `for_s`, be it outside the hours."""
        self._bursts = {each: burst for each, burst in self._bursts.items() if burst.until_s >= now_s}
        burst = self._bursts.setdefault(every_s, _Burst(now_s, now_s))
        burst.until_s = max(burst.until_s, now_s + for_s)

    def hastened(self, now_s: float) -> bool:
        """Whether pictures come faster now than the plan says."""
        return any(burst.until_s >= now_s for burst in self._bursts.values())

    def _hurried(self, now_s: float) -> Iterator[float]:
        for every_s, burst in self._bursts.items():
            due_s = max(burst.began_s, self._turn(burst.began_s, every_s))
            if burst.until_s >= max(due_s, now_s):
                yield due_s

    def _regular(self, now_s: float, minute: float, period_s: float) -> float:
        """The first turn in the hours, counted from their opening, so that short ones have one too."""
        if not self.plan.windows:
            return self._turn(self._phase * period_s, period_s, self._first(period_s))
        return min(self._within(window, now_s, minute, period_s) for window in self.plan.windows)

    def _within(self, window: Window, now_s: float, minute: float, period_s: float) -> float:
        length_s = window.length_min * 60.0
        opened_s = now_s - window.since(minute) * 60
        while True:
            first_s = opened_s + self._phase * min(period_s, length_s)
            due_s = max(first_s, self._turn(first_s, period_s, self._first(period_s)))
            if max(due_s, now_s) < opened_s + length_s:
                return due_s
            opened_s += DAY_MIN * 60

    def _first(self, period_s: float) -> float:
        return self._began_s + self._phase * min(period_s, FIRST_WITHIN_S)

    def _turn(self, first_s: float, period_s: float, at_start_s: float = -math.inf) -> float:
        """The first of `first_s + n * period_s` that is LEAST_GAP of a period after the last picture."""
        if self._taken_s is None:
            return at_start_s
        turns = math.floor((self._taken_s + period_s * LEAST_GAP - first_s) / period_s) + 1
        return first_s + turns * period_s
