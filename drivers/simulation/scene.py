"""What a simulated instrument measures: each channel walks around its ordinary value, or is held. Pure."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivers.readings import Value
from drivers.simulation.registers import raw_span
from firmware_profiles.frames import FramePoint
from firmware_profiles.points import Point
from firmware_profiles.properties import property_of
from firmware_profiles.schema import RegisterPoint
from firmware_profiles.typical import Typical, typical_of

TICK_S = 1.0
RELAX_S = 300.0
"""A walk forgets where it was within some minutes."""

SWITCHES_PER_S = 1 / 120
"""How often a state (a bit, a label) changes to another."""


class Scene:
    """The values of all points at a time; the same for the same seed, whatever else was asked for before."""

    def __init__(self, points: Sequence[RegisterPoint] | Sequence[FramePoint], seed: int = 0) -> None:
        self._walks = {point.channel: _walk(point, seed) for point in points}
        self._held: dict[str, _Held] = {}
        self._values: dict[str, Value | None] = {name: walk.value for name, walk in self._walks.items()}
        self._ticks = 0

    def at(self, now_s: float) -> Mapping[str, Value | None]:
        """The values `now_s` after the beginning; time never goes back."""
        while self._ticks * TICK_S <= now_s - TICK_S:
            self._ticks += 1
            for walk in self._walks.values():
                walk.step()
        for name, walk in self._walks.items():
            held = self._held.get(name)
            self._values[name] = held.at(now_s) if held else walk.value
        return self._values

    def hold(self, channel: str, value: Value | None, now_s: float = 0.0, over_s: float = 0.0) -> None:
        """Keep a channel at `value` from now on, numbers reached along a line within `over_s`.

        Raises:
            KeyError: no such channel.
        """
        before = self.at(now_s)[channel]
        self._held[channel] = _Held(before, value, now_s, over_s)

    def release(self, channel: str) -> None:
        """Let a channel walk again."""
        self._held.pop(channel, None)


@dataclass(frozen=True, slots=True)
class _Held:
    before: Value | None
    value: Value | None
    since_s: float
    over_s: float

    def at(self, now_s: float) -> Value | None:
        share = 1.0 if self.over_s <= 0 else min(1.0, (now_s - self.since_s) / self.over_s)
        if share >= 1.0 or isinstance(self.before, str | None) or isinstance(self.value, str | None):
            return self.value
        return self.before + share * (self.value - self.before)


class _Walk:
    """A number that swings around its ordinary value (Ornstein-Uhlenbeck), or a counter that grows."""

    def __init__(self, point: RegisterPoint | FramePoint, ordinary: Typical, chance: random.Random) -> None:
        self._point = point
        self._low, self._high, self._home, self._swing = _within(point, ordinary)
        self._chance = chance
        self._grows = property_of(point.channel).kind == "counter"
        self._number = self._home if self._grows else self._home + self._swing * chance.gauss(0, 1)

    @property
    def value(self) -> float:
        """The number, and not one that would mean "no probe"."""
        number = min(max(self._number, self._low), self._high)
        point = self._point
        if point.absent and round((number - point.offset) / point.scale) in point.absent:
            return number + abs(point.scale)
        return number

    def step(self) -> None:
        chance = self._chance
        if self._grows:
            self._number += self._swing / 60 * TICK_S * 2 * chance.random()
            if self._number > self._high:
                self._number -= self._high - self._low
            return
        back = TICK_S / RELAX_S
        push = self._swing * math.sqrt(2 * back) * chance.gauss(0, 1)
        self._number += (self._home - self._number) * back + push
        self._number = min(max(self._number, self._low), self._high)


class _State:
    """A bit, a label or a text: the first, and now and then another."""

    def __init__(self, states: Sequence[Value], chance: random.Random) -> None:
        self._states = states
        self._chance = chance
        self.value = states[0]

    def step(self) -> None:
        if len(self._states) > 1 and self._chance.random() < SWITCHES_PER_S * TICK_S:
            self.value = self._chance.choice(self._states)


def value_span(point: RegisterPoint | FramePoint) -> tuple[float, float]:
    """The values the point can say, in the property's unit."""
    if isinstance(point, RegisterPoint):
        edges = raw_span(point)
    elif point.valid:
        edges = point.valid
    elif point.at is None or point.type == "float32":
        edges = (-math.inf, math.inf)
    else:
        signed = point.type.startswith("int")
        bits = int(point.type.removeprefix("u").removeprefix("int"))
        edges = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    low, high = sorted(edge * point.scale + point.offset for edge in edges)
    return low, high


def _walk(point: RegisterPoint | FramePoint, seed: int) -> _Walk | _State:
    chance = random.Random(f"{seed} {point.channel}")  # noqa: S311  not for secrets
    if states := _states(point):
        return _State(states, chance)
    return _Walk(point, typical_of(point.channel), chance)


def _states(point: Point) -> list[Value]:
    if point.labels:
        return list(point.labels.values())
    if isinstance(point, RegisterPoint) and point.type == "bit":
        return [False, True]
    if isinstance(point, RegisterPoint) and point.type == "string":
        return ["SIMULATED"[: 2 * point.words]]
    return []


def _within(point: RegisterPoint | FramePoint, ordinary: Typical) -> Typical:
    """The ordinary values as far as the point can say them."""
    low, high = value_span(point)
    if low > ordinary.high or high < ordinary.low:
        return Typical(low, high, (low + high) / 2, (high - low) / 100)
    low, high = max(low, ordinary.low), min(high, ordinary.high)
    return Typical(low, high, min(max(ordinary.home, low), high), min(ordinary.swing, (high - low) / 10))
