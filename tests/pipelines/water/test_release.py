from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.events import Kind, Nature, Phase, Severity, Source
from pipelines.state import decode, encode
from pipelines.water.grid import Levels, Rains
from pipelines.water.ordinary import Ordinary
from pipelines.water.rainfall import Intake, Measure
from pipelines.water.release import RainGauge, ReleaseRule, ReleaseSettings

LEVEL, RAIN, RAIN2 = (
    Source("gauge", "water_level"),
    Source("bucket", "rainfall"),
    Source("hill", "rainfall_total"),
)
UPSTREAM, FLOW = Source("bridge", "water_level"), Source("gauge", "water_velocity")
MINUTE = 60_000
FIVE = 5 * MINUTE
T0 = 1_780_272_000_000


def rule(**settings):
    given = {"rains": (RainGauge(source=RAIN),), "rise_m": 0.3} | settings
    return ReleaseRule(ReleaseSettings(name="release", level=LEVEL, **given))


def wave(minutes, *, begins=480, rise=25, height=1.0, holds=120, base=1.0):
    """A gate opens: up in `rise` minutes, held, and down as fast."""
    up = [(m - begins) / rise for m in range(minutes)]
    down = [(m - begins - holds) / rise for m in range(minutes)]
    return [base + height * (min(max(u, 0), 1) - min(max(d, 0), 1)) for u, d in zip(up, down, strict=True)]


