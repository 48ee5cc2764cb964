"""The lamp pole's month: weather, dust and noise of a street, the pole itself, its door and its mains."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

from bench.faults_truth import (
    DAY_MIN,
    Chance,
    Happening,
    Signal,
    Truth,
    Weather,
    at,
    daily,
    hour_of,
    spans,
    weather,
)

EVERY_S = {"weather": 60, "dust": 60, "sound": 60, "pole": 60, "meter": 60}
HAZE = (7.3, 8.9)
"""Days between which the air is bad."""
WORKS = (17 + 23.1 / 24, 18 + 3.2 / 24)
"""A night with road works under the pole."""
VISITS = ((2 + 9.5 / 24, 25), (19 + 14.2 / 24, 40), (26 + 2.3 / 24, 12))
"""Days on which the door is opened, and minutes; the last is no friend."""
OUTAGE = (22 + 4.1 / 24, 35)
STRUCK_DAY, STRUCK_DEG = 28.6, 6.5
GALE_DAY = 24.5
STILL_M_S = 0.3
"""A vane does not turn in less wind."""

CONFIG = """
[station]
site = "bench"
gateway = "pole"

[uplink]
url = "mqtt://localhost"

[devices.weather]
tcp = "192.0.2.1:4196"
framing = "rtu"
unit = 1
every_s = 60
points = [
  { channel = "air_temperature", address = 0, type = "float32" },
  { channel = "relative_humidity", address = 2, type = "float32" },
  { channel = "air_pressure", address = 4, type = "float32" },
  { channel = "wind_speed", address = 6, type = "float32" },
  { channel = "wind_direction", address = 8, type = "float32" },
]

[devices.dust]
tcp = "192.0.2.1:4196"
framing = "rtu"
unit = 2
every_s = 60
points = [
  { channel = "pm2_5", address = 0, type = "float32" },
  { channel = "pm10", address = 2, type = "float32" },
]

[devices.sound]
tcp = "192.0.2.1:4196"
framing = "rtu"
unit = 3
every_s = 60
points = [{ channel = "noise_level", address = 0, type = "float32" }]

[devices.pole]
tcp = "192.0.2.2"
every_s = 60
points = [
  { channel = "tilt", address = 0, type = "float32" },
  { channel = "switch.door", address = 2, type = "uint16" },
]

[devices.meter]
tcp = "192.0.2.3"
every_s = 60
points = [{ channel = "voltage", address = 0, type = "float32" }]

[rules.air]
kind = "air"
channels = { pm2_5 = "dust.pm2_5", pm10 = "dust.pm10" }
humidity = "weather.relative_humidity"

[rules.particles]
kind = "pair"
lesser = "dust.pm2_5"
greater = "dust.pm10"
share = 0.1
margin = "5 ug/m3"
humidity = "weather.relative_humidity"

[rules.noise]
kind = "noise"
input = "sound.noise_level"
area = "4a"

[rules.wind]
kind = "wind"
speed = "weather.wind_speed"
direction = "weather.wind_direction"

[rules.tilt]
kind = "tilt"
input = "pole.tilt"

[rules.door]
kind = "door"
input = "pole.switch.door"

[rules.mains]
kind = "mains"
input = "meter.voltage"
"""


def pole(seed: int, days: int) -> Truth:
    """Everything true and told of the pole."""
    chance = Chance(seed + 1000, days)
    sky = weather(chance)
    signals = {
        "weather": _weather(chance, sky),
        "dust": _dust(chance, sky),
        "sound": {"noise_level": _noise(chance, sky)},
        "pole": _pole(chance, sky),
        "meter": {"voltage": _mains(chance)},
    }
    until = at(days * DAY_MIN)
    return Truth(EVERY_S, signals, [each for each in _happenings(signals) if each.until_ms < until])


def _weather(chance: Chance, sky: Weather) -> dict[str, Signal]:
    moist, fronts = chance.wander(1.6, 40, smooth=True), chance.wander(6.0, 45, smooth=True)
    turning, swing = chance.wander(70.0, 20, smooth=True), chance.wander(12.0, 0.5)
    humidity, pressure, bearing, speed = (array("d") for _ in range(4))
    wet = 0.0
    for minute, air in enumerate(sky.air):
        wet += (min(1.0, sky.rain[minute] / 0.1) - wet) / 50
        dew = 16.5 + moist[minute]
        drawn = 100 * math.exp(17.6 * dew / (243 + dew) - 17.6 * air / (243 + air))
        humidity.append(min(99.5, drawn + (98 - drawn) * 0.9 * wet))
        pressure.append(1006 + fronts[minute] + 1.1 * math.cos((hour_of(minute) - 10) / 6 * math.pi))
        gale = math.exp(-(((minute / DAY_MIN - GALE_DAY) / 0.06) ** 2)) if minute else 0.0
        speed.append(sky.wind[minute] + 14 * gale)
        turned = 200 + turning[minute] + swing[minute]
        bearing.append(turned if speed[-1] >= STILL_M_S or not minute else bearing[-1])
    gusty = [0.04 + 0.14 * each for each in speed]
    veer = [min(45.0, 8 + 30 / (0.3 + each)) if each >= STILL_M_S else 0.0 for each in speed]
    vane = _Circle(bearing, veer)
    return {
        "air_temperature": chance.signal(sky.air, 0.06, 0.1),
        "relative_humidity": chance.signal(humidity, 0.3, 0.1, low=0.0, high=100.0),
        "air_pressure": chance.signal(pressure, 0.06, 0.1),
        "wind_speed": chance.signal(speed, gusty, 0.01, low=0.0),
        "wind_direction": vane.signal(chance),
    }


class _Circle(Signal):
    """A direction: beyond north it begins at 0 again."""

    __slots__ = ()

    def __init__(self, truth: Sequence[float], spread: Sequence[float]) -> None:
        super().__init__(truth, spread, 1.0, 0, ())

    def signal(self, chance: Chance) -> Signal:
        plain = chance.signal(self.truth, self.spread, 1.0)
        self.salt, self.noises = plain.salt, plain.noises
        return self

    def read(self, at_ms: int) -> float:
        return super().read(at_ms) % 360


def _traffic(minute: int) -> float:
    """0 to 1: rush hours of working days, quieter days at the week's end."""
    hour, weekend = hour_of(minute), minute // DAY_MIN % 7 >= 5
    peaks = sum(high * math.exp(-(((hour - when) / wide) ** 2)) for when, wide, high in RUSH)
    day = 0.45 / (1 + math.exp(-(hour - 6.3) * 2)) / (1 + math.exp((hour - 22.3) * 1.4))
    return 0.05 + day + (0.35 if weekend else 1.0) * peaks


