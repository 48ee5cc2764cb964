"""Cups that do not turn: the speed stays nothing for an hour while the vane shows that there is wind."""

from __future__ import annotations

import math
from itertools import pairwise

from pipelines.alarm import Alarm
from pipelines.cross.buckets import Buckets
from pipelines.events import Event, Kind, Nature, Severity, Source, Window
from pipelines.state import State

STEP_MS = 300_000
STEPS = 12


def direction(sine: float, cosine: float) -> float:
    """Degrees from north, clockwise, 0 to 360, of a sum of unit vectors."""
    return math.degrees(math.atan2(sine, cosine)) % 360.0


def sector(degrees: list[float]) -> float:
    """The narrowest sector, deg, that holds all of these directions."""
    if not degrees:
        return 0.0
    found = sorted(degrees)
    gaps = [after - before for before, after in pairwise(found)]
    return 360.0 - max([*gaps, 360.0 - (found[-1] - found[0])])


class Cups:
    """A fault about `source` from speeds never above `least_speed` m/s while the vane swings, deg."""

    __slots__ = ("_alarm", "_cosine", "_judged", "_least_speed", "_least_swing", "_sine", "_speed")

    def __init__(self, rule: str, source: Source, least_speed: float, least_swing: float) -> None:
        self._least_speed = least_speed
        self._least_swing = least_swing
        self._speed = Buckets(STEP_MS, STEPS + 1)
        self._sine = Buckets(STEP_MS, STEPS + 1)
        self._cosine = Buckets(STEP_MS, STEPS + 1)
        self._judged = -1
        self._alarm = Alarm(rule, source, Kind.SENSOR_STUCK, Nature.FAULT)

    def speed(self, at_ms: int, speed: float) -> None:
        self._speed.add(at_ms, speed)

    def vane(self, at_ms: int, sine: float, cosine: float) -> None:
        self._sine.add(at_ms, sine)
        self._cosine.add(at_ms, cosine)

    def tick(self, at_ms: int) -> list[Event]:
        """Judged each five minutes, over the twelve steps that are whole."""
        last = self._speed.step(at_ms) - 1
        if last == self._judged:
            return []
        self._judged = last
        steps = dict(self._speed.steps(last, STEPS))
        if not steps:
            return []
        most = max(step.high for step in steps.values())
        swing = self._swing(last)
        began_ms, until_ms = (last - STEPS + 1) * STEP_MS, (last + 1) * STEP_MS
        facts = {
            "value": most, "threshold": self._least_speed,
            "detail": {"swing_deg": round(swing, 0), "speed_max": most},
            "window": Window(began_ms, until_ms, sum(step.n for step in steps.values())),
        }  # fmt: skip
        if self._alarm.is_open:
            return [self._alarm.closed(at_ms, **facts)] if most > self._least_speed else []
        if len(steps) < STEPS or most > self._least_speed or swing <= self._least_swing:
            return []
        return [self._alarm.opened(began_ms, at_ms, Severity.WATCH, **facts)]

    def _swing(self, last: int) -> float:
        cosines = dict(self._cosine.steps(last, STEPS))
        steps = self._sine.steps(last, STEPS)
        return sector([direction(sine.total, cosines[step].total) for step, sine in steps])

    def state(self) -> State:
        return {
            "buckets": [each.state() for each in (self._speed, self._sine, self._cosine)],
            "judged": self._judged,
            "alarm": self._alarm.state(),
        }

    def restore(self, state: State) -> None:
        for each, kept in zip((self._speed, self._sine, self._cosine), state["buckets"], strict=True):
            each.restore(kept)
        self._judged = int(state["judged"])
        self._alarm.restore(state["alarm"])
