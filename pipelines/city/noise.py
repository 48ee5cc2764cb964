"""Noise by period against the limits of day and night, and a microphone that hears nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm
from pipelines.city.noise_levels import LIMITS, Levels, Period, energy_of, level_of, part_of
from pipelines.city.settings import demand, expect, fingerprint
from pipelines.cross.inbox import usable
from pipelines.events import Event, Kind, Nature, Severity, Source, Window
from pipelines.state import State

HOUR_MS = 3_600_000
PERIODS_MS = (300_000, 600_000, 900_000, 1_200_000, 1_800_000, HOUR_MS)
DEAF_PERIODS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSettings:
    """Noise limits. Raises ValueError for a setting that does not hold."""

    name: str = "noise"
    """The rule's name; the dead microphone is told of as NAME.silent."""
    source: Source
    """The channel of the level, dB(A)."""
    area: str = "2"
    """Class of functional area of GB 3096: 0, 1, 2, 3, 4a, 4b."""
    day_limit_db: float | None = None
    """dB(A), in place of the area's, from 06 to 22."""
    night_limit_db: float | None = None
    """dB(A), in place of the area's, from 22 to 06."""
    period_ms: int = HOUR_MS
    """Over which Leq is taken: 5, 10, 15, 20, 30 or 60 min."""
    warning_over_db: float = 10.0
    """The event is a WATCH, and a WARNING from this much above the limit on, dB."""
    silent_spread_db: float = 1.0
    """L10 - L90 under this for an hour: the microphone is dead, dB."""
    utc_offset_min: int = 480
    """The station's time, in which day and night begin."""

    def __post_init__(self) -> None:
        demand(self.area in LIMITS, "area", f"one of {', '.join(LIMITS)}", self.area)
        demand(self.period_ms in PERIODS_MS, "period_ms", f"one of {PERIODS_MS}", self.period_ms)
        demand(self.warning_over_db >= 0, "warning_over_db", "0 or more", self.warning_over_db)
        demand(self.silent_spread_db >= 0, "silent_spread_db", "0 or more", self.silent_spread_db)

    def limit_db(self, *, day: bool) -> float:
        """What holds by day or by night."""
        own = self.day_limit_db if day else self.night_limit_db
        return LIMITS[self.area][0 if day else 1] if own is None else own


class Finished(NamedTuple):
    """A period that is over, and what was known then of its day or night."""

    from_ms: int
    until_ms: int
    part: int
    part_leq: float | None
    ld: float | None
    ln: float | None
    levels: Levels | None


