"""Wind: forces, vector means across north, gusts, hysteresis, and cups that do not turn."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.city.cups import direction, sector
from pipelines.city.wind import WindRule, WindSettings, beaufort
from pipelines.events import Kind, Phase, Severity, Source

MINUTE = 60_000
SPEED, VANE, GUST = (
    Source("mast", "wind_speed"),
    Source("mast", "wind_direction"),
    Source("mast", "wind_speed.gust"),
)
T0 = 1_780_272_000_000


def make(**changes):
    return lambda: WindRule(WindSettings(**{"speed": SPEED, "direction": VANE} | changes))


def blow(start_ms, minutes, speed, degrees=None, every_ms=10_000):
    found = []
    for n in range(int(minutes * MINUTE // every_ms)):
        at_ms = start_ms + n * every_ms
        found.append((SPEED, at_ms, speed))
        if degrees is not None:
            found.append((VANE, at_ms, degrees[n % len(degrees)]))
    return found


@pytest.mark.parametrize(
    ("speed", "force"),
    [(0, 0), (0.29, 0), (0.3, 1), (10.79, 5), (10.8, 6), (17.1, 7), (17.2, 8), (32.7, 12), (60, 12)],
)
def test_beaufort_at_its_edges(speed, force):
    assert beaufort(speed) == force


def test_directions_are_meant_as_vectors():
    rays = [math.radians(each) for each in (350, 10)]
    mean = direction(sum(map(math.sin, rays)), sum(map(math.cos, rays)))
    assert min(mean, 360 - mean) < 1e-9
    assert direction(1.0, 0.0) == 90.0


@given(st.lists(st.floats(0, 359.99), min_size=1, max_size=12), st.floats(0, 359.99))
def test_a_sector_does_not_depend_on_where_north_is(degrees, turn):
    turned = [(each + turn) % 360.0 for each in degrees]
    assert sector(turned) == pytest.approx(sector(degrees), abs=1e-6) or len(degrees) == 1
    assert 0 <= sector(degrees) < 360


def test_a_gale_opens_rises_and_ends_with_hysteresis(play):
    readings = [
        *blow(T0, 15, 10, [350, 10]),
        *blow(T0 + 15 * MINUTE, 15, 18, [350, 10]),
        *blow(T0 + 30 * MINUTE, 15, 26, [350, 10]),
        *blow(T0 + 45 * MINUTE, 30, 16, [350, 10]),
        *blow(T0 + 75 * MINUTE, 60, 8, [350, 10]),
    ]
    events = play(make(), readings, T0 + 135 * MINUTE)
    assert [(event.phase, event.severity) for event in events] == [
        (Phase.OPENED, Severity.WARNING),
        (Phase.UPDATED, Severity.CRITICAL),
        (Phase.CLOSED, Severity.CRITICAL),
    ]
    opened, worse, closed = events
    assert opened.kind is Kind.WIND
    assert opened.at_ms <= T0 + 26 * MINUTE
    assert opened.detail["which"] == "mean"
    assert opened.detail["beaufort"] == 8
    assert min(opened.detail["direction_10min"], 360 - opened.detail["direction_10min"]) <= 10
    assert worse.threshold == 24.5
    assert closed.detail["worst_mean"] == 26.0
    assert closed.at_ms >= T0 + 105 * MINUTE, "16 m/s is within the hysteresis of 2 m/s: the calm began later"


def test_one_gust_is_enough_and_its_own_channel_goes_before(play):
    calm = blow(T0, 30, 9.0)
    assert play(make(), calm, T0 + 30 * MINUTE) == []
    peak = [(GUST, T0 + 12 * MINUTE + 3_000, 33.0)]
    events = play(make(gust=GUST), [*calm, *peak], T0 + 30 * MINUTE)
    assert [(event.phase, event.severity, event.value) for event in events] == [
        (Phase.OPENED, Severity.CRITICAL, 33.0)
    ]
    assert events[0].detail["which"] == "gust"
    assert events[0].threshold == 32.7
    assert events[0].at_ms == T0 + 12 * MINUTE + 10_000


@pytest.mark.parametrize(("peak", "count"), [(24.49, 0), (24.5, 1)])
def test_a_limit_is_reached_at_its_own_value(play, peak, count):
    readings = [*blow(T0, 10, 5.0), (SPEED, T0 + 10 * MINUTE, peak)]
    assert len(play(make(), readings, T0 + 11 * MINUTE)) == count


@pytest.mark.parametrize(
    ("mean", "severity", "threshold"),
    [(17.25, Severity.WARNING, 17.2), (24.5, Severity.CRITICAL, 24.5)],
)
def test_a_mean_reaches_its_limits_at_their_own_value(play, mean, severity, threshold):
    (event,) = play(make(gust_warning=90.0, gust_critical=90.0), blow(T0, 5, mean), T0 + 5 * MINUTE)
    assert (event.severity, event.threshold, event.detail["which"]) == (severity, threshold, "mean")
    assert event.window.to_ms - event.window.from_ms == 10 * MINUTE


def test_a_gust_reaches_the_critical_limit_at_its_own_value(play):
    (event,) = play(make(gust=GUST), [*blow(T0, 5, 9.0), (GUST, T0, 32.7)], T0 + 5 * MINUTE)
    assert (event.severity, event.threshold, event.detail["which"]) == (Severity.CRITICAL, 32.7, "gust")


def test_a_gust_ends_only_two_metres_a_second_under_its_limit(play):
    for after, count in ((22.6, 1), (22.4, 2)):
        gusts = [(GUST, T0 + n * MINUTE, 25.0 if n < 5 else after) for n in range(70)]
        events = play(make(gust=GUST), [*blow(T0, 70, 9.0), *gusts], T0 + 70 * MINUTE)
        assert len(events) == count
        assert "direction_10min" not in events[0].detail


def test_a_speed_of_a_tenth_is_still_no_wind_to_the_cups(play):
    swinging = [10.0 * n for n in range(36) for _ in range(10)]
    assert len(play(make(), blow(T0, 61, 0.1, swinging), T0 + 61 * MINUTE)) == 1
    assert play(make(), blow(T0, 61, 0.11, swinging), T0 + 61 * MINUTE) == []
    broken = [
        each for each in blow(T0, 61, 0.0, swinging) if not 0 <= each[1] - T0 - 20 * MINUTE < 5 * MINUTE
    ]
    assert play(make(), broken, T0 + 61 * MINUTE) == [], "an hour with a hole is not judged"


def test_cups_that_stand_while_the_vane_swings_are_stuck(play):
    swinging = [10.0 * n for n in range(36)]
    stuck = blow(T0, 70, 0.0, [each for each in swinging for _ in range(10)])
    moving = blow(T0 + 70 * MINUTE, 10, 3.0, swinging)
    events = play(make(), [*stuck, *moving], T0 + 80 * MINUTE)
    assert [(event.kind, event.phase) for event in events] == [
        (Kind.SENSOR_STUCK, Phase.OPENED),
        (Kind.SENSOR_STUCK, Phase.CLOSED),
    ]
    assert events[0].at_ms == T0 + 60 * MINUTE
    assert events[0].detail["swing_deg"] > 60
    assert events[0].rule == "wind.stuck"


def test_a_gale_that_nobody_measures_any_more_ends_after_an_hour(play):
    opened, closed, again = play(
        make(), [*blow(T0, 15, 20.0), *blow(T0 + 120 * MINUTE, 15, 20.0)], T0 + 135 * MINUTE
    )
    assert opened.phase is again.phase is Phase.OPENED
    assert closed.detail == {"closed_because": "too_few_readings"}
    assert T0 + 84 * MINUTE <= closed.at_ms <= T0 + 86 * MINUTE
    assert again.id != opened.id


@pytest.mark.parametrize("degrees", [[350, 5, 10], [90]])
def test_calm_air_and_a_vane_at_rest_are_no_fault(play, degrees):
    assert play(make(), blow(T0, 150, 0.0, degrees), T0 + 150 * MINUTE) == []


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 40), st.floats(0, 359)), min_size=3, max_size=20),
    st.integers(0, 60_000),
    st.integers(0, 60_000),
    st.integers(0, 60),
)
def test_neither_the_order_of_sources_nor_a_restart_changes_anything(
    play, minutes, speed_ahead, vane_ahead, restart_at
):
    readings = [
        each
        for n, (speed, degrees) in enumerate(minutes)
        for each in blow(T0 + n * MINUTE, 1, speed, [degrees])
    ]
    until = T0 + len(minutes) * MINUTE
    plain = play(make(), readings, until)
    assert play(make(), readings, until, from_ms=T0, ahead_ms={SPEED: speed_ahead, VANE: vane_ahead}) == plain
    assert play(make(), readings, until, restart_at=restart_at) == plain


def test_a_wrong_setting_is_named():
    with pytest.raises(ValueError, match=r"^mean_critical: expected at least"):
        make(mean_warning=30.0)()
