"""What is true at two simulated stations, minute by minute for a month: a river and a lamp pole.

Nothing here knows of gauges that fail. Every figure is a stated assumption about nature and good instruments;
the seed decides weather and noise.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MINUTE_MS = 60_000
DAY_MIN = 1440
T0_MS = 1_780_243_200_000
"""2026-06-01T00:00 at UTC+08:00: the flood season begins, and so does the station's day."""

_NOISES = 1 << 16


class Storm(NamedTuple):
    """Rain of so many mm that begins on this day and lasts so many hours."""

    day: float
    hours: float
    mm: float


STORMS = (Storm(4.6, 6, 34), Storm(10.3, 9, 62), Storm(17.7, 4, 26), Storm(24.15, 14, 128))
SHOWERS = (
    Storm(1.6, 0.7, 3),
    Storm(7.65, 1.2, 7),
    Storm(13.2, 0.5, 2),
    Storm(20.6, 0.8, 4),
    Storm(27.7, 1, 5),
)
RELEASE_DAY, RELEASE_HOURS, RELEASE_M = 21.42, 3.0, 0.6
"""A gate upstream is opened under a blue sky: the front takes 12 minutes."""


@dataclass(slots=True)
class Signal:
    """One quantity as a good instrument reports it: the truth by minutes, its noise, and the last digit."""

    truth: Sequence[float]
    spread: Sequence[float]
    step: float
    salt: int
    noises: Sequence[float]
    low: float = -math.inf
    high: float = math.inf

    def read(self, at_ms: int) -> float:
        """The number shown at this moment."""
        second = (at_ms - T0_MS) // 1000
        minute, within = divmod(second, 60)
        minute = min(minute, len(self.truth) - 2)
        value = self.truth[minute]
        if within:
            value += (self.truth[minute + 1] - value) * within / 60
        place = (second * 2_654_435_761 >> 11 ^ self.salt * 40_503) % _NOISES
        value += self.spread[minute] * self.noises[place]
        value = min(max(value, self.low), self.high)
        return round(round(value / self.step) * self.step, 6)


@dataclass(slots=True)
class Happening:
    """Something that truly happened and must be told: which kinds of event may say so, about whom, when."""

    name: str
    kinds: tuple[str, ...]
    subject: str
    began_ms: int
    until_ms: int
    severity: str = ""


@dataclass(slots=True)
class Truth:
    """A station's month: how often each device is read, and its channels."""

    every_s: dict[str, int]
    signals: dict[str, dict[str, Signal]]
    happenings: list[Happening] = field(default_factory=list)
    """What must be told."""
    weather: list[Happening] = field(default_factory=list)
    """What may be told, and is true: lesser rain, a stage ahead that is reached."""


class Chance:
    """Everything random, from one seed."""

    def __init__(self, seed: int, days: int) -> None:
        self.random = random.Random(seed)
        self.minutes = days * DAY_MIN + 2
        self.noises = array("d", (self.random.gauss(0, 1) for _ in range(_NOISES)))
        self._salt = 0

    def wander(self, spread: float, hours: float, *, smooth: bool = False) -> array[float]:
        """An Ornstein-Uhlenbeck path with this deviation and memory; `smooth`: of second order."""
        kept = math.exp(-1 / (60 * hours))
        push = spread * math.sqrt(1 - kept * kept)
        value, slow = self.random.gauss(0, spread), 0.0
        gauss, path = self.random.gauss, array("d")
        gain = 1 - math.exp(-1 / (15 * hours))
        for _ in range(self.minutes):
            value = value * kept + push * gauss(0, 1)
            slow += (value - slow) * gain
            path.append(1.1 * slow if smooth else value)
        return path

    def signal(
        self, truth: Sequence[float], spread: float | Sequence[float], step: float, **ends: float
    ) -> Signal:
        self._salt += 1
        spreads = [spread] * self.minutes if isinstance(spread, float) else spread
        return Signal(truth, spreads, step, self._salt, self.noises, **ends)


def hour_of(minute: int) -> float:
    return minute % DAY_MIN / 60


def daily(peak_hour: float, minute: int) -> float:
    """A sine of the day, 1 at its peak."""
    return math.cos((hour_of(minute) - peak_hour) / 12 * math.pi)


class Weather(NamedTuple):
    """What both stations share, by minutes."""

    rain: array[float]
    """mm/min"""
    cloud: array[float]
    """0 to 1"""
    wind: array[float]
    """10 min mean, m/s"""
    air: array[float]
    """Cel"""


def weather(chance: Chance) -> Weather:
    """Four storms and some showers; days of sun and cloud; a warm month."""
    rain = array("d", bytes(8 * chance.minutes))
    for storm in (*STORMS, *SHOWERS):
        _pour(rain, storm, chance)
    cloud, breeze, fronts = (
        chance.wander(0.25, 9),
        chance.wander(0.45, 6),
        chance.wander(2.2, 50, smooth=True),
    )
    wet = 0.0
    found = Weather(rain, array("d"), array("d"), array("d"))
    for minute in range(chance.minutes):
        wet += (min(1.0, rain[minute] / 0.15) - wet) / 40
        shade = min(1.0, max(0.0, 0.4 + cloud[minute] + wet))
        found.cloud.append(shade)
        speed = 2.6 * math.exp(breeze[minute]) * (1 + 0.45 * daily(14, minute)) - 0.5
        found.wind.append(max(0.0, speed) + 7 * wet)
        found.air.append(24 + fronts[minute] + (5.5 - 3.5 * shade) * daily(15, minute) - 3.5 * wet)
    return found


def _pour(rain: array[float], storm: Storm, chance: Chance) -> None:
    """Bursts within an envelope that comes fast and goes slowly; it adds up to the storm's amount."""
    length = int(storm.hours * 60)
    shape, burst = [], 0.0
    for minute in range(length):
        burst = burst * 0.93 + chance.random.gauss(0, 0.45)
        into = (minute + 0.5) / length
        shape.append(into * math.exp(-2.8 * into) * math.exp(burst))
    scale = storm.mm / sum(shape)
    start = int(storm.day * DAY_MIN)
    for minute, part in enumerate(shape, start):
        if minute < len(rain):
            rain[minute] += part * scale


def tipped(rain: Sequence[float]) -> array[float]:
    """The total of a tipping bucket of 0.2 mm."""
    total, bucket, path = 312.4, 0.0, array("d")
    for amount in rain:
        bucket += amount
        tips = int(bucket / 0.2)
        bucket -= 0.2 * tips
        total += 0.2 * tips
        path.append(round(total, 1))
    return path


def spans(path: Sequence[float], holds: Callable[[int], bool], calm_min: int) -> list[tuple[int, int]]:
    """Minutes from and until which it holds, joined over pauses of `calm_min`."""
    found: list[tuple[int, int]] = []
    for minute in range(len(path)):
        if holds(minute):
            if found and minute - found[-1][1] <= calm_min:
                found[-1] = found[-1][0], minute
            else:
                found.append((minute, minute))
    return found


def at(minute: float) -> int:
    """That minute in ms UTC."""
    return T0_MS + int(minute) * MINUTE_MS
