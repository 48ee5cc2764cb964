"""A pole's days, all rules at once: a quiet one is silent, a bad one is told as it was."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime

import pytest

from drivers.readings import Quality
from pipelines.city.aqi import AirQualityRule, AirQualitySettings
from pipelines.city.contact import DoorRule, DoorSettings, EmergencyRule, EmergencySettings
from pipelines.city.noise import NoiseRule, NoiseSettings
from pipelines.city.supply import BatteryRule, BatterySettings, MainsRule, MainsSettings
from pipelines.city.tilt import TiltRule, TiltSettings
from pipelines.city.wind import WindRule, WindSettings
from pipelines.cross.pairs import PairRule, gusts, particles
from pipelines.events import Kind, Phase, Severity, Source
from pipelines.state import decode, encode

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
MIDNIGHT = int(datetime(2026, 6, 1, 16, tzinfo=UTC).timestamp() * 1000)
"""At UTC+8."""

FINE, COARSE = Source("air", "pm2_5"), Source("air", "pm10")
LEVEL = Source("mic", "noise_level")
SPEED, VANE, GUST = (
    Source("mast", "wind_speed"),
    Source("mast", "wind_direction"),
    Source("mast", "wind_speed.gust"),
)
BATTERY, MAINS = Source("power", "supply_voltage"), Source("power", "voltage")
DOOR, HELP = Source("cabinet", "switch.door"), Source("pole", "switch.help")
TILT = Source("pole", "tilt")


def rules():
    return [
        AirQualityRule(AirQualitySettings(channels={"pm2_5": FINE, "pm10": COARSE})),
        NoiseRule(NoiseSettings(source=LEVEL, area="4a")),
        WindRule(WindSettings(speed=SPEED, direction=VANE, gust=GUST)),
        BatteryRule(BatterySettings(source=BATTERY)),
        MainsRule(MainsSettings(source=MAINS)),
        DoorRule(DoorSettings(source=DOOR)),
        EmergencyRule(EmergencySettings(source=HELP)),
        TiltRule(TiltSettings(source=TILT)),
        PairRule(particles(FINE, COARSE)),
        PairRule(gusts(SPEED, GUST)),
    ]


def quiet(minute, chance):
    """What the pole reads in one minute of an ordinary day."""
    hour = minute / 60 % 24
    sun = max(0.0, math.sin((hour - 6) * math.pi / 12))
    fine = 25 + 10 * math.cos(hour * math.pi / 12) + chance.uniform(-4, 4)
    speed = max(0.0, 2 + 3 * sun + chance.gauss(0, 1))
    return {
        FINE: round(fine),
        COARSE: round(1.5 * fine + chance.uniform(-3, 3)),
        LEVEL: round(46 + 16 * sun + chance.gauss(0, 2.5), 1),
        SPEED: round(speed, 1),
        VANE: round(180 + 60 * sun + chance.gauss(0, 15)) % 360,
        GUST: round(speed * 1.4 + 0.2, 1),
        BATTERY: round(12.4 + min(2.0, 2.6 * sun) - 0.02 * max(0.0, 6 - hour), 2),
        MAINS: round(231 + chance.gauss(0, 2), 1),
        DOOR: 0,
        HELP: 0,
        TILT: round(0.4 + 0.2 * sun + chance.gauss(0, 0.1), 2),
    }


def live(days, change, *, restart_every=None):
    """Events of `days`, minute by minute; `change` may put other values in a minute's."""
    chance, judges, events = random.Random(7), rules(), []
    for minute in range(days * 1440):
        at_ms = MIDNIGHT + minute * MINUTE
        values = quiet(minute, chance) | change(minute)
        if restart_every and minute % restart_every == 0:
            states = [decode(encode(rule.state())) for rule in judges]
            judges = rules()
            for rule, state in zip(judges, states, strict=True):
                rule.restore(state)
        for rule in judges:
            for source in rule.sources:
                if values[source] is not None:
                    events += rule.feed(source, at_ms, values[source], Quality.GOOD)
        for tick_ms in range(at_ms, at_ms + MINUTE, 10 * SECOND):
            events += [event for rule in judges for event in rule.tick(tick_ms)]
    return events


def bad_day(minute):
    """Dust from 8 to 11, the door at 9, mains gone at 13, a gale at 15, a crash and a call at 16:00."""
    hour = minute / 60
    changes = {}
    if 8 <= hour < 11:
        changes |= {FINE: 130, COARSE: 260}
    if 9 <= hour < 9.25:
        changes[DOOR] = 1
    if 13 <= hour < 13.5:
        changes[MAINS] = 0.0
    if 15 <= hour < 15.5:
        changes |= {SPEED: 21.0, GUST: 26.0}
    if hour >= 16:
        changes[TILT] = 12.0
    if hour == 16:
        changes[HELP] = 1
    return changes


def test_three_quiet_days_are_silent():
    assert live(3, lambda _: {}) == []


@pytest.fixture(scope="module", name="bad")
def bad_fixture():
    return live(1, bad_day)


def test_a_bad_day_is_told_as_it_was(bad):
    opened = {event.kind: event for event in bad if event.phase is Phase.OPENED}
    assert {kind: (event.severity, (event.began_ms - MIDNIGHT) / HOUR) for kind, event in opened.items()} == {
        Kind.AIR_QUALITY: (Severity.WARNING, 8),
        Kind.DOOR_OPEN: (Severity.INFO, 9),
        Kind.POWER_FAILED: (Severity.WARNING, 13),
        Kind.WIND: (Severity.WARNING, 15),
        Kind.TILTED: (Severity.CRITICAL, pytest.approx(16.05, abs=0.05)),
        Kind.EMERGENCY_CALL: (Severity.CRITICAL, 16),
    }
    assert opened[Kind.EMERGENCY_CALL].at_ms == MIDNIGHT + 16 * HOUR
    assert {event.kind for event in bad if event.pictures} == {Kind.TILTED, Kind.EMERGENCY_CALL}


def test_all_but_the_crash_is_over_by_midnight(bad):
    last = {event.id: event for event in bad}
    assert [event.kind for event in last.values() if event.phase is not Phase.CLOSED] == [Kind.TILTED]


def test_restarts_all_day_long_change_nothing(bad):
    assert live(1, bad_day, restart_every=7) == bad
