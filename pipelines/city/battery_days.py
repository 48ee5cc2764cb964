"""What a battery's days tell: whether it was charged by noon, and where its daily minimum is heading.

A day is a solar day: it begins at the sun's midnight of the place, the equation of time (16 min) left aside.
"""

from __future__ import annotations

from collections import deque

from pipelines.alarm import Alarm
from pipelines.cross.trend import theil_sen
from pipelines.events import Event, Kind, Nature, Severity, Source
from pipelines.state import State

DAY_MS = 86_400_000
TREND_DAYS = 7
LEAST_MORNING = 3
"""Readings a morning must have to be judged."""
LEAST_FALL_V = 0.01
"""V a day; less is noise."""


class Charging:
    """BATTERY_NOT_CHARGED from the noon of a day whose greatest voltage is under `charged_v` until it is not.

    Detail: days (in a row).
    """

    __slots__ = ("_alarm", "_charged_v", "_day", "_days", "_judged", "_most", "_n", "_noon_ms", "_solar_ms")

    def __init__(self, rule: str, source: Source, charged_v: float, solar_ms: int, noon_ms: int) -> None:
        self._charged_v = charged_v
        self._solar_ms = solar_ms
        self._noon_ms = noon_ms
        self._day, self._judged = -1, -1
        self._n = self._days = 0
        self._most = 0.0
        self._alarm = Alarm(rule, source, Kind.BATTERY_NOT_CHARGED, Nature.FAULT)

    def add(self, at_ms: int, volts: float) -> None:
        day, into_ms = divmod(at_ms + self._solar_ms, DAY_MS)
        if day != self._day:
            self._day, self._n, self._most = day, 0, volts
        self._most = max(self._most, volts)
        self._n += into_ms < self._noon_ms

    def tick(self, at_ms: int) -> list[Event]:
        if not self._charged_v:
            return []
        if self._most >= self._charged_v:
            self._days = 0
            return [self._alarm.closed(at_ms, value=self._most)] if self._alarm.is_open else []
        day, into_ms = divmod(at_ms + self._solar_ms, DAY_MS)
        due = day == self._day and into_ms >= self._noon_ms and self._judged != day
        if not due or self._n < LEAST_MORNING:
            return []
        self._judged = day
        self._days += 1
        facts = {"value": self._most, "threshold": self._charged_v, "detail": {"days": self._days}}
        if self._alarm.is_open:
            return [self._alarm.updated(at_ms, Severity.WATCH, **facts)]
        return [self._alarm.opened(at_ms, at_ms, Severity.WATCH, **facts)]

    def state(self) -> State:
        numbers = [self._day, self._judged, self._n, self._days, self._most]
        return {"numbers": numbers, "alarm": self._alarm.state()}

    def restore(self, state: State) -> None:
        self._day, self._judged, self._n, self._days, self._most = state["numbers"]
        self._alarm.restore(state["alarm"])


class Wearing:
    """BATTERY_WEARING while the trend of the last seven daily minima reaches `cut_off_v` within `days`.

    Detail: days_to_cut_off, volts_per_day.
    """

    __slots__ = ("_alarm", "_cut_off_v", "_day", "_days", "_least", "_minima", "_solar_ms")

    def __init__(self, rule: str, source: Source, cut_off_v: float, solar_ms: int, days: float) -> None:
        self._cut_off_v = cut_off_v
        self._solar_ms = solar_ms
        self._days = days
        self._day = -1
        self._least = 0.0
        self._minima: deque[tuple[int, float]] = deque(maxlen=TREND_DAYS)
        self._alarm = Alarm(rule, source, Kind.BATTERY_WEARING, Nature.FAULT)

    def add(self, at_ms: int, volts: float) -> None:
        day = (at_ms + self._solar_ms) // DAY_MS
        if day != self._day:
            if self._day >= 0:
                self._minima.append((self._day, self._least))
            self._day, self._least = day, volts
        self._least = min(self._least, volts)

    def tick(self, at_ms: int) -> list[Event]:
        """Judged once a day, when there are seven whole days within a fortnight."""
        if len(self._minima) < TREND_DAYS:
            return []
        if self._minima[0][0] < self._day - 2 * TREND_DAYS:
            self._minima.popleft()
            return []
        found = self._judge(at_ms)
        self._minima.popleft()
        return found

    def _judge(self, at_ms: int) -> list[Event]:
        slope = theil_sen(self._minima) or 0.0
        least = self._minima[-1][1]
        left = max(0.0, least - self._cut_off_v) / -slope if slope <= -LEAST_FALL_V else float("inf")
        facts: dict[str, object] = {"value": least, "threshold": self._cut_off_v}
        if left > self._days or not self._days:
            return [self._alarm.closed(at_ms, **facts)] if self._alarm.is_open else []
        facts["detail"] = {"days_to_cut_off": round(left, 1), "volts_per_day": round(slope, 3)}
        if self._alarm.is_open:
            return [self._alarm.updated(at_ms, Severity.WATCH, **facts)]
        return [self._alarm.opened(at_ms, at_ms, Severity.WATCH, **facts)]

    def state(self) -> State:
        return {
            "day": self._day, "least": self._least, "minima": list(self._minima),
            "alarm": self._alarm.state(),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        self._day, self._least = int(state["day"]), float(state["least"])
        self._minima.clear()
        self._minima.extend((int(day), float(least)) for day, least in state["minima"])
        self._alarm.restore(state["alarm"])
