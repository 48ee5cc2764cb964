"""The river station's month: two level gauges, rain, a sonde for water quality, a battery under the sun."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

from bench.faults_truth import (
    DAY_MIN,
    RELEASE_DAY,
    RELEASE_HOURS,
    RELEASE_M,
    SHOWERS,
    STORMS,
    Chance,
    Happening,
    Signal,
    Truth,
    Weather,
    at,
    daily,
    hour_of,
    spans,
    tipped,
    weather,
)

WARNING_M, GUARANTEE_M = 2.0, 3.0
"""The authority's stages at this site."""
RISE_M_H = 0.5

EVERY_S = {"radar": 60, "well": 60, "rain": 60, "sonde": 300, "power": 60}

CONFIG = """
[station]
site = "bench"
gateway = "river"

[uplink]
url = "mqtt://localhost"

[devices.radar]
tcp = "192.0.2.1"
every_s = 60
points = [{ channel = "water_level", address = 0, type = "float32" }]

[devices.well]
tcp = "192.0.2.2:4196"
framing = "rtu"
unit = 1
every_s = 60
points = [{ channel = "water_level", address = 0, type = "float32" }]

[devices.rain]
tcp = "192.0.2.2:4196"
framing = "rtu"
unit = 2
every_s = 60
points = [{ channel = "rainfall_total", address = 0, type = "float32" }]

[devices.sonde]
tcp = "192.0.2.2:4196"
framing = "rtu"
unit = 3
every_s = 300
points = [
  { channel = "water_temperature", address = 0, type = "float32" },
  { channel = "ph", address = 2, type = "float32" },
  { channel = "dissolved_oxygen", address = 4, type = "float32" },
  { channel = "conductivity", address = 6, type = "float32" },
  { channel = "turbidity", address = 8, type = "float32" },
]

[devices.power]
tcp = "192.0.2.3"
every_s = 60
points = [{ channel = "supply_voltage", address = 0, type = "float32" }]

[rules.stage]
kind = "stage"
input = "radar.water_level"
warning = "2.0 m"
guarantee = "3.0 m"

[rules.rise]
kind = "rise"
input = "radar.water_level"
warning = "2.0 m"
guarantee = "3.0 m"

[rules.rain]
kind = "rain"
input = "rain.rainfall_total"

[rules.release]
kind = "release"
level = "radar.water_level"
rains = ["rain.rainfall_total"]
neighbours = ["well.water_level"]

[rules.gauges]
kind = "agree"
members = ["radar.water_level", "well.water_level"]

[rules.battery]
kind = "battery"
input = "power.supply_voltage"
"""

_BESIDE = ("\n[rules.gauges]", "\n[rules.battery]")
LONE = CONFIG[: CONFIG.index(_BESIDE[0])] + CONFIG[CONFIG.index(_BESIDE[1]) :]
LONE = LONE.replace('neighbours = ["well.water_level"]\n', "").replace('"river"', '"lone"')
LONE = LONE[: LONE.index("[devices.well]")] + LONE[LONE.index("[devices.rain]") :]
"""The same station with one gauge: nothing to compare it with."""


def lone(seed: int, days: int) -> Truth:
    """The same river, and one gauge."""
    truth = river(seed, days)
    del truth.signals["well"]
    every_s = {device: every for device, every in truth.every_s.items() if device != "well"}
    return Truth(every_s, truth.signals, truth.happenings, truth.weather)


def river(seed: int, days: int) -> Truth:
    """Everything true and told of the river."""
    chance = Chance(seed, days)
    sky = weather(chance)
    flow = _flow(sky)
    level = _level(flow)
    waves = [0.0015 + 0.0006 * wind for wind in sky.wind]
    thermal = chance.wander(0.0015, 12, smooth=True)
    well = [
        value + thermal[minute] + 0.002 * daily(16, minute) + 0.004 * (value - level[0])
        for minute, value in enumerate(level)
    ]
    total = tipped(sky.rain)
    signals = {
        "radar": {"water_level": chance.signal(level, waves, 0.001)},
        "well": {"water_level": chance.signal(well, 0.001, 0.001)},
        "rain": {"rainfall_total": chance.signal(total, 0.0, 0.1)},
        "sonde": _sonde(chance, sky, flow),
        "power": {"supply_voltage": chance.signal(_battery(sky), 0.015, 0.01)},
    }
    return Truth(EVERY_S, signals, _happenings(level, sky.rain), _weather(level))


def _flow(sky: Weather) -> array[float]:
    """Runoff at the gauge in mm/h: a quick cascade of three, a slow one, and the ground (Nash, 1957)."""
    wet, ground, slow = 0.25, 26.0, 0.0
    quick = [0.0, 0.0, 0.0]
    path = array("d")
    for rain in sky.rain:
        wet += (rain * 0.006 * (1 - wet)) - wet / (9 * DAY_MIN) + 0.15 / (9 * DAY_MIN)
        runs_off = rain * min(0.8, 0.1 + 0.75 * wet)
        ground += 0.25 * (rain - runs_off) - ground / (16 * DAY_MIN)
        slow += 0.35 * runs_off - slow / 600
        into = 0.65 * runs_off
        for place in range(3):
            out = quick[place] / 42
            quick[place] += into - out
            into = out
        path.append(60 * (into + slow / 600 + ground / (16 * DAY_MIN)))
    return path


