"""Whether a river stands at its warning or guarantee stage, or too low."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm, Latch
from pipelines.events import Event, Kind, Nature, Severity, Source
from pipelines.state import State
from pipelines.water.given import CONFIDENCE, given, mark, mine, require
from pipelines.water.ladder import Ladder

EVIDENCE = 10
_STAGES = {"warning": Severity.WARNING, "guarantee": Severity.CRITICAL}
_INFINITE = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """The stages of one gauge, as the water authority set them for this station: never constants."""

    name: str
    """The rule's id."""
    source: Source
    """The level, m."""
    warning_m: float | None = None
    """Warning stage, m above the station's datum."""
    guarantee_m: float | None = None
    """Guarantee stage, m, above the warning stage."""
    low_m: float | None = None
    """Low water: at or under it, m."""
    hysteresis_m: float = 0.05
    """A stage is left only this far under it."""
    raise_ms: int = 0
    """How long over a stage before it is told; 0: at the first reading."""
    clear_ms: int = 30 * 60_000
    """How long under a stage and its hysteresis before it is over."""
    span_low_m: float | None = None
    """Lowest level the gauge can report: with `span_high_m`, a BAD value within is not held back either."""
    span_high_m: float | None = None
    """Highest level the gauge can report."""

    def __post_init__(self) -> None:
        stages = [stage for stage in (self.low_m, self.warning_m, self.guarantee_m) if stage is not None]
        require("warning_m", "a warning or a guarantee stage", None, fits=self.stages != ())
        require(
            "guarantee_m", "low < warning < guarantee", stages,
            fits=all(low < high for low, high in pairwise(stages)),
        )  # fmt: skip
        require("hysteresis_m", "0 or more", self.hysteresis_m, fits=self.hysteresis_m >= 0)
        require("raise_ms", "0 or more", self.raise_ms, fits=self.raise_ms >= 0)
        require("clear_ms", "0 or more", self.clear_ms, fits=self.clear_ms >= 0)
        span = (self.span_low_m, self.span_high_m)
        known = self.span_low_m is not None and self.span_high_m is not None
        require("span_low_m", "both ends of the span or none", span, fits=known or span == (None, None))

    @property
    def stages(self) -> tuple[tuple[str, float], ...]:
        """The upper stages that are set, the lowest first."""
        named = (("warning", self.warning_m), ("guarantee", self.guarantee_m))
        return tuple((name, level) for name, level in named if level is not None)


