"""Air quality index (China): breakpoints by date of effect, and the sub-index they give. Pure arithmetic.

HJ 633-2012 and HJ 633-2026. The 2012 columns agree in many public sources; the two values of 2026 that differ
(PM2.5 60, PM10 120) were seen in one. The hourly columns are the same in both.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

IAQI = (0, 50, 100, 150, 200, 300, 400, 500)

CLASSES = ("excellent", "good", "light", "moderate", "heavy", "severe")
"""Names of classes 1 to 6."""

CLASS_TOPS = (50, 100, 150, 200, 300)


class Averaging(StrEnum):
    """Over how long a concentration was averaged; only with it a sub-index means something."""

    HOUR = "hour"
    HOURS_8 = "8_hours"
    HOURS_24 = "24_hours"


Breakpoints = Mapping[tuple[str, Averaging], tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One edition: in force from the start of `from_day` (days since 1970 in the station's time)."""

    version: str
    from_day: int
    points: Breakpoints


_H1, _H8, _H24 = Averaging.HOUR, Averaging.HOURS_8, Averaging.HOURS_24

_2012: dict[tuple[str, Averaging], tuple[float, ...]] = {
    ("pm2_5", _H24): (0, 35, 75, 115, 150, 250, 350, 500),
    ("pm10", _H24): (0, 50, 150, 250, 350, 420, 500, 600),
    ("so2", _H24): (0, 50, 150, 475, 800, 1600, 2100, 2620),
    ("no2", _H24): (0, 40, 80, 180, 280, 565, 750, 940),
    ("co", _H24): (0, 2, 4, 14, 24, 36, 48, 60),
    ("o3", _H8): (0, 100, 160, 215, 265, 800),
    ("so2", _H1): (0, 150, 500, 650, 800),
    ("no2", _H1): (0, 100, 200, 700, 1200, 2340, 3090, 3840),
    ("co", _H1): (0, 5, 10, 35, 60, 90, 120, 150),
    ("o3", _H1): (0, 160, 200, 300, 400, 800, 1000, 1200),
}  # fmt: skip

_2026: Breakpoints = {
    **_2012,
    ("pm2_5", _H24): (0, 35, 60, 115, 150, 250, 350, 500),
    ("pm10", _H24): (0, 50, 120, 250, 350, 420, 500, 600),
}

TABLES = (
    Table(version="HJ 633-2012", from_day=15399, points=_2012),  # 2012-02-29, the day of issue
    Table(version="HJ 633-2026", from_day=20513, points=_2026),  # 2026-03-01
)
"""Oldest first. Pollutants pm2_5, pm10, so2, no2, o3 in ug/m3, co in mg/m3."""

DECIMALS = {"pm2_5": 0, "pm10": 0, "so2": 0, "no2": 0, "o3": 0, "co": 1}
"""To which a mean is rounded, half to even, before it is looked up: as it is published."""


def table_at(day: int) -> Table:
    """The edition in force on a day; the first for days before it."""
    return next((table for table in reversed(TABLES) if table.from_day <= day), TABLES[0])


def sub_index(table: Table, pollutant: str, averaging: Averaging, concentration: float) -> int | None:
    """The IAQI, rounded up to a whole number; None where the table has no such column or ends below.

    Above the last point of a whole column it is 500. Particles have no hourly column: the hourly mean is
    looked up in that of 24 hours, as hourly reports do.
    """
    points = table.points.get((pollutant, averaging))
    if points is None and pollutant in ("pm2_5", "pm10"):
        points = table.points[pollutant, _H24]
    if points is None or concentration < 0:
        return None
    top = bisect_left(points, concentration)
    if top == len(points):
        return IAQI[-1] if len(points) == len(IAQI) else None
    if top == 0:
        return 0
    low, high = points[top - 1], points[top]
    rise = (IAQI[top] - IAQI[top - 1]) * (concentration - low) / (high - low)
    return IAQI[top - 1] + math.ceil(round(rise, 9))


def class_of(aqi: int) -> int:
    """1 (excellent) to 6 (severe)."""
    return bisect_left(CLASS_TOPS, aqi) + 1


def primary(indices: Mapping[str, int]) -> str:
    """The pollutants with the greatest sub-index, joined by commas; "" while it is not above 50."""
    worst = max(indices.values(), default=0)
    return ",".join(name for name, index in indices.items() if index == worst) if worst > 50 else ""
