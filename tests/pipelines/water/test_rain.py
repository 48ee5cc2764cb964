from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.events import Kind, Phase, Severity, Source
from pipelines.water.grades import ACCUMULATED, INTENSITY, WARNINGS, Rung, Table, graded, table_at
from pipelines.water.rain import RainRule, RainSettings
from pipelines.water.rainfall import BUCKET_MS, Accumulated, Intake, Measure

RAIN = Source("bucket", "rainfall")
MINUTE = 60_000
HOUR = 60 * MINUTE
T0 = 1_780_272_000_000


def rule(**settings):
    return RainRule(RainSettings(name="rain", source=RAIN, **settings))


def intake(measure, **settings):
    return Intake(measure, **{"interval_ms": BUCKET_MS, "most_mm_min": 10.0} | settings)


def play(field, rain, mm, **settings):
    return field.play(rain, field.series(RAIN, mm, every=BUCKET_MS), tick=MINUTE, **settings)


def kinds(events, kind):
    return [
        (str(event.phase), event.severity.name, (event.at_ms - T0) // MINUTE)
        for event in events
        if event.kind is kind
    ]


# The tables.


@pytest.mark.parametrize(
    ("hours", "mm", "name"),
    [
        (24, 0.04, None), (24, 0.1, "light"), (24, 9.9, "light"), (24, 10.0, "moderate"), (24, 24.9, "moderate"),
        (24, 25.0, "heavy"), (24, 49.94, "heavy"), (24, 49.95001, "storm"), (24, 99.9, "storm"),
        (24, 100.0, "heavy_storm"), (24, 249.9, "heavy_storm"), (24, 250.0, "extreme_storm"),
        (12, 4.9, "light"), (12, 5.0, "moderate"), (12, 15.0, "heavy"), (12, 30.0, "storm"), (12, 69.9, "storm"),
        (12, 70.0, "heavy_storm"), (12, 140.0, "extreme_storm"),
    ],
)  # fmt: skip
def test_grades_at_their_edges(hours, mm, name):
    rungs = [rung for rung in table_at(ACCUMULATED, T0).rungs if rung.hours == hours]
    reached = graded(rungs, mm)
    assert (rungs[reached - 1].name if reached else None) == name


def test_a_table_holds_from_midnight_in_china():
    old, new = (
        ACCUMULATED[0],
        Table(effective=date(2027, 1, 1), rungs=ACCUMULATED[0].rungs[:1], origin="a test"),
    )
    midnight = 1_798_732_800_000  # 2026-12-31T16:00:00Z
    assert new.effective_ms == midnight
    for tables in ((old, new), (new, old)):
        assert table_at(tables, midnight - 1) is old
        assert table_at(tables, midnight) is new
    assert table_at((new,), 0) is new


def test_before_the_first_table_the_first_holds():
    assert table_at(ACCUMULATED, 0) is ACCUMULATED[0]


@pytest.mark.parametrize("tables", [ACCUMULATED, INTENSITY, WARNINGS])
def test_rungs_of_equal_length_rise_in_amount_and_never_fall_in_severity(tables):
    for table in tables:
        assert table.origin
        for hours in {rung.hours for rung in table.rungs}:
            rungs = [rung for rung in table.rungs if rung.hours == hours]
            assert sorted({rung.from_mm for rung in rungs}) == [rung.from_mm for rung in rungs]
            assert sorted(rung.severity for rung in rungs) == [rung.severity for rung in rungs]


# What a gauge's number means.


def test_an_interval_is_what_fell_in_it_and_not_before_the_last_reading():
    gauge = intake(Measure.INTERVAL)
    assert gauge.feed(T0, 0.2) == (200_000, T0 - BUCKET_MS)
    assert gauge.feed(T0 + MINUTE, 0.4) == (400_000, T0)
    assert gauge.feed(T0 + HOUR, 0.4) == (400_000, T0 + HOUR - BUCKET_MS)


def test_a_counter_gives_its_steps():
    gauge = intake(Measure.TOTAL)
    assert [gauge.feed(T0 + n * MINUTE, mm)[0] for n, mm in enumerate((812.2, 812.2, 812.4, 814.4))] == [
        0, 0, 200_000, 2_000_000,
    ]  # fmt: skip


def test_a_counter_that_was_reset_has_counted_since():
    gauge = intake(Measure.TOTAL)
    gauge.feed(T0, 500.0)
    assert gauge.feed(T0 + MINUTE, 0.6)[0] == 600_000


def test_a_counter_that_rolled_over_goes_on():
    gauge = intake(Measure.TOTAL, rollover_mm=6553.6)
    gauge.feed(T0, 6553.4)
    assert gauge.feed(T0 + MINUTE, 0.4)[0] == 600_000
    gauge = intake(Measure.TOTAL, rollover_mm=6553.6)
    gauge.feed(T0, 500.0)
    assert gauge.feed(T0 + MINUTE, 0.4)[0] == 400_000


def test_a_counter_that_dropped_out_for_a_reading_has_not_rained_500_mm():
    gauge = intake(Measure.TOTAL)
    assert [gauge.feed(T0 + n * MINUTE, mm)[0] for n, mm in enumerate((500.0, 0.0, 500.0, 500.2))] == [
        0, 0, 0, 200_000,
    ]  # fmt: skip
    assert gauge.refused == 1


def test_an_intensity_is_added_up_over_the_time_gone_and_not_over_a_hole():
    gauge = intake(Measure.INTENSITY)
    assert gauge.feed(T0, 6.0) == (0, T0)
    assert gauge.feed(T0 + MINUTE, 12.0) == (150_000, T0)
    assert gauge.feed(T0 + 5 * HOUR, 12.0)[0] == 3_000_000


def test_more_than_can_fall_is_no_rain_with_a_minute_to_spare():
    for mm, amount in ((20.0, 20_000_000), (20.2, 0)):
        gauge = intake(Measure.TOTAL)
        gauge.feed(T0, 100.0)
        assert gauge.feed(T0 + MINUTE, 100.0 + mm)[0] == amount


def test_a_negative_amount_is_refused():
    gauge = intake(Measure.INTERVAL)
    assert gauge.feed(T0, -0.2)[0] == 0
    assert gauge.refused == 1


STEPS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 50)), min_size=1, max_size=60)