class StageRule:
    """One event from the lowest stage reached until the river has left it, and one for low water.

    A flag never holds a value back, it only lowers `detail["confidence"]`; a better one later is told as
    `news` = "confirmed". Only a BAD value that the gauge cannot report raises nothing: it is told as a fault
    when it would have, or while a stage stands, until the next value that can be used.
    """

    __slots__ = (
        "_alarm",
        "_calm",
        "_confidence",
        "_faults",
        "_ladder",
        "_low",
        "_low_alarm",
        "_mark",
        "_names",
        "_only_ms",
        "_peak",
        "_peak_before",
        "_peak_ms",
        "_quiet",
        "_recent",
        "_settings",
        "_stages",
        "sources",
    )  # fmt: skip

    def __init__(self, settings: StageSettings) -> None:
        name, source = settings.name, settings.source
        self.sources: Sequence[Source] = (source,)
        self._settings = settings
        self._mark = mark(settings)
        self._names = [stage for stage, _ in settings.stages]
        self._stages = [level for _, level in settings.stages]
        self._ladder = Ladder(len(self._stages), raise_ms=settings.raise_ms, clear_ms=settings.clear_ms)
        self._low = Latch(settings.raise_ms, settings.clear_ms)
        self._alarm = Alarm(name, source, Kind.WATER_STAGE, Nature.HAPPENING, pictures=True)
        self._low_alarm = Alarm(f"{name}.low", source, Kind.WATER_STAGE, Nature.HAPPENING)
        self._faults = Alarm(f"{name}.unusable", source, Kind.SENSOR_OUT_OF_RANGE, Nature.FAULT)
        self._quiet = (-_INFINITE if settings.low_m is None else settings.low_m, self._stages[0])
        self._calm = True
        self._confidence = 0.0
        self._peak = self._peak_before = -_INFINITE
        """Highest since the first stage, and what it was before that reading."""
        self._peak_ms = 0
        self._only_ms: list[int | None] = [None] * len(self._stages)
        """By stage: the time of the one reading that raised it, None once a second has borne it out."""
        self._recent: deque[tuple[int, float]] = deque(maxlen=EVIDENCE)

    def feed(
        self,
        source: Source,  # noqa: ARG002  there is but one
        at_ms: int,
        value: Value | None,
        quality: Quality,
    ) -> Sequence[Event]:
        level = given(value)
        if level is None:
            return ()
        if quality is Quality.BAD and not self._within_span(level):
            return self._unusable(at_ms, level)
        self._recent.append((at_ms, level))
        low, high = self._quiet
        if self._calm and low < level < high:
            return ()
        events: list[Event] = []
        if self._faults.is_open:
            events.append(self._faults.closed(at_ms, value=level))
        confidence = CONFIDENCE[quality]
        self._upper(events, at_ms, level, confidence)
        if self._settings.low_m is not None:
            self._lower(events, at_ms, level, confidence)
        self._calm = self._ladder.calm and not self._low.on and self._low.since_ms is None
        return events

    def tick(self, at_ms: int) -> Sequence[Event]:  # noqa: ARG002  its readings are enough
        """Nothing happens between readings."""
        return ()

    def withdrawn(self, at_ms: int) -> Sequence[Event]:
        """The reading of `at_ms` was a spike, as later ones show: what it alone had raised never stood."""
        if at_ms == self._peak_ms:
            self._peak = self._peak_before
        if at_ms not in self._only_ms:
            return ()
        rung = self._only_ms.index(at_ms) + 1
        self._ladder.drop(rung)
        self._only_ms[rung - 1 :] = [None] * (len(self._only_ms) - rung + 1)
        self._recent = deque((each for each in self._recent if each[0] != at_ms), EVIDENCE)
        if rung == 1:
            self._peak = -_INFINITE
        facts = self._facts({"news": "withdrawn"}, self._recent[-1][1] if self._recent else None)
        if rung > 1:
            return (self._alarm.updated(at_ms, self._severity(), **facts),)
        self._calm = not self._faults.is_open and not self._low.on and self._low.since_ms is None
        return (self._alarm.closed(at_ms, **facts),)

    def confirmed(self, at_ms: int) -> Sequence[Event]:
        """The reading of `at_ms` was true, by re-reads."""
        if at_ms not in self._only_ms or self._confidence >= 1.0:
            return ()
        self._confidence = 1.0
        self._only_ms = [None if only_ms == at_ms else only_ms for only_ms in self._only_ms]
        return (self._alarm.updated(at_ms, **self._facts({"news": "confirmed"}, self._recent[-1][1])),)

    def _within_span(self, level: float) -> bool:
        low, high = self._settings.span_low_m, self._settings.span_high_m
        return low is not None and high is not None and low <= level <= high

    def _unusable(self, at_ms: int, level: float) -> Sequence[Event]:
        low, high = self._quiet
        if self._faults.is_open or (low < level < high and not self._alarm.is_open):
            return ()
        self._calm = False
        facts = {"value": level, "threshold": high, "evidence": (*self._recent, (at_ms, level))}
        doubt = "during_stage" if self._alarm.is_open else "would_raise"
        return (self._faults.opened(at_ms, at_ms, Severity.WARNING, detail={"doubt": doubt}, **facts),)

    def _upper(self, events: list[Event], at_ms: int, level: float, confidence: float) -> None:
        over = sum(level >= stage for stage in self._stages)
        hold = sum(level >= stage - self._settings.hysteresis_m for stage in self._stages)
        before = self._ladder.rung
        changed = self._ladder.feed(at_ms, over, hold)
        rung = self._ladder.rung
        self._bear_out(at_ms, before, min(rung, hold))
        if not changed:
            if rung and over == rung and confidence > self._confidence and self._alarm.is_open:
                self._confidence = confidence
                events.append(self._alarm.updated(at_ms, **self._facts({"news": "confirmed"}, level)))
            elif rung:
                self._heighten(at_ms, level)
            return
        if not before:
            self._peak = -_INFINITE
        self._heighten(at_ms, level)
        if rung > before:
            self._confidence = confidence
        events.append(self._tell(at_ms, before, level))

    def _heighten(self, at_ms: int, level: float) -> None:
        if level > self._peak:
            self._peak_before, self._peak, self._peak_ms = self._peak, level, at_ms

    def _tell(self, at_ms: int, before: int, level: float) -> Event:
        rung = self._ladder.rung
        if not before:
            facts = self._facts({"news": "reached"}, level)
            return self._alarm.opened(self._ladder.since_ms, at_ms, self._severity(), **facts)
        if not rung:
            facts = self._facts({"news": "left", "left_ms": self._ladder.since_ms}, level)
            return self._alarm.closed(at_ms, **facts)
        facts = self._facts({"news": "reached" if rung > before else "left"}, level)
        return self._alarm.updated(at_ms, self._severity(), **facts)

    def _bear_out(self, at_ms: int, before: int, held: int) -> None:
        """Keep the one reading behind each stage: new ones by this, those held by more than one."""
        instant = self._settings.raise_ms == 0
        for at in range(len(self._only_ms)):
            if at >= self._ladder.rung or (at < before and at < held):
                self._only_ms[at] = None
            elif at >= before and instant:
                self._only_ms[at] = at_ms

    def _lower(self, events: list[Event], at_ms: int, level: float, confidence: float) -> None:
        low = self._quiet[0]
        back = level > low + self._settings.hysteresis_m
        if not self._low.feed(at_ms, over=level <= low, back=back):
            return
        since_ms = self._low.since_ms or at_ms
        facts = {"value": level, "threshold": low, "evidence": tuple(self._recent)}
        detail = {"stage": "low", "confidence": confidence}
        if self._low.on:
            events.append(
                self._low_alarm.opened(
                    since_ms, at_ms, Severity.WATCH, detail=detail | {"news": "reached"}, **facts
                )
            )
        else:
            events.append(
                self._low_alarm.closed(at_ms, detail=detail | {"news": "left", "left_ms": since_ms}, **facts)
            )

    def _severity(self) -> Severity:
        return _STAGES[self._names[self._ladder.rung - 1]] if self._ladder.rung else Severity.INFO

    def _facts(self, news: dict[str, float | str], level: float | None) -> dict[str, Any]:
        rung = self._ladder.rung
        detail = {
            "stage": self._names[rung - 1] if rung else "none",
            "confidence": self._confidence,
            "highest": self._peak,
        } | news  # fmt: skip
        if self._peak == -_INFINITE:
            del detail["highest"]
        return {
            "value": level,
            "threshold": self._stages[max(rung, 1) - 1],
            "evidence": tuple(self._recent),
            "detail": detail,
        }

    def state(self) -> State:
        return {
            "settings": self._mark,
            "ladder": self._ladder.state(),
            "low": self._low.state(),
            "alarms": [alarm.state() for alarm in (self._alarm, self._low_alarm, self._faults)],
            "calm": self._calm,
            "confidence": self._confidence,
            "peak": [self._peak, self._peak_before, self._peak_ms],
            "only_ms": list(self._only_ms),
            "recent": [list(each) for each in self._recent],
        }

    def restore(self, state: State) -> None:
        mine(state, self._mark)
        self._ladder.restore(state["ladder"])
        self._low.restore(state["low"])
        alarms = (self._alarm, self._low_alarm, self._faults)
        for alarm, stored in zip(alarms, state["alarms"], strict=True):
            alarm.restore(stored)
        self._calm = bool(state["calm"])
        self._confidence = float(state["confidence"])
        self._peak, self._peak_before, self._peak_ms = state["peak"]
        self._only_ms = list(state["only_ms"])
        self._recent = deque(((at_ms, level) for at_ms, level in state["recent"]), EVIDENCE)
