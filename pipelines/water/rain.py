"""How hard it rains, and how much has fallen."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm
from pipelines.events import Event, Kind, Nature, Severity, Source
from pipelines.state import State
from pipelines.water.given import CONFIDENCE, given, mark, mine, require
from pipelines.water.grades import ACCUMULATED, INTENSITY, WARNINGS, Rung, Table, graded, table_at
from pipelines.water.ladder import Ladder
from pipelines.water.rainfall import BUCKET_MS, HOUR_MS, Accumulated, Intake, Measure

EVIDENCE = 10
SPANS_H = (1, 3, 6, 12, 24)
_NOW_MS = 2 * BUCKET_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class RainSettings:
    """One rain gauge and what of its rain is told."""

    name: str
    """The rule's id; its two kinds of event have `.intensity` and `.accumulated` after it."""
    source: Source
    """The rain, mm or mm/h by `measure`."""
    measure: Measure = Measure.INTERVAL
    """What the number means: of an interval, a total since the reset, or an intensity."""
    interval_ms: int = BUCKET_MS
    """For an interval: how long it is, if no reading came since."""
    rollover_mm: float | None = None
    """For a total: where the counter starts again at 0; unset, a fall is a reset."""
    most_mm_min: float = 10.0
    """More for the time gone is no rain and is left out, mm/min; over twice what common gauges can follow."""
    opens_at: Severity = Severity.WATCH
    """The least severity of a class or an amount that makes an event."""
    limits: tuple[Rung, ...] = ()
    """Amounts of this site's own."""
    intensity: tuple[Table, ...] = INTENSITY
    """Classes of one hour."""
    accumulated: tuple[Table, ...] = ACCUMULATED
    """Grades of 12 and 24 hours."""
    warnings: tuple[Table, ...] = WARNINGS
    """Rainstorm warnings."""
    clear_ms: int = 30 * 60_000
    """How long under a class or an amount before it is left."""
    dry_ms: int = 2 * HOUR_MS
    """How long without rain before the event of the amounts is over, however much has fallen."""

    def __post_init__(self) -> None:
        require("interval_ms", "over 0", self.interval_ms, fits=self.interval_ms > 0)
        require(
            "rollover_mm", "over 0", self.rollover_mm, fits=self.rollover_mm is None or self.rollover_mm > 0
        )
        require("most_mm_min", "over 0", self.most_mm_min, fits=self.most_mm_min > 0)
        require("clear_ms", "0 or more", self.clear_ms, fits=self.clear_ms >= 0)
        require("dry_ms", "over 0", self.dry_ms, fits=self.dry_ms > 0)
        for key in ("intensity", "accumulated", "warnings"):
            require(key, "a table at least", getattr(self, key), fits=bool(getattr(self, key)))


