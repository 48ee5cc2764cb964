"""What a plot is made of, whatever draws it: series, limits, marks, and axes with round numbers. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import count, pairwise
from statistics import median
from typing import NamedTuple

from pipelines.events import Severity

Point = tuple[int, float | None]
"""ms UTC, and the value; None where one is missing."""

LARGEST = 1e300
"""Beyond it a number is not drawn, so that the range of any two is a number."""

STRETCH = 3.0
"""Limits are drawn as lines while they make the range of the values at most so many times as high."""

GAP_STEPS = 4
"""Two values so many usual distances apart are not joined."""

_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_TIME_STEPS = (
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)),
)


@dataclass(frozen=True, slots=True)
class Series:
    """Values over time, in the order of their time."""

    name: str
    points: Sequence[Point]
    gap_ms: int | None = None
    """A longer silence is a gap; None: GAP_STEPS times the usual distance."""

    def drawn(self) -> Iterator[Point]:
        """Its points, with None for what is no number that can be drawn."""
        for at_ms, value in self.points:
            yield at_ms, value if value is not None and abs(value) <= LARGEST else None

    def runs(self) -> Iterator[list[tuple[int, float]]]:
        """The stretches that are drawn as one line: a missing value and a long silence end one."""
        points = list(self.drawn())
        gap_ms = _gap_ms(points) if self.gap_ms is None else self.gap_ms
        run: list[tuple[int, float]] = []
        for at_ms, value in points:
            if run and (value is None or at_ms - run[-1][0] > gap_ms):
                yield run
                run = []
            if value is not None:
                run.append((at_ms, value))
        if run:
            yield run


def _gap_ms(points: Sequence[Point]) -> float:
    times = [at_ms for at_ms, value in points if value is not None]
    steps = [after - before for before, after in pairwise(times) if after > before]
    return GAP_STEPS * median(steps) if steps else 0


class Limit(NamedTuple):
    """A line across, at this value."""

    name: str
    value: float


class Mark(NamedTuple):
    """A stretch of time above the plot; `to_ms` is None while it goes on."""

    name: str
    from_ms: int
    to_ms: int | None
    severity: Severity = Severity.INFO


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One picture. `unit` as people write it; `offset_min` is how far its clock is ahead of UTC."""

    series: Sequence[Series]
    limits: Sequence[Limit] = ()
    marks: Sequence[Mark] = ()
    title: str = ""
    unit: str = ""
    offset_min: int = 0

    def times(self) -> tuple[int, int] | None:
        """From when to when, ms; None when there is nothing to draw."""
        times = [at_ms for each in self.series for at_ms, _ in each.points]
        for mark in self.marks:
            times += [mark.from_ms] if mark.to_ms is None else [mark.from_ms, mark.to_ms]
        return (min(times), max(*times, min(times) + 1)) if times else None

    def values(self) -> tuple[float, float] | None:
        """From where to where, with the limits that are not far off; None when there is no value."""
        values = [value for each in self.series for _, value in each.drawn() if value is not None]
        if not values:
            return None
        low, high = min(values), max(values)
        span = (high - low) or max(abs(low) * 0.01, 1e-9)
        for limit in sorted(self.limits, key=lambda each: abs(each.value - (low + high) / 2)):
            wider = min(low, limit.value), max(high, limit.value)
            if wider[1] - wider[0] <= STRETCH * span:
                low, high = wider
        return low, high


class Axis(NamedTuple):
    """A stretch of numbers with round ends, `step` from tick to tick, shown with so many decimals."""

    low: float
    high: float
    step: float
    decimals: int

    def ticks(self) -> list[float]:
        """Round numbers from end to end."""
        first, last = round(self.low / self.step), round(self.high / self.step)
        return [n * self.step for n in range(first, last + 1)]

    def label(self, value: float) -> str:
        """The number as it stands at a tick."""
        if abs(value) >= 1e7 or self.decimals > 6:
            return f"{value:.6g}"
        return f"{value:.{self.decimals}f}" if value else "0"


def value_axis(low: float, high: float, most: int) -> Axis:
    """Round numbers around `low` and `high`; at least two ticks, and at most `most`, or three."""
    largest = max(abs(low), abs(high))
    if high - low <= largest * 1e-9:
        around = largest * 0.01 or 1.0
        low, high = low - around, high + around
    intervals = max(most - 1, 2)
    for exponent in count(math.floor(math.log10((high - low) / intervals)) - 1):
        for digit in (1, 2, 5):
            step = float(f"{digit}e{exponent}")
            first, last = math.floor(low / step), math.ceil(high / step)
            if 1 <= last - first <= intervals:
                return Axis(first * step, last * step, step, max(0, -exponent))
    raise AssertionError  # a step is found before the numbers end


def time_ticks(from_ms: int, to_ms: int, most: int, offset_min: int = 0) -> list[tuple[int, str]]:
    """At most `most` round times of that clock between the two, each with its text."""
    offset_ms = offset_min * _MINUTE
    begin, end = from_ms + offset_ms, to_ms + offset_ms
    for step in _TIME_STEPS:
        first = -(-begin // step)
        if end // step - first < most:
            return [(n * step - offset_ms, _clock(n * step, step)) for n in range(first, end // step + 1)]
    return []


def period(from_ms: int, to_ms: int, offset_min: int = 0) -> str:
    """`2026-11-23 UTC`, `2026-11-23 to 2026-11-25 UTC+08:00`: the days of that clock."""
    zone = timezone(timedelta(minutes=offset_min)) if offset_min else UTC
    days = [f"{datetime.fromtimestamp(at_ms / 1000, zone):%Y-%m-%d}" for at_ms in (from_ms, to_ms)]
    return f"{' to '.join(dict.fromkeys(days))} {zone}"


def _clock(at_ms: int, step_ms: int) -> str:
    then = datetime.fromtimestamp(at_ms / 1000, UTC)
    if step_ms < _MINUTE:
        return f"{then:%H:%M:%S}"
    return f"{then:%m-%d}" if step_ms >= _DAY or at_ms % _DAY == 0 else f"{then:%H:%M}"
