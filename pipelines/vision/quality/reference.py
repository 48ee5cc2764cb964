"""What is usual for one camera at one hour of the day in one light, learned from healthy pictures only."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from enum import IntEnum

import numpy as np

from pipelines.state import State
from pipelines.vision.quality.features import CELLS, TILES, Array, Features
from pipelines.vision.quality.focus import Pattern
from pipelines.vision.quality.tint import Tints
from pipelines.vision.quality.view import Likeness

DAY_MS = 86_400_000
FIGURES = (
    "mean", "exposure", "contrast", "low", "bright", "red", "blue", "tint", "colour", "noise", "stripes",
)  # fmt: skip
"""Of which a slot knows the usual value and the usual distance from it."""
MOST_SLOTS = 30
STALE_MS = 3 * DAY_MS
GROWN = 5
"""So many pictures make a slot or a view fit to judge by."""
_SLOWEST = 1 / 200
"""Of a slot, which is taught once a minute in its hour: about four days."""
_SLOWEST_VIEW = 1 / 1000
_STEPS = 1365.0
"""A tile's log2 from -16 to 32 as 16 bits."""


class Light(IntEnum):
    """Three kinds of picture that are not compared with one another."""

    DAY = 0
    DIM = 1
    """In colour, but dark: street lamps, dusk."""
    GREY = 2
    """Without colour: infrared by night, or a camera that has no other."""


def light_of(seen: Features) -> Light:
    """Which kind this picture is."""
    if seen.colour < 1.0:
        return Light.GREY
    return Light.DIM if seen.mean < 45 else Light.DAY


class Slot:
    """An hour of the day in one light."""

    __slots__ = ("at_ms", "day", "days", "hour", "light", "n", "off", "usual")

    def __init__(self, hour: int, light: int) -> None:
        self.hour, self.light = hour, light
        self.n = self.days = 0
        self.day, self.at_ms = -1, -DAY_MS
        self.usual = np.zeros(len(FIGURES))
        self.off = np.zeros(len(FIGURES))

    @property
    def grown(self) -> bool:
        return self.n >= GROWN

    def of(self, name: str) -> float:
        """The usual value of one of FIGURES."""
        return float(self.usual[FIGURES.index(name)])

    def give(self, name: str) -> float:
        """The usual distance from it."""
        return float(self.off[FIGURES.index(name)])

    def learn(self, at_ms: int, figures: dict[str, float]) -> None:
        """One healthy picture; a figure far out moves the usual no more than four usual distances would."""
        rate = max(_SLOWEST, 1 / (self.n + 1))
        values = np.array([figures[name] for name in FIGURES])
        if self.n:
            most = 4 * self.off + 0.05 * np.abs(self.usual) + 0.5 if self.n >= GROWN else np.inf
            change = np.clip(values - self.usual, -most, most)
            self.off += max(rate, 1 / 50) * (np.abs(change) - self.off)
            self.usual += rate * change
        else:
            self.usual = values
        self.n, self.at_ms = self.n + 1, at_ms
        if at_ms // DAY_MS != self.day:
            self.day, self.days = at_ms // DAY_MS, self.days + 1

    def state(self) -> State:
        return {
            "key": [self.hour, self.light, self.n, self.days, self.day, self.at_ms],
            "figures": array("d", np.concatenate((self.usual, self.off)).tobytes()),
        }

    @classmethod
    def restored(cls, state: State) -> Slot:
        made = cls(*state["key"][:2])
        made.n, made.days, made.day, made.at_ms = state["key"][2:]
        made.usual, made.off = np.array(state["figures"], np.float64).reshape(2, len(FIGURES)).copy()
        return made