class RainRule:
    """The class of the rain now and within the hour, and the amounts within 1 to 24 hours.

    While it is dry nothing is worked out; after rain, once in 5 minutes, and with each reading that has some.
    """

    __slots__ = (
        "_calm",
        "_confidence",
        "_fallen",
        "_grades",
        "_intake",
        "_intensity",
        "_intensity_ladder",
        "_intensity_table",
        "_mark",
        "_named",
        "_rain",
        "_recent",
        "_rungs",
        "_settings",
        "_severity",
        "_spent",
        "_warnings",
        "sources",
    )  # fmt: skip

    def __init__(self, settings: RainSettings) -> None:
        source = settings.source
        self.sources: Sequence[Source] = (source,)
        self._settings = settings
        self._mark = mark(settings)
        self._intake = Intake(
            settings.measure, interval_ms=settings.interval_ms, most_mm_min=settings.most_mm_min,
            rollover_mm=settings.rollover_mm,
        )  # fmt: skip
        self._fallen = Accumulated()
        most = max(len(table.rungs) for table in settings.intensity)
        self._intensity_ladder = Ladder(most, clear_ms=settings.clear_ms)
        self._severity = Ladder(int(Severity.CRITICAL) + 1, clear_ms=settings.clear_ms)
        happening = Nature.HAPPENING
        self._intensity = Alarm(f"{settings.name}.intensity", source, Kind.RAIN_INTENSITY, happening)
        self._rain = Alarm(f"{settings.name}.accumulated", source, Kind.RAIN_ACCUMULATED, happening)
        self._named: list[str] = []
        """The rungs the open event has named."""
        self._spent: list[str] = []
        """The rungs of an event that ended with the rain: they open no other until they were left."""
        self._calm = True
        self._confidence = 0.0
        self._recent: deque[tuple[int, float]] = deque(maxlen=EVIDENCE)
        self._look_up(0)

    def _look_up(self, at_ms: int) -> None:
        """The tables of the day."""
        settings = self._settings
        self._intensity_table = table_at(settings.intensity, at_ms)
        self._grades = table_at(settings.accumulated, at_ms)
        self._warnings = table_at(settings.warnings, at_ms)
        every = (*settings.limits, *self._warnings.rungs, *self._grades.rungs)
        self._rungs = [rung for rung in every if rung.severity >= settings.opens_at]

    def feed(
        self,
        source: Source,  # noqa: ARG002  there is but one
        at_ms: int,
        value: Value | None,
        quality: Quality,
    ) -> Sequence[Event]:
        read = given(value)
        if read is None or quality is Quality.BAD:
            return ()
        self._recent.append((at_ms, read))
        amount, since_ms = self._intake.feed(at_ms, read)
        if not amount and self._calm:
            return ()
        fallen = self._fallen
        rolled = fallen.advance(at_ms)
        if not amount and not rolled:
            return ()
        if rolled:
            self._look_up(at_ms)
        if amount:
            fallen.add(amount, since_ms)
            self._confidence = CONFIDENCE[quality]
        return self._judge(at_ms)

    def tick(self, at_ms: int) -> Sequence[Event]:  # noqa: ARG002  its readings are enough
        """A gauge that is silent has not said that the rain stopped."""
        return ()

    def _judge(self, at_ms: int) -> list[Event]:
        mm = {hours: self._fallen.mm(hours * HOUR_MS) for hours in SPANS_H}
        events: list[Event] = []
        self._judge_intensity(events, at_ms, mm[1])
        self._judge_amounts(events, at_ms, mm)
        self._calm = not mm[24] and self._intensity_ladder.calm and self._severity.calm
        return events

    def _judge_intensity(self, events: list[Event], at_ms: int, hour_mm: float) -> None:
        now_mm_h = self._fallen.mm(_NOW_MS) * HOUR_MS / _NOW_MS
        told = [rung for rung in self._intensity_table.rungs if rung.severity >= self._settings.opens_at]
        over = max(graded(told, hour_mm), graded(told, now_mm_h))
        ladder, alarm = self._intensity_ladder, self._intensity
        before = ladder.rung
        if not ladder.feed(at_ms, over, over):
            return
        rung = told[min(max(ladder.rung, 1), len(told)) - 1]
        facts = self._facts(self._intensity_table) | {
            "value": max(hour_mm, now_mm_h),
            "threshold": rung.from_mm,
        }
        facts["detail"] |= {
            "class": rung.name if ladder.rung else _name(self._intensity_table.rungs, max(hour_mm, now_mm_h)),
            "mm_1h": hour_mm,
            "now_mm_h": now_mm_h,
        }
        if not before:
            events.append(alarm.opened(ladder.since_ms, at_ms, rung.severity, **facts))
        elif ladder.rung:
            events.append(alarm.updated(at_ms, rung.severity, **facts))
        else:
            events.append(alarm.closed(at_ms, **facts))

    def _judge_amounts(self, events: list[Event], at_ms: int, mm: dict[int, float]) -> None:
        reached = [rung for rung in self._rungs if round(mm[rung.hours], 1) >= rung.from_mm]
        names = {rung.key for rung in reached}
        self._spent = [name for name in self._spent if name in names]
        counted = [rung for rung in reached if rung.key not in self._spent]
        gravest = max(counted, key=lambda rung: rung.severity, default=None)
        rungs = int(gravest.severity) + 1 if gravest else 0
        changed = self._severity.feed(at_ms, rungs, rungs)
        fresh = [rung.key for rung in counted if rung.key not in self._named]
        alarm = self._rain
        if not alarm.is_open:
            if gravest:
                self._named = fresh
                facts = self._amounts(mm, gravest)
                events.append(alarm.opened(at_ms, at_ms, gravest.severity, **facts))
            return
        self._named += fresh
        facts = self._amounts(mm, gravest)
        dry = at_ms - self._fallen.wet_ms >= self._settings.dry_ms
        if dry or not self._severity.rung:
            self._severity.drop(1)
            self._spent, self._named = sorted(names), []
            events.append(alarm.closed(at_ms, **facts))
        elif changed or fresh:
            events.append(alarm.updated(at_ms, Severity(self._severity.rung - 1), **facts))

    def _amounts(self, mm: dict[int, float], gravest: Rung | None) -> dict[str, Any]:
        facts = self._facts(self._grades)
        facts["detail"] |= {f"mm_{hours}h": mm[hours] for hours in SPANS_H} | {
            f"grade_{hours}h": _name([each for each in self._grades.rungs if each.hours == hours], mm[hours])
            for hours in (12, 24)
        }
        facts["detail"] |= {"reached": ", ".join(self._named), "refused": self._intake.refused}
        return facts | (
            {"value": mm[gravest.hours], "threshold": gravest.from_mm} if gravest else {"value": mm[24]}
        )

    def _facts(self, table: Table) -> dict[str, Any]:
        detail = {"confidence": self._confidence, "table": table.effective.isoformat()}
        return {"evidence": tuple(self._recent), "detail": detail}

    def state(self) -> State:
        return {
            "settings": self._mark,
            "intake": self._intake.state(),
            "fallen": self._fallen.state(),
            "ladders": [self._intensity_ladder.state(), self._severity.state()],
            "alarms": [self._intensity.state(), self._rain.state()],
            "named": list(self._named),
            "spent": list(self._spent),
            "calm": self._calm,
            "confidence": self._confidence,
            "recent": [list(each) for each in self._recent],
        }

    def restore(self, state: State) -> None:
        mine(state, self._mark)
        self._intake.restore(state["intake"])
        self._fallen.restore(state["fallen"])
        for ladder, stored in zip((self._intensity_ladder, self._severity), state["ladders"], strict=True):
            ladder.restore(stored)
        for alarm, stored in zip((self._intensity, self._rain), state["alarms"], strict=True):
            alarm.restore(stored)
        self._named, self._spent = list(state["named"]), list(state["spent"])
        self._calm, self._confidence = bool(state["calm"]), float(state["confidence"])
        self._recent = deque(((at_ms, value) for at_ms, value in state["recent"]), EVIDENCE)
        self._look_up(self._fallen.at_ms)


def _name(rungs: Sequence[Rung], mm: float) -> str:
    reached = graded(rungs, mm)
    return rungs[reached - 1].name if reached else "trace"
