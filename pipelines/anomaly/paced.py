"""A detector that looks at a series no more often than it was made for."""

from __future__ import annotations

from pipelines.contracts import Detector
from pipelines.state import State

_NEVER_MS = -(2**62)


class Paced:
    """Passes on the first value of each stretch of `every_ms`; between them nothing is unusual, score 0.

    A window of so many readings then is a window of time, however often the gauge is read.
    """

    __slots__ = ("_detector", "_due_ms", "_every_ms")

    def __init__(self, detector: Detector, every_ms: int) -> None:
        self._detector = detector
        self._every_ms = every_ms
        self._due_ms = _NEVER_MS

    def feed(self, at_ms: int, value: float) -> float:
        if at_ms < self._due_ms:
            return 0.0
        self._due_ms = at_ms - at_ms % self._every_ms + self._every_ms
        return self._detector.feed(at_ms, value)

    def state(self) -> State:
        return {"every_ms": self._every_ms, "due_ms": self._due_ms, "detector": self._detector.state()}

    def restore(self, state: State) -> None:
        if state["every_ms"] != self._every_ms:
            raise ValueError(f"every_ms: expected {self._every_ms}, got {state['every_ms']}")
        self._detector.restore(state["detector"])
        self._due_ms = int(state["due_ms"])
