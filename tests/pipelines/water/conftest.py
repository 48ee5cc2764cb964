"""Rivers and rain to play into a rule, and the one way to play them."""

from __future__ import annotations

import math
import random

import pytest

from drivers.readings import Quality
from pipelines.events import Source
from pipelines.state import decode, encode

MINUTE = 60_000
HOUR = 60 * MINUTE
START = 1_780_272_000_000
"""2026-06-01T00:00:00Z, a whole bucket of any length."""


class Field:
    """Series as lists of (source, at_ms, value, quality), and what a rule makes of them."""

    level = Source("gauge", "water_level")
    rain = Source("bucket", "rainfall")

    def series(self, source, values, *, every=MINUTE, quality=Quality.GOOD, start=START):
        return [(source, start + i * every, value, quality) for i, value in enumerate(values)]

    def play(self, rule, *series, tick=10_000, restart_at=None, anew=None):
        """Feed in the order of time, tick each `tick` ms; at reading `restart_at` go on in a stage from `anew`."""
        readings = sorted((each for one in series for each in one), key=lambda each: each[1])
        events, due = [], readings[0][1] // tick * tick + tick
        for n, (source, at_ms, value, quality) in enumerate(readings):
            if n == restart_at:
                state, rule = rule.state(), anew()
                rule.restore(decode(encode(state)))
            while due <= at_ms - 1:
                events += rule.tick(due)
                due += tick
            events += rule.feed(source, at_ms, value, quality)
        for _ in range(HOUR // tick):
            events += rule.tick(due)
            due += tick
        return events

    def noisy(self, values, scale=0.004, seed=1):
        noise = random.Random(seed)
        return [round(value + noise.gauss(0, scale), 3) for value in values]

    def storm(self, minutes, *, base=1.0, peak=3.3, begins=180, rise=90):
        """A flood that rises in `rise` minutes and falls four times as slowly."""
        height = []
        for minute in range(minutes):
            t = (minute - begins) / rise
            height.append(base + (0 if t <= 0 else peak * (t * math.exp(1 - t)) ** (3 if t < 1 else 0.75)))
        return height

    def tide(self, minutes, *, base=2.0, amplitude=0.8):
        """The moon's half day, 12.42 h."""
        return [base + amplitude * math.sin(2 * math.pi * m / (12.42 * 60)) for m in range(minutes)]


@pytest.fixture(scope="session")
def field():
    return Field()


@pytest.fixture(scope="session")
def brief():
    """An event as what a test looks at: kind, phase, severity, minutes since the start."""

    def shorten(events, *, start=START):
        return [
            (str(e.kind), str(e.phase), e.severity.name, (e.at_ms - start) / MINUTE)
            for e in events
        ]  # fmt: skip

    return shorten
