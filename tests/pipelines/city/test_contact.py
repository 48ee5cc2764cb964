"""A door that stands open, and a call for help."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from drivers.readings import Quality
from pipelines.city.contact import DoorRule, DoorSettings, EmergencyRule, EmergencySettings, is_made
from pipelines.events import Kind, Phase, Severity, Source
from pipelines.state import decode, encode

MINUTE = 60_000
HOUR = 60 * MINUTE
DOOR, BUTTON = Source("cabinet", "switch.door"), Source("pole", "switch.help")
TEN = int(datetime(2026, 6, 1, 2, tzinfo=UTC).timestamp() * 1000)
"""10 o'clock at UTC+8."""


def door(**changes):
    return lambda: DoorRule(DoorSettings(**{"source": DOOR} | changes))


def states(start_ms, values, every_ms=30_000):
    return [(DOOR, start_ms + n * every_ms, value) for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("value", "mask", "values", "made"),
    [
        (1, 0, (1,), True),
        (1.0, 0, (1,), True),
        (True, 0, (1,), True),
        (0, 0, (1,), False),
        (2, 0, (1, 2), True),
        ("open", 0, ("open",), True),
        ("open", 0, (1,), False),
        (0x7F, 0x80, (0,), True),
        (0xFF, 0x80, (0,), False),
        (0xFF, 0x80, (1,), True),
        ("open", 0x80, (0,), False),
    ],
)
def test_what_counts_as_made(value, mask, values, made):
    assert is_made(value, mask, values) is made


def test_at_work_it_is_an_info_and_at_night_a_warning_with_pictures(play):
    day = play(door(), states(TEN, [0, 1, 1, 1, 1, 0]), TEN + HOUR)
    assert [(event.phase, event.severity, event.pictures) for event in day] == [
        (Phase.OPENED, Severity.INFO, False),
        (Phase.CLOSED, Severity.INFO, False),
    ]
    assert day[0].began_ms == TEN + 30_000
    assert day[0].at_ms == TEN + 90_000
    night = play(door(), states(TEN + 12 * HOUR, [0, 1, 1, 1, 1, 0]), TEN + 13 * HOUR)
    assert (night[0].severity, night[0].pictures) == (Severity.WARNING, True)
    assert night[0].detail == {"hours": "other"}


def test_a_door_left_open_after_work_gets_worse(play):
    six = TEN + 8 * HOUR
    events = play(door(), states(six - 10 * MINUTE, [1] * 60), six + 15 * MINUTE)
    assert [(event.phase, event.severity) for event in events] == [
        (Phase.OPENED, Severity.INFO),
        (Phase.UPDATED, Severity.WARNING),
    ]
    assert events[1].at_ms == six
    assert events[1].pictures


def test_a_door_that_is_shut_again_in_time_is_not_told_of(play):
    assert play(door(), states(TEN, [0, 1, 1, 0, 1, 1, 0]), TEN + HOUR) == []


@pytest.mark.parametrize(
    ("start", "end", "hour", "allowed"),
    [
        (480, 1080, 8, True),
        (480, 1080, 18, False),
        (480, 480, 8, False),
        (1320, 360, 22, True),
        (1320, 360, 21, False),
        (1320, 360, 5, True),
        (1320, 360, 6, False),
    ],
)
def test_allowed_hours_may_span_midnight(start, end, hour, allowed):
    settings = DoorSettings(source=DOOR, allowed_from_min=start, allowed_to_min=end)
    assert settings.allows(TEN + (hour - 10) * HOUR) is allowed


@pytest.mark.parametrize("restart_at", range(12))
def test_a_restart_changes_nothing(play, restart_at):
    readings = states(TEN, [0, 1, 1, 1, 1, 0])
    assert play(door(), readings, TEN + HOUR, restart_at=restart_at) == play(door(), readings, TEN + HOUR)


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.SUSPECT, Quality.BAD, Quality.NOT_EVALUATED])
def test_a_call_is_told_at_the_very_reading_whatever_its_quality(quality):
    rule = EmergencyRule(EmergencySettings(source=BUTTON))
    assert rule.feed(BUTTON, TEN, 0, Quality.GOOD) == ()
    (event,) = rule.feed(BUTTON, TEN + 500, 1, quality)
    assert (event.kind, event.severity, event.phase) == (Kind.EMERGENCY_CALL, Severity.CRITICAL, Phase.OPENED)
    assert event.pictures
    assert event.began_ms == event.at_ms == TEN + 500


def test_a_call_is_one_event_until_the_button_was_free_for_ten_seconds():
    rule = EmergencyRule(EmergencySettings(source=BUTTON))
    presses = [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    events = []
    for n, value in enumerate(presses):
        twin = EmergencyRule(EmergencySettings(source=BUTTON))
        twin.restore(decode(encode(rule.state())))
        rule = twin
        events += rule.feed(BUTTON, TEN + n * 1000, value, Quality.GOOD)
    assert [(event.phase, event.at_ms - TEN) for event in events] == [
        (Phase.OPENED, 0),
        (Phase.CLOSED, 14_000),
        (Phase.OPENED, 15_000),
    ]
    assert not events[1].pictures
    assert rule.feed(BUTTON, TEN + HOUR, None, Quality.MISSING) == ()
    assert rule.tick(TEN + HOUR) == ()


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match=r"^open_values: expected"):
        DoorSettings(source=DOOR, open_values=())
    with pytest.raises(ValueError, match=r"^allowed_to_min: expected"):
        DoorSettings(source=DOOR, allowed_to_min=1441)
    with pytest.raises(ValueError, match=r"other settings"):
        door()().restore(door(raise_ms=1)().state())
