"""The quality tests that look at one value, or at its distance from the one before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf, isfinite, nan

from drivers.readings import Quality, Value
from pipelines.quality.limits import Limits, Season
from pipelines.quality.verdicts import Name
from pipelines.state import State

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR_MS = 3_600_000


def number(value: Value | None) -> float | None:
    """The value as a number; NaN where it is text, None where it is missing."""
    if value is None:
        return None
    return nan if isinstance(value, str) else float(value)


class Gap:
    """QARTOD test 1: MISSING on the first value after more than `gap_ms` without one.

    The flag tells of the time before, not of the value. The first value of all is NOT_EVALUATED.
    """

    __slots__ = ("_at_ms", "_key", "_longest_ms")
    name = Name.GAP

    def __init__(self, limits: Limits) -> None:
        self._key = limits.key
        self._longest_ms = inf if limits.gap_ms is None else limits.gap_ms
        self._at_ms: int | None = None

    def feed(self, at_ms: int, value: float | None) -> Quality:
        if value is None:
            return Quality.MISSING
        before_ms, self._at_ms = self._at_ms, at_ms
        if before_ms is None:
            return Quality.NOT_EVALUATED
        return Quality.MISSING if at_ms - before_ms > self._longest_ms else Quality.GOOD

    def overdue(self, now_ms: int) -> bool:
        """Whether a gap is open at `now_ms`; never before the first value."""
        return self._at_ms is not None and now_ms - self._at_ms > self._longest_ms

    def state(self) -> State:
        return {"key": self._key, "at_ms": self._at_ms}

    def restore(self, state: State) -> None:
        check_key(self._key, state)
        self._at_ms = state["at_ms"]


class Syntax:
    """QARTOD test 2: BAD if the value is no finite number, or one that stands for "no value"."""

    __slots__ = ("_sentinels",)
    name = Name.SYNTAX

    def __init__(self, limits: Limits) -> None:
        self._sentinels = frozenset(limits.sentinels)

    def feed(self, at_ms: int, value: Value | None) -> Quality:  # noqa: ARG002  every check is fed the same
        got = number(value)
        if got is None:
            return Quality.MISSING
        return Quality.GOOD if isfinite(got) and got not in self._sentinels else Quality.BAD

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        """It remembers nothing."""


class GrossRange:
    """QARTOD test 4: BAD outside the sensor's span, SUSPECT outside the site's; the ends are good."""

    __slots__ = ("_sensor", "_site")
    name = Name.GROSS_RANGE

    def __init__(self, limits: Limits) -> None:
        self._sensor = limits.sensor or (-inf, inf)
        self._site = limits.site or (-inf, inf)

    def feed(self, at_ms: int, value: float | None) -> Quality:  # noqa: ARG002  every check is fed the same
        if value is None or value != value:  # noqa: PLR0124  NaN
            return Quality.MISSING
        if not self._sensor[0] <= value <= self._sensor[1]:
            return Quality.BAD
        return Quality.GOOD if self._site[0] <= value <= self._site[1] else Quality.SUSPECT

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        """It remembers nothing."""


class Climate:
    """The span to expect in the hour of the site's clock that is now; worked out once an hour."""

    __slots__ = ("_offset_ms", "_seasons", "ends_ms", "high", "low")

    def __init__(self, limits: Limits) -> None:
        self._seasons = limits.climatology
        self._offset_ms = limits.utc_offset_min * 60_000
        self.ends_ms = -(1 << 62)
        """`low` and `high` hold before this; NaN where no season holds, so that nothing lies between."""
        self.low, self.high = nan, nan

    def turn(self, at_ms: int) -> None:
        """Make `low` and `high` those of this hour."""
        local_ms = at_ms + self._offset_ms
        start_ms = local_ms - local_ms % HOUR_MS
        self.ends_ms = start_ms + HOUR_MS - self._offset_ms
        clock = _EPOCH + timedelta(milliseconds=start_ms)
        season = last_season(self._seasons, clock.month, clock.hour)
        self.low, self.high = season.span if season else (nan, nan)


def last_season(seasons: tuple[Season, ...], month: int, hour: int) -> Season | None:
    """The last one that holds then."""
    return next((season for season in reversed(seasons) if season.holds(month, hour)), None)


class Climatology:
    """QARTOD test 5: SUSPECT outside the season's span, NOT_EVALUATED where no season holds."""

    __slots__ = ("_climate",)
    name = Name.CLIMATOLOGY

    def __init__(self, limits: Limits) -> None:
        self._climate = Climate(limits)

    def feed(self, at_ms: int, value: float | None) -> Quality:
        if value is None or not isfinite(value):
            return Quality.MISSING
        climate = self._climate
        if at_ms >= climate.ends_ms:
            climate.turn(at_ms)
        if climate.low <= value <= climate.high:
            return Quality.GOOD
        return Quality.SUSPECT if climate.low <= climate.high else Quality.NOT_EVALUATED

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        """It remembers nothing but what time it is."""