@given(STEPS)
def test_the_sums_are_those_of_all_rain_within_the_span(steps):
    """Against every bucket of the whole history, the one the span cuts through counting by its share."""
    fallen, history, at_ms = Accumulated(), {}, T0
    for minutes, tenths in steps:
        at_ms += minutes * MINUTE
        fallen.advance(at_ms)
        if tenths:
            fallen.add(tenths * 100_000, at_ms)
        bucket = at_ms // BUCKET_MS
        history[bucket] = history.get(bucket, 0) + tenths * 100_000
        for hours in (1, 3, 6, 12, 24):
            oldest = bucket - hours * 12
            expected = sum(amount for when, amount in history.items() if when > oldest)
            expected += history.get(oldest, 0) * (BUCKET_MS - at_ms % BUCKET_MS) // BUCKET_MS
            assert fallen.mm(hours * HOUR) == expected / 1_000_000


@given(amount=st.integers(1, 10**9), minutes=st.integers(0, 1440), at=st.integers(0, BUCKET_MS - 1))
def test_rain_of_an_outage_is_spread_and_none_is_lost(amount, minutes, at):
    fallen = Accumulated()
    now = T0 + at
    fallen.advance(now - minutes * MINUTE)
    fallen.advance(now)
    fallen.add(amount, now - minutes * MINUTE)
    assert sum(fallen.state()["ring"]) == amount
    share = amount / 1e6 * min(1.0, 60 / minutes if minutes else 1.0)
    assert fallen.mm(HOUR) == pytest.approx(share, rel=0.01, abs=4e-4)  # whole millionths, 288 buckets


# The events.


def test_a_cloudburst_is_told_by_class_and_by_amount(field):
    """6 mm in each 5 minutes of the second hour: 72 mm/h, under 50, 20 and 16 mm in the hour from 135, 160, 165."""
    events = play(field, rule(), [0.0] * 12 + [6.0] * 12 + [0.0] * 60)
    assert kinds(events, Kind.RAIN_INTENSITY) == [
        ("opened", "WARNING", 60),
        ("updated", "CRITICAL", 65),
        ("updated", "WARNING", 165),
        ("updated", "WATCH", 190),
        ("closed", "WATCH", 195),
    ]
    amounts = [event for event in events if event.kind is Kind.RAIN_ACCUMULATED]
    assert [event.severity.name for event in amounts][:3] == ["WATCH", "WARNING", "WARNING"]
    named = amounts[-1].detail["reached"].split(", ")
    assert named == [
        "storm_12h",
        "warning_blue_12h",
        "warning_yellow_6h",
        "warning_orange_3h",
        "storm_24h",
        "heavy_storm_12h",
    ]
    assert amounts[-1].phase is Phase.CLOSED
    assert amounts[-1].detail["mm_24h"] == 72.0
    assert amounts[-1].detail["grade_24h"] == "storm"


def test_the_event_of_the_amounts_ends_with_the_rain_and_does_not_come_back_for_a_drizzle(field):
    mm = [0.0] * 12 + [6.0] * 10 + [0.0] * 36 + [0.2] * 12 + [0.0] * 240 + [6.0] * 10
    events = [event for event in play(field, rule(dry_ms=HOUR), mm) if event.kind is Kind.RAIN_ACCUMULATED]
    phases = [event.phase for event in events]
    assert phases.count(Phase.CLOSED) == 1
    closed = events[phases.index(Phase.CLOSED)]
    last_wet = T0 + 21 * BUCKET_MS
    assert closed.at_ms == last_wet + HOUR
    opened = [event.at_ms for event in events if event.phase is Phase.OPENED]
    assert len(opened) == 2
    assert opened[1] >= T0 + 310 * BUCKET_MS


