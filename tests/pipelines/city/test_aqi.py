"""Air quality by the hour and by the day: what counts as a mean, when an event opens, and whose table it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.city.aqi import AirQualityRule, AirQualitySettings, Hours
from pipelines.city.aqi_tables import Averaging
from pipelines.events import Phase, Severity, Source

HOUR = 3_600_000
MINUTE = 60_000
PM25, PM10, RH = Source("air", "pm2_5"), Source("air", "pm10"), Source("air", "relative_humidity")
START = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1000)


def make(**changes):
    def made():
        return AirQualityRule(AirQualitySettings(**{"channels": {"pm2_5": PM25, "pm10": PM10}} | changes))

    return made


def series(source, hourly, start_ms=START, every_ms=5 * MINUTE):
    return [
        (source, start_ms + hour * HOUR + into_ms, value)
        for hour, value in enumerate(hourly)
        if value is not None
        for into_ms in range(0, HOUR, every_ms)
    ]


def hourly(events):
    return [event for event in events if event.rule.endswith(".hour")]


def told(events):
    return [(event.phase, event.detail.get("aqi"), event.severity) for event in events]


def test_an_hour_counts_from_three_quarters_of_its_slots_on():
    for slots, mean in ((8, None), (9, 20.0), (12, 20.0)):
        hours = Hours()
        for slot in range(slots):
            hours.add(START + slot * 5 * MINUTE, 20.0)
        assert hours.mean(START // HOUR) == mean
    dense = Hours()
    for second in range(0, 2400, 4):
        dense.add(START + second * 1000, 20.0)
    assert dense.mean(START // HOUR) is None, "40 minutes are not an hour, however many readings they have"


def test_a_day_counts_from_twenty_hours_on():
    hours = Hours()
    last = START // HOUR + 23
    for hour in range(24):
        if hour == 20:
            assert hours.running(START // HOUR + 19, Averaging.HOURS_24) == (9.5, 20)
        for slot in range(12):
            hours.add(START + hour * HOUR + slot * 5 * MINUTE, float(hour))
    assert hours.running(last, Averaging.HOURS_24) == (11.5, 24)
    assert hours.running(last + 4, Averaging.HOURS_24) == (13.5, 20)
    assert hours.running(last + 5, Averaging.HOURS_24) is None
    assert hours.running(last, Averaging.HOURS_8) == (19.5, 8)


def test_an_event_opens_at_the_class_updates_with_it_and_closes_after_two_good_hours(play):
    readings = series(PM25, [40, 90, 90, 130, 40, 90, 40, 40, 40])
    events = hourly(play(make(), readings, START + 9 * HOUR))
    assert told(events) == [
        (Phase.OPENED, 128, Severity.WATCH),  # 100 + 50 * 30 / 55 = 127.3
        (Phase.UPDATED, 172, Severity.WARNING),  # 150 + 50 * 15 / 35 = 171.4
        (Phase.UPDATED, 128, Severity.WATCH),
        (Phase.CLOSED, 60, Severity.WATCH),  # 50 + 50 * 5 / 25
    ]
    opened, *_, closed = events
    assert opened.began_ms == START + HOUR
    assert opened.at_ms == START + 2 * HOUR
    assert opened.source == Source("air")
    assert opened.detail["averaging"] == "hour"
    assert opened.detail["primary"] == "pm2_5"
    assert opened.detail["table"] == "HJ 633-2026"
    assert opened.threshold == 101
    assert closed.at_ms == START + 8 * HOUR
    assert len({event.id for event in events}) == 1


def test_the_24_hour_mean_has_an_event_of_its_own(play):
    events = play(make(), series(PM25, [65.0] * 21), START + 21 * HOUR)
    day = [event for event in events if event.rule.endswith(".day")]
    assert [event.at_ms for event in day] == [START + 20 * HOUR]
    assert day[0].detail["averaging"] == "24_hours"
    assert day[0].detail["hours"] == 20
    assert day[0].detail["mean_pm2_5"] == 65
    assert hourly(events)[0].at_ms == START + HOUR


def test_the_table_changes_at_midnight_of_the_stations_own_time(play):
    midnight = int(datetime(2026, 2, 28, 16, tzinfo=UTC).timestamp() * 1000)
    readings = series(PM25, [74.0, 74.0], start_ms=midnight - HOUR)
    (event,) = hourly(play(make(), readings, midnight + HOUR))
    assert event.began_ms == midnight
    assert event.detail["table"] == "HJ 633-2026"
    assert event.detail["aqi"] == 113  # 100 + 50 * 14 / 55 = 112.7; it was 99 in the hour before


def test_bad_and_missing_values_are_no_part_of_a_mean(play):
    readings = [
        (source, at_ms, value, Quality.BAD if at_ms % (10 * MINUTE) else Quality.GOOD)
        for source, at_ms, value in series(PM25, [300.0] * 2)
    ]
    assert play(make(), readings, START + 3 * HOUR) == []
    gone = [(source, at_ms, None, Quality.MISSING) for source, at_ms, _ in series(PM25, [300.0] * 2)]
    assert play(make(), gone, START + 3 * HOUR) == []
    nonsense = [(source, at_ms, float("nan")) for source, at_ms, _ in series(PM25, [300.0] * 2)]
    assert play(make(), nonsense, START + 3 * HOUR) == []


def test_when_the_readings_end_the_event_does_and_says_why(play):
    events = hourly(play(make(), series(PM25, [200.0] * 2), START + 6 * HOUR))
    assert [event.phase for event in events] == [Phase.OPENED, Phase.CLOSED]
    assert events[1].at_ms == START + 4 * HOUR
    assert events[1].detail["closed_because"] == "too_few_readings"


def test_humid_air_is_said_with_the_index(play):
    humid = series(RH, [95.0])
    (event,) = play(make(humidity=RH), [*series(PM25, [200.0]), *humid], START + HOUR)
    assert event.detail["optical_bias"] == "likely"
    dry = series(RH, [90.0])
    (event,) = play(make(humidity=RH), [*series(PM25, [200.0]), *dry], START + HOUR)
    assert "optical_bias" not in event.detail


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 400)), min_size=3, max_size=8),
    st.integers(0, HOUR),
    st.integers(0, HOUR),
    st.integers(0, 48),
)
def test_neither_the_order_of_sources_nor_a_restart_changes_anything(play, pairs, ahead, other, restart_at):
    readings = [*series(PM25, [pair[0] for pair in pairs]), *series(PM10, [pair[1] for pair in pairs])]
    until = START + (len(pairs) + 3) * HOUR
    plain = play(make(), readings, until, tick_ms=10 * MINUTE)
    assert (
        play(make(), readings, until, tick_ms=10 * MINUTE, from_ms=START, ahead_ms={PM25: ahead, PM10: other})
        == plain
    )
    assert play(make(), readings, until, tick_ms=10 * MINUTE, restart_at=restart_at) == plain


def test_a_state_of_other_settings_is_refused():
    with pytest.raises(ValueError, match="other settings"):
        make(from_class=4)().restore(make()().state())


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"channels": {}}, "channels"),
        ({"channels": {"radon": PM25}}, "channels"),
        ({"from_class": 1}, "from_class"),
    ],
)
def test_a_wrong_setting_is_named(changes, key):
    with pytest.raises(ValueError, match=f"^{key}: expected"):
        make(**changes)()
