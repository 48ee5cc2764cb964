"""A rise without rain, and gauges that rain and level show to be wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm, Latch
from pipelines.events import Event, Kind, Nature, Severity, Source, Window
from pipelines.state import State
from pipelines.water.disagree import Blocked, Unanswered
from pipelines.water.given import given, mark, mine, require
from pipelines.water.grid import BUCKET_MS, Levels, Rains
from pipelines.water.ordinary import Ordinary
from pipelines.water.rainfall import HOUR_MS, Intake, Measure

_SUSTAINED = 3
_BORNE_OUT = 2
"""Buckets it must last when re-reads bear it out: these come within 20 s, and debris stays for minutes."""
_STEP_SHARE = 0.8
_FLOW_SHARE = 0.1
_MOST_CATCH_UP = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class RainGauge:
    """A rain gauge and what its number means."""

    source: Source
    """The rain."""
    measure: Measure = Measure.INTERVAL
    """Of an interval, a total since the reset, or an intensity."""
    rollover_mm: float | None = None
    """For a total: where the counter starts again at 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSettings:
    """A river gauge, the rain that feeds it, and what may bear it out. The figures are ours, per site."""

    name: str
    """The rule's id."""
    level: Source
    """The level, m."""
    rains: tuple[RainGauge, ...]
    """Rain gauges of the catchment, one at least."""
    neighbours: tuple[Source, ...] = ()
    """Other levels of the river, m."""
    flow: Source | None = None
    """Velocity or discharge at the gauge."""
    rise_m: float | None = None
    """More than the site's ordinary rise within `window_ms`, m; unset, learned in a week."""
    least_rise_m: float = 0.10
    """A learned limit is never under this, m."""
    margin: float = 1.25
    """A learned limit is this times the quantile: one rise in a thousand is still ordinary."""
    window_ms: int = 30 * 60_000
    """The stretch a rise is measured over."""
    lag_ms: int = 6 * HOUR_MS
    """How long after rain the river may rise from it."""
    dry_mm: float = 1.0
    """Less than this within the lag is no rain."""
    severity: Severity = Severity.WARNING
    """Of a release: people may stand in the river bed."""
    clear_ms: int = 30 * 60_000
    """How long under half the limit before it is over."""
    answer_mm: float = 30.0
    """So much rain within 3 h must be answered by the level."""
    answer_m: float = 0.03
    """A rise over the noise, m."""
    blocked_mm: float = 10.0
    """So much at the other rain gauges within the lag while one has none at all."""

    def __post_init__(self) -> None:
        require("rains", "one at least", self.rains, fits=bool(self.rains))
        sources = self.sources
        require("sources", "each only once", sources, fits=len(set(sources)) == len(sources))
        require("rise_m", "over 0", self.rise_m, fits=self.rise_m is None or self.rise_m > 0)
        require("margin", "1 or more", self.margin, fits=self.margin >= 1)
        for key in ("least_rise_m", "dry_mm", "answer_mm", "answer_m", "blocked_mm"):
            require(key, "over 0", getattr(self, key), fits=getattr(self, key) > 0)
        for key, most_ms in (("window_ms", 3 * HOUR_MS), ("lag_ms", 12 * HOUR_MS)):
            value = getattr(self, key)
            fits = value % BUCKET_MS == 0 and BUCKET_MS <= value <= most_ms
            require(key, f"a multiple of {BUCKET_MS} up to {most_ms}", value, fits=fits)
        require("clear_ms", "0 or more", self.clear_ms, fits=self.clear_ms >= 0)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All channels it listens to."""
        flow = () if self.flow is None else (self.flow,)
        return (self.level, *(gauge.source for gauge in self.rains), *self.neighbours, *flow)


class ReleaseRule:
    """A release, backwater or rain upstream: the level rises out of the ordinary, and no rain explains it.

    It is no fault when it lasts over three buckets of 5 minutes without standing still to the last digit,
    over two when re-reads bear it out, at once when the flow does. What returns, or stands still where it
    jumped to, is left to quality control. Two faults come out of the same figures: rain that the level does
    not answer, and a rain gauge that is dry while others are wet or the river rises in two places.
    """

    __slots__ = (
        "_alarm",
        "_base",
        "_blocked",
        "_bucket",
        "_confirmed",
        "_flow",
        "_latch",
        "_level",
        "_mark",
        "_neighbours",
        "_ordinary",
        "_rains",
        "_settings",
        "_since",
        "_sinks",
        "_start",
        "_unanswered",
        "sources",
    )  # fmt: skip

    def __init__(self, settings: ReleaseSettings) -> None:
        self.sources: Sequence[Source] = settings.sources
        self._settings = settings
        self._mark = mark(settings)
        self._level = Levels()
        self._flow = Levels()
        self._neighbours = [Levels() for _ in settings.neighbours]
        self._rains = [
            Rains(Intake(each.measure, interval_ms=BUCKET_MS, most_mm_min=10.0, rollover_mm=each.rollover_mm))
            for each in settings.rains
        ]
        sinks = (self._level, *self._rains, *self._neighbours, *((self._flow,) if settings.flow else ()))
        self._sinks = dict(zip(settings.sources, sinks, strict=True))
        self._ordinary = Ordinary()
        self._alarm = Alarm(
            settings.name, settings.level, Kind.WATER_RELEASE, Nature.HAPPENING, pictures=True
        )  # fmt: skip
        self._latch = Latch(0, settings.clear_ms)
        self._bucket = -1
        """The last one judged."""
        self._start = -1
        """Where a rise began that may be a release; -1 when there is none."""
        self._base = 0.0
        self._since: list[float] = []
        """The levels from there on."""
        self._confirmed = -2
        self._unanswered = Unanswered(
            settings.name, settings.level, rain_mm=settings.answer_mm, rise_m=settings.answer_m,
            lag=settings.lag_ms // BUCKET_MS,
        )  # fmt: skip
        self._blocked = [Blocked(settings.name, each.source) for each in settings.rains]

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> Sequence[Event]:
        read = given(value)
        if read is not None and quality is not Quality.BAD:
            self._sinks[source].add(at_ms, read)
        return ()

    def confirmed(self, at_ms: int) -> None:
        """The level of `at_ms` was borne out by re-reads."""
        self._confirmed = at_ms // BUCKET_MS

    def tick(self, at_ms: int) -> Sequence[Event]:
        """Judge each bucket that is over by now, the last hour's at most."""
        over = at_ms // BUCKET_MS - 1
        if over <= self._bucket:
            return ()
        events: list[Event] = []
        first = over if self._bucket < 0 else max(self._bucket + 1, over - _MOST_CATCH_UP + 1)
        for bucket in range(first, over + 1):
            self._judge(events, bucket)
        self._bucket = over
        return events

    def _judge(self, events: list[Event], bucket: int) -> None:
        settings = self._settings
        window, lag = settings.window_ms // BUCKET_MS, settings.lag_ms // BUCKET_MS
        rise = self._level.rise(bucket, window)
        rain = [
            rains.mm(bucket, lag) if 0 <= rains.first <= bucket - lag else math.nan for rains in self._rains
        ]  # not known before a gauge was heard for all the lag
        heard = [mm for mm in rain if not math.isnan(mm)]
        dry = bool(heard) and max(heard) < settings.dry_mm
        limit = self._limit()
        if not math.isnan(rise):
            if dry and self._start < 0:
                self._ordinary.add(rise)
            if limit is not None:
                self._judge_rise(events, bucket, rise, limit, max(heard) if dry else None)
        wet = sorted(mm for rains in self._rains if not math.isnan(mm := rains.mm(bucket, 36)))
        events += self._unanswered.judge(bucket, self._level, wet[(len(wet) - 1) // 2] if wet else 0.0)
        two_rise = limit is not None and rise >= limit and self._neighbours_rise(bucket, limit) == "rising"
        for at, blocked in enumerate(self._blocked):
            others = max(
                (mm for other, mm in enumerate(rain) if other != at and not math.isnan(mm)), default=0.0
            )
            why = "rivers_rise" if two_rise else "others_wet" if others >= settings.blocked_mm else ""
            events += blocked.judge(bucket, rain[at], why, others)

    def _limit(self) -> float | None:
        if self._settings.rise_m is not None:
            return self._settings.rise_m
        most = self._ordinary.most()
        return None if most is None else max(most * self._settings.margin, self._settings.least_rise_m)

    def _judge_rise(
        self, events: list[Event], bucket: int, rise: float, limit: float, rain: float | None
    ) -> None:
        level = self._level[bucket]
        if self._alarm.is_open:
            eased = rise < limit / 2
            if self._latch.feed((bucket + 1) * BUCKET_MS, over=not eased, back=eased):
                facts = self._facts(bucket, limit, rain)
                events.append(self._alarm.closed((bucket + 1) * BUCKET_MS, **facts))
                self._start = -1
            return
        if self._start < 0:
            if rise <= limit or rain is None:
                return
            self._start, self._base, self._since = bucket, level - rise, []
        if level < self._base + limit / 2 or bucket - self._start > self._settings.window_ms // BUCKET_MS:
            self._start = -1  # it returned, or has stood still: a matter of the gauge
            return
        self._since.append(level)
        trusted = self._flow_moves(bucket) in ("up", "down")
        borne_out = abs(self._confirmed - self._start) <= 1
        needed = _BORNE_OUT if borne_out else _SUSTAINED
        lasting = len(self._since) >= needed and (borne_out or len(set(self._since)) > 1)
        if trusted or lasting:
            self._latch.on, self._latch.since_ms = True, None
            facts = self._facts(bucket, limit, rain)
            began_ms, at_ms = self._start * BUCKET_MS, (bucket + 1) * BUCKET_MS
            events.append(self._alarm.opened(began_ms, at_ms, self._settings.severity, **facts))

    def _flow_moves(self, bucket: int) -> str:
        """`up` or `down` by more than a tenth over the window, `still`, or `unknown`."""
        change = self._flow.rise(bucket, self._settings.window_ms // BUCKET_MS)
        if math.isnan(change):
            return "unknown"
        if abs(change) <= _FLOW_SHARE * max(abs(self._flow[bucket] - change), _FLOW_SHARE):
            return "still"
        return "up" if change > 0 else "down"

    def _neighbours_rise(self, bucket: int, limit: float) -> str:
        window = self._settings.window_ms // BUCKET_MS
        rises = [rise for each in self._neighbours if not math.isnan(rise := each.rise(bucket, window))]
        if not rises:
            return "unknown"
        return "rising" if max(rises) >= limit / 2 else "still"

    def _facts(self, bucket: int, limit: float, rain: float | None) -> dict[str, Any]:
        window = self._settings.window_ms // BUCKET_MS
        first = max(self._start, 0) - window
        points = [
            ((each + 1) * BUCKET_MS, level)
            for each in range(max(first, bucket - 2 * window), bucket + 1)
            if not math.isnan(level := self._level[each])
        ]
        levels = [level for _, level in points]
        steps = [late - early for early, late in pairwise(levels)]
        rise = max(levels) - self._base
        stepped = bool(steps) and max(steps) >= _STEP_SHARE * rise
        flow = self._flow_moves(bucket)
        neighbours = self._neighbours_rise(bucket, limit)
        confident = flow in ("up", "down") or self._confirmed >= self._start - 1 > 0 or neighbours == "rising"
        doubted = 0.5 if neighbours != "still" else 0.3
        return {
            "value": self._level[bucket],
            "baseline": self._base,
            "threshold": limit,
            "window": Window(points[0][0] - BUCKET_MS, (bucket + 1) * BUCKET_MS, len(points)),
            "evidence": tuple(points[-10:]),
            "detail": {
                "rise_m": rise,
                "likely": {"up": "release", "down": "backwater"}.get(
                    flow, "release, backwater or rain upstream"
                ),
                "shape": "step" if stepped else "gradual",
                "confidence": 0.9 if confident else doubted if stepped else 0.7,
                "flow": flow,
                "neighbours": neighbours,
            }
            | ({} if rain is None else {"rain_mm": rain}),
        }

    def state(self) -> State:
        return {
            "settings": self._mark,
            "sinks": [sink.state() for sink in self._sinks.values()],
            "ordinary": self._ordinary.state(),
            "alarm": self._alarm.state(),
            "latch": self._latch.state(),
            "bucket": self._bucket,
            "start": self._start,
            "base": self._base,
            "since": list(self._since),
            "confirmed": self._confirmed,
            "unanswered": self._unanswered.state(),
            "blocked": [each.state() for each in self._blocked],
        }

    def restore(self, state: State) -> None:
        mine(state, self._mark)
        for sink, stored in zip(self._sinks.values(), state["sinks"], strict=True):
            sink.restore(stored)
        self._ordinary.restore(state["ordinary"])
        self._alarm.restore(state["alarm"])
        self._latch.restore(state["latch"])
        self._bucket, self._start = int(state["bucket"]), int(state["start"])
        self._base, self._since = float(state["base"]), list(state["since"])
        self._confirmed = int(state["confirmed"])
        self._unanswered.restore(state["unanswered"])
        for each, stored in zip(self._blocked, state["blocked"], strict=True):
            each.restore(stored)
