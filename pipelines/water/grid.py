"""Levels and rain on a common grid of 5 minutes, so that it does not matter which source comes first."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

from pipelines.water.slope import median

if TYPE_CHECKING:
    from pipelines.state import State
    from pipelines.water.rainfall import Intake

BUCKET_MS = 300_000
_SIZE = 320
_MOST_IN_A_BUCKET = 60
_NAN = math.nan


class Levels:
    """The median level of each bucket of the last day; NaN where nothing was read.

    A reading counts in the bucket of its own time, so what a bucket that is over says is final.
    """

    __slots__ = ("_bucket", "_now", "_ring")

    def __init__(self) -> None:
        self._ring = array("d", [_NAN]) * _SIZE
        self._bucket = -1
        self._now: list[float] = []

    def add(self, at_ms: int, level: float) -> None:
        """Times grow; 60 readings of a bucket are enough for its median."""
        bucket = at_ms // BUCKET_MS
        if bucket == self._bucket:
            if len(self._now) < _MOST_IN_A_BUCKET:
                self._now.append(level)
            return
        if self._now:
            self._ring[self._bucket % _SIZE] = median(self._now)
        for skipped in range(max(self._bucket + 1, bucket - _SIZE + 1), bucket):
            self._ring[skipped % _SIZE] = _NAN
        self._bucket, self._now = bucket, [level]

    def __getitem__(self, bucket: int) -> float:
        if bucket == self._bucket:
            return median(self._now[:])
        return self._ring[bucket % _SIZE] if self._bucket - _SIZE < bucket < self._bucket else _NAN

    def rise(self, bucket: int, buckets: int) -> float:
        """How far the level rose within the `buckets` before `bucket`; NaN where it is not known."""
        for earlier in range(bucket - buckets, bucket):
            level = self[earlier]
            if not math.isnan(level):
                return self[bucket] - level
        return _NAN

    def state(self) -> State:
        return {"ring": array("d", self._ring), "bucket": self._bucket, "now": list(self._now)}

    def restore(self, state: State) -> None:
        if len(state["ring"]) != _SIZE:
            raise ValueError("the stored levels have other buckets")
        self._ring, self._bucket = state["ring"], int(state["bucket"])
        self._now = [float(level) for level in state["now"]]


class Rains:
    """The rain of each bucket of the last day, in whole millionths of a mm; -1 where nothing was read."""

    __slots__ = ("_bucket", "_intake", "_ring", "first")

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._ring = array("q", [-1]) * _SIZE
        self._bucket = -1
        self.first = -1
        """The bucket of the first reading ever; -1 before it."""

    def add(self, at_ms: int, value: float) -> None:
        """What the gauge reported, in its own measure; times grow."""
        amount, _ = self._intake.feed(at_ms, value)
        bucket = at_ms // BUCKET_MS
        ring = self._ring
        if bucket != self._bucket:
            for skipped in range(max(self._bucket + 1, bucket - _SIZE + 1), bucket):
                ring[skipped % _SIZE] = -1
            ring[bucket % _SIZE] = 0
            self._bucket = bucket
            if self.first < 0:
                self.first = bucket
        ring[bucket % _SIZE] += amount

    def mm(self, bucket: int, buckets: int) -> float:
        """Rain in the `buckets` that end with `bucket`; NaN where none of them was heard."""
        found = [
            amount
            for each in range(bucket - buckets + 1, bucket + 1)
            if self._bucket - _SIZE < each <= self._bucket and (amount := self._ring[each % _SIZE]) >= 0
        ]
        return sum(found) / 1_000_000 if found else _NAN

    def state(self) -> State:
        return {
            "ring": array("q", self._ring),
            "bucket": self._bucket,
            "first": self.first,
            "intake": self._intake.state(),
        }

    def restore(self, state: State) -> None:
        if len(state["ring"]) != _SIZE:
            raise ValueError("the stored rain has other buckets")
        self._ring, self._bucket, self.first = state["ring"], int(state["bucket"]), int(state["first"])
        self._intake.restore(state["intake"])
