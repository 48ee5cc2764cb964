"""A morning at a river station, told by the real judge: the documents' examples come from it."""

from __future__ import annotations

import tomllib
from typing import Any

from agent.config import Config
from agent.judge.judging import Judging, Surroundings
from agent.resolve import resolve
from agent.telling import Message
from agent.wire import Leaf
from drivers.readings import Quality, Reading, Sample
from firmware_profiles.declared import checked

CONFIGURATION = """
[station]
site = "riverside"
gateway = "river-3"
utc_offset = "+08:00"
[uplink]
url = "mqtt://localhost"
[devices.level]
instrument = "keller-36x"
port = "rs485-1"
every_s = 10
[devices.level.channels]
water_pressure = { rename = "water_level", factor = 10.1972, offset = 31.52 }
water_temperature = { aggregate = { window_s = 600 } }
[devices.box]
port = "rs485-2"
every_s = 10
points = [{ channel = "voltage.battery", address = 0, scale = 0.01 }]
[judgement]
unusual = "off"
slow = false
[limits.level.water_level]
sensor = [31.52, 41.72]
spike = [0.2, 1.0]
[rules.danger]
kind = "stage"
input = "level.water_level"
warning = "33.50 m"
guarantee = "33.62 m"
clear_after = "10 min"
[rules.supply]
kind = "battery"
input = "box.voltage.battery"
low = "11.8 V"
"""
EVERY_MS = 10_000
LASTS_MS = 5_400_000
SPIKE_MS = 900_000
REVISION = "7c1f0e9ab2d4"
"""Of the configuration."""


class Morning:
    """From `began_ms` on: a spike, a rise over the warning stage and back, and a battery that gives out.

    `told` are the messages by topic, in the order they were told.
    """

    def __init__(self, began_ms: int) -> None:
        self.told: dict[Leaf, list[Message]] = {leaf: [] for leaf in Leaf}
        self.sent: list[Sample] = []
        self._now_ms = began_ms
        plan, mistakes = resolve(checked(Config, tomllib.loads(CONFIGURATION)), ())
        if mistakes:
            raise ValueError(mistakes)
        around = Surroundings(
            now=lambda: (self._now_ms, True),
            show=lambda _: None,
            send=self.sent.append,
            tell=lambda message, _: self.told[message.leaf].append(message),
            hasten=lambda *_: None,
            explained=lambda *_: None,
        )
        judging = Judging(plan.judgement, REVISION, around, {})
        for step in range(LASTS_MS // EVERY_MS):
            self._now_ms = began_ms + step * EVERY_MS
            for device, values in _shown(step * EVERY_MS).items():
                readings = tuple(
                    Reading(name, value, Quality.NOT_EVALUATED) for name, value in values.items()
                )
                judging.feed(Sample(device, self._now_ms, settled=True, seq=step + 1, readings=readings))
            judging.tick()

    def last(self, leaf: Leaf, **facts: Any) -> Message:  # noqa: ANN401  as in the body
        """The last message on a topic whose body says this."""
        found = [
            message
            for message in self.told[leaf]
            if all(message.body.get(key) == value for key, value in facts.items())
        ]
        return found[-1]


def _shown(since_ms: int) -> dict[str, dict[str, float]]:
    """What the gauges show so long after the beginning."""
    minutes = since_ms / 60_000
    peak = max(0.0, 1.0 - abs(minutes - 45.0) / 40.0)
    level = 32.10 + 1.55 * peak + 0.002 * (round(minutes * 6) % 3)
    return {
        "level": {
            "water_level": round(level + (0.9 if since_ms == SPIKE_MS else 0.0), 3),
            "water_temperature": round(11.4 - 0.5 * peak, 1),
        },
        "box": {"voltage.battery": round(12.6 - 0.016 * minutes, 2)},
    }
