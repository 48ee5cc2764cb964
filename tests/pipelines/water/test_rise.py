from __future__ import annotations

import statistics
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.events import Kind, Phase, Severity, Source
from pipelines.water.minutes import Minutes
from pipelines.water.rise import RiseRule, RiseSettings
from pipelines.water.slope import theil_sen

LEVEL = Source("gauge", "water_level")
MINUTE = 60_000
T0 = 1_780_272_000_000


def rule(**settings):
    return RiseRule(RiseSettings(name="rise", source=LEVEL, **settings))


def ramp(minutes, rate, *, base=1.0, still=60):
    """Still water, then `rate` m/h for ever."""
    return [base + max(0, minute - still) / 60 * rate for minute in range(minutes)]


def test_a_steady_rise_is_told_once_half_of_two_windows_have_it(field):
    (event,) = field.play(rule(), field.series(LEVEL, ramp(180, 1.0)), tick=MINUTE)
    assert (event.kind, event.phase, event.severity) == (Kind.WATER_RISE, Phase.OPENED, Severity.WARNING)
    assert 10 <= (event.at_ms - T0) / MINUTE - 60 <= 25
    assert event.threshold == 0.5
    assert event.value == event.detail["rate_m_h"] >= 0.5
    assert {
        "rate_15_min_m_h",
        "rate_30_min_m_h",
        "rate_60_min_m_h",
        "level",
        "confidence",
    } <= event.detail.keys()
    assert event.window.to_ms == event.at_ms


def test_the_time_to_a_stage_is_right_on_a_straight_line(field):
    """At 0.6 m/h from 1 m the stage of 3 m is 200 minutes away: 120, 60 and 30 minutes ahead are told of."""
    events = field.play(rule(warning_m=3.0), field.series(LEVEL, ramp(300, 0.6, still=60)), tick=MINUTE)
    ahead = [event for event in events if event.kind is Kind.WATER_THRESHOLD_AHEAD]
    assert [event.severity.name for event in ahead] == ["WATCH", "WARNING", "CRITICAL", "CRITICAL"]
    assert [(event.at_ms - T0) / MINUTE for event in ahead] == pytest.approx([140, 200, 230, 260], abs=1.1)
    assert [event.detail["minutes"] for event in ahead] == pytest.approx([120, 60, 30, 0], abs=1.1)
    assert ahead[-1].phase is Phase.CLOSED
    assert ahead[-1].detail["outcome"] == "reached"


def test_a_storm_is_seen_before_it_reaches_its_stages_and_ends(field):
    flood = field.noisy(field.storm(24 * 60))
    events = field.play(rule(warning_m=3.0, guarantee_m=4.0), field.series(LEVEL, flood), tick=MINUTE)
    reached = {stage: flood.index(next(h for h in flood if h >= stage)) for stage in (3.0, 4.0)}
    for name, stage in (("warning", 3.0), ("guarantee", 4.0)):
        mine = [event for event in events if event.rule == f"rise.ahead.{name}"]
        assert mine[0].at_ms <= T0 + (reached[stage] - 20) * MINUTE
        assert [event.phase for event in mine].count(Phase.OPENED) == 1
        assert mine[-1].phase is Phase.CLOSED
    rises = [event for event in events if event.rule == "rise"]
    assert [rises[0].phase, rises[-1].phase] == [Phase.OPENED, Phase.CLOSED]
    assert len({event.id for event in rises}) == 1


@pytest.mark.parametrize("every", [10_000, MINUTE, 5 * MINUTE, 10 * MINUTE])
def test_it_works_at_every_usual_interval(field, every):
    minutes = range(0, 240 * MINUTE, every)
    levels = [1.0 + max(0, at - 60 * MINUTE) / (60 * MINUTE) for at in minutes]
    events = field.play(rule(), field.series(LEVEL, levels, every=every), tick=MINUTE)
    assert [event.severity for event in events] == [Severity.WARNING]
    assert (events[0].at_ms - T0) / MINUTE <= 110


def test_the_second_limit_is_critical(field):
    events = field.play(rule(critical_m_h=2.0), field.series(LEVEL, ramp(150, 3.0)), tick=MINUTE)
    assert events[-1].severity is Severity.CRITICAL