def test_steady_light_rain_is_no_event(field):
    assert play(field, rule(), [0.05] * 288) == []


def test_a_limit_of_the_sites_own(field):
    limit = Rung(name="slope", hours=1, from_mm=5.0, severity=Severity.CRITICAL)
    events = play(field, rule(limits=(limit,)), [0.5] * 12)
    assert kinds(events, Kind.RAIN_ACCUMULATED) == [("opened", "CRITICAL", 45)]
    assert (events[0].value, events[0].threshold) == (pytest.approx(5.0), 5.0)


def test_opens_at_tells_of_less_or_more(field):
    mm = [2.0] * 20
    assert kinds(play(field, rule(opens_at=Severity.INFO), mm), Kind.RAIN_INTENSITY)[0] == (
        "opened",
        "INFO",
        0,
    )
    assert play(field, rule(opens_at=Severity.CRITICAL), mm) == []


def test_the_table_of_the_day_is_used_and_named(field):
    lenient = Table(
        effective=date(2026, 6, 2),
        rungs=(Rung(name="flood", hours=24, from_mm=400.0, severity=Severity.CRITICAL),),
        origin="a test",
    )
    quiet = rule(accumulated=(*ACCUMULATED, lenient), warnings=(lenient,))
    events = play(field, quiet, [4.0] * 12 + [0.0] * 36)
    assert events[0].detail["table"] == "2012-08-01"
    later = T0 + 24 * HOUR
    fresh = rule(accumulated=(*ACCUMULATED, lenient), warnings=(lenient,))
    events = field.play(fresh, field.series(RAIN, [4.0] * 12, every=BUCKET_MS, start=later), tick=MINUTE)
    assert [event for event in events if event.kind is Kind.RAIN_ACCUMULATED] == []


def test_a_gauge_that_fell_silent_has_not_said_that_it_stopped(field):
    events = play(field, rule(), [6.0] * 12)
    assert Phase.CLOSED not in [event.phase for event in events]


def test_doubt_mutes_nothing_and_bad_values_count_nothing(field):
    mm = [0.0] * 6 + [5.0] * 12
    good, unsure, bad = (
        field.play(rule(), field.series(RAIN, mm, every=BUCKET_MS, quality=quality), tick=MINUTE)
        for quality in (Quality.GOOD, Quality.SUSPECT, Quality.BAD)
    )
    assert [(e.id, e.phase, e.severity, e.at_ms) for e in good] == [
        (e.id, e.phase, e.severity, e.at_ms) for e in unsure
    ]
    assert {e.detail["confidence"] for e in unsure} == {0.5}
    assert bad == []


@pytest.mark.parametrize("measure", list(Measure))
@pytest.mark.parametrize("cut", [3, 20, 30, 50])
def test_a_restart_in_the_middle_of_a_storm_changes_nothing(field, measure, cut):
    def anew():
        return rule(measure=measure)

    mm = [0.0] * 12 + [6.0] * 14 + [0.2] * 6 + [0.0] * 60
    total = [sum(mm[: n + 1]) for n in range(len(mm))]
    values = {Measure.INTERVAL: mm, Measure.TOTAL: total, Measure.INTENSITY: [each * 12 for each in mm]}[
        measure
    ]
    whole = play(field, anew(), values)
    assert len(whole) > 6
    assert play(field, anew(), values, restart_at=cut, anew=anew) == whole


@given(st.permutations([Quality.GOOD] * 6 + [Quality.SUSPECT] * 6))
def test_no_flag_but_bad_changes_the_times(flags):
    runs = []
    for qualities in ([Quality.GOOD] * 12, flags):
        rain = rule()
        events = []
        for n, quality in enumerate(qualities):
            events += rain.feed(RAIN, T0 + n * BUCKET_MS, 5.0, quality)
        runs.append([(e.id, e.phase, e.severity, e.at_ms, e.value) for e in events])
    assert runs[0] == runs[1]
    assert runs[0]


def test_a_state_of_other_settings_is_refused():
    with pytest.raises(ValueError, match="other settings"):
        rule(dry_ms=HOUR).restore(rule().state())


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"interval_ms": 0}, "interval_ms"),
        ({"rollover_mm": 0.0}, "rollover_mm"),
        ({"most_mm_min": 0.0}, "most_mm_min"),
        ({"clear_ms": -1}, "clear_ms"),
        ({"dry_ms": 0}, "dry_ms"),
        ({"warnings": ()}, "warnings"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings, key):
    with pytest.raises(ValueError, match=f"^{key}: expected .*, got "):
        rule(**settings)


def test_a_rung_has_a_length_that_is_kept():
    with pytest.raises(ValueError, match=r"^hours: expected .*, got 2"):
        Rung(name="odd", hours=2, from_mm=1.0, severity=Severity.WATCH)
