"""Wind: mean of 2 and 10 minutes, direction as a vector, gust, Beaufort; and cups that do not turn."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm, Latch
from pipelines.city.cups import Cups, direction
from pipelines.city.settings import demand, expect, fingerprint
from pipelines.cross.buckets import Buckets
from pipelines.cross.inbox import Inbox
from pipelines.events import Event, Kind, Nature, Severity, Source, Window
from pipelines.state import State

STEP_MS = 10_000
HOUR_MS = 3_600_000
STEPS_2_MIN, STEPS_10_MIN = 12, 60

BEAUFORT = (0.3, 1.6, 3.4, 5.5, 8.0, 10.8, 13.9, 17.2, 20.8, 24.5, 28.5, 32.7)
"""Least speed of forces 1 to 12, m/s (WMO Manual on Codes, table 1100; GB/T 28591-2012 up to 12)."""


def beaufort(speed: float) -> int:
    """Force 0 to 12 of a mean speed in m/s."""
    return bisect_right(BEAUFORT, speed)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindSettings:
    """Wind limits. Raises ValueError for a setting that does not hold."""

    name: str = "wind"
    """The rule's name; cups that do not turn are told of as NAME.stuck."""
    speed: Source
    """m/s"""
    direction: Source | None = None
    """Where the wind comes from, deg; without it nothing is said of direction and of stuck cups."""
    gust: Source | None = None
    """The instrument's own gust (3 s), m/s; without it the greatest reading of the speed counts."""
    mean_warning: float = 17.2
    """10 min mean, m/s, from which it is a WARNING (force 8)."""
    mean_critical: float = 24.5
    """10 min mean, m/s, from which it is CRITICAL (force 10)."""
    gust_warning: float = 24.5
    """Gust within 10 min, m/s, from which it is a WARNING (force 10)."""
    gust_critical: float = 32.7
    """Gust within 10 min, m/s, from which it is CRITICAL (force 12)."""
    hysteresis: float = 2.0
    """m/s under all limits before it is over."""
    clear_ms: int = 1_800_000
    """For so long."""
    stuck_speed: float = 0.1
    """A speed never above this for an hour, m/s ..."""
    stuck_swing_deg: float = 60.0
    """... while the direction swings over more than this, deg: the cups are stuck."""

    def __post_init__(self) -> None:
        for mean, key in ((True, "mean_critical"), (False, "gust_critical")):
            least = self.mean_warning if mean else self.gust_warning
            most = self.mean_critical if mean else self.gust_critical
            demand(0 < least <= most, key, f"at least the warning's {least}", most)
        demand(self.hysteresis >= 0, "hysteresis", "0 or more", self.hysteresis)
        demand(self.clear_ms >= 0, "clear_ms", "0 or more", self.clear_ms)