def test_neither_a_spike_nor_a_step_of_the_datum_is_a_rise(field):
    spike = field.noisy([1.0] * 90 + [5.0] + [1.0] * 90)
    step = field.noisy([1.0] * 90 + [1.9] * 120)
    for levels in (spike, step):
        assert field.play(rule(), field.series(LEVEL, levels), tick=MINUTE) == []


def test_noise_and_a_slow_tide_are_quiet(field):
    assert field.play(rule(), field.series(LEVEL, field.noisy([1.0] * 1440, scale=0.015)), tick=MINUTE) == []
    tide = field.noisy(field.tide(2 * 1440))
    assert field.play(rule(warning_m=3.5), field.series(LEVEL, tide), tick=MINUTE) == []


def test_a_stage_close_above_is_not_reached_by_a_creep(field):
    creep, rise = ([2.8] * 60 + [2.8 + m / 60 * rate for m in range(240)] for rate in (0.04, 0.08))
    assert field.play(rule(warning_m=3.0), field.series(LEVEL, creep), tick=MINUTE) == []
    events = field.play(rule(warning_m=3.0), field.series(LEVEL, rise), tick=MINUTE)
    assert [event.severity.name for event in events] == ["WATCH", "WARNING", "CRITICAL", "CRITICAL"]
    assert events[-1].detail["outcome"] == "reached"


def test_a_spike_close_under_a_stage_does_not_make_noise_a_rise(field):
    levels = [2.985 + m / 6000 for m in range(80)]
    levels[70] = 3.2
    assert field.play(rule(warning_m=3.0), field.series(LEVEL, levels), tick=MINUTE) == []


def test_one_wild_value_in_ten_minutes_is_no_rise(field):
    levels = [1.0] * 12 + [5.0] + [1.0] * 12
    assert field.play(rule(), field.series(LEVEL, levels, every=10 * MINUTE), tick=MINUTE) == []


def test_the_time_ahead_is_that_of_the_second_soonest_window(field):
    flood = [1.0] * 60 + [1.0 + (m / 60) ** 2 for m in range(100)]
    (event, *_) = field.play(rule(warning_m=4.0, limit_m_h=9.0), field.series(LEVEL, flood), tick=MINUTE)
    by_30_min = (4.0 - event.detail["level"]) / event.detail["rate_30_min_m_h"] * 60
    assert event.detail["rate_15_min_m_h"] > event.detail["rate_30_min_m_h"] > event.detail["rate_60_min_m_h"]
    assert event.detail["minutes"] == pytest.approx(by_30_min, rel=0.05)


@pytest.mark.parametrize("slow", range(121, 126))
def test_a_slow_rise_that_turns_fast_is_judged_at_once(field, slow):
    """At 0.2 m/h it is judged once in 5 minutes; 4 m/h after it is 5 cm more within a minute."""
    levels = [1.0 + m / 300 for m in range(slow)]
    levels += [levels[-1] + m / 15 for m in range(1, 30)]
    (event, *_) = field.play(rule(), field.series(LEVEL, levels), tick=MINUTE)
    always = field.play(rule(warning_m=1.6), field.series(LEVEL, levels), tick=MINUTE)
    assert event.at_ms == next(each.at_ms for each in always if each.rule == "rise")


def test_a_rise_goes_on_until_it_is_well_under_its_limit(field):
    levels = ramp(120, 1.0) + [2.0 + m / 150 for m in range(180)] + [3.2 + m / 200 for m in range(120)]
    events = field.play(rule(), field.series(LEVEL, levels), tick=MINUTE)
    assert [event.phase for event in events] == [Phase.OPENED, Phase.CLOSED]
    assert 300 <= (events[1].at_ms - T0) / MINUTE <= 370


