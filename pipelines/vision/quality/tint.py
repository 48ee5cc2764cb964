"""How much redder and bluer a picture is than its camera's pictures are, tile by tile.

The middle of all tiles decides: a passer-by colours few of them. What each is compared with is laid down by
the first pictures in colour and then stays, so that slots can tell from it what is usual at their hour.
"""

from __future__ import annotations

from array import array
from math import hypot

import numpy as np

from pipelines.state import State
from pipelines.vision.quality.features import TILES, Array, Features

LAID = 5
"""So many pictures lay it down; a tile that told nothing in these follows once it does."""
COLOURED = 14
"""So many of 144 tiles must tell their colour."""
_NONE, _STEPS = -32768, 4096.0


class Tints:
    """Each tile's red and blue by green, octaves, 2 x 9 x 16; nan where not known."""

    __slots__ = ("n", "tiles")

    def __init__(self) -> None:
        self.n = 0
        self.tiles = np.full((2, *TILES[::-1]), np.nan, np.float32)

    def learn(self, seen: Features) -> None:
        """A healthy picture in colour."""
        usual = np.where(np.isnan(self.tiles), seen.tints, self.tiles)
        if self.n < LAID:
            self.n += 1
            usual = np.where(np.isnan(seen.tints), usual, usual + (seen.tints - usual) / np.float32(self.n))
        self.tiles = _real(_whole(usual))

    def beside(self, seen: Features) -> Offset | None:
        """Those tiles that tell their colour here as there; None where they are too few."""
        told = seen.usable & ~np.isnan(seen.tints[0]) & ~np.isnan(self.tiles[0])
        return Offset(seen.tints[:, told], self.tiles[:, told]) if int(told.sum()) >= COLOURED else None

    def state(self) -> State:
        return {"n": self.n, "tiles": array("h", _whole(self.tiles).tobytes())}

    def restore(self, state: State) -> None:
        self.n = int(state["n"])
        self.tiles = _real(np.array(state["tiles"], np.int16).reshape(2, *TILES[::-1]))


class Offset:
    """A picture's tiles and what they are compared with, octaves, 2 x tiles."""

    __slots__ = ("_here", "_there", "middle")

    def __init__(self, here: Array, there: Array) -> None:
        self._here, self._there = here, there
        red, blue = np.median(here - there, axis=1)
        self.middle = float(red), float(blue)
        """By how much the middle tile is redder and bluer."""

    def against(self, red: float, blue: float, palest: float, richest: float) -> float:
        """How far it is from being redder and bluer by so much; colours may fade and come back in between."""
        usual = self._there + np.array([[red], [blue]], np.float32)
        along = float((self._here * usual).sum() / ((usual * usual).sum() + 1e-6))
        rest = np.median(self._here - min(max(along, palest), richest) * usual, axis=1)
        return hypot(*map(float, rest))


def _whole(octaves: Array) -> Array:
    """-7.9 to 7.9 as 16 bits; the lowest is nan."""
    steps = np.rint(np.clip(np.nan_to_num(octaves), -7.9, 7.9) * _STEPS)
    return np.asarray(np.where(np.isnan(octaves), _NONE, steps).astype(np.int16))


def _real(whole: Array) -> Array:
    return np.where(whole == _NONE, np.float32(np.nan), whole / np.float32(_STEPS))