class View:
    """What the camera looks at, in one light, and which of its tiles can be relied on."""

    __slots__ = ("cells", "match", "n", "pattern")

    def __init__(self) -> None:
        self.n = 0
        self.pattern = Pattern()
        self.cells = np.zeros(CELLS[::-1], np.float32)
        self.match = np.zeros(TILES[::-1], np.float32)

    @property
    def grown(self) -> bool:
        return self.n >= GROWN

    def learn(self, view: Array, alike: Likeness | None) -> None:
        """A healthy view, shifted back onto the usual one first, so that a creeping shift adds up."""
        if alike is None:
            self.cells = view
        else:
            rate = np.float32(max(_SLOWEST_VIEW, 1 / (self.n + 1)))
            matching = np.float32(max(_SLOWEST_VIEW, 1 / self.n))
            self.cells = self.cells + rate * (alike.back - self.cells)
            self.match = self.match + matching * (np.clip(alike.tiles, 0, 1) - self.match)
        self.cells = _real(_whole(self.cells))
        self.match = _real(_whole(self.match))
        self.n += 1

    def state(self) -> State:
        return {
            "n": self.n,
            "cells": array("H", _whole(self.cells).tobytes()),
            "match": array("H", _whole(self.match).tobytes()),
            "pattern": self.pattern.state(),
        }

    @classmethod
    def restored(cls, state: State) -> View:
        made = cls()
        made.n = int(state["n"])
        made.cells = _real(np.array(state["cells"], np.uint16).reshape(CELLS[::-1]))
        made.pattern = Pattern.restored(state["pattern"])
        made.match = _real(np.array(state["match"], np.uint16).reshape(TILES[::-1]))
        return made


def _whole(values: Array) -> Array:
    """-1 to 1 as 16 bits."""
    return np.asarray(np.rint((np.clip(values, -1, 1) + 1) * 32767).astype(np.uint16))


def _real(whole: Array) -> Array:
    return np.asarray(whole.astype(np.float32) / np.float32(32767) - 1)


class Reference:
    """All slots and views of one camera: at most 30 slots; the least taught makes way, unused ones first."""

    def __init__(self) -> None:
        self.slots: dict[tuple[int, int], Slot] = {}
        self.views: dict[int, View] = {}
        self.tints = Tints()

    def around(self, minute_of_day: int) -> Iterator[Slot]:
        """The slots of this hour, and of another that is within 20 minutes, in any light."""
        for each in sorted({(minute_of_day + off) // 60 % 24 for off in (-20, 0, 20)}):
            for light in Light:
                slot = self.slots.get((each, light))
                if slot is not None:
                    yield slot

    def slot(self, hour: int, light: Light, mean: float) -> Slot | None:
        """The slot to judge by: the hour's own, else the nearest in hour and brightness in the same light."""
        own = self.slots.get((hour, light))
        if own is not None and own.grown:
            return own
        like = [slot for slot in self.slots.values() if slot.light == light and slot.grown]

        def far(slot: Slot) -> float:
            apart = abs(slot.hour - hour)
            return min(apart, 24 - apart) + abs(slot.of("mean") - mean) / 16

        return min(like, key=far, default=None)

    def view(self, light: Light) -> View | None:
        """The view to judge by."""
        view = self.views.get(light)
        return view if view is not None and view.grown else None

    def due(self, at_ms: int, hour: int, light: Light, every_ms: int) -> bool:
        """Whether another picture may teach already."""
        slot = self.slots.get((hour, light))
        return slot is None or not 0 <= at_ms - slot.at_ms < every_ms

    def learn(
        self,
        at_ms: int,
        key: tuple[int, Light],
        figures: dict[str, float],
        seen: Features,
        alike: Likeness | None,
    ) -> None:
        """One healthy picture."""
        hour, light = key
        if key not in self.slots and len(self.slots) >= MOST_SLOTS:
            stale = at_ms - STALE_MS
            worst = min(self.slots.values(), key=lambda slot: (slot.at_ms > stale, slot.n, slot.at_ms))
            del self.slots[worst.hour, worst.light]
        self.slots.setdefault(key, Slot(hour, light)).learn(at_ms, figures)
        if light is not Light.GREY:
            self.tints.learn(seen)
        self.views.setdefault(light, View()).learn(seen.view, alike)
        shifted = (0.0, 0.0) if alike is None else (alike.right, alike.down)
        self.views[light].pattern.learn(seen, *shifted)

    def state(self) -> State:
        return {
            "slots": [slot.state() for slot in self.slots.values()],
            "views": {str(int(light)): view.state() for light, view in self.views.items()},
            "tints": self.tints.state(),
        }

    def restore(self, state: State) -> None:
        """A state from before colours were compared by tile lacks `tints`: KeyError, and nothing is known."""
        tints = Tints()
        tints.restore(state["tints"])
        slots = [Slot.restored(each) for each in state["slots"]]
        self.slots = {(slot.hour, slot.light): slot for slot in slots}
        self.views = {int(light): View.restored(each) for light, each in state["views"].items()}
        self.tints = tints
