"""All quality tests of one channel in one object: the way of every reading, so it is written for speed.

The tests in `checks` and `still` say what each flag means; here the same arithmetic is done in one go. A
value that syntax or gross range call BAD counts as missing for every other test.
"""

from __future__ import annotations

from functools import lru_cache
from math import inf, nan
from sys import float_info

from drivers.readings import Quality, Value
from pipelines.quality.checks import Climate, check_key, counted, isnan, number, spike_height
from pipelines.quality.limits import Limits
from pipelines.quality.still import flat_hole_ms, resting, spread_hole_ms
from pipelines.quality.stillness import Run, Spread
from pipelines.quality.verdicts import Name, Verdict, aggregate
from pipelines.state import State

_TESTS = (
    Name.SYNTAX, Name.GROSS_RANGE, Name.CLIMATOLOGY, Name.SPIKE, Name.RATE_OF_CHANGE,
    Name.FLAT_LINE, Name.ATTENUATED_SIGNAL, Name.GAP,
)  # fmt: skip
_PLACE = {name: 4 * index for index, name in enumerate(_TESTS)}


def _mark(name: Name, flag: Quality) -> int:
    """One flag as four bits in its test's place; a test without a mark is GOOD."""
    return int(flag) << _PLACE[name]


_OTHERS_OPEN = sum(_mark(name, Quality.NOT_EVALUATED) for name in _TESTS[2:])
_SYNTAX_BAD = _OTHERS_OPEN + _mark(Name.SYNTAX, Quality.BAD) + _mark(Name.GROSS_RANGE, Quality.NOT_EVALUATED)
_RANGE_BAD = _OTHERS_OPEN + _mark(Name.GROSS_RANGE, Quality.BAD)
_SITE = _mark(Name.GROSS_RANGE, Quality.SUSPECT)
_CLIMATE_SUSPECT = _mark(Name.CLIMATOLOGY, Quality.SUSPECT)
_CLIMATE_OPEN = _mark(Name.CLIMATOLOGY, Quality.NOT_EVALUATED)
_RATE = _mark(Name.RATE_OF_CHANGE, Quality.SUSPECT)
_RATE_OPEN = _mark(Name.RATE_OF_CHANGE, Quality.NOT_EVALUATED)
_FLAT_SUSPECT, _FLAT_BAD = (_mark(Name.FLAT_LINE, flag) for flag in (Quality.SUSPECT, Quality.BAD))
_WEAK_SUSPECT, _WEAK_BAD = (_mark(Name.ATTENUATED_SIGNAL, flag) for flag in (Quality.SUSPECT, Quality.BAD))
_REST = _mark(Name.FLAT_LINE, Quality.NOT_EVALUATED) + _mark(Name.ATTENUATED_SIGNAL, Quality.NOT_EVALUATED)
_WEAK_OPEN = _mark(Name.ATTENUATED_SIGNAL, Quality.NOT_EVALUATED)
_GAP = _mark(Name.GAP, Quality.MISSING)
_GAP_OPEN = _mark(Name.GAP, Quality.NOT_EVALUATED)
_ALL_MISSING = sum(_mark(name, Quality.MISSING) for name in _TESTS)

_GOOD: Verdict = (Quality.GOOD, "")
_NEVER_MS = -(1 << 62)
_FOR_EVER_MS = 1 << 61
_MISSED_MS = -1
"""As the longest pause: whatever comes next, comes after one."""

Revision = tuple[int, Quality, str]
"""Time of a reading that was judged before, its new flag, and the test that set it."""


@lru_cache(maxsize=512)
def _verdict(marks: int) -> Verdict:
    return aggregate(_flags(marks))


def _flags(marks: int) -> dict[str, Quality]:
    return {name.value: Quality(marks >> place & 15 or Quality.GOOD) for name, place in _PLACE.items()}


