"""Rain out of what gauges report, and how much fell within the last hours."""

from __future__ import annotations

from array import array
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.state import State

HOUR_MS = 3_600_000
BUCKET_MS = 300_000
_DAY = 288
_MICRO = 1_000_000
_LONGEST_HOLD_MS = 15 * 60_000
_LONGEST_GAP_MS = 24 * HOUR_MS


class Measure(StrEnum):
    """What a gauge's number means."""

    INTERVAL = "interval"
    """mm since the reading before."""
    TOTAL = "total"
    """mm since the gauge was last reset: a counter."""
    INTENSITY = "intensity"
    """mm/h now."""


class Intake:
    """Turns readings into millionths of a millimetre and the time they fell over; whole numbers, so exact.

    A counter that falls was reset, or rolled over if `rollover_mm` is known and it stood within a tenth of
    it; then what it shows has fallen since. More than `most_mm_min` for the time gone is no rain: it is
    left out, and `refused` counts it.
    """

    __slots__ = ("_before", "_before_ms", "interval_ms", "measure", "most_mm_min", "refused", "rollover_mm")

    def __init__(
        self, measure: Measure, *, interval_ms: int, most_mm_min: float, rollover_mm: float | None = None
    ) -> None:
        self.measure = measure
        self.interval_ms = interval_ms
        self.most_mm_min = most_mm_min
        self.rollover_mm = rollover_mm
        self.refused = 0
        self._before: float | None = None
        self._before_ms = 0

    def feed(self, at_ms: int, value: float) -> tuple[int, int]:
        """Millionths of a mm that fell, and since when (ms UTC)."""
        before, before_ms = self._before, self._before_ms
        self._before, self._before_ms = value, at_ms
        if self.measure is Measure.INTERVAL:
            since_ms = at_ms - self.interval_ms
            if before is not None and before_ms > since_ms:
                since_ms = before_ms
            mm = value
        elif before is None:
            return 0, at_ms
        elif self.measure is Measure.TOTAL:
            since_ms = max(before_ms, at_ms - _LONGEST_GAP_MS)
            mm = value - before if value >= before else self._fallen(before, value)
        else:
            since_ms = max(before_ms, at_ms - _LONGEST_HOLD_MS)
            mm = (before + value) / 2 * (at_ms - since_ms) / HOUR_MS
        if not mm:
            return 0, since_ms
        # A tip that was due joins the minute's: one minute is allowed on top.
        if mm < 0 or mm > self.most_mm_min * ((at_ms - since_ms) / 60_000 + 1):
            self.refused += 1
            return 0, since_ms
        return round(mm * _MICRO), since_ms

    def _fallen(self, before: float, value: float) -> float:
        rollover = self.rollover_mm
        return value + rollover - before if rollover is not None and before >= rollover * 0.9 else value

    def state(self) -> State:
        return {"before": self._before, "before_ms": self._before_ms, "refused": self.refused}

    def restore(self, state: State) -> None:
        self._before, self._before_ms = state["before"], int(state["before_ms"])
        self.refused = int(state["refused"])


class Accumulated:
    """Rain of the last 24 h in buckets of 5 minutes of the clock; bounded, and exact whatever the order."""

    __slots__ = ("_bucket", "_ring", "at_ms", "wet_ms")

    def __init__(self) -> None:
        self._ring = array("q", bytes(8 * (_DAY + 1)))
        self._bucket = 0
        self.at_ms = 0
        """How far the time has come."""
        self.wet_ms = 0
        """When rain was last seen; 0 when never."""

    def advance(self, at_ms: int) -> bool:
        """Whether a new bucket has begun; old ones are forgotten."""
        self.at_ms = at_ms
        bucket = at_ms // BUCKET_MS
        if bucket == self._bucket:
            return False
        ring = self._ring
        for old in range(max(self._bucket + 1, bucket - _DAY), bucket + 1):
            ring[old % (_DAY + 1)] = 0
        self._bucket = bucket
        return True

    def add(self, amount: int, since_ms: int) -> None:
        """Rain that fell evenly between `since_ms` and now, in millionths of a mm, over 0."""
        self.wet_ms = self.at_ms
        ring, left, last = self._ring, amount, self._bucket
        first = max(since_ms // BUCKET_MS, last - _DAY)
        for bucket in range(first, last):
            start_ms = max(since_ms, bucket * BUCKET_MS)
            share = amount * ((bucket + 1) * BUCKET_MS - start_ms) // max(self.at_ms - since_ms, 1)
            ring[bucket % (_DAY + 1)] += min(share, left)
            left -= min(share, left)
        ring[last % (_DAY + 1)] += left

    def mm(self, span_ms: int) -> float:
        """Within the last `span_ms`, whole buckets up to 24 h; the oldest, cut through, counts by share."""
        ring, last = self._ring, self._bucket
        whole = span_ms // BUCKET_MS
        gone_ms = self.at_ms - last * BUCKET_MS
        oldest = ring[(last - whole) % (_DAY + 1)] * (BUCKET_MS - gone_ms) // BUCKET_MS
        start, end = (last - whole + 1) % (_DAY + 1), last % (_DAY + 1) + 1
        inner = sum(ring[start:end]) if start < end else sum(ring[start:]) + sum(ring[:end])
        return (oldest + inner) / _MICRO

    def state(self) -> State:
        return {
            "ring": array("q", self._ring),
            "bucket": self._bucket,
            "at_ms": self.at_ms,
            "wet_ms": self.wet_ms,
        }

    def restore(self, state: State) -> None:
        if len(state["ring"]) != len(self._ring):
            raise ValueError("the stored rain has other buckets")
        self._ring, self._bucket = state["ring"], int(state["bucket"])
        self.at_ms, self.wet_ms = int(state["at_ms"]), int(state["wet_ms"])
