"""The weather, the river and the street, a day in minutes. Pure: the caller moves the time."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

DAY_S = 240.0
"""Seconds that a simulated day takes: 0.1 h a second."""

FIRST_HOUR = 15.9
FIRST_SHOWER_S = 3.0
SHOWER_S = 18.0
PEAK_MM_H = 22.0

SOIL_S, CHANNEL_S = 8.0, 16.0
"""Time constants of the catchment: two linear reservoirs in series (Nash), rain -> soil -> channel."""

LAMP_W, DRIVER_W = 72.0, 3.1


class Wander:
    """A quantity that strays from its mean and comes back (Ornstein-Uhlenbeck): `spread` is its deviation."""

    def __init__(self, chance: random.Random, *, mean: float, spread: float, time_s: float) -> None:
        self.value = mean
        self._chance, self._mean, self._spread, self._time_s = chance, mean, spread, time_s

    def advance(self, step_s: float) -> float:
        kept = math.exp(-step_s / self._time_s)
        noise = self._spread * math.sqrt(1 - kept * kept)
        self.value = self._mean + (self.value - self._mean) * kept + noise * self._chance.gauss(0, 1)
        return self.value


@dataclass(slots=True)
class Catchment:
    """Rain in mm in, stage in m out."""

    soil_mm: float = 0.0
    channel_mm: float = 1.0

    def advance(self, rain_mm: float, step_s: float) -> float:
        seeping = self.soil_mm * step_s / SOIL_S
        self.soil_mm += rain_mm - seeping
        self.channel_mm += seeping - (self.channel_mm - 1.0) * step_s / CHANNEL_S
        return 1.12 + 0.085 * self.channel_mm


class Nature:
    """Everything the gauges measure, in the units of the property table."""

    def __init__(self, seed: int | None = None) -> None:
        chance = self._chance = random.Random(seed)
        self.age_s = 0.0
        self.rain_mm = 0.0
        self.rain_mm_h = 0.0
        self.lamp = 0.0
        self.energy_kwh = 1204.7
        self._catchment = Catchment()
        self._shower_s = FIRST_SHOWER_S
        self._breeze = Wander(chance, mean=3.4, spread=0.9, time_s=15.0)
        self._gust = Wander(chance, mean=0.0, spread=0.3, time_s=1.5)
        self._bearing = Wander(chance, mean=235.0, spread=22.0, time_s=12.0)
        self._dust = Wander(chance, mean=0.0, spread=2.5, time_s=6.0)
        self._passing = Wander(chance, mean=0.0, spread=2.2, time_s=1.2)
        self._clouds = Wander(chance, mean=0.35, spread=0.12, time_s=10.0)
        self._pressure = Wander(chance, mean=1009.0, spread=2.0, time_s=60.0)
        self._voltage = Wander(chance, mean=231.4, spread=0.9, time_s=4.0)
        self._frequency = Wander(chance, mean=50.0, spread=0.015, time_s=3.0)
        self.advance(0.0)

    def advance(self, step_s: float) -> None:
        """Move everything on by `step_s` seconds of the demonstration."""
        self.age_s += step_s
        hours = step_s * 24 / DAY_S
        self.rain_mm_h = self._rain()
        self.rain_mm += self.rain_mm_h * hours
        self.stage_m = self._catchment.advance(self.rain_mm_h * hours, step_s) + self._chance.gauss(0, 0.001)
        self._air(step_s)
        self._street(step_s)
        self.energy_kwh += self.power_w * hours / 1000

    @property
    def hour(self) -> float:
        """Time of the simulated day, 0 to 24."""
        return (FIRST_HOUR + self.age_s * 24 / DAY_S) % 24

    def _rain(self) -> float:
        if self.age_s > self._shower_s + SHOWER_S:
            self._shower_s = self.age_s + self._chance.uniform(35, 60)
        into = (self.age_s - self._shower_s) / SHOWER_S
        return PEAK_MM_H * math.sin(math.pi * into) ** 2 if 0 < into < 1 else 0.0

    def _air(self, step_s: float) -> None:
        wet = self.rain_mm_h / PEAK_MM_H
        warmth = math.cos((self.hour - 15) / 12 * math.pi)
        self.wind_m_s = max(0.0, (self._breeze.advance(step_s) + 3 * wet) * (1 + self._gust.advance(step_s)))
        self.wind_deg = self._bearing.advance(step_s) % 360
        self.air_c = 14.0 + 5 * warmth - 2 * wet
        self.humidity = min(99.0, 62 - 14 * warmth + 24 * wet + 3 * self._clouds.value)
        self.water_c = 11.6 + 0.7 * math.cos((self.hour - 18) / 12 * math.pi) - 0.05 * self._catchment.soil_mm
        self.pressure_hpa = self._pressure.advance(step_s)
        clouds = min(1.0, max(0.0, self._clouds.advance(step_s) + 0.5 * wet))
        sun = max(0.0, math.cos((self.hour - 12) / 12 * math.pi))
        self.daylight_lx = 70_000 * sun**1.3 * (1 - 0.8 * clouds)

    def _street(self, step_s: float) -> None:
        wet, traffic = self.rain_mm_h / PEAK_MM_H, self._traffic()
        self.noise_db = (
            45 + 13 * traffic + 5 * wet + 0.5 * self.wind_m_s + abs(self._passing.advance(step_s)) * 1.5
        )
        self.pm2_5 = max(2.0, (12 + 22 * traffic + self._dust.advance(step_s)) * (1 - 0.45 * wet))
        self.pm10 = 1.5 * self.pm2_5 + 5
        self._switch_lamp(step_s)
        self.light_lx = self.daylight_lx + 17 * self.lamp
        self.power_w = DRIVER_W + LAMP_W * self.lamp
        self.voltage = self._voltage.advance(step_s)
        self.power_factor = 0.55 + 0.41 * self.lamp
        self.current_a = self.power_w / self.voltage / self.power_factor
        self.frequency = self._frequency.advance(step_s)

    def _traffic(self) -> float:
        """0 to 1, with rush hours at 8 and 17:30."""
        peaks = (math.exp(-(((self.hour - at) / wide) ** 2)) for at, wide in ((8.0, 1.6), (17.5, 2.2)))
        return 0.1 + 0.9 * sum(peaks)

    def _switch_lamp(self, step_s: float) -> None:
        """On by the daylight, with hysteresis; 60 % from 23 to 5; it fades at half its range a second."""
        lit = self.daylight_lx < (400 if self.lamp else 150)
        target = (0.6 if self.hour >= 23 or self.hour < 5 else 1.0) if lit else 0.0
        most = 0.5 * step_s
        self.lamp += min(most, max(-most, target - self.lamp))
