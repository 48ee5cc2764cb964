"""Jumps from the first hour on: by Hampel until an ordinary day is known, by the ordinary day from then."""

from __future__ import annotations

from pipelines.anomaly.everyday import Everyday
from pipelines.anomaly.hampel import Hampel
from pipelines.state import State


class FirstDays:
    """The score of Everyday; before that has one, Hampel's, scaled so that the two thresholds meet."""

    __slots__ = ("_everyday", "_hampel", "_scale")

    def __init__(self, threshold: float, hampel_threshold: float) -> None:
        self._everyday = Everyday()
        self._hampel: Hampel | None = Hampel()
        self._scale = threshold / hampel_threshold

    def feed(self, at_ms: int, value: float) -> float:
        score = self._everyday.feed(at_ms, value)
        if (hampel := self._hampel) is None:
            return score
        if self._everyday.ready:
            self._hampel = None
            return score
        return hampel.feed(at_ms, value) * self._scale

    def state(self) -> State:
        hampel = None if self._hampel is None else self._hampel.state()
        return {"everyday": self._everyday.state(), "hampel": hampel, "scale": self._scale}

    def restore(self, state: State) -> None:
        if state["scale"] != self._scale:
            raise ValueError(f"scale: expected {self._scale}, got {state['scale']}")
        hampel = None
        if state["hampel"] is not None:
            hampel = Hampel()
            hampel.restore(state["hampel"])
        self._everyday.restore(state["everyday"])
        self._hampel = hampel