class Spike:
    """QARTOD test 6: the value before the newest, by how it stands out from its two neighbours.

    The newest is NOT_EVALUATED; `previous` is the flag of the one before, as it stands for good. A value next
    to one that is missing, or more than `gap_ms` away, has no neighbour there and stays NOT_EVALUATED.
    """

    __slots__ = ("_at_ms", "_fail", "_form", "_gap_ms", "_key", "_older", "_suspect", "_value", "previous")
    name = Name.SPIKE

    def __init__(self, limits: Limits) -> None:
        self._key = limits.key
        self._suspect = inf if limits.spike_suspect is None else limits.spike_suspect
        self._fail = inf if limits.spike_fail is None else limits.spike_fail
        self._form = limits.spike_form
        self._gap_ms = inf if limits.gap_ms is None else limits.gap_ms
        self._at_ms = 0
        self._older, self._value = nan, nan
        self.previous = Quality.NOT_EVALUATED

    def feed(self, at_ms: int, value: float | None) -> Quality:
        newest = nan if value is None or not isfinite(value) else value
        if at_ms - self._at_ms > self._gap_ms:
            self.previous = Quality.MISSING if isnan(self._value) else Quality.NOT_EVALUATED
            self._older, self._value = nan, newest
        else:
            self.previous = self._flag(self._older, self._value, newest)
            self._older, self._value = self._value, newest
        self._at_ms = at_ms
        return Quality.MISSING if isnan(newest) else Quality.NOT_EVALUATED

    @property
    def jumped(self) -> bool:
        """Whether the newest value differs from the one before by so much that it may be a spike."""
        return abs(self._value - self._older) > min(self._suspect, self._fail)

    def _flag(self, older: float, value: float, newer: float) -> Quality:
        if isnan(value):
            return Quality.MISSING
        height = spike_height(self._form, older, value, newer)
        if isnan(height):
            return Quality.NOT_EVALUATED
        if height > self._fail:
            return Quality.BAD
        return Quality.SUSPECT if height > self._suspect else Quality.GOOD

    def state(self) -> State:
        return {
            "key": self._key, "at_ms": self._at_ms, "older": self._older, "value": self._value,
            "previous": int(self.previous),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        check_key(self._key, state)
        self._at_ms, self._older, self._value = state["at_ms"], state["older"], state["value"]
        self.previous = Quality(state["previous"])


def isnan(value: float) -> bool:
    """Whether it is no number."""
    return value != value  # noqa: PLR0124


def spike_height(form: str, older: float, value: float, newer: float) -> float:
    """How far `value` stands out from its neighbours; NaN where one of them is missing."""
    if form == "average":
        return abs(value - (older + newer) / 2)
    rise, fall = value - older, newer - value
    turn = rise * fall
    if isnan(turn):
        return turn
    return min(abs(rise), abs(fall)) if turn < 0 else 0.0


class RateOfChange:
    """QARTOD test 7: SUSPECT where the value changed faster than `rate_suspect_per_s` since the last one.

    And by more than `rate_least`. Over the time that really passed, values missing in between or not. A
    counter that falls has rolled over or begun anew at 0, whichever is the smaller step. The first value is
    NOT_EVALUATED.
    """

    __slots__ = ("_at_ms", "_counts", "_fastest", "_key", "_least", "_rollover", "_value")
    name = Name.RATE_OF_CHANGE

    def __init__(self, limits: Limits) -> None:
        self._key = limits.key
        self._fastest = inf if limits.rate_suspect_per_s is None else limits.rate_suspect_per_s
        self._counts = limits.kind == "counter"
        self._rollover = limits.rollover
        self._least = limits.rate_least
        self._at_ms = 0
        self._value: float | None = None

    def feed(self, at_ms: int, value: float | None) -> Quality:
        if value is None or not isfinite(value):
            return Quality.MISSING
        before_ms, self._at_ms = self._at_ms, at_ms
        before, self._value = self._value, value
        if before is None:
            return Quality.NOT_EVALUATED
        change = value - before
        if change < 0 and self._counts:
            change = counted(change, value, self._rollover)
        change = abs(change)
        too_fast = change / ((at_ms - before_ms) / 1000.0) > self._fastest and change > self._least
        return Quality.SUSPECT if too_fast else Quality.GOOD

    def state(self) -> State:
        return {"key": self._key, "at_ms": self._at_ms, "value": self._value}

    def restore(self, state: State) -> None:
        check_key(self._key, state)
        self._at_ms, self._value = state["at_ms"], state["value"]


def counted(change: float, value: float, rollover: float | None) -> float:
    """What a counter has counted that fell by `-change` to `value`."""
    return value if rollover is None or change + rollover < 0 else min(value, change + rollover)


def check_key(key: str, state: State) -> None:
    """Raise ValueError if the state was made under other limits."""
    if state["key"] != key:
        raise ValueError(f"key: expected the state of limits {key}, got {state['key']}")