class WindRule:
    """One event for mean and gust together; its severity is the worse of the two.

    Detail: mean_2min, mean_10min, gust_10min (m/s), beaufort (of the 10 min mean), direction_10min (deg),
    which (mean | gust), worst_mean and worst_gust since it began, closed_because (too_few_readings, after an
    hour without any). Of stuck cups: swing_deg, speed_max.
    """

    def __init__(self, settings: WindSettings) -> None:
        self.settings = settings
        self.sources: Sequence[Source] = tuple(
            source for source in (settings.speed, settings.direction, settings.gust) if source
        )
        self._inbox = Inbox(self.sources)
        self._speed = Buckets(STEP_MS, STEPS_10_MIN)
        self._gust = Buckets(STEP_MS, STEPS_10_MIN)
        self._sine = Buckets(STEP_MS, STEPS_10_MIN)
        self._cosine = Buckets(STEP_MS, STEPS_10_MIN)
        self._calm = Latch(0, settings.clear_ms)
        self._worst = [0.0, 0.0]
        self._heard_ms = 0
        self._alarm = Alarm(settings.name, settings.speed, Kind.WIND, Nature.HAPPENING)
        self._cups = Cups(
            f"{settings.name}.stuck", settings.speed, settings.stuck_speed, settings.stuck_swing_deg
        )

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> Sequence[Event]:
        self._inbox.put(source, at_ms, value, quality)
        return ()

    def tick(self, at_ms: int) -> Sequence[Event]:
        fresh = self._take(at_ms)
        judged = self._judge(at_ms) if fresh or self._alarm.is_open else []
        return [*judged, *self._cups.tick(at_ms)]

    def _take(self, at_ms: int) -> bool:
        """Whether there is a new speed or gust."""
        fresh = False
        for read_ms, speed in self._inbox.numbers(self.settings.speed, at_ms):
            self._speed.add(read_ms, speed)
            self._cups.speed(read_ms, speed)
            fresh = True
        if self.settings.gust:
            for read_ms, gust in self._inbox.numbers(self.settings.gust, at_ms):
                self._gust.add(read_ms, gust)
                fresh = True
        if self.settings.direction:
            for read_ms, degrees in self._inbox.numbers(self.settings.direction, at_ms):
                radians = math.radians(degrees)
                sine, cosine = math.sin(radians), math.cos(radians)
                self._sine.add(read_ms, sine)
                self._cosine.add(read_ms, cosine)
                self._cups.vane(read_ms, sine, cosine)
        return fresh

    def _judge(self, at_ms: int) -> list[Event]:
        last = self._speed.step(at_ms)
        ten = self._speed.summary(last, STEPS_10_MIN)
        own = self._gust.summary(last, STEPS_10_MIN)
        if ten is None and own is None:
            return self._unheard(at_ms)
        self._heard_ms = at_ms
        mean = ten.mean if ten else 0.0
        gust = max(each.high for each in (ten, own) if each)
        severity, which = self._severity(mean, gust)
        if severity is None and not self._alarm.is_open:
            return []
        self._worst = (
            [max(self._worst[0], mean), max(self._worst[1], gust)] if self._alarm.is_open else [mean, gust]
        )
        value, limit = self._compared(mean, gust, which)
        facts = {
            "value": value, "threshold": limit, "detail": self._detail(last, mean, gust, which),
            "window": Window(at_ms - STEPS_10_MIN * STEP_MS, at_ms, ten.n if ten else 0),
        }  # fmt: skip
        lull = self.settings.hysteresis
        back = mean < self.settings.mean_warning - lull and gust < self.settings.gust_warning - lull
        if self._calm.feed(at_ms, over=severity is not None, back=back):
            if not self._calm.on:
                return [self._alarm.closed(at_ms, **facts)]
            return [self._alarm.opened(at_ms, at_ms, severity or Severity.WARNING, **facts)]
        if severity is not None and severity > self._alarm.severity:
            return [self._alarm.updated(at_ms, severity, **facts)]
        return []

    def _unheard(self, at_ms: int) -> list[Event]:
        """What nobody measures any more is not said to go on for ever."""
        if not self._alarm.is_open or at_ms - self._heard_ms < HOUR_MS:
            return []
        self._calm = Latch(0, self.settings.clear_ms)
        return [self._alarm.closed(at_ms, detail={"closed_because": "too_few_readings"})]

    def _severity(self, mean: float, gust: float) -> tuple[Severity | None, str]:
        settings = self.settings
        if mean >= settings.mean_critical or gust >= settings.gust_critical:
            return Severity.CRITICAL, "mean" if mean >= settings.mean_critical else "gust"
        if mean >= settings.mean_warning or gust >= settings.gust_warning:
            return Severity.WARNING, "mean" if mean >= settings.mean_warning else "gust"
        return None, "mean"

    def _compared(self, mean: float, gust: float, which: str) -> tuple[float, float]:
        """The figure that decides, and the highest limit it reaches."""
        settings = self.settings
        if which == "gust":
            return gust, settings.gust_critical if gust >= settings.gust_critical else settings.gust_warning
        return mean, settings.mean_critical if mean >= settings.mean_critical else settings.mean_warning

    def _detail(self, last: int, mean: float, gust: float, which: str) -> dict[str, float | str]:
        two = self._speed.summary(last, STEPS_2_MIN)
        sine = self._sine.summary(last, STEPS_10_MIN)
        cosine = self._cosine.summary(last, STEPS_10_MIN)
        figures: dict[str, float | str] = {
            "mean_10min": round(mean, 2), "gust_10min": round(gust, 2), "beaufort": beaufort(mean),
            "worst_mean": round(self._worst[0], 2), "worst_gust": round(self._worst[1], 2), "which": which,
        }  # fmt: skip
        if two:
            figures["mean_2min"] = round(two.mean, 2)
        if sine and cosine:
            figures["direction_10min"] = round(direction(sine.total, cosine.total), 0) % 360.0
        return figures

    def state(self) -> State:
        return {
            "made_by": fingerprint(self.settings),
            "inbox": self._inbox.state(),
            "buckets": [each.state() for each in (self._speed, self._gust, self._sine, self._cosine)],
            "calm": self._calm.state(),
            "worst": list(self._worst),
            "heard_ms": self._heard_ms,
            "alarm": self._alarm.state(),
            "cups": self._cups.state(),
        }

    def restore(self, state: State) -> None:
        expect(state, self.settings)
        self._inbox.restore(state["inbox"])
        buckets = (self._speed, self._gust, self._sine, self._cosine)
        for each, kept in zip(buckets, state["buckets"], strict=True):
            each.restore(kept)
        self._calm.restore(state["calm"])
        self._worst = [float(each) for each in state["worst"]]
        self._heard_ms = int(state["heard_ms"])
        self._alarm.restore(state["alarm"])
        self._cups.restore(state["cups"])
