"""How long a series has stood still, and how far it has moved of late: exact or nearly so, and bounded."""

from __future__ import annotations

from array import array
from math import inf

from pipelines.state import State

STEPS = 32
"""Movements finer than this part of eps are taken as none, which bounds what is remembered."""

BREAK = 4
"""A silence of more than this part of a duration says nothing of what lies on both its sides."""

BUCKETS = 64
"""Parts of a window, each known by its smallest and its largest value."""


class Peaks:
    """The values of a run that no later one exceeds, the highest first.

    A value less than `grain` below the last one is counted as that one, seen again: the run's highest is
    so too high by less than `grain`, and never too low.
    """

    __slots__ = ("after", "grain", "until", "values")

    def __init__(self, grain: float) -> None:
        self.grain = grain
        self.values = array("d")
        self.until = array("q")
        """When each was last seen, ms."""
        self.after = array("q")
        """When the reading after that came, ms."""

    def push(self, value: float, before_ms: int, at_ms: int) -> None:
        """A value at `at_ms`; the last one was seen until `before_ms`."""
        values = self.values
        if values:
            self.until[-1], self.after[-1] = before_ms, at_ms
        while values and values[-1] <= value:
            self.pop()
        if values and values[-1] - value < self.grain:
            self.until[-1] = at_ms
            return
        values.append(value)
        self.until.append(at_ms)
        self.after.append(at_ms)

    def pop(self, index: int = -1) -> int:
        """Forget one; when the reading after it came."""
        self.values.pop(index)
        self.until.pop(index)
        return self.after.pop(index)

    def clear(self) -> None:
        for each in (self.values, self.until, self.after):
            del each[:]


class Run:
    """The longest stretch up to the newest value whose range is below `eps`; `since_ms` is its beginning.

    The owner keeps the newest value. It calls nothing while the value repeats, `shift` when it moves by less
    than eps, `start` when it moves by more. Values closer together than eps / STEPS are taken as equal
    where that makes the run shorter, never longer.
    """

    __slots__ = ("_highs", "_lows", "eps", "mixed", "since_ms")

    def __init__(self, eps: float) -> None:
        self.eps = eps
        self.since_ms = 0
        self.mixed = False
        """Whether the run has more than one value, so that more than `since_ms` is remembered."""
        self._highs = Peaks(eps / STEPS)
        self._lows = Peaks(eps / STEPS)

    def start(self, at_ms: int) -> None:
        """A new run."""
        self.since_ms = at_ms
        if self.mixed:
            self.mixed = False
            self._highs.clear()
            self._lows.clear()

    def shift(self, before_ms: int, before: float, at_ms: int, value: float) -> None:
        """The value moved, by less than eps, from what it had been up to `before_ms`."""
        highs, lows = self._highs, self._lows
        if not self.mixed:
            self.mixed = True
            highs.push(before, before_ms, before_ms)
            lows.push(-before, before_ms, before_ms)
        highs.push(value, before_ms, at_ms)
        lows.push(-value, before_ms, at_ms)
        while highs.values[0] + lows.values[0] >= self.eps:
            older = highs if highs.until[0] < lows.until[0] else lows
            self.since_ms = older.pop(0)

    def state(self) -> State:
        parts = [each[:] for peaks in (self._highs, self._lows) for each in _columns(peaks)]
        return {"since_ms": self.since_ms, "mixed": self.mixed, "peaks": parts if self.mixed else []}

    def restore(self, state: State) -> None:
        self.since_ms, self.mixed = int(state["since_ms"]), bool(state["mixed"])
        columns = [column for peaks in (self._highs, self._lows) for column in _columns(peaks)]
        for column, stored in zip(columns, state["peaks"] or [()] * 6, strict=True):
            column[:] = array(column.typecode, stored)


def _columns(peaks: Peaks) -> tuple[array[float], array[int], array[int]]:
    return peaks.values, peaks.until, peaks.after


class Spread:
    """The range and the number of the values of the last `window_ms`, to one part in BUCKETS.

    The window is whole buckets: it is shorter than `window_ms` by less than one bucket, and exact when the
    newest value stands at a bucket's end. Buckets are (k * bucket_ms, (k + 1) * bucket_ms].
    """

    __slots__ = (
        "_bucket",
        "_bucket_ms",
        "_counts",
        "_highs",
        "_lows",
        "high",
        "low",
        "n",
        "since_ms",
        "window_ms",
    )

    def __init__(self, window_ms: int) -> None:
        self.window_ms = window_ms
        self._bucket_ms = -(-window_ms // BUCKETS)
        self._lows = array("d")
        self._highs = array("d")
        self._counts = array("I")
        self.clear()

    def clear(self) -> None:
        """Begin anew with the next value, as after a silence of more than `hole_ms`."""
        self._lows = array("d", [inf]) * BUCKETS
        self._highs = array("d", [-inf]) * BUCKETS
        self._counts = array("I", [0]) * BUCKETS
        self._bucket = -1
        self.since_ms = 0
        """When the oldest value since the beginning came."""
        self.low, self.high, self.n = inf, -inf, 0

    def feed(self, at_ms: int, value: float) -> None:
        """Take a value; `low`, `high` and `n` are then those of the window that ends with it."""
        bucket = (at_ms - 1) // self._bucket_ms
        if bucket != self._bucket:
            if not self.n:
                self.since_ms = at_ms
            self._turn(bucket)
        slot = bucket % BUCKETS
        self._counts[slot] += 1
        self.n += 1
        if value < self._lows[slot]:
            self._lows[slot] = value
            self.low = min(self.low, value)
        if value > self._highs[slot]:
            self._highs[slot] = value
            self.high = max(self.high, value)

    def _turn(self, bucket: int) -> None:
        """Empty the buckets that have left the window."""
        lows, highs, counts = self._lows, self._highs, self._counts
        first = max(self._bucket + 1, bucket - BUCKETS + 1)
        self._bucket = bucket
        stale = False
        for each in range(first, bucket + 1):
            slot = each % BUCKETS
            if counts[slot]:
                self.n -= counts[slot]
                stale = stale or lows[slot] <= self.low or highs[slot] >= self.high
                lows[slot], highs[slot], counts[slot] = inf, -inf, 0
        if stale:
            self.low, self.high = min(lows), max(highs)

    def state(self) -> State:
        return {
            "bucket": self._bucket, "since_ms": self.since_ms,
            "lows": self._lows[:], "highs": self._highs[:], "counts": self._counts[:],
        }  # fmt: skip

    def restore(self, state: State) -> None:
        if not len(state["lows"]) == len(state["highs"]) == len(state["counts"]) == BUCKETS:
            raise ValueError(f"spread: expected {BUCKETS} buckets, got {len(state['lows'])}")
        self._bucket, self.since_ms = int(state["bucket"]), int(state["since_ms"])
        self._lows, self._highs = array("d", state["lows"]), array("d", state["highs"])
        self._counts = array("I", state["counts"])
        self.low, self.high, self.n = min(self._lows), max(self._highs), sum(self._counts)
