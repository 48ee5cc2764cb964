"""A pole that is struck, leans, sways, and stands again."""

from __future__ import annotations

import math
import random

import pytest

from pipelines.city.tilt import TiltRule, TiltSettings
from pipelines.events import Kind, Phase, Severity, Source

MINUTE = 60_000
HOUR = 60 * MINUTE
X, Y = Source("pole", "tilt.x"), Source("pole", "tilt.y")
T0 = 1_780_272_000_000 // HOUR * HOUR


def make(**changes):
    return lambda: TiltRule(TiltSettings(**{"source": X} | changes))


def stand(hours, degrees, *, every_ms=MINUTE, source=X, start_ms=T0, sway=0.3, seed=1):
    chance = random.Random(seed)
    steps = int(hours * HOUR // every_ms)
    return [
        (source, start_ms + n * every_ms, degrees(n * every_ms / HOUR) + chance.uniform(-sway, sway))
        for n in range(steps)
    ]


def test_a_pole_that_was_struck_is_critical_within_minutes_with_pictures(play):
    readings = stand(30, lambda hour: 0.5 if hour < 26 else 8.0)
    (event,) = play(make(), readings, T0 + 30 * HOUR)
    assert (event.kind, event.severity, event.pictures) == (Kind.TILTED, Severity.CRITICAL, True)
    assert event.at_ms - (T0 + 26 * HOUR) <= 3 * MINUTE
    assert event.detail["how"] == "struck"
    assert event.detail["change_deg"] == pytest.approx(7.5, abs=0.6)
    assert event.baseline == pytest.approx(0.5, abs=0.2)


def test_it_is_over_when_the_pole_stands_where_it_stood(play):
    readings = stand(40, lambda hour: 8.0 if 26 <= hour < 32 else 0.5)
    events = play(make(), readings, T0 + 40 * HOUR)
    assert [event.phase for event in events] == [Phase.OPENED, Phase.CLOSED]
    assert 30 * MINUTE <= events[1].at_ms - (T0 + 32 * HOUR) <= 34 * MINUTE


def test_a_slow_lean_is_a_warning(play):
    readings = stand(24 * 7, lambda hour: 0.5 + max(0.0, hour - 24) * 0.02, every_ms=5 * MINUTE)
    (event,) = play(make(), readings, T0 + 7 * 24 * HOUR, tick_ms=MINUTE)
    assert (event.severity, event.detail["how"], event.pictures) == (Severity.WARNING, "leaning", False)
    leaned_ms = T0 + 124 * HOUR
    assert leaned_ms - 4 * HOUR <= event.began_ms <= leaned_ms + 10 * HOUR
    assert event.at_ms - event.began_ms == 2 * HOUR


@pytest.mark.parametrize(("lean", "count"), [(2.0, 0), (2.25, 1)])
def test_the_limit_itself_is_not_over_it(play, lean, count):
    readings = stand(40, lambda hour: 0.0 if hour < 26 else lean, every_ms=5 * MINUTE, sway=0.0)
    assert len(play(make(), readings, T0 + 40 * HOUR, tick_ms=MINUTE)) == count


def test_sun_and_wind_are_nothing(play):
    readings = stand(
        24 * 5, lambda hour: 0.5 + 0.8 * math.sin(hour * math.pi / 12), every_ms=5 * MINUTE, sway=2.5
    )
    assert play(make(), readings, T0 + 5 * 24 * HOUR, tick_ms=MINUTE) == []


def test_two_wild_readings_are_nothing(play):
    readings = [
        (source, at_ms, 60.0 if n % 50 in (20, 21) else value)
        for n, (source, at_ms, value) in enumerate(stand(30, lambda _: 0.5))
    ]
    assert play(make(), readings, T0 + 30 * HOUR) == []


def test_two_axes_count_as_one_vector(play):
    both = [
        *stand(30, lambda hour: 0.0 if hour < 26 else 2.5, sway=0.0),
        *stand(30, lambda hour: 0.0 if hour < 26 else 2.5, source=Y, sway=0.0),
    ]
    (event,) = play(make(cross_source=Y), both, T0 + 30 * HOUR)
    assert event.detail["change_deg"] == pytest.approx(3.54, abs=0.01)
    assert play(make(), [each for each in both if each[0] == X], T0 + 28 * HOUR) == []


def test_a_leaning_pole_that_is_struck_gets_worse(play):
    readings = stand(60, lambda hour: 0.0 if hour < 25 else 2.4 if hour < 50 else 9.0, sway=0.1)
    events = play(make(), readings, T0 + 60 * HOUR)
    assert [(event.phase, event.severity) for event in events] == [
        (Phase.OPENED, Severity.WARNING),
        (Phase.UPDATED, Severity.CRITICAL),
    ]
    assert events[1].detail["from_deg"] == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("restart_at", [0, 3, 60, 155, 157, 159, 170, 190, 200])
def test_neither_a_restart_nor_the_order_of_the_axes_changes_anything(play, restart_at):
    readings = [
        *stand(36, lambda hour: 6.0 if 26 <= hour < 32 else 0.5, every_ms=5 * MINUTE),
        *stand(36, lambda _: 1.0, every_ms=5 * MINUTE, source=Y, seed=2),
    ]
    options = {"tick_ms": 10 * MINUTE, "from_ms": T0}
    plain = play(make(cross_source=Y), readings, T0 + 36 * HOUR, **options)
    assert len(plain) == 2
    assert play(make(cross_source=Y), readings, T0 + 36 * HOUR, restart_at=restart_at, **options) == plain
    assert play(make(cross_source=Y), readings, T0 + 36 * HOUR, ahead_ms={Y: HOUR}, **options) == plain


def test_a_baseline_can_be_learned_anew():
    with pytest.raises(ValueError, match=r"other settings"):
        make(learned=1)().restore(make()().state())
    with pytest.raises(ValueError, match=r"^lean_hours: expected"):
        make(lean_hours=0)()
