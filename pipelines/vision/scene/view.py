"""Whether the camera still looks where it did, by what stands still around a zone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.frames import Pixels
from pipelines.state import State
from pipelines.vision.scene.patch import grey, packed, unpacked
from pipelines.vision.scene.zones import Polygon

SIDE = 176
"""Pixels of the stored patch a side: 31 KiB."""

AROUND = 0.08
"""Of the picture's sides, on each side of the zone."""

LEAST_ROWS = 40
"""Of the patch that must stand above the water."""

LEAST_RESPONSE = 0.06
"""Of the phase correlation: of other places it is 0.04 at most, of the same place by another light more."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Of the view since the reference, in fractions of width and height; `sure` where they were matched."""

    x: float
    y: float
    sure: bool


class View:
    """A picture of the surroundings of a zone, kept to compare with."""

    def __init__(self, polygon: Polygon) -> None:
        left, top, right, bottom = polygon.bounds
        self._left, self._top = max(0.0, left - AROUND), max(0.0, top - AROUND)
        self._right, self._bottom = min(1.0, right + AROUND), min(1.0, bottom + AROUND)
        self._kept: NDArray[np.uint8] | None = None
        self._water = 1.0

    @property
    def is_kept(self) -> bool:
        """Whether there is a reference."""
        return self._kept is not None

    def keep(self, pixels: Pixels, water: float) -> None:
        """Take this picture for the reference; `water` is the height of the water in it, as a fraction."""
        self._kept, self._water = self._patch(pixels), water

    def shift(self, pixels: Pixels, water: float) -> Shift:
        """Compared with the reference above the higher of the two waters."""
        if self._kept is None:
            return Shift(0.0, 0.0, sure=False)
        share = (min(water, self._water) - self._top) / (self._bottom - self._top)
        rows = min(SIDE, int(share * SIDE) - 3)
        if rows < LEAST_ROWS:
            return Shift(0.0, 0.0, sure=False)
        then, now = _edges(self._kept[:rows]), _edges(self._patch(pixels)[:rows])
        window = cv2.createHanningWindow((SIDE, rows), cv2.CV_32F)
        (x, y), response = cv2.phaseCorrelate(then, now, window)
        wide, high = self._right - self._left, self._bottom - self._top
        return Shift(x / SIDE * wide, y / SIDE * high, sure=response >= LEAST_RESPONSE)

    def _patch(self, pixels: Pixels) -> NDArray[np.uint8]:
        height, width = pixels.shape[:2]
        rows = slice(int(self._top * height), max(int(self._top * height) + 1, int(self._bottom * height)))
        columns = slice(int(self._left * width), max(int(self._left * width) + 1, int(self._right * width)))
        cut = grey(pixels[rows, columns])
        return np.asarray(cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)

    def state(self) -> State:
        return {"water": self._water, "kept": None if self._kept is None else packed(self._kept)}

    def restore(self, state: State) -> None:
        kept = state["kept"]
        self._kept = None if kept is None else unpacked(kept, (SIDE, SIDE))
        self._water = float(state["water"])


def _edges(patch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logarithm of the steepness: light, shade and gain hardly count."""
    smooth = cv2.GaussianBlur(patch.astype(np.float32), (0, 0), 1.0)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    return np.asarray(np.log1p(np.hypot(across, down)), np.float32)
