"""Jumps against the usual jump: Hampel's identifier on the differences between successive readings."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType

from pipelines.state import State

# A normal law's standard deviation over its median, and over its mean, absolute deviation.
MEDIAN_TO_SIGMA = 1.4826
MEAN_TO_SIGMA = 1.2533

THRESHOLDS: Mapping[float, float] = MappingProxyType({0.5: 80.0, 1.0: 36.0, 2.0: 17.4})
"""Score to alarm at, by the false alarms a sensor-month that rivers then give; see `bench/logan`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HampelSettings:
    """How a jump is measured."""

    window: int = 400
    """Differences that the usual one is taken from."""
    warm_up: int = 10
    """Differences before the first score."""
    refresh: int = 4
    """Readings between two looks at median and deviation; 1 is exact."""
    floor: float = 1e-9
    """The least scale, in the channel's unit: what a jump out of a flat line is measured by."""

    def __post_init__(self) -> None:
        if self.window < 2:
            raise ValueError(f"window: expected at least 2, got {self.window}")
        if not 2 <= self.warm_up <= self.window:
            raise ValueError(f"warm_up: expected 2 to window, got {self.warm_up}")
        if self.refresh < 1:
            raise ValueError(f"refresh: expected at least 1, got {self.refresh}")
        if not self.floor > 0:
            raise ValueError(f"floor: expected more than 0, got {self.floor}")


class Hampel:
    """The score is how many standard deviations a difference is from the median of those before it.

    The deviation is the median absolute one; where that is 0, because most readings repeat, the mean one. A
    value that is not finite is passed over. 7 KiB a series.
    """

    __slots__ = ("_age", "_at", "_last", "_median", "_ring", "_scale", "_settings", "_sorted")

    def __init__(self, settings: HampelSettings | None = None) -> None:
        self._settings = settings or HampelSettings()
        self._ring = array("d")
        self._sorted = array("d")
        self._at = 0
        """Where the oldest difference stands once the ring is full."""
        self._last: float | None = None
        self._age = 0
        """Readings until median and scale are looked at again."""
        self._median = 0.0
        self._scale = 1.0

    def feed(self, at_ms: int, value: float) -> float:  # noqa: ARG002  a Detector's
        if not isfinite(value):
            return 0.0
        last, self._last = self._last, value
        if last is None:
            return 0.0
        step = value - last
        score = 0.0
        ordered = self._sorted
        if len(ordered) >= self._settings.warm_up:
            if self._age == 0:
                self._look()
            self._age -= 1
            score = abs(step - self._median) / self._scale
        ring = self._ring
        if len(ring) < self._settings.window:
            ring.append(step)
        else:
            at = self._at
            del ordered[bisect_left(ordered, ring[at])]
            ring[at] = step
            self._at = at + 1 if at + 1 < len(ring) else 0
        insort(ordered, step)
        return score

    def _look(self) -> None:
        ordered = self._sorted
        self._median = median_of(ordered)
        deviation = MEDIAN_TO_SIGMA * deviation_of(ordered, self._median)
        if deviation == 0.0:
            middle = bisect_left(ordered, self._median)
            count = len(ordered)
            spread = sum(ordered[middle:]) - sum(ordered[:middle]) - self._median * (count - 2 * middle)
            deviation = MEAN_TO_SIGMA * spread / count
        self._scale = max(deviation, self._settings.floor)
        self._age = self._settings.refresh

    def state(self) -> State:
        return {
            "window": self._settings.window,
            "ring": self._ring[self._at :] + self._ring[: self._at],
            "last": self._last,
            "age": self._age,
            "median": self._median,
            "scale": self._scale,
        }

    def restore(self, state: State) -> None:
        if state["window"] != self._settings.window or len(state["ring"]) > self._settings.window:
            raise ValueError(f"window: expected {self._settings.window}, got {state['window']}")
        self._ring, self._at = array("d", state["ring"]), 0
        self._sorted = array("d", sorted(state["ring"]))
        self._last, self._age = state["last"], int(state["age"])
        self._median, self._scale = float(state["median"]), float(state["scale"])


def median_of(ordered: Sequence[float]) -> float:
    """The median of numbers in rising order."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def deviation_of(ordered: Sequence[float], median: float) -> float:
    """The median absolute deviation of numbers in rising order, by halving: each step drops half of one side.

    The deviations fall to the left of the median and rise to the right of it. The window of half the numbers
    that are nearest to the median is found; its farther end is the deviation, for an even count the mean of
    that and the next one.
    """
    count = len(ordered)
    need = count // 2 + 1
    low, high = 0, count - need
    while low < high:
        start = (low + high) // 2
        if median - ordered[start] > ordered[start + need] - median:
            low = start + 1
        else:
            high = start
    left, right = median - ordered[low], ordered[low + need - 1] - median
    if count % 2:
        return max(left, right)
    if left >= right:
        return (left + max(right, median - ordered[low + 1])) / 2
    return (right + max(left, ordered[low + need - 2] - median)) / 2
