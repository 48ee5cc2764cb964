"""Levels of a stretch of time from its readings in dB(A): Leq by energy, L10, L50 and L90 by histogram."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from typing import NamedTuple

from pipelines.state import State

LOWEST_DB, HIGHEST_DB = 20.0, 140.0
BINS = 1201
"""0.1 dB each, from 20 to 140 dB; what is beyond goes to the outermost."""

SLOTS = 12
LEAST_SLOTS = 9

LIMITS: Mapping[str, tuple[float, float]] = {
    "0": (50.0, 40.0), "1": (55.0, 45.0), "2": (60.0, 50.0), "3": (65.0, 55.0),
    "4a": (70.0, 55.0), "4b": (70.0, 60.0),
}  # fmt: skip
"""GB 3096-2008: day (06 to 22) and night limit in dB(A) by class of functional area."""

DAY_FROM_H, NIGHT_FROM_H = 6, 22


class Levels(NamedTuple):
    """In dB(A): the energy mean, what is exceeded 10, 50 and 90 % of the time, the least and the greatest."""

    leq: float
    l10: float
    l50: float
    l90: float
    low: float
    high: float
    n: int


def energy_of(level: float) -> float:
    """Relative to that of 0 dB."""
    return float(10.0 ** (level * 0.1))


def level_of(total: float, n: int) -> float:
    """The level of the mean of `n` energies that add up to `total`: 10 lg of it."""
    return 10.0 * math.log10(total / n)


class Period:
    """The readings of one period that begins at `from_ms`."""

    __slots__ = ("_bins", "_high", "_low", "_n", "_slots", "_total", "from_ms", "until_ms")

    def __init__(self, from_ms: int, until_ms: int) -> None:
        self.from_ms = from_ms
        self.until_ms = until_ms
        self._bins = array("L", [0]) * BINS
        self._n, self._total = 0, 0.0
        self._low, self._high = HIGHEST_DB, LOWEST_DB
        self._slots = 0

    def add(self, at_ms: int, level: float, energy: float) -> None:
        """A reading and its energy."""
        self._n += 1
        self._total += energy
        place = int((level - LOWEST_DB) * 10.0 + 0.5)
        self._bins[0 if place < 0 else place if place < BINS else BINS - 1] += 1
        if level < self._low:  # noqa: PLR1730  a third of the time of min and max
            self._low = level
        if level > self._high:  # noqa: PLR1730
            self._high = level
        self._slots |= 1 << (at_ms - self.from_ms) * SLOTS // (self.until_ms - self.from_ms)

    @property
    def levels(self) -> Levels | None:
        """None when fewer than 9 of 12 equal parts of the period were read."""
        if self._slots.bit_count() < LEAST_SLOTS:
            return None
        l10, l50, l90 = (self._exceeded(share) for share in (0.1, 0.5, 0.9))
        leq = level_of(self._total, self._n)
        return Levels(leq, l10, l50, l90, self._low, self._high, self._n)

    def _exceeded(self, share: float) -> float:
        """The level that `share` of the readings reach or exceed, to 0.1 dB."""
        wanted = max(1, math.ceil(share * self._n))
        seen = 0
        for place in range(BINS - 1, -1, -1):
            seen += self._bins[place]
            if seen >= wanted:
                return round(LOWEST_DB + place / 10.0, 1)
        return LOWEST_DB

    def state(self) -> State:
        return {
            "from_ms": self.from_ms, "until_ms": self.until_ms, "bins": self._bins, "low": self._low,
            "high": self._high, "slots": self._slots, "n": self._n, "total": self._total,
        }  # fmt: skip

    @classmethod
    def restored(cls, state: State) -> Period:
        period = cls(int(state["from_ms"]), int(state["until_ms"]))
        period._bins = array("L", state["bins"])
        period._low, period._high = float(state["low"]), float(state["high"])
        period._slots = int(state["slots"])
        period._n, period._total = int(state["n"]), float(state["total"])
        return period


def part_of(at_ms: int, utc_offset_min: int) -> int:
    """Days and nights of the station's time, counted: even for a day (06 to 22), odd for the night after."""
    minutes = at_ms // 60_000 + utc_offset_min - DAY_FROM_H * 60
    return minutes // 1440 * 2 + (minutes % 1440 >= (NIGHT_FROM_H - DAY_FROM_H) * 60)
