"""How rain is graded: tables by the date from which they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pipelines.events import Severity
from pipelines.water.given import require

DAY_MS = 86_400_000
_CHINA_MS = 8 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """An amount of rain within some hours, and what it is called from there on."""

    name: str
    """As published: `storm`, `warning_blue`."""
    hours: int
    """The stretch the amount falls in."""
    from_mm: float
    """The least amount, mm, compared at 0.1 mm."""
    severity: Severity
    """How grave it is."""

    @property
    def key(self) -> str:
        """Name and hours: a storm of 12 h is another than one of 24 h."""
        return f"{self.name}_{self.hours}h"

    def __post_init__(self) -> None:
        require("hours", "1, 3, 6, 12 or 24", self.hours, fits=self.hours in (1, 3, 6, 12, 24))
        require("from_mm", "over 0", self.from_mm, fits=self.from_mm > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rungs that hold from a day on, until a later table of the same list does."""

    effective: date
    """The first day, by the clock of China (UTC+8)."""
    rungs: tuple[Rung, ...]
    """In rising order of amount where they share their hours."""
    origin: str
    """The document and how far it was seen."""

    @property
    def effective_ms(self) -> int:
        """Midnight of that day, ms UTC."""
        return (self.effective.toordinal() - date(1970, 1, 1).toordinal()) * DAY_MS - _CHINA_MS


def table_at(tables: Sequence[Table], at_ms: int) -> Table:
    """The table that holds at that time; before the first one the first, as nothing better is known."""
    holding = [table for table in tables if table.effective_ms <= at_ms]
    if holding:
        return max(holding, key=lambda table: table.effective_ms)
    return min(tables, key=lambda table: table.effective_ms)


def graded(rungs: Sequence[Rung], mm: float) -> int:
    """How many rungs of one length an amount has reached, rounded to 0.1 mm as the tables are written."""
    rounded = round(mm, 1)
    return sum(rounded >= rung.from_mm for rung in rungs)


def _rungs(hours: int, names: Sequence[str], from_mm: Sequence[float]) -> tuple[Rung, ...]:
    return tuple(
        Rung(name=name, hours=hours, from_mm=mm, severity=_SEVERITY[name])
        for name, mm in zip(names, from_mm, strict=True)
    )


_SEVERITY = {
    "light": Severity.INFO,
    "moderate": Severity.INFO,
    "heavy": Severity.INFO,
    "storm": Severity.WATCH,
    "severe": Severity.WARNING,
    "heavy_storm": Severity.WARNING,
    "extreme": Severity.CRITICAL,
    "extreme_storm": Severity.CRITICAL,
}

_NAMES = ("light", "moderate", "heavy", "storm", "heavy_storm", "extreme_storm")

ACCUMULATED = (
    Table(
        effective=date(2012, 8, 1),
        origin="GB/T 28592-2012 table 1; date and the three storm grades seen, the lower in secondary texts",
        rungs=_rungs(12, _NAMES, (0.1, 5.0, 15.0, 30.0, 70.0, 140.0))
        + _rungs(24, _NAMES, (0.1, 10.0, 25.0, 50.0, 100.0, 250.0)),
    ),
)
"""Grades of 12 h and 24 h; under 0.1 mm is the seventh, a trace."""

INTENSITY = (
    Table(
        effective=date(2012, 8, 1),
        origin="GB/T 28592 grades no single hour. 2.6, 8.1, 16 mm/h: in common use in China, from memory; "
        "20 mm/h: what forecasters there call short-time heavy rain, from memory; 50 mm/h: ours",
        rungs=_rungs(
            1,
            ("light", "moderate", "heavy", "storm", "severe", "extreme"),
            (0.1, 2.6, 8.1, 16.0, 20.0, 50.0),
        ),
    ),
)
"""Classes of one hour, mm, or of the present intensity, mm/h."""

WARNINGS = (
    Table(
        effective=date(2007, 6, 12),
        origin="Rainstorm signals, order 16 (2007) of the China Meteorological Administration: amounts in "
        "secondary texts, the date from memory; a forecast can raise them too, a gauge cannot",
        rungs=(
            Rung(name="warning_blue", hours=12, from_mm=50.0, severity=Severity.WATCH),
            Rung(name="warning_yellow", hours=6, from_mm=50.0, severity=Severity.WATCH),
            Rung(name="warning_orange", hours=3, from_mm=50.0, severity=Severity.WARNING),
            Rung(name="warning_red", hours=3, from_mm=100.0, severity=Severity.CRITICAL),
        ),
    ),
)
"""From which amount a rainstorm warning stands; provinces have tables of their own."""
