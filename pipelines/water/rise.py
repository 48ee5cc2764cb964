"""How fast a river rises, and when it will reach its stages."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm
from pipelines.events import Event, Kind, Nature, Severity, Source, Window
from pipelines.state import State
from pipelines.water.given import given, mark, mine, require
from pipelines.water.ladder import Ladder
from pipelines.water.minutes import MINUTE_MS, Minutes
from pipelines.water.slope import theil_sen

HOUR_MS = 3_600_000
WINDOWS_MS = (15 * MINUTE_MS, 30 * MINUTE_MS, 60 * MINUTE_MS)
EVIDENCE = 10
_INFINITE = float("inf")
_MOST_POINTS = 16
_SLOWLY = 5
_FAR_MIN = 240.0
_LEAST_POINTS = 3
_SILENT_MS = HOUR_MS
_AHEAD = (Severity.WATCH, Severity.WARNING, Severity.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiseSettings:
    """When a rise is told of. The limits are ours, to be tuned per site; stages are the authority's."""

    name: str
    """The rule's id."""
    source: Source
    """The level, m."""
    limit_m_h: float = 0.5
    """Rise told of as WARNING, m/h."""
    critical_m_h: float | None = None
    """Rise told of as CRITICAL, m/h."""
    least_rise_m: float = 0.05
    """Nothing is judged unless the level is this far over the hour's lowest: above waves and noise."""
    clear_share: float = 0.7
    """A rise is over under this share of its limit; a stage is far again over its minutes by 1 / share."""
    clear_ms: int = 30 * 60_000
    """How long so before it is over."""
    warning_m: float | None = None
    """Warning stage, m."""
    guarantee_m: float | None = None
    """Guarantee stage, m."""
    ahead_min: tuple[float, float, float] = (120.0, 60.0, 30.0)
    """Minutes ahead of a stage for WATCH, WARNING and CRITICAL."""
    rising_m_h: float = 0.1
    """From here on `rising` asks for denser readings, m/h."""

    def __post_init__(self) -> None:
        require("limit_m_h", "over 0", self.limit_m_h, fits=self.limit_m_h > 0)
        critical = self.critical_m_h
        require(
            "critical_m_h", "over limit_m_h", critical, fits=critical is None or critical > self.limit_m_h
        )
        require("least_rise_m", "0 or more", self.least_rise_m, fits=self.least_rise_m >= 0)
        require("clear_share", "in (0, 1]", self.clear_share, fits=0 < self.clear_share <= 1)
        require("clear_ms", "0 or more", self.clear_ms, fits=self.clear_ms >= 0)
        watch, warning, critical_min = self.ahead_min
        fits = watch > warning > critical_min > 0
        require("ahead_min", "three minutes, falling, over 0", self.ahead_min, fits=fits)
        require("rising_m_h", "over 0", self.rising_m_h, fits=self.rising_m_h > 0)


class _Ahead:
    """One stage and the time until it is reached; once it was, not told of again until well left."""

    __slots__ = ("alarm", "ladder", "level", "reached", "stage")

    def __init__(self, settings: RiseSettings, stage: str, level: float) -> None:
        self.stage = stage
        self.level = level
        self.reached = False
        self.ladder = Ladder(len(_AHEAD), clear_ms=settings.clear_ms)
        rule, kind = f"{settings.name}.ahead.{stage}", Kind.WATER_THRESHOLD_AHEAD
        self.alarm = Alarm(rule, settings.source, kind, Nature.HAPPENING, pictures=True)


class _Look:
    """What one evaluation found: rate (m/h) and level now by two windows agreeing, and its points.

    `stands` is the lower of the last two minutes: lines lag behind a flash flood.
    """

    __slots__ = ("confidence", "fits", "level", "rate", "stands", "window")

    def __init__(
        self, fits: dict[int, tuple[float, float]], window: Window, newest: Sequence[float], doubt: float
    ) -> None:
        ranked = sorted(fits.values())
        self.fits = fits
        self.rate, self.level = ranked[-2] if len(ranked) > 1 else (0.0, newest[-1])
        self.stands = min(newest)
        self.window = window
        self.confidence = 1.0 - 0.5 * doubt

    def minutes_to(self, stage: float) -> float:
        """Minutes to `stage` by the second soonest window; infinite where no two see it come."""
        if self.rate <= 0:
            return _INFINITE
        times = [
            max(0.0, stage - level) / slope * 60 if slope > 0 else _INFINITE
            for slope, level in self.fits.values()
        ]
        times.sort()
        return times[1] if len(times) > 1 else _INFINITE