def _level(flow: Sequence[float]) -> array[float]:
    """By a rating curve; the water of trees is missing by day, the gate adds its own."""
    path = array("d")
    start, hold = RELEASE_DAY * DAY_MIN, RELEASE_HOURS * 60
    for minute, runoff in enumerate(flow):
        into = minute - start
        gate = min(1.0, max(0.0, into / 12)) if into < hold else math.exp(-(into - hold) / 55)
        path.append(0.55 + 1.05 * runoff**0.6 + 0.004 * daily(7, minute) + RELEASE_M * gate)
    return path


def _sonde(chance: Chance, sky: Weather, flow: Sequence[float]) -> dict[str, Signal]:
    base = flow[0]
    drift, matter, bubble = chance.wander(0.4, 60), chance.wander(0.25, 8), chance.wander(0.15, 30)
    water, ph, oxygen, salt, mud = (array("d") for _ in range(5))
    warm, muddy, before = 21.0, 0.0, flow[0]
    for minute, runoff in enumerate(flow):
        warm += (sky.air[minute] - 2.5 - warm) / (20 * 60)
        fresh = max(0.0, 1 - (base / max(runoff, base)) ** 0.45)
        sun = max(0.0, daily(13.5, minute)) * (1 - 0.6 * sky.cloud[minute])
        water.append(warm + 0.55 * daily(17, minute) - 1.2 * fresh)
        ph.append(7.72 + 0.16 * sun - 0.45 * fresh + 0.06 * drift[minute])
        saturated = 14.6 - 0.39 * water[-1] + 0.0064 * water[-1] ** 2
        oxygen.append(saturated * (0.9 + 0.1 * sun + 0.05 * bubble[minute] - 0.06 * fresh))
        salt.append(430 * (1 - 0.62 * fresh) + 6 * drift[minute] + 3 * daily(6, minute))
        muddy += max(0.0, runoff - before) * 260 - muddy / 260
        before = runoff
        mud.append(5.5 * math.exp(matter[minute]) + muddy)
    dirt = [0.05 * value + 0.2 for value in mud]
    return {
        "water_temperature": chance.signal(water, 0.02, 0.01),
        "ph": chance.signal(ph, 0.008, 0.01),
        "dissolved_oxygen": chance.signal(oxygen, 0.03, 0.01),
        "conductivity": chance.signal(salt, 1.2, 1.0),
        "turbidity": chance.signal(mud, dirt, 0.1, low=0.0),
    }


def _battery(sky: Weather) -> array[float]:
    """A lead battery of 12 V: its charge by load and sun, its voltage by charge and charging."""
    charge, path, volts = 0.92, array("d"), 12.7
    for minute, cloud in enumerate(sky.cloud):
        height = math.sin((hour_of(minute) - 5.5) / 13.5 * math.pi) if 5.5 < hour_of(minute) < 19 else 0.0
        sun = max(0.0, height) * (1 - 0.75 * cloud)
        gain = 0.0006 * sun if charge < 1 else 0.0
        charge = min(1.0, charge + gain - 0.000085)
        rest = 12.0 + 0.8 * charge
        charging = min(14.2, rest + 2.2 * sun + (0.9 if sun > 0.08 and charge > 0.97 else 0.0))
        volts += ((charging if sun > 0.02 else rest) - volts) / 12
        path.append(volts)
    return path


def _weather(level: Sequence[float]) -> list[Happening]:
    found = []
    for storm in (*STORMS, *SHOWERS):
        ends = storm.day * DAY_MIN + storm.hours * 60
        kinds = ("rain_intensity", "rain_accumulated")
        found.append(Happening("rain", kinds, "rain.rainfall_total", at(storm.day * DAY_MIN), at(ends)))
    for stage, limit in (("warning", WARNING_M), ("guarantee", GUARANTEE_M)):
        for start, _ in spans(level, lambda minute, limit=limit: level[minute] >= limit, 180):  # type: ignore[misc]
            found.append(
                Happening(stage, ("water_threshold_ahead",), "radar.water_level", at(start), at(start))
            )
    return found


def _happenings(level: Sequence[float], rain: Sequence[float]) -> list[Happening]:
    gauge, found = "radar.water_level", []
    for stage, limit, severity in (("warning", WARNING_M, "warning"), ("guarantee", GUARANTEE_M, "critical")):
        for start, end in spans(level, lambda minute, limit=limit: level[minute] >= limit, 180):  # type: ignore[misc]
            found.append(Happening(f"stage {stage}", ("water_stage",), gauge, at(start), at(end), severity))
    rises = spans(level, lambda now: now >= 30 and level[now] - level[now - 30] >= RISE_M_H / 2, 180)
    found += [Happening("rise", ("water_rise",), gauge, at(start), at(end)) for start, end in rises]
    opens, shuts = RELEASE_DAY * DAY_MIN, RELEASE_DAY * DAY_MIN + RELEASE_HOURS * 60
    if shuts < len(level):
        found.append(Happening("release", ("water_release",), gauge, at(opens), at(shuts)))
    total = [0.0]
    for amount in rain:
        total.append(total[-1] + amount)
    hard = spans(rain, lambda now: now >= 60 and total[now + 1] - total[now - 59] >= 16.0, 180)
    found += [
        Happening("rain, 16 mm in 1 h", ("rain_intensity",), "rain.rainfall_total", at(start), at(end))
        for start, end in hard
    ]
    much = spans(rain, lambda now: total[now + 1] - total[max(0, now - 1439)] >= 50.0, 180)
    found += [
        Happening("rain, 50 mm in 24 h", ("rain_accumulated",), "rain.rainfall_total", at(start), at(end))
        for start, end in much
    ]
    return found
