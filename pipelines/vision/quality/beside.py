"""One picture beside what it is compared with: what all checks ask of the two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import hypot

import numpy as np

from pipelines.vision.quality.elsewhere import NEAR
from pipelines.vision.quality.features import Array, Features
from pipelines.vision.quality.focus import Detail, Pattern, octaves
from pipelines.vision.quality.reference import Light, Slot
from pipelines.vision.quality.tint import Offset
from pipelines.vision.quality.view import Likeness

SAME = 0.4
"""So like the usual view is a picture of it that is blurred or in the wrong kind of light."""
RELIABLE, GONE, FEW = 0.4, 0.4, 37
"""A reliable tile matches so well as a rule; it is gone under this share of it; fewer of 144 tell nothing."""
CLEAR = -0.7
"""Octaves of its fine detail that a view shows as a rule, to tell a shift by it."""
LOST_ALL = 0.8
"""Of the reliable tiles: then nothing of the view is left."""
MORE = 0.02
"""So much more of the fine detail must be there than here: what is hidden is nowhere."""
FLAT = 0.3
"""Of the usual contrast."""
SOFTER = 0.45
"""Octaves of fine detail."""
TINTED = 0.2
FADED, RICHER = 0.2, 2.0
"""Colours fade and come back with contrast, within these factors."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Beside:
    """A picture and what it is compared with; what is not known is None or empty."""

    seen: Features
    light: Light
    like: Light
    """The kind of picture it is compared with."""
    strange: bool = False
    """This kind of picture was never right at this time of day."""
    usual: Slot | None = None
    around: tuple[Slot, ...] = ()
    """Slots of about this time of day, of any light; none unless one of them knows two days."""
    own: bool = False
    """`usual` is of this time of day, not of another."""
    healthy: tuple[float, ...] | None = None
    """Mean and low grey level, exposure and burnt share of the last healthy picture, if it is recent."""
    alike: Likeness | None = None
    one_way: bool = False
    """All lines of the usual view run one way."""
    match: Array | None = None
    """How well each tile of the view matches as a rule."""
    offset: Offset | None = None
    """Of its colours; None where they cannot be told."""
    pattern: Pattern | None = None
    detail: Detail | None = None
    still: float = 0.0
    changed: float | None = None

    @cached_property
    def reliable(self) -> Array:
        """Tiles that match as a rule, and are not masked."""
        if self.match is None:
            return np.zeros(self.seen.usable.shape, bool)
        return np.asarray(self.seen.usable & (self.match > RELIABLE))

    @cached_property
    def gone(self) -> Array:
        """Reliable tiles that do not match at all."""
        if self.alike is None or self.match is None:
            return np.zeros(self.seen.usable.shape, bool)
        return np.asarray(self.reliable & (self.alike.tiles < GONE * self.match))

    @property
    def same(self) -> bool:
        """Whether the view as a whole is still there."""
        return self.alike is None or self.alike.whole > SAME

    @property
    def shown(self) -> bool:
        """The same, or half of its fine detail is: a shadow does not take that."""
        if self.same or self.sharper is None:
            return self.same
        return self.sharper > -1 and self.missing <= LOST_ALL

    @property
    def clear(self) -> bool:
        """Whether the view shows its fine detail well, as a rule."""
        return self.pattern is not None and self.pattern.known and self.pattern.usual > CLEAR

    def rather(self, right: float, down: float) -> bool:
        """Whether more of the fine detail is there than here."""
        if self.pattern is None:
            return False
        return self.pattern.plain(self.seen, right, down) > self.pattern.plain(self.seen, 0, 0) + MORE

    @cached_property
    def moved(self) -> float:
        """How far the view has shifted for sure, by its fine detail or by its brightness; 0: not."""
        place = None if self.pattern is None else self.pattern.elsewhere(self.seen)
        if place is not None and self.rather(*place):
            return hypot(*place)
        alike = self.alike
        if alike is None or not alike.sure:
            return 0.0
        there = not self.clear or alike.shift <= NEAR or self.rather(alike.right, alike.down)
        return alike.shift if there else 0.0

    @cached_property
    def told(self) -> float:
        """Share of the picture whose tiles are reliable; 0 where they are too few to tell what is hidden."""
        reliable = int(self.reliable.sum())
        return reliable / self.reliable.size if reliable >= FEW else 0.0

    @cached_property
    def missing(self) -> float:
        """Share of the reliable tiles that are gone, by area; 0 where that cannot be told."""
        return float(self.gone.sum() / self.reliable.sum()) if self.told else 0.0

    @property
    def dull(self) -> bool:
        """Whether what is seen where the view is gone has no contours, or is out of focus."""
        if self.alike is None:
            return False
        flat = float((self.alike.liveliness[self.gone] < FLAT).mean()) > 0.5
        return flat or (self.detail is not None and self.detail.soft(self.gone))

    @cached_property
    def lost(self) -> float:
        """How much of the reliable tiles' likeness is lost: a tile half hidden counts half."""
        if self.alike is None or self.match is None or not self.reliable.any():
            return 0.0
        usual, here = self.match[self.reliable], self.alike.tiles[self.reliable]
        return float(np.maximum(usual - np.maximum(here, 0.0), 0.0).sum() / usual.sum())

    @cached_property
    def tint(self) -> tuple[float, float]:
        """Octaves from the nearest colours that are usual at about this hour, and how many are allowed."""
        lights = [slot for slot in self.around if slot.grown and slot.light != Light.GREY]
        tints = [(self.tint_from(slot), TINTED + slot.of("tint") + 2 * slot.give("tint")) for slot in lights]
        return min(tints, key=lambda each: each[0] / each[1], default=(0.0, TINTED))

    def tint_from(self, slot: Slot) -> float:
        """How far the colours are from usual in one hour's light; fog may fade them as it fades contrast."""
        if self.offset is None:
            return 0.0
        faded = self.seen.contrast / max(0.01, slot.of("contrast"))
        palest, richest = max(FADED, min(1.0, faded)), min(RICHER, max(1.0, faded))
        return self.offset.against(slot.of("red"), slot.of("blue"), palest, richest)

    @cached_property
    def left(self) -> float | None:
        """Of the fine detail, the share that is left where the view is; None where that cannot be told."""
        return None if self.detail is None else self.detail.left(self.seen.usable & ~self.gone)

    @property
    def sharper(self) -> float | None:
        """The same against usual, octaves."""
        return self._against(self.left)

    def softer(self, *, everywhere: bool = False) -> float:
        """By how much the picture is softer than usual, 1 at the threshold; 0 where that cannot be told."""
        if self.pattern is None or self.detail is None:
            return 0.0
        sharper = self._against(self.detail.left(self.seen.usable)) if everywhere else self.sharper
        return 0.0 if sharper is None else -sharper / (SOFTER + 2 * self.pattern.off)

    def _against(self, left: float | None) -> float | None:
        if self.pattern is None or left is None or not self.pattern.known:
            return None
        return octaves(left) - self.pattern.usual
