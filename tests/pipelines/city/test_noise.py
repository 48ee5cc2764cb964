"""Noise: energy means and percentiles against plain references, limits by day and night, a dead microphone."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.city.noise import NoiseRule, NoiseSettings
from pipelines.city.noise_levels import LIMITS, Period, energy_of, part_of
from pipelines.events import Kind, Phase, Severity, Source

HOUR = 3_600_000
MINUTE = 60_000
MIC = Source("mic", "noise_level")
NOON = int(datetime(2026, 6, 1, 4, tzinfo=UTC).timestamp() * 1000)
LATE = int(datetime(2026, 6, 1, 14, tzinfo=UTC).timestamp() * 1000)
"""22 o'clock at UTC+8."""


def make(**changes):
    return lambda: NoiseRule(NoiseSettings(**{"source": MIC} | changes))


def street(start_ms, hours, level, spread=6.0, every_ms=10_000):
    """A level that swings evenly by `spread` around its middle."""
    steps = int(hours * HOUR // every_ms)
    return [(MIC, start_ms + n * every_ms, level + spread * ((n % 11) / 10 - 0.5)) for n in range(steps)]


def heard(levels, until_ms=HOUR):
    """A period with these levels, evenly spread."""
    period = Period(0, until_ms)
    for n, level in enumerate(levels):
        period.add(n * until_ms // len(levels), level, energy_of(level))
    return period


@given(st.lists(st.floats(20, 139.9), min_size=12, max_size=300))
def test_leq_is_the_level_of_the_mean_energy(levels):
    naive = 10 * math.log10(math.fsum(10 ** (level / 10) for level in levels) / len(levels))
    assert heard(levels).levels.leq == pytest.approx(naive, abs=1e-9)


def test_half_the_time_is_3_db_less():
    assert heard([60.0, 0.0] * 6).levels.leq == pytest.approx(60 - 10 * math.log10(2), abs=1e-4)


@given(st.lists(st.floats(20, 140), min_size=12, max_size=400))
def test_percentiles_are_within_a_tenth_of_a_db(levels):
    found = heard(levels).levels
    ordered = sorted(levels, reverse=True)
    for share, percentile in ((0.1, found.l10), (0.5, found.l50), (0.9, found.l90)):
        exact = ordered[math.ceil(share * len(levels)) - 1]
        assert abs(percentile - exact) <= 0.1
    assert found.low == min(levels)
    assert found.high == max(levels)
    assert found.n == len(levels)
    assert found.l90 <= found.l50 <= found.l10


def test_levels_beyond_the_histogram_go_to_its_ends():
    found = heard([-5.0, 200.0] * 6).levels
    assert found.l90 == 20.0
    assert found.l10 == 140.0
    assert (found.low, found.high) == (-5.0, 200.0)
    assert heard([140.06] * 12).levels.l50 == 140.0


def test_a_period_counts_from_nine_of_its_twelve_parts_on():
    period = Period(0, 300_000)
    for n in range(8):
        period.add(n * 25_000, 60.0, 1e6)
    assert period.levels is None
    period.add(8 * 25_000, 60.0, 1e6)
    assert period.levels.n == 9


@pytest.mark.parametrize(
    ("hour_utc", "is_night"), [(13, False), (14, True), (21, True), (22, False), (4, False), (16, True)]
)
def test_night_is_from_22_to_06_of_the_stations_time(hour_utc, is_night):
    at_ms = int(datetime(2026, 6, 1, hour_utc, tzinfo=UTC).timestamp() * 1000)
    assert part_of(at_ms, 480) % 2 == is_night


def test_days_and_nights_are_counted_without_a_hole():
    parts = [part_of(NOON + n * HOUR, 480) for n in range(72)]
    assert [b - a for a, b in pairwise(parts) if b != a] == [1] * 6
    assert part_of(LATE - 1, 480) + 1 == part_of(LATE, 480)


def test_the_hour_over_the_limit_opens_and_the_next_good_one_closes(play):
    readings = [
        *street(NOON, 1, 55),
        *street(NOON + HOUR, 2, 66),
        *street(NOON + 3 * HOUR, 1, 72),
        *street(NOON + 4 * HOUR, 1, 55),
    ]
    events = play(make(area="2"), readings, NOON + 5 * HOUR)
    assert [(event.phase, event.severity) for event in events] == [
        (Phase.OPENED, Severity.WATCH),
        (Phase.UPDATED, Severity.WARNING),
        (Phase.CLOSED, Severity.WARNING),
    ]
    opened, worse, closed = events
    assert opened.kind is Kind.NOISE_LIMIT
    assert opened.threshold == 60.0
    assert opened.began_ms == NOON + HOUR
    assert opened.at_ms == NOON + 2 * HOUR
    assert opened.window == (NOON + HOUR, NOON + 2 * HOUR, 360)
    assert opened.detail["part"] == "day"
    assert worse.detail["periods"] == 3
    assert closed.detail["worst_leq"] == round(worse.value, 1)
    assert closed.value < 60.0


def test_exactly_the_limit_is_not_over_it(play):
    level = [(MIC, NOON + n * MINUTE, 60.0) for n in range(61)]
    assert play(make(area="2", silent_spread_db=0.0), level, NOON + HOUR) == []
    louder = [(MIC, at_ms, 60.01) for _, at_ms, _ in level]
    assert len(play(make(area="2", silent_spread_db=0.0), louder, NOON + HOUR)) == 1


def test_at_22_the_limit_of_the_night_begins(play):
    events = play(make(area="2"), street(LATE - HOUR, 2, 55), LATE + HOUR)
    (event,) = events
    assert event.began_ms == LATE
    assert event.threshold == LIMITS["2"][1] == 50.0
    assert event.detail["part"] == "night"


def test_a_limit_of_ones_own_goes_before_the_area(play):
    assert play(make(area="0", day_limit_db=80.0), street(NOON, 1, 55), NOON + HOUR) == []


def test_ld_and_ln_are_told_once_a_whole_day_and_night_were_heard(play):
    six = LATE - 16 * HOUR
    day, night = street(six, 16, 58, every_ms=30_000), street(LATE, 8, 48, every_ms=30_000)
    loud = street(LATE + 8 * HOUR, 1, 70, every_ms=30_000)
    (event,) = play(make(area="2"), [*day, *night, *loud], LATE + 9 * HOUR)
    assert event.detail["ld"] == pytest.approx(58.4, abs=0.2)
    assert event.detail["ln"] == pytest.approx(48.4, abs=0.2)
    assert event.detail["part_leq"] == pytest.approx(70.4, abs=0.2)


def test_half_a_day_is_no_ld(play):
    readings = [*street(LATE - 8 * HOUR, 8, 58, every_ms=30_000), *street(LATE, 1, 70, every_ms=30_000)]
    event = play(make(area="2"), readings, LATE + HOUR)[-1]
    assert "ld" not in event.detail


def test_a_microphone_that_hears_nothing_is_found_after_an_hour(play):
    hum = [(MIC, NOON + n * 10_000, 41.0 + 0.05 * (n % 3)) for n in range(720)]
    events = play(make(period_ms=300_000), [*hum, *street(NOON + 2 * HOUR, 0.5, 55)], NOON + 3 * HOUR)
    opened, closed = events
    assert (opened.kind, opened.phase) == (Kind.SENSOR_STUCK, Phase.OPENED)
    assert opened.at_ms == NOON + HOUR
    assert opened.began_ms == NOON
    assert closed.phase is Phase.CLOSED
    assert closed.at_ms == NOON + 2 * HOUR + 300_000


def test_a_street_is_not_a_dead_microphone(play):
    assert play(make(area="4a"), street(NOON, 3, 55, spread=2.0), NOON + 3 * HOUR) == []


def test_a_gap_ends_the_event_and_leaves_nothing_of_the_day_before(play):
    readings = [*street(NOON, 1, 75), *street(NOON + 50 * HOUR, 1, 66)]
    events = play(make(area="2"), readings, NOON + 51 * HOUR)
    assert [(event.phase, event.at_ms) for event in events] == [
        (Phase.OPENED, NOON + HOUR),
        (Phase.CLOSED, NOON + 4 * HOUR),
        (Phase.OPENED, NOON + 51 * HOUR),
    ]
    assert events[1].detail == {"closed_because": "too_few_readings"}
    assert events[2].detail["part_leq"] == pytest.approx(66.4, abs=0.2)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(30, 90), min_size=3, max_size=8), st.integers(0, 40), st.integers(0, 2 * HOUR))
def test_neither_a_restart_nor_a_source_that_runs_ahead_changes_anything(play, levels, restart_at, ahead):
    readings = [
        each for n, level in enumerate(levels) for each in street(LATE + n * HOUR, 1, level, every_ms=MINUTE)
    ]
    until = LATE + (len(levels) + 1) * HOUR
    plain = play(make(area="2"), readings, until, tick_ms=10 * MINUTE)
    assert play(make(area="2"), readings, until, tick_ms=10 * MINUTE, restart_at=restart_at) == plain
    assert (
        play(make(area="2"), readings, until, tick_ms=10 * MINUTE, from_ms=LATE, ahead_ms={MIC: ahead})
        == plain
    )


@pytest.mark.parametrize(("changes", "key"), [({"area": "5"}, "area"), ({"period_ms": 420_000}, "period_ms")])
def test_a_wrong_setting_is_named(changes, key):
    with pytest.raises(ValueError, match=f"^{key}: expected"):
        make(**changes)()
