"""Supply: low and cut-off, charged by noon, the trend of the daily minimum, mains gone."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.city.supply import CHEMISTRIES, BatteryRule, BatterySettings, MainsRule, MainsSettings
from pipelines.cross.trend import theil_sen
from pipelines.events import Kind, Phase, Severity, Source

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BATTERY = Source("controller", "supply_voltage")
T0 = 20_600 * DAY - 8 * HOUR
"""Midnight of the sun at 120 degrees east."""


def make(**changes):
    return lambda: BatteryRule(BatterySettings(**{"source": BATTERY} | changes))


def volts(start_ms, values, every_ms=MINUTE):
    return [(BATTERY, start_ms + n * every_ms, value) for n, value in enumerate(values)]


def day(number, low, high, every_ms=10 * MINUTE):
    """The night's low at 05, the charger's high from 10 to 15 o'clock of the sun."""
    steps = DAY // every_ms
    values = [
        low + (high - low) * max(0.0, min(1.0, math.sin((24.0 * n / steps - 5) * math.pi / 15) * 1.4))
        for n in range(steps)
    ]
    return volts(T0 + number * DAY, values, every_ms)


def of(events, kind):
    return [event for event in events if event.kind is kind]


def test_low_then_cut_off_then_charged_again(play):
    readings = volts(T0 + 14 * HOUR, [12.5] * 5 + [11.7] * 5 + [11.0] * 5 + [11.9] * 5 + [12.8] * 20)
    events = of(play(make(), readings, T0 + 15 * HOUR), Kind.BATTERY_LOW)
    assert [(event.phase, event.severity, event.detail["level"]) for event in events] == [
        (Phase.OPENED, Severity.WARNING, "low"),
        (Phase.UPDATED, Severity.CRITICAL, "cut_off"),
        (Phase.UPDATED, Severity.WARNING, "low"),
        (Phase.CLOSED, Severity.WARNING, "low"),
    ]
    assert events[0].began_ms == T0 + 14 * HOUR + 5 * MINUTE
    assert events[0].at_ms == T0 + 14 * HOUR + 6 * MINUTE
    assert events[-1].detail["lowest_v"] == 11.0
    assert events[-1].at_ms == T0 + 14 * HOUR + 30 * MINUTE


def test_the_cut_off_itself_is_not_under_it_and_enough_is_enough(play):
    readings = volts(T0 + 14 * HOUR, [11.1] * 5 + [12.3] * 11)
    events = play(make(), readings, T0 + 15 * HOUR)
    assert [(event.phase, event.severity) for event in events] == [
        (Phase.OPENED, Severity.WARNING),
        (Phase.CLOSED, Severity.WARNING),
    ]
    almost = volts(T0 + 14 * HOUR, [11.1] * 5 + [12.29] * 30)
    assert len(play(make(), almost, T0 + 15 * HOUR)) == 1


@pytest.mark.parametrize(("value", "count"), [(11.8, 0), (11.79, 1)])
def test_the_limit_itself_is_not_low(play, value, count):
    assert len(play(make(), volts(T0 + 14 * HOUR, [value] * 4), T0 + 15 * HOUR)) == count


def test_a_load_that_starts_is_not_a_low_battery(play):
    readings = volts(T0 + 14 * HOUR, [12.5, 11.0, 12.5, 11.0, 12.5] * 3, every_ms=30_000)
    assert play(make(), readings, T0 + 15 * HOUR) == []


def test_not_charged_by_noon_until_it_is(play):
    readings = [*day(0, 12.2, 14.2), *day(1, 12.2, 12.9), *day(2, 12.1, 12.7), *day(3, 12.1, 14.2)]
    events = play(make(wearing_days=0.0), readings, T0 + 4 * DAY)
    assert [(event.kind, event.phase) for event in events] == [
        (Kind.BATTERY_NOT_CHARGED, Phase.OPENED),
        (Kind.BATTERY_NOT_CHARGED, Phase.UPDATED),
        (Kind.BATTERY_NOT_CHARGED, Phase.CLOSED),
    ]
    assert events[0].at_ms == T0 + DAY + 12 * HOUR
    assert [event.detail["days"] for event in events[:2]] == [1, 2]
    assert T0 + 3 * DAY < events[2].at_ms < T0 + 3 * DAY + 12 * HOUR


def test_noon_is_the_suns_at_the_place(play):
    (event,) = play(make(longitude_deg=90.0), day(0, 12.2, 12.9), T0 + DAY - 3 * HOUR)
    assert event.at_ms == T0 + 14 * HOUR


def test_a_morning_without_readings_is_not_judged(play):
    readings = [each for each in day(0, 12.2, 12.9) if each[1] >= T0 + 12 * HOUR]
    assert play(make(), readings, T0 + DAY) == []
    assert play(make(chemistry="dc_12"), day(0, 12.2, 12.9), T0 + DAY) == []