RUSH = ((7.8, 1.2, 0.45), (17.8, 1.8, 0.5))


def _dust(chance: Chance, sky: Weather) -> dict[str, Signal]:
    air, coarse, washed = chance.wander(0.4, 18, smooth=True), chance.wander(0.2, 3), 0.0
    fine, whole = array("d"), array("d")
    for minute, rain in enumerate(sky.rain):
        washed += min(0.02, rain * 0.03) * (1 - washed) - washed / 900
        day = minute / DAY_MIN
        haze = 105 / (1 + math.exp(-(day - HAZE[0]) * 18)) / (1 + math.exp((day - HAZE[1]) * 18))
        thick = (17 * math.exp(air[minute]) + 9 * _traffic(minute) + haze) * (1 - 0.6 * washed)
        fine.append(thick / (1 + 0.05 * sky.wind[minute]))
        whole.append(
            1.25 * fine[-1] + (6 + 9 * _traffic(minute)) * math.exp(coarse[minute]) * (1 - 0.7 * washed)
        )
    return {
        "pm2_5": chance.signal(fine, [0.6 + 0.04 * each for each in fine], 1.0, low=0.0),
        "pm10": chance.signal(whole, [0.8 + 0.05 * each for each in whole], 1.0, low=0.0),
    }


def _noise(chance: Chance, sky: Weather) -> Signal:
    """Leq of a minute; at night single cars stand out."""
    hum, path, spread = chance.wander(0.8, 2), array("d"), array("d")
    for minute, rain in enumerate(sky.rain):
        traffic = _traffic(minute)
        energy = 10**4.1 + 10**6.05 * traffic**1.6 + 10 ** (3.2 + 0.22 * sky.wind[minute]) + 10**6.2 * rain
        energy += 10**6.9 if WORKS[0] <= minute / DAY_MIN < WORKS[1] else 0.0
        path.append(10 * math.log10(energy) + hum[minute])
        spread.append(1.0 + 2.2 * math.exp(-4 * traffic))
    return chance.signal(path, spread, 0.1, low=30.0)


def _pole(chance: Chance, sky: Weather) -> dict[str, Signal]:
    """It leans by 0.7 deg, bends in the sun and sways in the wind."""
    path = array("d")
    for minute in range(chance.minutes):
        struck = STRUCK_DEG if minute >= STRUCK_DAY * DAY_MIN else 0.0
        path.append(0.7 + 0.12 * max(0.0, daily(12, minute)) * (1 - sky.cloud[minute]) + struck)
    sway = [0.03 + 0.015 * wind for wind in sky.wind]
    door = array("d", bytes(8 * chance.minutes))
    for day, length in VISITS:
        for minute in range(int(day * DAY_MIN), min(int(day * DAY_MIN) + length, len(door))):
            door[minute] = 1.0
    return {
        "tilt": chance.signal(path, sway, 0.1),
        "switch.door": chance.signal(door, 0.0, 1.0),
    }


def _mains(chance: Chance) -> Signal:
    sag, path = chance.wander(1.2, 3), array("d")
    start = OUTAGE[0] * DAY_MIN
    for minute in range(chance.minutes):
        off = start <= minute < start + OUTAGE[1]
        path.append(0.0 if off else 231.5 - 3.5 * max(0.0, daily(20, minute)) + sag[minute])
    return chance.signal(path, [0.6 if value else 0.0 for value in path], 0.1, low=0.0)


def _happenings(signals: dict[str, dict[str, Signal]]) -> list[Happening]:
    def days(start: float, minutes: float) -> tuple[int, int]:
        return at(start * DAY_MIN), at(start * DAY_MIN + minutes)

    found = [
        Happening(f"door open {length} min", ("door_open",), "pole.switch.door", *days(day, length))
        for day, length in VISITS
    ]
    found.append(Happening("mains fail", ("power_failed",), "meter.voltage", *days(*OUTAGE)))
    found.append(Happening("pole struck", ("tilted",), "pole.tilt", *days(STRUCK_DAY, 60), "critical"))
    works = days(WORKS[0], (WORKS[1] - WORKS[0]) * DAY_MIN)
    found.append(Happening("noise at night", ("noise_limit",), "sound.noise_level", *works))
    found.append(Happening("air, light pollution", ("air_quality",), "dust", *days(7.4, 1.5 * DAY_MIN)))
    speed = signals["weather"]["wind_speed"].truth
    for start, end in spans(speed, lambda minute: speed[minute] >= 17.2, 180):
        if end - start >= 10:
            found.append(Happening("gale", ("wind",), "weather.wind_speed", at(start), at(end)))
    return found
