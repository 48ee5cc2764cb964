"""A window of time that slides in steps: count, sum, least, greatest, first and last of each step."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from pipelines.state import State


class Summary(NamedTuple):
    """What was read within a window."""

    n: int
    total: float
    low: float
    high: float
    first: float
    last: float

    @property
    def mean(self) -> float:
        return self.total / self.n


class Buckets:
    """The last `count` steps of `width_ms` each, aligned to `offset_ms` after the epoch; 56 bytes a step."""

    __slots__ = (
        "_first",
        "_high",
        "_index",
        "_last",
        "_low",
        "_n",
        "_total",
        "count",
        "offset_ms",
        "width_ms",
    )

    def __init__(self, width_ms: int, count: int, offset_ms: int = 0) -> None:
        self.width_ms = width_ms
        self.count = count
        self.offset_ms = offset_ms
        self._index = array("q", [-1]) * count
        self._n = array("q", [0]) * count
        self._total, self._low, self._high, self._first, self._last = (
            array("d", [0.0]) * count for _ in "12345"
        )

    def step(self, at_ms: int) -> int:
        """Which step a time falls in, counted from the epoch."""
        return (at_ms - self.offset_ms) // self.width_ms

    def add(self, at_ms: int, value: float) -> None:
        """Times do not fall; what is older than the window is overwritten."""
        index = (at_ms - self.offset_ms) // self.width_ms
        place = index % self.count
        if self._index[place] != index:
            self._index[place] = index
            self._n[place] = 1
            self._total[place] = self._low[place] = self._high[place] = value
            self._first[place] = self._last[place] = value
            return
        self._n[place] += 1
        self._total[place] += value
        self._last[place] = value
        if value < self._low[place]:
            self._low[place] = value
        elif value > self._high[place]:
            self._high[place] = value

    def steps(self, last: int, count: int) -> Iterator[tuple[int, Summary]]:
        """The steps that have readings, oldest first, of the `count` that end with step `last`."""
        for index in range(last - min(count, self.count) + 1, last + 1):
            place = index % self.count
            if self._index[place] == index:
                yield index, Summary(
                    self._n[place], self._total[place], self._low[place],
                    self._high[place], self._first[place], self._last[place],
                )  # fmt: skip

    def summary(self, last: int, count: int) -> Summary | None:
        """All of those steps together; None when nothing was read."""
        index, n, oldest = self._index, self._n, last - min(count, self.count) + 1
        places = [place for step in range(oldest, last + 1) if index[place := step % self.count] == step]
        if not places:
            return None
        total, low, high = self._total, self._low, self._high
        return Summary(
            sum([n[place] for place in places]),
            sum([total[place] for place in places]),
            min([low[place] for place in places]),
            max([high[place] for place in places]),
            self._first[places[0]],
            self._last[places[-1]],
        )

    def state(self) -> State:
        return {
            "index": self._index, "n": self._n, "total": self._total, "low": self._low,
            "high": self._high, "first": self._first, "last": self._last,
        }  # fmt: skip

    def restore(self, state: State) -> None:
        if len(state["index"]) != self.count:
            raise ValueError(f"steps: expected {self.count}, got {len(state['index'])}")
        self._index, self._n = array("q", state["index"]), array("q", state["n"])
        self._total, self._low, self._high, self._first, self._last = (
            array("d", state[key]) for key in ("total", "low", "high", "first", "last")
        )
