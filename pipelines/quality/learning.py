"""Learns limits for one channel from its first weeks, in bounded memory; a person decides about them.

What is learned is what was ordinary: a few faults in those weeks do not matter, a season not seen does.
"""

from __future__ import annotations

from drivers.readings import Quality, Value
from pipelines.quality.checks import GrossRange, Syntax, check_key, number
from pipelines.quality.limits import Limits
from pipelines.quality.proposing import DAY_MS, Proposal, Seen, propose
from pipelines.state import State, Stateful


class Learner:
    """Takes a channel's values as they come; `propose` may be called at any time."""

    __slots__ = ("_day", "_limits", "_range", "_rise", "_seen", "_since_ms", "_syntax", "_value")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._syntax, self._range = Syntax(limits), GrossRange(limits)
        self._seen = Seen()
        self._value: float | None = None
        self._rise: float | None = None
        """From the value before, if that came just before."""
        self._since_ms = 0
        """When the value last moved."""
        self._day: tuple[int, float, float, int] | None = None
        """The day that is not over: its number, smallest and largest value, how many."""

    def feed(self, at_ms: int, value: Value | None) -> None:
        """Take a value; times grow strictly. None, and what the given limits call bad, teaches nothing."""
        got = number(value)
        seen = self._seen
        if got is None or Quality.BAD in (self._syntax.feed(at_ms, got), self._range.feed(at_ms, got)):
            seen.refused += got is not None
            self._rise = None
            return
        seen.values.add(got)
        seen.lowest = min(seen.lowest, got)
        self._count_in_day(at_ms, got)
        if self._value is None:
            seen.first_ms = self._since_ms = at_ms
        else:
            self._compare(at_ms, got, self._value)
        seen.last_ms, self._value = at_ms, got

    def _compare(self, at_ms: int, value: float, before: float) -> None:
        seen = self._seen
        pause_ms, rise = at_ms - seen.last_ms, value - before
        move = abs(rise)
        seen.pauses.add(pause_ms)
        seen.moves.add(move)
        seen.rates.add(move / (pause_ms / 1000.0))
        if self._rise is not None:
            seen.heights.add(min(move, abs(self._rise)) if rise * self._rise < 0 else 0.0)
        self._rise = rise
        if rise:
            seen.steps.add(float(f"{move:.6g}"))
            runs = seen.runs if before else seen.runs_at_0
            runs.add(float(self._since_ms - seen.last_ms))
            self._since_ms = at_ms

    def _count_in_day(self, at_ms: int, value: float) -> None:
        day = at_ms // DAY_MS
        if self._day is None or self._day[0] != day:
            if self._day is not None and 2 * self._day[3] * self._seen.mean_pause_ms > DAY_MS:
                self._seen.days.add(self._day[2] - self._day[1])
            self._day = (day, value, value, 1)
            return
        _, low, high, n = self._day
        self._day = (day, min(low, value), max(high, value), n + 1)

    def propose(self) -> Proposal:
        """The limits that follow from what was seen up to now."""
        return propose(self._limits, self._seen)

    def state(self) -> State:
        seen = self._seen
        return {
            "key": self._limits.key,
            "value": self._value,
            "rise": self._rise,
            "since_ms": self._since_ms,
            "day": self._day,
            "lowest": seen.lowest,
            "refused": seen.refused,
            "first_ms": seen.first_ms,
            "last_ms": seen.last_ms,
            "sketches": [sketch.state() for sketch in self._sketches()],
        }

    def restore(self, state: State) -> None:
        check_key(self._limits.key, state)
        seen = self._seen
        self._value, self._rise = state["value"], state["rise"]
        self._since_ms = int(state["since_ms"])
        self._day = None if state["day"] is None else tuple(state["day"])
        seen.lowest, seen.refused = float(state["lowest"]), int(state["refused"])
        seen.first_ms, seen.last_ms = int(state["first_ms"]), int(state["last_ms"])
        for sketch, stored in zip(self._sketches(), state["sketches"], strict=True):
            sketch.restore(stored)

    def _sketches(self) -> tuple[Stateful, ...]:
        seen = self._seen
        changes = (seen.pauses, seen.moves, seen.rates, seen.heights, seen.steps)
        return (seen.values, *changes, seen.runs, seen.runs_at_0, seen.days)
