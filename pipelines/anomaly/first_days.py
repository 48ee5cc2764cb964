"""Jumps from the first hour on: by Hampel until an ordinary day is known, by the ordinary day from then."""

from __future__ import annotations

from math import inf, log2

from pipelines.anomaly.everyday import Everyday
from pipelines.anomaly.hampel import Hampel
from pipelines.state import State


class FirstDays:
    """The score of Everyday; before that has one, Hampel's, scaled so that the two thresholds meet.

    Hampel's is bounded by the doublings of the jump over the least step seen: one step of the resolution out
    of a flat line is nothing, whatever its share of a deviation that is 0.
    """

    __slots__ = ("_everyday", "_hampel", "_last", "_least", "_scale")

    def __init__(self, threshold: float, hampel_threshold: float) -> None:
        self._everyday = Everyday()
        self._hampel: Hampel | None = Hampel()
        self._scale = threshold / hampel_threshold
        self._last: float | None = None
        self._least = inf

    def feed(self, at_ms: int, value: float) -> float:
        score = self._everyday.feed(at_ms, value)
        if (hampel := self._hampel) is None:
            return score
        if self._everyday.ready:
            self._hampel = None
            return score
        return min(hampel.feed(at_ms, value) * self._scale, self._doublings(value))

    @property
    def settled(self) -> bool:
        """Whether the ordinary day decides, so that others may go by the score as well."""
        return self._hampel is None

    def _doublings(self, value: float) -> float:
        last, self._last = self._last, value
        size = 0.0 if last is None else abs(value - last)
        if not 0.0 < size < inf:
            return 0.0
        self._least = min(self._least, size)
        return log2(size / self._least)

    def state(self) -> State:
        hampel = None if self._hampel is None else self._hampel.state()
        return {
            "everyday": self._everyday.state(),
            "hampel": hampel,
            "scale": self._scale,
            "last": self._last,
            "least": self._least,
        }

    def restore(self, state: State) -> None:
        if state["scale"] != self._scale:
            raise ValueError(f"scale: expected {self._scale}, got {state['scale']}")
        hampel = None
        if state["hampel"] is not None:
            hampel = Hampel()
            hampel.restore(state["hampel"])
        self._everyday.restore(state["everyday"])
        self._hampel, self._last, self._least = hampel, state["last"], float(state["least"])