def dry(minutes):
    return [0.0] * (minutes // 5)


def events_of(field, stage, levels, mm, *more, every=MINUTE, **settings):
    return field.play(
        stage,
        field.series(LEVEL, levels, every=every),
        field.series(RAIN, mm, every=FIVE),
        *more,
        tick=MINUTE,
        **settings,
    )


def test_a_release_is_a_happening_that_begins_and_ends(field):
    events = events_of(field, rule(), field.noisy(wave(900)), dry(900))
    assert [(e.kind, e.nature, e.phase) for e in events] == [
        (Kind.WATER_RELEASE, Nature.HAPPENING, Phase.OPENED),
        (Kind.WATER_RELEASE, Nature.HAPPENING, Phase.CLOSED),
    ]
    opening = events[0]
    assert (opening.severity, opening.pictures, opening.threshold) == (Severity.WARNING, True, 0.3)
    assert 480 <= (opening.began_ms - T0) / MINUTE <= 490
    assert (opening.at_ms - T0) / MINUTE <= 505
    assert opening.baseline == pytest.approx(1.0, abs=0.02)
    assert opening.detail["rise_m"] == pytest.approx(opening.value - opening.baseline, abs=0.05)
    assert (opening.detail["shape"], opening.detail["confidence"], opening.detail["rain_mm"]) == (
        "gradual",
        0.7,
        0.0,
    )


def test_a_release_lasts_while_the_level_still_creeps_up(field):
    """0.2 m in 30 minutes is under the limit and over half of it: three hours more."""
    levels = wave(520) + [2.0 + m / 150 for m in range(180)] + [3.2] * 200
    events = events_of(field, rule(), field.noisy(levels), dry(900))
    assert [event.phase for event in events] == [Phase.OPENED, Phase.CLOSED]
    assert (events[1].at_ms - T0) / MINUTE >= 720


def test_the_same_rise_after_rain_is_a_storm(field):
    mm = dry(900)
    mm[80:90] = [3.0] * 10
    assert events_of(field, rule(answer_mm=100.0), field.noisy(wave(900)), mm) == []


def test_without_known_rain_nothing_is_said(field):
    assert field.play(rule(), field.series(LEVEL, wave(900)), tick=MINUTE) == []
    assert events_of(field, rule(), field.noisy(wave(340, begins=200)), dry(340)) == []


def test_velocity_that_goes_along_is_a_release_and_told_at_once(field):
    levels = wave(700, rise=1)
    speeds = [0.5 + 0.8 * (level - 1.0) for level in levels]
    slow = events_of(field, rule(flow=FLOW), field.noisy(levels), dry(700))
    fast = events_of(field, rule(flow=FLOW), field.noisy(levels), dry(700), field.series(FLOW, speeds))
    assert fast[0].at_ms + 2 * FIVE == slow[0].at_ms
    assert (slow[0].detail["shape"], slow[0].detail["confidence"]) == ("step", 0.5)
    assert (fast[0].detail["likely"], fast[0].detail["flow"], fast[0].detail["confidence"]) == (
        "release",
        "up",
        0.9,
    )


def test_velocity_that_falls_while_the_level_rises_is_backwater(field):
    levels = field.noisy(wave(700, rise=60))
    speeds = [0.9 - 0.6 * (level - 1.0) for level in levels]
    events = events_of(field, rule(flow=FLOW), levels, dry(700), field.series(FLOW, speeds))
    assert events[0].detail["likely"] == "backwater"


def test_re_reads_that_confirm_a_step_make_it_known_five_minutes_earlier(field):
    def until(minute, stage):
        return events_of(field, stage, field.noisy(wave(minute, begins=480, rise=1)), dry(minute))

    def borne_out():
        stage = rule()
        stage.confirmed(T0 + 481 * MINUTE)
        return stage

    assert until(490, rule()) == until(485, borne_out()) == []
    (event,) = until(490, borne_out())
    assert event.detail["confidence"] == 0.9


def test_debris_that_stays_for_re_reads_only_is_no_release(field):
    levels = field.noisy([1.0] * 600)
    levels[480:485] = field.noisy([1.6] * 5)
    stage = rule()
    stage.confirmed(T0 + 481 * MINUTE)
    assert events_of(field, stage, levels, dry(600)) == []


def test_a_single_spike_is_left_to_quality_control(field):
    levels = field.noisy([1.0] * 120)
    levels[100] = 4.0
    assert events_of(field, rule(), levels, dry(600), every=FIVE) == []


def test_a_jump_that_stands_still_to_the_last_digit_is_left_to_quality_control(field):
    assert events_of(field, rule(), [1.0] * 500 + [2.0] * 400, dry(900)) == []


def test_a_gauge_that_is_stuck_says_nothing_in_dry_weather(field):
    assert events_of(field, rule(), [1.0] * 1440, dry(1440)) == []


def test_a_tide_becomes_ordinary_and_a_release_on_top_of_it_does_not(field):
    days = 9
    levels = field.noisy(field.tide(days * 1440)[::5])
    stage = rule(rise_m=None)
    assert events_of(field, stage, levels, dry(days * 1440), every=FIVE) == []
    high = [
        level + extra
        for level, extra in zip(levels, wave(len(levels), begins=2400, rise=5, height=1.2), strict=True)
    ]
    events = events_of(field, rule(rise_m=None), high, dry(days * 1440), every=FIVE)
    assert [event.phase for event in events] == [Phase.OPENED, Phase.CLOSED]
    assert 2400 <= (events[0].began_ms - T0) / FIVE <= 2406
    # 0.8 m x 2 pi x 30 min / 745 min = 0.20 m at most, and a quarter over it.
    assert 0.25 <= events[0].threshold <= 0.28


def test_a_daily_release_that_was_told_of_does_not_become_ordinary(field):
    days = 14
    height = [1.0] * (days * 288)
    for day in range(8, days):
        for n, level in enumerate(wave(60, begins=6, rise=5, holds=24)):
            height[day * 288 + 100 + n] = level
    events = events_of(field, rule(rise_m=None), field.noisy(height), dry(days * 1440), every=FIVE)
    assert [event.phase for event in events].count(Phase.OPENED) == 6


# Gauges that contradict each other.


def storm_rain(minutes, *, begins=300):
    mm = dry(minutes)
    for n in range(24):
        mm[begins // 5 + n] = 2.4
    return mm


def test_a_storm_that_the_level_answers_is_no_fault(field):
    levels = field.noisy(field.storm(1440, begins=360))
    assert events_of(field, rule(), levels, storm_rain(1440)) == []


@pytest.mark.parametrize(
    "levels",
    [[1.37] * 1440, [1.37 + 0.004 * math.sin(m / 40) for m in range(1440)]],
    ids=["stuck", "silted"],
)
def test_a_level_that_does_not_answer_the_rain_is_a_fault_until_it_moves(field, levels):
    levels = [*levels, *[1.37 + 0.01 * m for m in range(60)]]
    events = events_of(field, rule(lag_ms=3 * 60 * MINUTE), levels, storm_rain(1500))
    assert [(e.kind, e.nature, e.phase, e.source) for e in events[:2]] == [
        (Kind.SENSOR_DISAGREES, Nature.FAULT, Phase.OPENED, LEVEL),
        (Kind.SENSOR_DISAGREES, Nature.FAULT, Phase.CLOSED, LEVEL),
    ]
    opening = events[0]
    # 30 mm at 2.4 mm per 5 minutes from 300 min on: 13 buckets; the lag of 3 h and 2 h more.
    assert (opening.at_ms - T0) / MINUTE == 300 + 13 * 5 + 5 * 60
    assert (opening.detail["waited_min"], opening.detail["lag_min"]) == (300.0, 180.0)
    assert opening.detail["rain_3h_mm"] > 30
    assert 1440 <= (events[1].at_ms - T0) / MINUTE <= 1455


def test_a_rain_gauge_alone_in_its_rain_does_not_accuse_the_level(field):
    gauges = (RainGauge(source=RAIN), RainGauge(source=RAIN2))
    other = field.series(RAIN2, dry(1500), every=FIVE)
    events = events_of(field, rule(rains=gauges), field.noisy([1.0] * 1500), storm_rain(1500), other)
    assert [event.source for event in events] == [RAIN2]


def test_a_level_that_is_missing_is_another_fault(field):
    assert events_of(field, rule(lag_ms=FIVE), field.noisy([1.0] * 400), storm_rain(900)) == []


def test_the_lag_is_learned_as_the_longest_of_the_answers(field):
    days = 7
    mm, levels = dry(days * 1440), [1.0] * (days * 288)
    for day in range(days):
        mm[day * 288 : day * 288 + 24] = [2.4] * 24
        if day < 6:
            for n in range(96):
                levels[day * 288 + 24 + 3 * day + n] = 1.0 + 0.5 * math.sin(math.pi * n / 96)
    events = events_of(field, rule(lag_ms=12 * 60 * MINUTE), field.noisy(levels), mm, every=FIVE)
    (fault,) = [e for e in events if e.kind is Kind.SENSOR_DISAGREES]
    # The last came 24 + 15 buckets after the rain's first, and that 12 before the 30 mm.
    assert 27 * 5 <= fault.detail["lag_min"] <= 30 * 5


def test_a_rain_gauge_that_is_dry_while_another_is_wet_is_suspect_until_it_rains_into_it(field):
    gauges = (RainGauge(source=RAIN), RainGauge(source=RAIN2, measure=Measure.TOTAL))
    mm, total = dry(1200), [max(0, n - 100) * 2.0 for n in range(150)] + [98.0] * 90
    mm[170] = 0.2
    other = field.series(RAIN2, total, every=FIVE)
    events = events_of(field, rule(rains=gauges, answer_mm=500.0), field.noisy([1.0] * 1200), mm, other)
    assert [(e.kind, e.phase, e.source, e.severity) for e in events] == [
        (Kind.SENSOR_DISAGREES, Phase.OPENED, RAIN, Severity.WATCH),
        (Kind.SENSOR_DISAGREES, Phase.CLOSED, RAIN, Severity.WATCH),
    ]
    assert events[0].detail["why"] == "others_wet"
    assert events[0].began_ms == T0 + 106 * FIVE
    assert events[0].at_ms == events[0].began_ms + 15 * MINUTE
    assert events[1].at_ms == T0 + 171 * FIVE


def test_a_river_that_rises_in_two_places_casts_doubt_on_a_dry_rain_gauge(field):
    levels = field.noisy(wave(900, rise=60))
    stage = rule(neighbours=(UPSTREAM,))
    events = events_of(
        field, stage, levels, dry(900), field.series(UPSTREAM, field.noisy(wave(900, begins=470, rise=60)))
    )
    doubts = [event for event in events if event.kind is Kind.SENSOR_DISAGREES]
    assert (doubts[0].source, doubts[0].detail["why"]) == (RAIN, "rivers_rise")
    release = next(event for event in events if event.kind is Kind.WATER_RELEASE)
    assert (release.detail["neighbours"], release.detail["confidence"]) == ("rising", 0.9)


def test_a_rise_alone_is_held_against_a_rain_gauge_for_a_day(field):
    """It may have been a release, and it may not rain for weeks."""
    levels, upstream = wave(2400, rise=60, holds=2400), wave(2400, begins=470, rise=60, holds=2400)
    other = field.series(UPSTREAM, upstream)
    events = events_of(field, rule(neighbours=(UPSTREAM,)), levels, dry(2400), other)
    opened, closed = [event for event in events if event.kind is Kind.SENSOR_DISAGREES]
    last_rise_ms = T0 + (480 + 60 + 30) * MINUTE
    assert closed.phase is Phase.CLOSED
    assert 23.5 * 60 <= (closed.at_ms - last_rise_ms) / MINUTE <= 24 * 60 + 5
    assert opened.id == closed.id


def test_a_step_while_the_neighbours_stand_still_is_hardly_believed(field):
    levels = field.noisy([1.0] * 480 + [1.5] * 420)
    still = field.series(UPSTREAM, [1.0] * 900)
    events = events_of(field, rule(neighbours=(UPSTREAM,)), levels, dry(900), still)
    assert [event.detail["confidence"] for event in events if event.phase is Phase.OPENED] == [0.3]


def test_one_rain_is_held_against_the_level_once(field):
    """Ten hours of rain; the gauge, told of after three hours, moves once and is stuck again."""
    mm = dry(1500)
    mm[60:180] = [2.4] * 120
    levels = [1.0] * 600 + [1.1] * 900
    events = events_of(field, rule(lag_ms=60 * MINUTE), levels, mm)
    assert [event.phase for event in events if event.kind is Kind.SENSOR_DISAGREES] == [
        Phase.OPENED,
        Phase.CLOSED,
    ]


# Whatever comes first.


def test_what_was_a_day_ago_and_more_is_not_taken_for_now():
    levels, rains = Levels(), Rains(Intake(Measure.INTERVAL, interval_ms=FIVE, most_mm_min=10.0))
    for bucket in (*range(10), 325):
        levels.add(bucket * FIVE, 1.0 + bucket)
        rains.add(bucket * FIVE, 2.0)
    assert levels[325] == 326.0
    assert [bucket for bucket in range(330) if not math.isnan(levels[bucket])] == [6, 7, 8, 9, 325]
    assert rains.mm(325, 12) == 2.0
    assert rains.mm(325, 319) == 8.0
    assert math.isnan(rains.mm(324, 12))
    assert math.isnan(levels.rise(325, 6))


def test_a_bucket_is_the_median_of_its_readings_and_bounded():
    levels = Levels()
    for n in range(10_000):
        levels.add(n, float(n % 3))
    assert levels[0] == 1.0
    assert len(levels.state()["now"]) == 60


def mixed(field):
    """Eleven hours with a release, then rain at one gauge that nothing answers: (rule, readings)."""
    gauges = (RainGauge(source=RAIN), RainGauge(source=RAIN2, measure=Measure.TOTAL))
    levels = field.noisy(wave(1500, begins=450, holds=60)[::5])
    total = [0.0] * 160 + [3.0 * n for n in range(20)] + [60.0] * 120
    upstream = field.noisy(wave(1500, begins=440, holds=60)[::5], seed=2)
    series = [
        field.series(LEVEL, levels, every=FIVE),
        field.series(RAIN, [0.0] * 300, every=FIVE),
        field.series(RAIN2, total, every=FIVE),
        field.series(UPSTREAM, upstream, every=FIVE),
        field.series(FLOW, [0.5 + level / 10 for level in levels], every=FIVE),
    ]

    def anew():
        return rule(rains=gauges, neighbours=(UPSTREAM,), flow=FLOW, answer_mm=20.0, lag_ms=60 * MINUTE)

    return anew, sorted((each for one in series for each in one), key=lambda each: (each[1], each[0]))


def by_source(readings):
    return {
        source: [each for each in readings if each[0] == source] for source in {each[0] for each in readings}
    }


@given(data=st.data())
@hypothesis_settings(max_examples=15, deadline=None)
def test_the_order_of_arrival_and_restarts_change_nothing(field, data):
    """Sources arrive in any order and up to 15 minutes ahead of the tick, and the daemon restarts at will."""
    anew, readings = mixed(field)
    plain, other = anew(), anew()
    expected, found = [], []
    waiting = by_source(readings)
    ahead = data.draw(st.lists(st.integers(0, 3), min_size=5, max_size=5))
    restarts = data.draw(st.sets(st.integers(0, 320), max_size=4))
    todo = readings[:]
    for step in range(1, 321):
        now = T0 + step * FIVE
        while todo and todo[0][1] <= now:
            expected += plain.feed(*todo.pop(0))
        expected += plain.tick(now)
        for source, early in zip(
            data.draw(st.permutations(sorted(waiting))) if step % 40 == 1 else sorted(waiting),
            ahead,
            strict=True,
        ):
            while waiting[source] and waiting[source][0][1] <= now + early * FIVE:
                found += other.feed(*waiting[source].pop(0))
        found += other.tick(now)
        if step in restarts:
            state, other = other.state(), anew()
            other.restore(decode(encode(state)))
    assert found == expected
    assert {event.kind for event in expected} == {Kind.WATER_RELEASE, Kind.SENSOR_DISAGREES}


def test_bad_values_and_texts_are_left_out(field):
    stage, plain = rule(), rule()
    levels = field.noisy(wave(900))
    wild = [(LEVEL, T0 + m * MINUTE + 30_000, -99.0, Quality.BAD) for m in range(0, 900, 7)]
    texts = [(LEVEL, T0 + m * MINUTE + 40_000, "high", Quality.GOOD) for m in range(0, 900, 7)]
    assert events_of(field, stage, levels, dry(900), wild, texts) == events_of(field, plain, levels, dry(900))


def test_the_state_is_small():
    stage = rule(neighbours=(UPSTREAM,), flow=FLOW)
    assert len(encode(stage.state())) < 5 * 4096


def test_what_is_ordinary_is_known_after_a_week_and_forgotten_by_halves():
    ordinary = Ordinary()
    for _ in range(2015):
        ordinary.add(0.012)
    assert ordinary.most() is None
    ordinary.add(-1.0)
    assert ordinary.most() == pytest.approx(0.015)
    for _ in range(3):
        ordinary.add(9.9)
    assert ordinary.most() == pytest.approx(2.5)
    for _ in range(208_300):
        ordinary.add(0.0)
    assert sum(ordinary.state()["counts"]) == ordinary.state()["n"] < 110_000
    assert ordinary.most() == pytest.approx(0.015)


def test_a_state_of_other_settings_is_refused():
    with pytest.raises(ValueError, match="other settings"):
        rule(dry_mm=2.0).restore(rule().state())


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"rains": ()}, "rains"),
        ({"neighbours": (LEVEL,)}, "sources"),
        ({"rise_m": 0.0}, "rise_m"),
        ({"least_rise_m": 0.0}, "least_rise_m"),
        ({"margin": 0.9}, "margin"),
        ({"window_ms": 7 * MINUTE}, "window_ms"),
        ({"lag_ms": 13 * 60 * MINUTE}, "lag_ms"),
        ({"clear_ms": -1}, "clear_ms"),
        ({"blocked_mm": 0.0}, "blocked_mm"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings, key):
    with pytest.raises(ValueError, match=f"^{key}: expected .*, got "):
        rule(**settings)
