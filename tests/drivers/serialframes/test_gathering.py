"""When a set of readings is handed on, told by a clock that the test turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Quality, Reading
from drivers.serialframes.gathering import Gathering

WIND, HEAT = Reading("wind_speed", 5.9), Reading("air_temperature", 10.0)
CHANNELS = ("wind_speed", "air_temperature")


def gathering(every_s: float = 10.0, fresh_s: float = 3.0, due: float = 0.0) -> Gathering:
    return Gathering(CHANNELS, every_s, fresh_s, due)


def speed(number: float) -> Reading:
    return Reading("wind_speed", number)


def test_a_set_is_handed_on_when_every_channel_is_there_in_their_order() -> None:
    sets = gathering()
    assert sets.add([HEAT], 0.0) is None
    assert sets.add([WIND], 0.5) == [WIND, HEAT]


def test_one_set_an_interval_and_it_is_the_latest() -> None:
    sets = gathering()
    sets.add([WIND, HEAT], 0.0)
    assert all(sets.add([speed(n), HEAT], float(n)) is None for n in range(1, 9))
    assert sets.add([speed(10), HEAT], 10.0) == [speed(10), HEAT]


def test_a_channel_that_stays_away_is_missing_after_the_grace() -> None:
    sets = gathering()
    assert [sets.add([WIND], now) for now in (0.0, 1.0, 2.9)] == [None] * 3
    assert sets.add([WIND], 3.0) == [WIND, Reading("air_temperature", None, Quality.MISSING, "not_received")]


def test_an_old_reading_is_not_handed_on_as_new() -> None:
    sets = gathering()
    sets.add([WIND, HEAT], 0.0)
    sets.add([HEAT], 1.0)
    assert [sets.add([WIND], now) for now in (5.0, 9.5, 12.0)] == [None] * 3
    late = sets.add([WIND], 13.0)
    assert late is not None
    assert late[1].test == "not_received"


def test_nothing_before_it_is_due() -> None:
    sets = gathering(every_s=1.0, due=30.0)
    assert sets.add([WIND, HEAT], 5.0) is None
    assert sets.add([WIND, HEAT], 30.0) == [WIND, HEAT]


def test_a_gauge_slower_than_the_interval_loses_nothing() -> None:
    sets = gathering(every_s=10.0)
    assert all(sets.add([WIND, HEAT], now * 12.0) for now in range(20))


@given(st.lists(st.floats(-0.09, 0.09), min_size=2, max_size=60))
def test_a_gauge_in_step_with_the_interval_loses_nothing_to_jitter(jitter: list[float]) -> None:
    sets = gathering(every_s=1.0)
    assert sets.add([WIND, HEAT], 0.0)
    assert all(sets.add([WIND, HEAT], n + 1 + late) for n, late in enumerate(jitter))


@given(st.lists(st.floats(0.01, 5.0), max_size=200), st.floats(0.5, 20.0))
def test_never_more_than_one_set_an_interval(gaps: list[float], every_s: float) -> None:
    sets, now, given_on = gathering(every_s=every_s), 0.0, 0
    for gap in gaps:
        now += gap
        given_on += sets.add([WIND, HEAT], now) is not None
    assert given_on <= now / every_s + 1.1


@given(st.lists(st.tuples(st.floats(0.0, 2.0), st.booleans()), max_size=100))
def test_no_reading_is_handed_on_twice(steps: list[tuple[float, bool]]) -> None:
    sets, now, seen = gathering(every_s=1.0), 0.0, set()
    for number, (gap, is_wind) in enumerate(steps):
        now += gap
        one = Reading("wind_speed" if is_wind else "air_temperature", number)
        for reading in sets.add([one], now) or []:
            assert reading.value is None or reading.value not in seen
            seen.add(reading.value)