class Parts:
    """Ld and Ln: Leq of days (06 to 22) and nights (22 to 06). One counts when 75 % of its periods do."""

    __slots__ = ("_lasts", "_n", "_need", "_total", "_valid", "part")

    def __init__(self, period_ms: int) -> None:
        self._need = [0.75 * hours * HOUR_MS / period_ms for hours in (16, 8)]
        self.part = -1
        self._n, self._total, self._valid = 0, 0.0, 0
        self._lasts: list[float | None] = [None, None]

    def begin(self, part: int) -> None:
        """Another day or night."""
        if part != self.part:
            self.part = part
            self._n, self._total, self._valid = 0, 0.0, 0

    def add(self, energy: float) -> None:
        self._n += 1
        self._total += energy

    def finish(self, period: Period, next_part: int) -> Finished:
        """The period is over, and with it perhaps its day or night."""
        levels = period.levels
        self._valid += levels is not None
        leq, kind = level_of(self._total, self._n) if self._total else None, self.part % 2
        if next_part != self.part and self._valid >= self._need[kind]:
            self._lasts[kind] = leq
        return Finished(
            period.from_ms, period.until_ms, self.part, leq, self._lasts[0], self._lasts[1], levels
        )

    def state(self) -> State:
        return {
            "part": self.part, "n": self._n, "total": self._total, "valid": self._valid,
            "lasts": list(self._lasts),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        self.part, self._valid, self._lasts = int(state["part"]), int(state["valid"]), list(state["lasts"])
        self._n, self._total = int(state["n"]), float(state["total"])


class NoiseRule:
    """An event from the first period whose Leq is over the limit to the first that is not.

    A period that was read too little of says nothing; after three of them the event ends. Detail: leq, l10,
    l50, l90, lmin, lmax (dB(A), this period), part (day | night), part_leq (Ld or Ln so far), worst_leq and
    periods (over the limit, since it began), ld and ln of the last whole day and night, closed_because.
    Of the dead microphone: l10, l90.
    """

    def __init__(self, settings: NoiseSettings) -> None:
        self.settings = settings
        self.sources: Sequence[Source] = (settings.source,)
        self._period: Period | None = None
        self._parts = Parts(settings.period_ms)
        self._finished: list[Finished] = []
        self._worst, self._periods, self._heard_ms = 0.0, 0, 0
        self._quiet_since_ms: int | None = None
        self._alarm = Alarm(settings.name, settings.source, Kind.NOISE_LIMIT, Nature.HAPPENING)
        self._silent = Alarm(f"{settings.name}.silent", settings.source, Kind.SENSOR_STUCK, Nature.FAULT)

    def feed(
        self,
        source: Source,  # noqa: ARG002  there is one
        at_ms: int,
        value: Value | None,
        quality: Quality,
    ) -> Sequence[Event]:
        level = usable(value, quality)
        if level is None:
            return ()
        period = self._period
        if period is None or at_ms >= period.until_ms:
            period = self._begin(at_ms)
        energy = energy_of(level)
        period.add(at_ms, level, energy)
        self._parts.add(energy)
        return ()

    def tick(self, at_ms: int) -> Sequence[Event]:
        if self._period and self._period.until_ms <= at_ms:
            self._finish(self._period)
        found: list[Event] = []
        while self._finished and self._finished[0].until_ms <= at_ms:
            finished = self._finished.pop(0)
            if finished.levels:
                found += self._judge(at_ms, finished, finished.levels)
                found += self._listen(at_ms, finished, finished.levels)
                self._heard_ms = finished.until_ms
        if self._alarm.is_open and at_ms - self._heard_ms >= DEAF_PERIODS * self.settings.period_ms:
            found.append(self._alarm.closed(at_ms, detail={"closed_because": "too_few_readings"}))
        return found

    def _begin(self, at_ms: int) -> Period:
        if self._period:
            self._finish(self._period)
        offset_ms, width = self.settings.utc_offset_min * 60_000, self.settings.period_ms
        from_ms = (at_ms + offset_ms) // width * width - offset_ms
        self._parts.begin(part_of(from_ms, self.settings.utc_offset_min))
        self._period = Period(from_ms, from_ms + width)
        return self._period

    def _finish(self, period: Period) -> None:
        next_part = part_of(period.until_ms, self.settings.utc_offset_min)
        self._finished.append(self._parts.finish(period, next_part))
        self._period = None

    def _judge(self, at_ms: int, finished: Finished, levels: Levels) -> list[Event]:
        limit = self.settings.limit_db(day=finished.part % 2 == 0)
        over = levels.leq > limit
        if not over and not self._alarm.is_open:
            return []
        if not self._alarm.is_open:
            self._worst, self._periods = levels.leq, 0
        self._periods += over
        self._worst = max(self._worst, levels.leq)
        facts = {
            "value": levels.leq, "threshold": limit, "detail": self._detail(finished, levels),
            "window": Window(finished.from_ms, finished.until_ms, levels.n),
        }  # fmt: skip
        if not over:
            return [self._alarm.closed(at_ms, **facts)]
        far = levels.leq >= limit + self.settings.warning_over_db
        severity = Severity.WARNING if far else Severity.WATCH
        if not self._alarm.is_open:
            return [self._alarm.opened(finished.from_ms, at_ms, severity, **facts)]
        return [self._alarm.updated(at_ms, severity, **facts)] if severity != self._alarm.severity else []

    def _detail(self, finished: Finished, levels: Levels) -> dict[str, float | str]:
        figures = {
            "leq": levels.leq, "l10": levels.l10, "l50": levels.l50, "l90": levels.l90, "lmin": levels.low,
            "lmax": levels.high, "worst_leq": self._worst, "periods": self._periods,
            "part_leq": finished.part_leq, "ld": finished.ld, "ln": finished.ln,
        }  # fmt: skip
        known: dict[str, float | str] = {
            key: round(value, 1) for key, value in figures.items() if value is not None
        }
        return known | {"part": "night" if finished.part % 2 else "day"}

    def _listen(self, at_ms: int, finished: Finished, levels: Levels) -> list[Event]:
        """A street is never as even as a microphone that hears nothing."""
        facts = {
            "value": levels.l10 - levels.l90, "threshold": self.settings.silent_spread_db,
            "detail": {"l10": levels.l10, "l90": levels.l90},
            "window": Window(finished.from_ms, finished.until_ms, levels.n),
        }  # fmt: skip
        if levels.l10 - levels.l90 >= self.settings.silent_spread_db:
            self._quiet_since_ms = None
            return [self._silent.closed(at_ms, **facts)] if self._silent.is_open else []
        if self._quiet_since_ms is None:
            self._quiet_since_ms = finished.from_ms
        if self._silent.is_open or finished.until_ms - self._quiet_since_ms < HOUR_MS:
            return []
        return [self._silent.opened(self._quiet_since_ms, at_ms, Severity.WATCH, **facts)]

    def state(self) -> State:
        return {
            "made_by": fingerprint(self.settings),
            "period": self._period.state() if self._period else None,
            "parts": self._parts.state(),
            "finished": [[*each[:-1], each.levels and list(each.levels)] for each in self._finished],
            "worst": [self._worst, self._periods, self._heard_ms],
            "quiet_since_ms": self._quiet_since_ms,
            "alarm": self._alarm.state(),
            "silent": self._silent.state(),
        }

    def restore(self, state: State) -> None:
        expect(state, self.settings)
        self._period = Period.restored(state["period"]) if state["period"] else None
        self._parts.restore(state["parts"])
        self._finished = [
            Finished._make([*facts, levels and Levels(*levels)]) for *facts, levels in state["finished"]
        ]
        self._worst, self._periods, self._heard_ms = state["worst"]
        self._quiet_since_ms = state["quiet_since_ms"]
        self._alarm.restore(state["alarm"])
        self._silent.restore(state["silent"])