class RiseRule:
    """A fast rise, and each stage that will be reached at the present rate.

    Slopes are Theil-Sen over 15, 30 and 60 minutes of minute medians; two windows must agree, so that
    neither a spike nor a step of the datum is a rise. Judged only while the level stands `least_rise_m` over
    the hour's lowest: once a minute while something is near, else in 5 minutes or `least_rise_m` more.
    BAD values are left out, doubted ones lower the confidence.
    """

    __slots__ = (
        "_ahead",
        "_calm",
        "_due_ms",
        "_fast",
        "_limits",
        "_low",
        "_low_ms",
        "_mark",
        "_minutes",
        "_recent",
        "_rise",
        "_settings",
        "_wake",
        "rising",
        "sources",
    )  # fmt: skip

    def __init__(self, settings: RiseSettings) -> None:
        self.sources: Sequence[Source] = (settings.source,)
        self.rising = False
        """Whether the level rises so that denser readings are worth it."""
        self._settings = settings
        self._mark = mark(settings)
        critical = settings.critical_m_h
        self._limits = (settings.limit_m_h,) if critical is None else (settings.limit_m_h, critical)
        self._fast = Ladder(len(self._limits), clear_ms=settings.clear_ms)
        self._rise = Alarm(settings.name, settings.source, Kind.WATER_RISE, Nature.HAPPENING, pictures=True)
        stages = (("warning", settings.warning_m), ("guarantee", settings.guarantee_m))
        self._ahead = [_Ahead(settings, name, level) for name, level in stages if level is not None]
        self._minutes = Minutes(WINDOWS_MS[-1])
        self._low = _INFINITE
        self._low_ms = 0
        self._due_ms = 0
        self._wake = _INFINITE
        """A level that is judged before it is due."""
        self._calm = True
        self._recent: deque[tuple[int, float]] = deque(maxlen=EVIDENCE)

    def feed(
        self,
        source: Source,  # noqa: ARG002  there is but one
        at_ms: int,
        value: Value | None,
        quality: Quality,
    ) -> Sequence[Event]:
        level = given(value)
        if level is None or quality is Quality.BAD:
            return ()
        self._recent.append((at_ms, level))
        minutes = self._minutes
        minutes.add(at_ms, level, doubt=quality is Quality.SUSPECT)
        if level <= self._low:
            self._low, self._low_ms = level, at_ms
        if at_ms < self._due_ms and (level < self._wake or at_ms < self._due_ms - (_SLOWLY - 1) * MINUTE_MS):
            return ()
        self._due_ms, self._wake = at_ms + MINUTE_MS, _INFINITE
        if self._low_ms < at_ms - WINDOWS_MS[-1]:
            self._find_low(at_ms)
        if self._calm and level - self._low < self._settings.least_rise_m:
            self.rising = False
            return ()
        return self._judge(at_ms)

    def tick(self, at_ms: int) -> Sequence[Event]:
        """A gauge that is silent for an hour is not known to rise."""
        if self.rising and self._recent[-1][0] < at_ms - _SILENT_MS:
            self.rising = False
        return ()

    def _find_low(self, at_ms: int) -> None:
        """The lowest minute of the last hour; the running one has at least the reading just added."""
        times, levels, _ = self._minutes.points()
        self._low, newest_ms = min(zip(levels, times, strict=True), key=lambda each: (each[0], -each[1]))
        self._low_ms = min(newest_ms, at_ms)

    def _judge(self, at_ms: int) -> Sequence[Event]:
        look = self._look(at_ms)
        settings = self._settings
        if look.level - self._low < settings.least_rise_m:
            look.rate = min(look.rate, 0.0)  # a spike let it come to this
        eased = settings.clear_share
        self.rising = look.rate >= settings.rising_m_h * (eased if self.rising else 1.0)
        events: list[Event] = []
        over = sum(look.rate >= limit for limit in self._limits)
        hold = sum(look.rate >= limit * eased for limit in self._limits)
        before = self._fast.rung
        if self._fast.feed(at_ms, over, hold):
            events.append(self._tell_rise(at_ms, before, look))
        for ahead in self._ahead:
            self._judge_ahead(events, at_ms, ahead, look)
        self._calm = self._fast.calm and all(ahead.ladder.calm for ahead in self._ahead)
        near = min(
            (look.minutes_to(ahead.level) for ahead in self._ahead if not ahead.reached),
            default=_INFINITE,
        )
        if self._calm and near > _FAR_MIN and look.rate < self._limits[0] * eased:
            self._due_ms = at_ms + _SLOWLY * MINUTE_MS
            self._wake = look.level + settings.least_rise_m
        return events

    def _look(self, at_ms: int) -> _Look:
        """The line of each window that has three points over at least half of it."""
        times, levels, doubts = self._minutes.points()
        fits: dict[int, tuple[float, float]] = {}
        for window_ms in WINDOWS_MS:
            start = bisect_left(times, at_ms - window_ms)
            step = -1 - (len(times) - 1 - start) // _MOST_POINTS
            hours = [(time - at_ms) / HOUR_MS for time in times[start:][::step][::-1]]
            if len(hours) < _LEAST_POINTS or hours[-1] - hours[0] < window_ms / HOUR_MS / 2:
                continue
            fits[window_ms // MINUTE_MS] = theil_sen(hours, levels[start:][::step][::-1])
        window = Window(times[0], at_ms, len(times))
        return _Look(fits, window, levels[-2:], sum(doubts) / len(doubts))

    def _tell_rise(self, at_ms: int, before: int, look: _Look) -> Event:
        rung = self._fast.rung
        facts = self._facts(look, look.rate, self._limits[max(rung, 1) - 1]) | {"baseline": None}
        severity = Severity.CRITICAL if rung > 1 else Severity.WARNING
        if not before:
            return self._rise.opened(self._fast.since_ms, at_ms, severity, **facts)
        return self._rise.updated(at_ms, severity, **facts) if rung else self._rise.closed(at_ms, **facts)

    def _judge_ahead(self, events: list[Event], at_ms: int, ahead: _Ahead, look: _Look) -> None:
        ladder, alarm = ahead.ladder, ahead.alarm
        level = max(look.level, look.stands)
        if level >= ahead.level:
            ahead.reached = True
            ladder.drop(1)
            if alarm.is_open:
                events.append(alarm.closed(at_ms, **self._ahead_facts(ahead, look, outcome="reached")))
            return
        ahead.reached = ahead.reached and level > ahead.level - self._settings.least_rise_m
        if ahead.reached:
            return
        minutes = look.minutes_to(ahead.level)
        limits = self._settings.ahead_min
        over = sum(minutes < limit for limit in limits)
        hold = sum(minutes < limit / self._settings.clear_share for limit in limits)
        before = ladder.rung
        if not ladder.feed(at_ms, over, hold):
            return
        if not ladder.rung:
            events.append(alarm.closed(at_ms, **self._ahead_facts(ahead, look, outcome="eased")))
            return
        facts = self._ahead_facts(ahead, look)
        severity = _AHEAD[ladder.rung - 1]
        if before:
            events.append(alarm.updated(at_ms, severity, **facts))
        else:
            events.append(alarm.opened(ladder.since_ms, at_ms, severity, **facts))

    def _ahead_facts(self, ahead: _Ahead, look: _Look, **words: str) -> dict[str, Any]:
        facts = self._facts(look, look.level, ahead.level)
        facts["detail"] |= {"stage": ahead.stage} | words
        minutes = look.minutes_to(ahead.level)
        if minutes < _INFINITE:
            facts["detail"]["minutes"] = minutes
        return facts

    def _facts(self, look: _Look, value: float, threshold: float) -> dict[str, Any]:
        slopes = {f"rate_{minutes}_min_m_h": slope for minutes, (slope, _) in look.fits.items()}
        return {
            "value": value,
            "baseline": self._low,
            "threshold": threshold,
            "window": look.window,
            "evidence": tuple(self._recent),
            "detail": {"rate_m_h": look.rate, "level": look.level, "confidence": look.confidence} | slopes,
        }

    def state(self) -> State:
        return {
            "settings": self._mark,
            "minutes": self._minutes.state(),
            "fast": self._fast.state(),
            "rise": self._rise.state(),
            "ahead": [[ahead.ladder.state(), ahead.alarm.state(), ahead.reached] for ahead in self._ahead],
            "calm": self._calm,
            "rising": self.rising,
            "low": self._low,
            "low_ms": self._low_ms,
            "due_ms": self._due_ms,
            "wake": self._wake,
            "recent": [list(each) for each in self._recent],
        }

    def restore(self, state: State) -> None:
        mine(state, self._mark)
        self._minutes.restore(state["minutes"])
        self._fast.restore(state["fast"])
        self._rise.restore(state["rise"])
        for ahead, (ladder, alarm, reached) in zip(self._ahead, state["ahead"], strict=True):
            ahead.ladder.restore(ladder)
            ahead.alarm.restore(alarm)
            ahead.reached = bool(reached)
        self._calm, self.rising, self._low = bool(state["calm"]), bool(state["rising"]), float(state["low"])
        self._low_ms, self._due_ms = int(state["low_ms"]), int(state["due_ms"])
        self._wake = float(state["wake"])
        self._recent = deque(((at_ms, level) for at_ms, level in state["recent"]), EVIDENCE)
