"""Faults that show only where rain and level are looked at together."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from pipelines.alarm import Alarm, Latch
from pipelines.events import Event, Kind, Nature, Severity, Source
from pipelines.water.grid import BUCKET_MS, Levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.state import State

_SLACK = 24
_RAIN = 36
_LAGS = 16
_LAGS_ENOUGH = 5
_MINUTES = BUCKET_MS // 60_000
_BLOCKED_MS = 15 * 60_000
_DOUBTED = 24 * 60 // 5
"""Buckets after which a rise alone is held against a dry rain gauge no more: it may have been a release."""


class Unanswered:
    """Much rain within 3 h and no rise by the site's lag and 2 h: the level gauge is suspect.

    The lag is the longest of the last 16 that were seen, once there are 5; before that the one configured.
    The fault ends when the level moves again.
    """

    __slots__ = (
        "_alarm", "_armed", "_heard", "_lag", "_lags", "_lowest", "_rain", "_rain_mm", "_rise_m", "_seen",
        "_stood", "_watch",
    )  # fmt: skip

    def __init__(self, rule: str, level: Source, *, rain_mm: float, rise_m: float, lag: int) -> None:
        self._alarm = Alarm(f"{rule}.unanswered", level, Kind.SENSOR_DISAGREES, Nature.FAULT)
        self._rain_mm = rain_mm
        self._rise_m = rise_m
        self._lag = lag
        self._lags: deque[int] = deque(maxlen=_LAGS)
        self._watch = -1
        """The bucket since which an answer is awaited; -1 when none is."""
        self._armed = True
        self._lowest = math.inf
        self._seen = 0.0
        self._heard = 0
        self._stood = 0.0
        self._rain = 0.0
        """What fell before the watch began, mm."""

    @property
    def lag(self) -> int:
        """Buckets from rain to rise."""
        return max(self._lags) if len(self._lags) >= _LAGS_ENOUGH else self._lag

    def judge(self, bucket: int, levels: Levels, rain_mm: float) -> Sequence[Event]:
        """`rain_mm` fell within the 3 h that end with `bucket`."""
        level = levels[bucket]
        if self._alarm.is_open:
            return self._watch_fault(bucket, level)
        self._armed = self._armed or rain_mm < self._rain_mm / 2
        if self._watch < 0:
            if not self._armed or rain_mm < self._rain_mm:
                return ()
            self._begin(bucket, levels, rain_mm)
        elif not math.isnan(level):
            self._take(level)
        if self._seen >= self._rise_m:
            if bucket > self._watch:
                self._lags.append(bucket - self._watch)
            self._watch = -1
            return ()
        if bucket - self._watch < self.lag + _SLACK:
            return ()
        heard_enough = 2 * self._heard >= bucket - self._watch
        waited, self._watch = bucket - self._watch, -1
        return (self._open(bucket, waited),) if heard_enough else ()

    def _begin(self, bucket: int, levels: Levels, rain_mm: float) -> None:
        self._watch, self._armed, self._rain = bucket, False, rain_mm
        self._lowest, self._seen, self._heard = math.inf, 0.0, 0
        for each in range(bucket - _RAIN, bucket + 1):
            level = levels[each]
            if not math.isnan(level):
                self._take(level)
        self._heard = 0

    def _take(self, level: float) -> None:
        self._heard += 1
        self._lowest = min(self._lowest, level)
        self._seen = max(self._seen, level - self._lowest)
        self._stood = level

    def _open(self, bucket: int, waited: int) -> Event:
        began_ms, at_ms = (bucket - waited) * BUCKET_MS, (bucket + 1) * BUCKET_MS
        detail: dict[str, float | str] = {
            "suspect": "level", "rain_3h_mm": self._rain, "waited_min": waited * _MINUTES,
            "lag_min": self.lag * _MINUTES, "rise_m": self._seen,
        }  # fmt: skip
        return self._alarm.opened(
            began_ms, at_ms, Severity.WARNING, value=self._stood, baseline=self._lowest,
            threshold=self._rise_m, detail=detail,
        )  # fmt: skip

    def _watch_fault(self, bucket: int, level: float) -> Sequence[Event]:
        if math.isnan(level) or abs(level - self._stood) < self._rise_m:
            return ()
        detail = {"suspect": "level", "moved_m": level - self._stood}
        return (
            self._alarm.closed((bucket + 1) * BUCKET_MS, value=level, baseline=self._stood, detail=detail),
        )

    def state(self) -> State:
        return {
            "alarm": self._alarm.state(),
            "lags": list(self._lags),
            "watch": self._watch,
            "armed": self._armed,
            "lowest": self._lowest,
            "seen": self._seen,
            "heard": self._heard,
            "stood": self._stood,
            "rain": self._rain,
        }

    def restore(self, state: State) -> None:
        self._alarm.restore(state["alarm"])
        self._lags = deque(state["lags"], _LAGS)
        self._watch, self._armed = int(state["watch"]), bool(state["armed"])
        self._lowest, self._seen = float(state["lowest"]), float(state["seen"])
        self._heard, self._stood = int(state["heard"]), float(state["stood"])
        self._rain = float(state["rain"])


class Blocked:
    """A rain gauge without a drop while others are wet or the river rises in two places: suspect blocked.

    Told after 15 minutes of it, over with its first rain; a day after the last rise, too, if nothing but
    rises spoke against it.
    """

    __slots__ = ("_alarm", "_latch", "_spoke", "_wet")

    def __init__(self, rule: str, rain: Source) -> None:
        self._alarm = Alarm(f"{rule}.blocked", rain, Kind.SENSOR_DISAGREES, Nature.FAULT)
        self._latch = Latch(_BLOCKED_MS, 0)
        self._spoke = 0
        """The last bucket in which anything spoke against it."""
        self._wet = False
        """Whether other rain gauges did."""

    def judge(self, bucket: int, rain_mm: float, why: str, others_mm: float) -> Sequence[Event]:
        """Rain of this gauge within the lag, NaN if unknown; `why` it should not be 0, "" if it may."""
        at_ms = (bucket + 1) * BUCKET_MS
        silent = math.isnan(rain_mm)
        over = bool(why) and rain_mm == 0
        if not over and not self._latch.on:
            self._wet = False
        elif over:
            self._spoke, self._wet = bucket, self._wet or why == "others_wet"
        acquitted = self._latch.on and not self._wet and bucket - self._spoke >= _DOUBTED
        back = rain_mm > 0 or acquitted if self._latch.on else not over and not silent
        if not self._latch.feed(at_ms, over=over, back=back):
            return ()
        began_ms = self._latch.since_ms or at_ms
        detail: dict[str, float | str] = {"suspect": "rain", "others_mm": others_mm}
        if self._latch.on:
            detail["why"] = why
            return (self._alarm.opened(began_ms, at_ms, Severity.WATCH, value=rain_mm, detail=detail),)
        self._wet = False
        return (self._alarm.closed(at_ms, value=rain_mm, detail=detail),)

    def state(self) -> State:
        return {
            "alarm": self._alarm.state(),
            "latch": self._latch.state(),
            "spoke": self._spoke,
            "wet": self._wet,
        }

    def restore(self, state: State) -> None:
        self._alarm.restore(state["alarm"])
        self._latch.restore(state["latch"])
        self._spoke, self._wet = int(state["spoke"]), bool(state["wet"])
