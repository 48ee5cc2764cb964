"""Hits and false alarms of scores against flagged spans, at many thresholds.

A series raises an alarm where its score is over the threshold, then rests for a day. An alarm within an hour
of a flagged span hits it; one up to a day after a span is free; every other one is false.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.logan_data import DAY_MS, HOUR_MS

NEAR_MS = HOUR_MS
REST_MS = DAY_MS
FREE_MS = DAY_MS

Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one series, or several, came to at one threshold."""

    hits: int = 0
    events: int = 0
    false: int = 0
    months: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            hits=self.hits + other.hits,
            events=self.events + other.events,
            false=self.false + other.false,
            months=self.months + other.months,
        )

    @property
    def rate(self) -> float:
        """False alarms a sensor-month."""
        return self.false / self.months if self.months else 0.0


def total(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, Tally())


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One series with its scores thinned to those that can matter: (ms UTC, score), in order."""

    site: str
    name: str
    quantity: str
    months: float
    events: Spans
    scores: Sequence[tuple[int, float]]

    def curve(self, thresholds: Sequence[float]) -> list[Tally]:
        """A tally for each threshold; they must rise."""
        found = []
        over = list(self.scores)
        for threshold in thresholds:
            over = [each for each in over if each[1] > threshold]
            hits, false = judged(alarms(at_ms for at_ms, _ in over), self.events)
            found.append(Tally(hits=hits, events=len(self.events), false=false, months=self.months))
        return found


def alarms(over: Iterable[int]) -> list[int]:
    """The times over the threshold that are not within the rest after an alarm."""
    found: list[int] = []
    for at_ms in over:
        if not found or at_ms - found[-1] >= REST_MS:
            found.append(at_ms)
    return found


def judged(raised: Iterable[int], events: Spans) -> tuple[int, int]:
    """How many spans were hit, and how many alarms were false."""
    begins = [begin for begin, _ in events]
    ends = [end for _, end in events]
    hit: set[int] = set()
    false = 0
    for at_ms in raised:
        # Spans are apart and in order: those that ended an hour ago at most, and begin within the next.
        near = range(bisect_left(ends, at_ms - NEAR_MS), bisect_right(begins, at_ms + NEAR_MS))
        if near:
            hit.update(near)
        elif bisect_left(ends, at_ms - FREE_MS) >= bisect_right(begins, at_ms):
            false += 1
    return len(hit), false


def grid(series: Iterable[Scored], steps: int = 250) -> list[float]:
    """Thresholds to try, rising: daily highest scores, their ranks in geometric steps, so of any scale."""
    highest: list[float] = []
    for each in series:
        days: dict[int, float] = {}
        for at_ms, score in each.scores:
            day = at_ms // DAY_MS
            days[day] = max(days.get(day, 0.0), score)
        highest += days.values()
    highest.sort(reverse=True)
    ranks = {round(len(highest) ** (step / steps)) - 1 for step in range(steps + 1)}
    return sorted({highest[rank] for rank in ranks if rank < len(highest)}) or [0.0]


def lowest(curves: Sequence[Sequence[Tally]], rate: float) -> int:
    """Which threshold is the lowest that keeps the false alarms of these series at or under `rate`."""
    for index, column in enumerate(zip(*curves, strict=True)):
        if total(column).rate <= rate:
            return index
    return len(curves[0]) - 1