def test_a_stage_is_far_again_only_when_it_is_well_over_its_minutes(field):
    """25 minutes away at 1 m/h, then 0.2 m/h: the smaller the share, the later it is WARNING again."""
    levels = ramp(120, 1.0) + [2.0 + m / 300 for m in range(60)]
    eased = []
    for share in (1.0, 0.7, 0.4):
        series = field.series(LEVEL, levels)
        events = field.play(rule(warning_m=2.41, clear_ms=0, clear_share=share), series, tick=MINUTE)
        ahead = [event for event in events if event.rule == "rise.ahead.warning"]
        worst = next(n for n, event in enumerate(ahead) if event.severity is Severity.CRITICAL)
        assert ahead[worst + 1].phase is Phase.UPDATED
        eased.append(ahead[worst + 1].at_ms)
    assert eased[0] < eased[1] < eased[2]


def test_a_crest_that_trembles_at_the_stage_is_told_once(field):
    levels = ramp(182, 1.0) + [2.97 + m / 1500 for m in range(40)]
    events = field.play(rule(warning_m=3.0), field.series(LEVEL, levels), tick=MINUTE)
    phases = [event.phase for event in events if event.rule == "rise.ahead.warning"]
    assert (phases.count(Phase.OPENED), phases[-1]) == (1, Phase.CLOSED)


def test_a_stage_that_a_flash_flood_has_passed_is_not_told_as_ahead(field):
    """The lines over 15 and 30 minutes lag: the water stands at 5 m when they see it come to 4 m."""
    flood = [min(level, 5.0) for level in ramp(180, 36.0)]
    events = field.play(rule(warning_m=4.0), field.series(LEVEL, flood), tick=MINUTE)
    assert [(event.kind, event.phase) for event in events][:1] == [(Kind.WATER_RISE, Phase.OPENED)]
    assert not [event for event in events if event.kind is Kind.WATER_THRESHOLD_AHEAD]


def test_the_end_waits_for_its_dwell(field):
    levels = ramp(120, 1.0) + [2.0] * 120
    events = field.play(rule(clear_ms=30 * MINUTE), field.series(LEVEL, levels), tick=MINUTE)
    early = field.play(rule(clear_ms=10 * MINUTE), field.series(LEVEL, levels), tick=MINUTE)
    assert (
        [event.phase for event in events] == [event.phase for event in early] == [Phase.OPENED, Phase.CLOSED]
    )
    assert events[1].at_ms - early[1].at_ms == 20 * MINUTE


def test_rising_asks_for_denser_readings_until_it_has_ended():
    rise = rule()
    seen = []
    for minute, level in enumerate(ramp(120, 0.3) + [1.3] * 120):
        rise.feed(LEVEL, T0 + minute * MINUTE, level, Quality.GOOD)
        seen.append(rise.rising)
    assert not any(seen[:60])
    assert seen[90]
    assert not seen[-1]


def test_a_gauge_that_fell_silent_is_not_known_to_rise():
    rise = rule()
    for minute, level in enumerate(ramp(120, 1.0)):
        rise.feed(LEVEL, T0 + minute * MINUTE, level, Quality.GOOD)
    last = T0 + 119 * MINUTE
    rise.tick(last + 60 * MINUTE)
    assert rise.rising
    rise.tick(last + 60 * MINUTE + 1)
    assert not rise.rising


def test_doubt_lowers_confidence_and_mutes_nothing(field):
    levels = ramp(180, 1.0)
    sure = field.play(rule(warning_m=3.0), field.series(LEVEL, levels), tick=MINUTE)
    unsure = field.play(
        rule(warning_m=3.0), field.series(LEVEL, levels, quality=Quality.SUSPECT), tick=MINUTE
    )
    assert [(e.id, e.phase, e.severity, e.at_ms, e.value) for e in sure] == [
        (e.id, e.phase, e.severity, e.at_ms, e.value) for e in unsure
    ]
    assert {e.detail["confidence"] for e in sure} == {1.0}
    assert {e.detail["confidence"] for e in unsure} == {0.5}


STEPS = st.lists(st.integers(-30, 60), min_size=20, max_size=80)


