"""Whether a picture is the one before again, whatever a clock drawn into it says."""

from __future__ import annotations

from array import array

import numpy as np

from pipelines.state import State
from pipelines.vision.quality.features import Array

LEAST_MS = 5_000
"""Pictures closer together are not compared: some cameras serve a snapshot from a cache."""
_BLOCKS = (6, 12)
_SHAPE = (60, 107)
_CLOCK = 0.1
"""Share of the picture that a clock and a caption may take."""
_LIVE = 0.06
"""Share of pixels, outside the clock, that change in the stillest of living pictures."""


class Stillness:
    """Compares with a picture at least five seconds older.

    Pictures in between are as still as the last two comparisons agree: by one alone, which chance may have
    brought, a fault must not last, however many pictures come before the next.
    """

    __slots__ = ("_at_ms", "_before", "_points", "changed")

    def __init__(self) -> None:
        self._at_ms = 0
        self._points: Array | None = None
        self._before: float | None = None
        """`changed` of the comparison before."""
        self.changed: float | None = None
        """Share of pixels that changed outside the tenth of the picture that changed most; None: unknown."""

    def feed(self, at_ms: int, points: Array) -> float:
        """How still the picture is: 0 alive, 1 at the threshold, 2 where no pixel changed."""
        before = self._points
        if before is not None and 0 <= at_ms - self._at_ms < LEAST_MS:
            return min(_strength(self.changed), _strength(self._before))
        self._points, self._at_ms, self._before = points, at_ms, self.changed
        self.changed = None if before is None else _changed(points, before)
        return _strength(self.changed)

    def state(self) -> State:
        points = None if self._points is None else array("B", self._points.tobytes())
        return {"at_ms": self._at_ms, "points": points, "changed": self.changed, "before": self._before}

    def restore(self, state: State) -> None:
        points = state["points"]
        self._points = None if points is None else np.array(points, np.uint8).reshape(_SHAPE)
        self._at_ms, self.changed = int(state["at_ms"]), state["changed"]
        self._before = state.get("before")


def _strength(changed: float | None) -> float:
    return 0.0 if changed is None else max(0.0, 2 - changed / _LIVE)


def _changed(points: Array, before: Array) -> float | None:
    """By blocks of 10 x 8 points; the tenth that changed most may be a clock. Burnt and black points, which
    cannot show a change, do not count; None where few others are left.
    """
    down, across = _BLOCKS
    told = (points > 4) & (points < 251)
    counts = _summed(told)
    if counts.sum() < 0.15 * points.size:
        return None
    changed = _summed(told & (points != before)) / np.maximum(counts, 1)
    order = np.argsort(changed, kind="stable")[: round(down * across * (1 - _CLOCK))]
    return float(changed[order] @ counts[order] / max(1.0, float(counts[order].sum())))


def _summed(points: Array) -> Array:
    down, across = _BLOCKS
    kept = points[:, : _SHAPE[1] // across * across].astype(np.float64)
    return np.asarray(kept.reshape(down, -1, across, kept.shape[1] // across).sum(axis=(1, 3)).ravel())