class Series:
    """Judges every value of one channel as it comes, by the tests that its limits ask for."""

    __slots__ = (
        "_at_ms", "_average", "_calm", "_climate", "_counts", "_eps", "_fastest", "_flat_ms", "_full",
        "_high", "_jump", "_limits", "_low", "_marks", "_older", "_pause_ms", "_rise", "_run", "_sentinels",
        "_site_high", "_site_low", "_spread", "_usual_pause_ms", "_value", "_verdict", "_weak", "jumped",
        "revision",
    )  # fmt: skip

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sentinels = frozenset(limits.sentinels)
        self._low, self._high = limits.sensor or (-float_info.max, float_info.max)
        self._site_low, self._site_high = limits.site or (-inf, inf)
        self._climate = Climate(limits) if limits.climatology else None
        self._fastest = _or(limits.rate_suspect_per_s, inf)
        self._counts = limits.kind == "counter"
        self._average = limits.spike_form == "average"
        self._jump = min(_or(limits.spike_suspect, inf), _or(limits.spike_fail, inf))
        self._eps = _or(limits.flat_eps, 0.0)
        self._flat_ms = min(_or(limits.flat_suspect_ms, _FOR_EVER_MS), _or(limits.flat_fail_ms, _FOR_EVER_MS))
        self._run = Run(self._eps) if self._flat_ms < _FOR_EVER_MS else None
        self._weak = max(_or(limits.attenuated_suspect, 0.0), _or(limits.attenuated_fail, 0.0))
        self._spread = Spread(limits.attenuated_window_ms) if limits.attenuated_window_ms else None
        self._calm, self._full = resting(limits)
        self._usual_pause_ms = min(
            _or(limits.gap_ms, _FOR_EVER_MS), flat_hole_ms(limits), spread_hole_ms(limits), _FOR_EVER_MS
        )
        self._begin()

    def _begin(self) -> None:
        self._at_ms, self._value = _NEVER_MS, nan
        self._rise, self._older = nan, nan
        self._pause_ms = self._usual_pause_ms
        self._marks = _ALL_MISSING
        self._verdict: Verdict = (Quality.NOT_EVALUATED, "")
        self.revision: Revision | None = None
        """Set by `judge` where the value before turned out to be a spike and was published as better."""
        self.jumped = False
        """Whether the newest value is so far from the one before that it may turn out to be a spike."""

    def judge(self, at_ms: int, value: Value | None) -> Verdict:  # noqa: C901, PLR0912  calls would cost more
        """The flag of this value and the test that decided it; `revision` then tells of the one before."""
        self.revision = None
        self.jumped = False
        if not isinstance(value, float):
            value = number(value)
            if value is None:
                return self._missing(_ALL_MISSING)
        if not self._low <= value <= self._high or value in self._sentinels:
            return self._missing(_RANGE_BAD if self._readable(value) else _SYNTAX_BAD)
        marks = 0 if self._site_low <= value <= self._site_high else _SITE
        if (climate := self._climate) is not None:
            if at_ms >= climate.ends_ms:
                climate.turn(at_ms)
            if not climate.low <= value <= climate.high:
                marks |= _CLIMATE_SUSPECT if climate.low <= climate.high else _CLIMATE_OPEN
        passed_ms = at_ms - self._at_ms
        rise = step = value - self._value
        if passed_ms > self._pause_ms:
            found, parted = self._resume(at_ms, passed_ms)
            marks |= found
            if parted:
                rise = self._rise = nan
        if abs(step) / (passed_ms / 1000.0) > self._fastest or (step < 0.0 and self._counts):
            marks |= self._rate_mark(step, value, passed_ms)
        if rise > self._jump or -rise > self._jump or self._average:
            self._look_back(value, rise)
        if self._calm < value < self._full:
            if (run := self._run) is not None:
                if step:
                    if -self._eps < step < self._eps:
                        self._shift(run, at_ms, value)
                    else:
                        run.start(at_ms)
                if at_ms - run.since_ms >= self._flat_ms:
                    marks |= self._flat_mark(at_ms - run.since_ms)
            if (spread := self._spread) is not None:
                spread.feed(at_ms, value)
                if spread.high - spread.low < self._weak:
                    marks |= self._weak_mark(at_ms, spread)
        else:
            marks |= self._rest(at_ms)
        self._at_ms, self._value, self._rise, self._marks = at_ms, value, rise, marks
        self._verdict = verdict = _verdict(marks) if marks else _GOOD
        return verdict

    @property
    def flags(self) -> dict[str, Quality]:
        """The newest reading's flag by each test that the limits ask for, as it stood when it came."""
        flags = _flags(self._marks)
        if flags[Name.SPIKE] is Quality.GOOD:
            flags[Name.SPIKE] = Quality.NOT_EVALUATED
        return {name: flags[name] for name in map(str, wanted(self._limits))}

    @property
    def follows(self) -> bool:
        """Whether the newest value has a neighbour before it: none is missing between, and no gap."""
        return not isnan(self._rise)

    def overdue(self, now_ms: int) -> bool:
        """Whether a gap is open at `now_ms`; never before the first value."""
        gap_ms = self._limits.gap_ms
        return gap_ms is not None and self._at_ms != _NEVER_MS and now_ms - self._at_ms > gap_ms

    def _readable(self, value: float) -> bool:
        return -inf < value < inf and value not in self._sentinels

    def _missing(self, marks: int) -> Verdict:
        """Nothing came, or nothing of use: the next value has no neighbour before it."""
        self._pause_ms = _MISSED_MS
        self._rise = nan
        self._marks = marks
        self._verdict = _verdict(marks)
        return self._verdict

    def _resume(self, at_ms: int, passed_ms: int) -> tuple[int, bool]:
        """The first value of all, or after one that was missing, or after a pause.

        Returns its marks, and whether the value before it is no neighbour of it.
        """
        limits = self._limits
        missed, self._pause_ms = self._pause_ms == _MISSED_MS, self._usual_pause_ms
        if passed_ms > _FOR_EVER_MS:
            if self._run is not None:
                self._run.start(at_ms)
            return _GAP_OPEN | _RATE_OPEN, True
        if self._run is not None and passed_ms > flat_hole_ms(limits):
            self._run.start(at_ms)
        if self._spread is not None and passed_ms > spread_hole_ms(limits):
            self._spread.clear()
        gap = limits.gap_ms is not None and passed_ms > limits.gap_ms
        return (_GAP if gap else 0), gap or missed

    def _rate_mark(self, step: float, value: float, passed_ms: int) -> int:
        if step < 0 and self._counts:
            step = counted(step, value, self._limits.rollover)
        step = abs(step)
        too_fast = step / (passed_ms / 1000.0) > self._fastest and step > self._limits.rate_least
        return _RATE if too_fast else 0

    def _look_back(self, value: float, rise: float) -> None:
        """Whether the value before was a spike, now that this one is known; and this one may be."""
        self.jumped = abs(rise) > self._jump
        limits, older, self._older = self._limits, self._older, self._value
        if isnan(rise) or isnan(self._rise):
            return
        if self._average:
            height = spike_height("average", older, self._value, value)
        else:
            height = min(abs(rise), abs(self._rise)) if rise * self._rise < 0 else 0.0
        flag = Quality.GOOD
        if height > _or(limits.spike_fail, inf):
            flag = Quality.BAD
        elif height > _or(limits.spike_suspect, inf):
            flag = Quality.SUSPECT
        if flag > self._verdict[0]:
            self.revision = (self._at_ms, flag, Name.SPIKE.value)

    def _flat_mark(self, still_ms: int) -> int:
        return _FLAT_BAD if still_ms >= _or(self._limits.flat_fail_ms, inf) else _FLAT_SUSPECT

    def _weak_mark(self, at_ms: int, spread: Spread) -> int:
        limits = self._limits
        if at_ms - spread.since_ms < spread.window_ms or spread.n < limits.attenuated_min_n:
            return _WEAK_OPEN
        return _WEAK_BAD if spread.high - spread.low < _or(limits.attenuated_fail, 0.0) else _WEAK_SUSPECT

    def _shift(self, run: Run, at_ms: int, value: float) -> None:
        """A small movement; it goes on with a run only if the value before was in one."""
        if run.since_ms != at_ms and self._calm < self._value < self._full:
            run.shift(self._at_ms, self._value, at_ms, value)
        else:
            run.start(at_ms)

    def _rest(self, at_ms: int) -> int:
        """A value that may stand still for ever."""
        if self._run is not None:
            self._run.start(at_ms)
        if self._spread is not None and self._spread.n:
            self._spread.clear()
        return _REST

    def state(self) -> State:
        return {
            "key": self._limits.key,
            "at_ms": self._at_ms,
            "value": self._value,
            "rise": self._rise,
            "older": self._older,
            "missed": self._pause_ms == _MISSED_MS,
            "marks": self._marks,
            "verdict": [int(self._verdict[0]), self._verdict[1]],
            "run": None if self._run is None else self._run.state(),
            "spread": None if self._spread is None else self._spread.state(),
        }

    def restore(self, state: State) -> None:
        check_key(self._limits.key, state)
        self._at_ms, self._value = int(state["at_ms"]), float(state["value"])
        self._rise, self._older = float(state["rise"]), float(state["older"])
        self.jumped = abs(self._rise) > self._jump
        self._pause_ms = _MISSED_MS if state["missed"] else self._usual_pause_ms
        self._marks = int(state["marks"])
        flag, test = state["verdict"]
        self._verdict = Quality(flag), str(test)
        if self._run is not None:
            self._run.restore(state["run"])
        if self._spread is not None:
            self._spread.restore(state["spread"])


def wanted(limits: Limits) -> tuple[Name, ...]:
    """The tests that these limits ask for; syntax always."""
    asked = {
        Name.SYNTAX: True,
        Name.GROSS_RANGE: limits.sensor or limits.site,
        Name.CLIMATOLOGY: limits.climatology,
        Name.SPIKE: limits.spike_suspect or limits.spike_fail,
        Name.RATE_OF_CHANGE: limits.rate_suspect_per_s,
        Name.FLAT_LINE: limits.flat_suspect_ms or limits.flat_fail_ms,
        Name.ATTENUATED_SIGNAL: limits.attenuated_window_ms,
        Name.GAP: limits.gap_ms,
    }
    return tuple(name for name in _TESTS if asked[name])


def _or(limit: float | None, otherwise: float) -> float:
    return otherwise if limit is None else limit