@given(steps=STEPS, data=st.data())
@hypothesis_settings(max_examples=40, deadline=None)
def test_no_flag_but_bad_changes_what_is_told_or_when(steps, data):
    unsure = st.sampled_from([Quality.GOOD, Quality.NOT_EVALUATED, Quality.SUSPECT])
    flags = data.draw(st.lists(unsure, min_size=len(steps), max_size=len(steps)))
    runs = []
    for qualities in ([Quality.GOOD] * len(steps), flags):
        rise, level, events = rule(warning_m=3.0, guarantee_m=4.0, critical_m_h=1.0), 1.0, []
        for n, (step, quality) in enumerate(zip(steps, qualities, strict=True)):
            level += step / 1000
            events += rise.feed(LEVEL, T0 + 2 * n * MINUTE, level, quality)
        runs.append(([(e.id, e.phase, e.severity, e.at_ms, e.value) for e in events], rise.rising))
    assert runs[0] == runs[1]


def test_a_value_the_gauge_cannot_report_is_left_out(field):
    levels = ramp(180, 1.0)
    wild = [(LEVEL, T0 + m * MINUTE + 30_000, -99.0, Quality.BAD) for m in range(180)]
    series = field.series(LEVEL, levels)
    assert field.play(rule(), series, wild, tick=MINUTE) == field.play(rule(), series, tick=MINUTE)


@pytest.mark.parametrize("cut", [30, 75, 150, 190, 260, 300, 420])
def test_a_restart_in_the_middle_of_a_flood_changes_nothing(field, cut):
    def anew():
        return rule(warning_m=3.0, guarantee_m=4.0, critical_m_h=1.0)

    series = field.series(LEVEL, field.noisy(field.storm(480)))
    whole = field.play(anew(), series, tick=MINUTE)
    assert len(whole) > 8
    assert field.play(anew(), series, tick=MINUTE, restart_at=cut, anew=anew) == whole


def test_a_state_of_other_settings_is_refused():
    with pytest.raises(ValueError, match="other settings"):
        rule(limit_m_h=1.0).restore(rule().state())


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"limit_m_h": 0.0}, "limit_m_h"),
        ({"critical_m_h": 0.5}, "critical_m_h"),
        ({"least_rise_m": -1.0}, "least_rise_m"),
        ({"clear_share": 0.0}, "clear_share"),
        ({"clear_ms": -1}, "clear_ms"),
        ({"ahead_min": (30.0, 60.0, 120.0)}, "ahead_min"),
        ({"rising_m_h": 0.0}, "rising_m_h"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings, key):
    with pytest.raises(ValueError, match=f"^{key}: expected .*, got "):
        rule(**settings)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=31))
@hypothesis_settings(max_examples=50)
def test_the_slope_is_the_median_of_all_pairs(values):
    times = [float(at) for at in range(len(values))]
    pairs = [(values[b] - values[a]) / (times[b] - times[a]) for a, b in combinations(range(len(values)), 2)]
    slope, now = theil_sen(times, values)
    assert slope == pytest.approx(statistics.median(pairs), abs=1e-9)
    expected = statistics.median([v + slope * (times[-1] - t) for t, v in zip(times, values, strict=True)])
    assert now == pytest.approx(expected, abs=1e-9)


def test_a_quarter_of_the_points_may_be_wrong_at_will():
    times = [float(at) for at in range(30)]
    values = [2.0 + 0.5 * at if at % 4 else -1e6 for at in range(30)]
    slope, now = theil_sen(times, values)
    assert slope == pytest.approx(0.5)
    assert now == pytest.approx(16.5)


def test_a_minute_is_its_median_at_the_middle_of_its_readings():
    minutes = Minutes(15 * MINUTE)
    for second, level in ((0, 1.0), (10, 9.0), (50, 1.2)):
        minutes.add(T0 + second * 1000, level, doubt=second == 10)
    assert minutes.add(T0 + MINUTE, 1.4)
    times, levels, doubts = minutes.points()
    assert (list(times), list(levels), list(doubts)) == ([T0 + 25_000, T0 + MINUTE], [1.2, 1.4], [1, 0])


def test_minutes_are_bounded_whatever_comes():
    minutes = Minutes(60 * MINUTE)
    for n in range(100_000):
        minutes.add(T0 + n * 100, 1.0)
    assert len(minutes.points()[0]) <= 62
    assert len(minutes.state()["now"]) <= 60
