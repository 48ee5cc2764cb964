"""The quality tests that look at one series beside others, given values of about the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from statistics import median

from drivers.readings import Quality
from pipelines.quality.verdicts import Name
from pipelines.state import State

PARTS = 25
"""A window is remembered as so many sums: an hour each of the QARTOD example's 25 hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpLimits:
    """When a jump of one series, that others do not share, is suspect."""

    window_ms: int = 25 * 3_600_000
    """How far back the standard deviations are taken over; exact to 1/25."""
    k: float = 2.0
    """A jump is a change by more than k standard deviations (QARTOD Water Level 2.1, test 9: 2 over 25 h)."""
    floor: float = 0.0
    """The smallest standard deviation of the own series to reckon with, in its unit."""
    floors: tuple[float, ...] = (0.0,)
    """The same of each other series, one for each."""
    min_n: int = 10
    """Fewer values in the window say nothing."""

    def __post_init__(self) -> None:
        if self.window_ms < PARTS:
            raise ValueError(f"window_ms: expected at least {PARTS}, got {self.window_ms}")
        if not (isfinite(self.k) and self.k > 0):
            raise ValueError(f"k: expected a number above 0, got {self.k!r}")
        if not self.floors:
            raise ValueError("floors: expected one for each other series, got none")
        for key, floor in (("floor", self.floor), *(("floors", each) for each in self.floors)):
            if not (isfinite(floor) and floor >= 0):
                raise ValueError(f"{key}: expected 0 or more, got {floor!r}")
        if self.min_n < 2:
            raise ValueError(f"min_n: expected at least 2, got {self.min_n}")


class Jumps:
    """Whether a series jumps: by its last change in standard deviations of the window before."""

    __slots__ = ("_before", "_floor", "_min_n", "_origin", "_part", "_part_ms", "_sums")

    def __init__(self, window_ms: int, floor: float, min_n: int) -> None:
        self._part_ms = -(-window_ms // PARTS)
        self._floor = floor
        self._min_n = min_n
        self._before: float | None = None
        self._origin = 0.0
        self._part = -PARTS
        self._sums = [[0.0, 0.0, 0.0] for _ in range(PARTS)]

    def feed(self, at_ms: int, value: float | None) -> float | None:
        """The change since the value before in standard deviations; None where that cannot be told."""
        before, self._before = self._before, value
        if value is None:
            return None
        self._turn(at_ms)
        found = None if before is None else self._in_deviations(abs(value - before))
        self._add(value)
        return found

    def _in_deviations(self, change: float) -> float | None:
        n, total, squares = (sum(column) for column in zip(*self._sums, strict=True))
        if n < self._min_n:
            return None
        deviation = max(sqrt(max(0.0, squares / n - (total / n) ** 2)), self._floor)
        if deviation == 0:
            return 0.0 if change == 0 else None
        return change / deviation

    def _turn(self, at_ms: int) -> None:
        part = at_ms // self._part_ms
        for each in range(max(self._part + 1, part - PARTS + 1), part + 1):
            self._sums[each % PARTS] = [0.0, 0.0, 0.0]
        self._part = part

    def _add(self, value: float) -> None:
        """Sums are taken from the first value on, so that a large offset does not swallow the spread."""
        if not any(sums[0] for sums in self._sums):
            self._origin = value
        off = value - self._origin
        sums = self._sums[self._part % PARTS]
        sums[0] += 1.0
        sums[1] += off
        sums[2] += off * off

    def state(self) -> State:
        sums = [list(each) for each in self._sums]
        return {"before": self._before, "origin": self._origin, "part": self._part, "sums": sums}

    def restore(self, state: State) -> None:
        if len(state["sums"]) != PARTS:
            raise ValueError(f"sums: expected {PARTS} parts, got {len(state['sums'])}")
        self._before, self._origin = state["before"], float(state["origin"])
        self._part = int(state["part"])
        self._sums = [[float(each) for each in sums] for sums in state["sums"]]


class MultiVariate:
    """QARTOD test 9: SUSPECT where this series jumps and none of the others does.

    NOT_EVALUATED where this series cannot be judged, or where it jumps and no other can be judged.
    """

    __slots__ = ("_jumps", "_k", "_limits")
    name = Name.MULTI_VARIATE

    def __init__(self, limits: JumpLimits) -> None:
        self._limits = limits
        self._k = limits.k
        floors = (limits.floor, *limits.floors)
        self._jumps = [Jumps(limits.window_ms, floor, limits.min_n) for floor in floors]

    def feed(self, at_ms: int, own: float | None, others: Sequence[float | None]) -> Quality:
        """The flag of `own`, beside the others of about the same time, in the order of `floors`."""
        own_jump, *other_jumps = (
            jumps.feed(at_ms, value) for jumps, value in zip(self._jumps, (own, *others), strict=True)
        )
        if own is None:
            return Quality.MISSING
        if own_jump is None:
            return Quality.NOT_EVALUATED
        if own_jump <= self._k:
            return Quality.GOOD
        known = [jump for jump in other_jumps if jump is not None]
        if not known:
            return Quality.NOT_EVALUATED
        return Quality.GOOD if any(jump > self._k for jump in known) else Quality.SUSPECT

    def state(self) -> State:
        return {"limits": repr(self._limits), "jumps": [jumps.state() for jumps in self._jumps]}

    def restore(self, state: State) -> None:
        if state["limits"] != repr(self._limits):
            raise ValueError(f"limits: expected {self._limits}, got {state['limits']}")
        for jumps, stored in zip(self._jumps, state["jumps"], strict=True):
            jumps.restore(stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourLimits:
    """How far a value may be from its neighbours' median, in its unit."""

    suspect: float
    """Farther is suspect (QARTOD Water Level 2.1, test 11: 0.03 m)."""
    fail: float | None = None
    """Farther is bad (there: 0.05 m)."""
    offset: float = 0.0
    """What this series reads above its neighbours when all are well."""
    min_n: int = 1
    """Fewer neighbours say nothing."""

    def __post_init__(self) -> None:
        if not (isfinite(self.suspect) and self.suspect > 0):
            raise ValueError(f"suspect: expected a number above 0, got {self.suspect!r}")
        if self.fail is not None and not (isfinite(self.fail) and self.fail > self.suspect):
            raise ValueError(f"fail: expected more than suspect {self.suspect}, got {self.fail!r}")
        if not isfinite(self.offset):
            raise ValueError(f"offset: expected a finite number, got {self.offset!r}")
        if self.min_n < 1:
            raise ValueError(f"min_n: expected at least 1, got {self.min_n}")


class Neighbour:
    """QARTOD test 11: SUSPECT or BAD far from the median of the neighbours."""

    __slots__ = ("_limits",)
    name = Name.NEIGHBOUR

    def __init__(self, limits: NeighbourLimits) -> None:
        self._limits = limits

    def feed(self, at_ms: int, own: float | None, others: Sequence[float | None]) -> Quality:  # noqa: ARG002
        """The flag of `own`, beside its neighbours at about the same time."""
        if own is None:
            return Quality.MISSING
        limits = self._limits
        known = [value for value in others if value is not None]
        if len(known) < limits.min_n:
            return Quality.NOT_EVALUATED
        apart = abs(own - limits.offset - median(known))
        if limits.fail is not None and apart > limits.fail:
            return Quality.BAD
        return Quality.SUSPECT if apart > limits.suspect else Quality.GOOD

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        """It remembers nothing."""