def test_a_falling_daily_minimum_tells_the_days_to_cut_off(play):
    readings = [each for n in range(9) for each in day(n, 12.6 - 0.1 * n, 14.2)]
    events = of(play(make(), readings, T0 + 9 * DAY), Kind.BATTERY_WEARING)
    assert [event.phase for event in events] == [Phase.OPENED, Phase.UPDATED]
    assert events[0].at_ms == T0 + 7 * DAY
    assert events[0].detail["volts_per_day"] == pytest.approx(-0.1)
    assert events[0].detail["days_to_cut_off"] == pytest.approx((12.0 - 11.1) / 0.1, abs=0.05)


def test_seven_days_with_a_long_hole_between_are_no_trend(play):
    numbers = [0, 1, 2, 3, 20, 21, 22, 23, 24, 25, 26]
    readings = [each for n in numbers for each in day(n, 12.6 - 0.1 * (n % 20), 14.2)]
    events = of(play(make(), readings, T0 + 27 * DAY - HOUR, tick_ms=HOUR), Kind.BATTERY_WEARING)
    assert events == []
    more = [*readings, *day(27, 11.9, 14.2)]
    (event,) = of(play(make(), more, T0 + 28 * DAY - HOUR, tick_ms=HOUR), Kind.BATTERY_WEARING)
    assert event.at_ms == T0 + 27 * DAY


def test_a_morning_of_two_readings_is_not_judged_and_of_three_is(play):
    for count in (2, 3):
        readings = volts(T0 + 12 * HOUR - count * MINUTE, [12.5] * (count + 1))
        assert len(play(make(), readings, T0 + 13 * HOUR)) == count - 2


def test_one_wild_night_is_no_trend(play):
    lows = [12.4, 12.4, 12.4, 11.85, 12.4, 12.4, 12.4, 12.4]
    readings = [each for n, low in enumerate(lows) for each in day(n, low, 14.2)]
    assert of(play(make(), readings, T0 + 8 * DAY), Kind.BATTERY_WEARING) == []


@pytest.mark.parametrize("chemistry", CHEMISTRIES)
def test_every_row_of_the_table_holds_together(chemistry):
    row = BatterySettings(source=BATTERY, chemistry=chemistry).volts
    assert row == CHEMISTRIES[chemistry]
    assert row.cut_off_v < row.low_v
    assert row.charged_v == 0 or row.charged_v > row.low_v + row.hysteresis_v


def test_what_is_set_goes_before_the_table():
    assert BatterySettings(source=BATTERY, low_v=12.1, charged_v=0.0).volts == (12.1, 11.1, 0.0, 0.5)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"chemistry": "coal"}, "chemistry"),
        ({"cut_off_v": 13.0}, "cut_off_v"),
        ({"charged_v": 11.0}, "charged_v"),
    ],
)
def test_a_wrong_setting_is_named(changes, key):
    with pytest.raises(ValueError, match=f"^{key}: expected"):
        make(**changes)()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.floats(10.5, 12.8), st.floats(12.9, 14.5)), min_size=2, max_size=10),
    st.integers(0, 150),
)
def test_a_restart_changes_nothing(play, days, restart_at):
    readings = [each for n, (low, high) in enumerate(days) for each in day(n, low, high, every_ms=HOUR)]
    until = T0 + len(days) * DAY
    plain = play(make(), readings, until, tick_ms=HOUR)
    assert play(make(), readings, until, tick_ms=HOUR, restart_at=restart_at) == plain
    assert play(make(), readings, until, tick_ms=HOUR, from_ms=T0, ahead_ms={BATTERY: 5 * HOUR}) == plain


def test_mains_that_fail_and_come_back(play):
    values = [231.0, 180.0, 114.9, 3.0, 0.0, 150.0, 183.0, 185.0, 230.0, 230.0, 230.0]
    events = play(
        lambda: MainsRule(MainsSettings(source=BATTERY)), volts(T0, values, every_ms=5_000), T0 + MINUTE
    )
    assert [(event.kind, event.phase, event.value) for event in events] == [
        (Kind.POWER_FAILED, Phase.OPENED, 3.0),
        (Kind.POWER_FAILED, Phase.CLOSED, 230.0),
    ]
    assert events[0].began_ms == T0 + 10_000
    assert events[1].at_ms == T0 + 45_000


@given(
    st.floats(-5, 5), st.floats(-100, 100), st.lists(st.integers(0, 50), min_size=2, max_size=9, unique=True)
)
def test_theil_sen_finds_a_line(slope, offset, xs):
    assert theil_sen([(x, offset + slope * x) for x in xs]) == pytest.approx(slope, abs=1e-9)


def test_theil_sen_is_not_bent_by_a_wild_value_and_needs_two_places():
    assert theil_sen([(0, 0.0), (1, 1.0), (2, 2.0), (3, 90.0), (4, 4.0)]) == 1.0
    assert theil_sen([(1, 5.0), (1, 7.0)]) is None
    assert theil_sen([]) is None
