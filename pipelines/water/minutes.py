"""A level of the last hour, one point a minute."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from pipelines.water.slope import median

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.state import State

MINUTE_MS = 60_000
_MOST_IN_A_MINUTE = 60


class Minutes:
    """The median of each minute's readings, over `keep_ms`, the running minute included.

    A point stands at the middle of its first and last reading. `doubts` says which points hold a reading
    that was doubted.
    """

    __slots__ = ("_doubt", "_first_ms", "_last_ms", "_now", "doubts", "keep_ms", "levels", "times")

    def __init__(self, keep_ms: int) -> None:
        self.keep_ms = keep_ms
        self.times: array[int] = array("q")
        self.levels: array[float] = array("d")
        self.doubts: array[int] = array("b")
        self._now: list[float] = []
        self._first_ms = self._last_ms = 0
        self._doubt = False

    def add(self, at_ms: int, level: float, *, doubt: bool = False) -> bool:
        """Whether a new minute began with this reading."""
        now = self._now
        if now and at_ms // MINUTE_MS == self._first_ms // MINUTE_MS:
            if len(now) < _MOST_IN_A_MINUTE:
                now.append(level)
                self._last_ms = at_ms
                self._doubt = self._doubt or doubt
            return False
        if now:
            self.times.append((self._first_ms + self._last_ms) // 2)
            self.levels.append(median(now))
            self.doubts.append(self._doubt)
        self._now, self._first_ms, self._last_ms, self._doubt = [level], at_ms, at_ms, doubt
        times, oldest_ms = self.times, at_ms - self.keep_ms
        while times and times[0] < oldest_ms:
            del times[0], self.levels[0], self.doubts[0]
        return True

    def points(self) -> tuple[Sequence[int], Sequence[float], Sequence[int]]:
        """Times ms UTC, levels and doubts, the running minute last."""
        if not self._now:
            return self.times, self.levels, self.doubts
        return (
            [*self.times, (self._first_ms + self._last_ms) // 2],
            [*self.levels, median(self._now[:])],
            [*self.doubts, self._doubt],
        )

    def state(self) -> State:
        return {
            "times": array("q", self.times),
            "levels": array("d", self.levels),
            "doubts": array("b", self.doubts),
            "now": list(self._now),
            "first_ms": self._first_ms,
            "last_ms": self._last_ms,
            "doubt": self._doubt,
        }

    def restore(self, state: State) -> None:
        self.times, self.levels, self.doubts = state["times"], state["levels"], state["doubts"]
        self._now = [float(level) for level in state["now"]]
        self._first_ms, self._last_ms = int(state["first_ms"]), int(state["last_ms"])
        self._doubt = bool(state["doubt"])
