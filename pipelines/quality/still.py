"""The quality tests that look back over hours: whether the series moves at all."""

from __future__ import annotations

from math import inf, isfinite

from drivers.readings import Quality
from pipelines.quality.checks import check_key
from pipelines.quality.limits import Limits
from pipelines.quality.stillness import BREAK, Run, Spread
from pipelines.quality.verdicts import Name
from pipelines.state import State


class FlatLine:
    """QARTOD test 8: SUSPECT or BAD once the values have stayed within a range below `flat_eps` for so long.

    By the time that passed, not by a count of readings. Missing values are passed over; a silence longer
    than a quarter of the shorter duration begins a new run. A value at rest (`not_flat_at`, `not_flat_from`)
    is NOT_EVALUATED and ends the run.
    """

    __slots__ = ("_at_ms", "_calm", "_fail_ms", "_full", "_hole_ms", "_key", "_run", "_suspect_ms", "_value")
    name = Name.FLAT_LINE

    def __init__(self, limits: Limits) -> None:
        self._key = limits.key
        self._suspect_ms = inf if limits.flat_suspect_ms is None else limits.flat_suspect_ms
        self._fail_ms = inf if limits.flat_fail_ms is None else limits.flat_fail_ms
        self._hole_ms = flat_hole_ms(limits)
        self._calm, self._full = resting(limits)
        self._run = Run(limits.flat_eps or 0.0)
        self._at_ms = 0
        self._value: float | None = None

    def feed(self, at_ms: int, value: float | None) -> Quality:
        if value is None or not isfinite(value):
            return Quality.MISSING
        if not self._calm < value < self._full:
            self._value = None
            return Quality.NOT_EVALUATED
        run, before = self._run, self._value
        if before is None or at_ms - self._at_ms > self._hole_ms or abs(value - before) >= run.eps:
            run.start(at_ms)
        elif value != before:
            run.shift(self._at_ms, before, at_ms, value)
        self._at_ms, self._value = at_ms, value
        still_ms = at_ms - run.since_ms
        if still_ms >= self._fail_ms:
            return Quality.BAD
        return Quality.SUSPECT if still_ms >= self._suspect_ms else Quality.GOOD

    def state(self) -> State:
        return {"key": self._key, "at_ms": self._at_ms, "value": self._value, "run": self._run.state()}

    def restore(self, state: State) -> None:
        check_key(self._key, state)
        self._at_ms, self._value = state["at_ms"], state["value"]
        self._run.restore(state["run"])


class Attenuated:
    """QARTOD test 10: SUSPECT or BAD where the range of the last `attenuated_window_ms` is too small.

    The window is exact to one part in 64 (`stillness.Spread`). While it has never been filled, or has fewer
    than `attenuated_min_n` values, only a range that suffices is told, the rest is NOT_EVALUATED. Missing
    values, silences and values at rest are taken as by FlatLine.
    """

    __slots__ = ("_at_ms", "_calm", "_fail", "_full", "_hole_ms", "_key", "_min_n", "_spread", "_suspect")
    name = Name.ATTENUATED_SIGNAL

    def __init__(self, limits: Limits) -> None:
        self._key = limits.key
        self._suspect = limits.attenuated_suspect or 0.0
        self._fail = limits.attenuated_fail or 0.0
        self._min_n = limits.attenuated_min_n
        self._hole_ms = spread_hole_ms(limits)
        self._calm, self._full = resting(limits)
        self._spread = Spread(limits.attenuated_window_ms or 1)
        self._at_ms = 0

    def feed(self, at_ms: int, value: float | None) -> Quality:
        if value is None or not isfinite(value):
            return Quality.MISSING
        spread = self._spread
        resting = not self._calm < value < self._full
        if spread.n and (resting or at_ms - self._at_ms > self._hole_ms):
            spread.clear()
        if resting:
            return Quality.NOT_EVALUATED
        self._at_ms = at_ms
        spread.feed(at_ms, value)
        width = spread.high - spread.low
        if width >= self._fail and width >= self._suspect:
            return Quality.GOOD
        if at_ms - spread.since_ms < spread.window_ms or spread.n < self._min_n:
            return Quality.NOT_EVALUATED
        return Quality.BAD if width < self._fail else Quality.SUSPECT

    def state(self) -> State:
        return {"key": self._key, "at_ms": self._at_ms, "spread": self._spread.state()}

    def restore(self, state: State) -> None:
        check_key(self._key, state)
        self._at_ms = state["at_ms"]
        self._spread.restore(state["spread"])


def resting(limits: Limits) -> tuple[float, float]:
    """Values strictly between these are expected to move."""
    calm = -inf if limits.not_flat_at is None else limits.not_flat_at
    return calm, inf if limits.not_flat_from is None else limits.not_flat_from


def flat_hole_ms(limits: Limits) -> float:
    """The longest silence that a run of equal values may hold."""
    shortest = min(limits.flat_suspect_ms or inf, limits.flat_fail_ms or inf)
    return shortest if shortest == inf else shortest // BREAK


def spread_hole_ms(limits: Limits) -> float:
    """The longest silence that the window of the attenuated signal may hold."""
    return inf if limits.attenuated_window_ms is None else limits.attenuated_window_ms // BREAK
