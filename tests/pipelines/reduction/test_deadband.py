"""Report by exception, against the rule as a person would write it down."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.readings import Quality, Value
from pipelines.reduction.deadband import Deadband, DeadbandSettings
from pipelines.state import decode, encode

GOOD, SUSPECT, BAD, MISSING = Quality.GOOD, Quality.SUSPECT, Quality.BAD, Quality.MISSING


class Given(NamedTuple):
    after_ms: int
    value: Value | None
    quality: Quality
    test: str
    alarmed: bool


settings_of = st.builds(
    DeadbandSettings,
    absolute=st.sampled_from([0.0, 0.05, 1.0, 30.0]),
    percent=st.sampled_from([0.0, 1.0, 25.0]),
    at_least_ms=st.sampled_from([1, 5000, 60_000]),
)
numbers = st.floats(-100, 100).map(lambda number: round(number, 2)) | st.integers(-5, 5) | st.floats()
readings = st.lists(
    st.builds(
        Given,
        st.integers(1, 4000),
        numbers | numbers | st.none() | st.booleans() | st.sampled_from(["", "open", "shut"]),
        st.sampled_from([GOOD, GOOD, GOOD, SUSPECT, BAD]),
        st.sampled_from(["", "", "spike"]),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=60,
)


def is_number(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)


def is_near(value: Value | None, last: Value | None, settings: DeadbandSettings) -> bool:
    if is_number(value) and is_number(last):
        band = max(settings.absolute, settings.percent / 100 * abs(last))
        return abs(value - last) <= band
    return not is_number(value) and not is_number(last) and repr(value) == repr(last)


def run(stage: Deadband, series: list[Given], at_ms: int = 0) -> list[bool]:
    said = []
    for given_reading in series:
        at_ms += given_reading.after_ms
        _, value, quality, test, alarmed = given_reading
        said.append(stage.feed(at_ms, value, quality, test, alarmed=alarmed))
    return said


@given(settings_of, readings)
@example(DeadbandSettings(), [Given(1, math.nan, GOOD, "", False)] * 2)
@example(DeadbandSettings(absolute=5.0), [Given(1, True, GOOD, "", False), Given(1, 1, GOOD, "", False)])
def test_what_is_left_out_is_as_near_as_promised(settings: DeadbandSettings, series: list[Given]) -> None:
    reported: tuple[int, Given] | None = None
    at_ms = 0
    for reading, said in zip(series, run(Deadband(settings), series), strict=True):
        at_ms += reading.after_ms
        assert said is not (
            reported is not None
            and not reading.alarmed
            and at_ms - reported[0] < settings.at_least_ms
            and (reading.quality, reading.test) == (reported[1].quality, reported[1].test)
            and is_near(reading.value, reported[1].value, settings)
        )
        if said:
            reported = at_ms, reading


@given(settings_of, readings, st.integers(0, 60))
def test_a_restart_changes_nothing(settings: DeadbandSettings, series: list[Given], at: int) -> None:
    before, after = series[:at], series[at:]
    at_ms = sum(reading.after_ms for reading in before)
    stage, again = Deadband(settings), Deadband(settings)
    run(stage, before)
    again.restore(decode(encode(stage.state())))
    assert run(again, after, at_ms) == run(stage, after, at_ms)
    assert encode(again.state()) == encode(stage.state())


def test_a_slow_drift_is_not_missed() -> None:
    stage = Deadband(DeadbandSettings(absolute=1.0))
    assert run(stage, [Given(1000, n / 4, GOOD, "", False) for n in range(12)]) == [
        n in (0, 5, 10) for n in range(12)
    ]


def test_begin_and_end_of_a_silence_are_told_and_it_is_remembered_now_and_then() -> None:
    stage = Deadband(DeadbandSettings(absolute=10.0, at_least_ms=4000))
    flags = [(1.0, GOOD), *[(None, MISSING)] * 6, (1.0, GOOD), (1.0, GOOD)]
    said = run(stage, [Given(1000, value, quality, "", False) for value, quality in flags])
    assert said == [True, True, False, False, False, True, False, True, False]


def test_a_percentage_is_of_the_last_reported() -> None:
    stage = Deadband(DeadbandSettings(absolute=0.5, percent=10.0))
    values = [100.0, 110.0, 110.1, 99.2, 1.0, 1.5, 1.6]
    said = run(stage, [Given(1, value, GOOD, "", False) for value in values])
    assert said == [True, False, True, False, True, False, True]


def test_a_state_of_other_settings_is_refused_and_leaves_it_as_new() -> None:
    stage = Deadband(DeadbandSettings(absolute=1.0))
    stage.feed(1, 5.0, GOOD)
    other = Deadband(DeadbandSettings(absolute=2.0))
    with pytest.raises(ValueError, match=r"absolute=2\.0"):
        other.restore(stage.state())
    broken = Deadband(DeadbandSettings(absolute=1.0))
    with pytest.raises(ValueError, match="7 is not a valid Quality"):
        broken.restore({**stage.state(), "last": [1, 5.0, 7, ""]})
    assert encode(broken.state()) == encode(Deadband(DeadbandSettings(absolute=1.0)).state())
    assert other.feed(2, 5.0, GOOD)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"absolute": -0.1}, "absolute: expected a number of at least 0, got -0.1"),
        ({"absolute": math.nan}, "absolute: expected a number of at least 0, got nan"),
        ({"percent": 101.0}, "percent: expected 0 to 100, got 101.0"),
        ({"at_least_ms": 0}, "at_least_ms: expected at least 1, got 0"),
    ],
)
def test_settings_that_do_not_hold_are_refused(settings: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        DeadbandSettings(**settings)  # type: ignore[arg-type]
