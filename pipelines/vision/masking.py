"""Privacy masks, burnt into the picture before anything of it is stored, shown or sent."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from drivers.frames import Pixels
from pipelines.vision.scene.zones import Polygon

FILL = (56, 56, 56)
"""Blue, green, red: a grey that no check of pictures takes for black."""

MARGIN = 1
"""Pixels around the polygon: a chroma sample of 4:2:0 is of two pixels, and a corner is rounded to one."""


def burn(pixels: Pixels, polygons: Iterable[Polygon]) -> Pixels:
    """A copy with the polygons, a margin of a pixel around them included, filled; all else is as it was.

    Where a camera has masks, the JPEG it made itself shows what they hide: it must not be kept.
    """
    out = pixels.copy()
    height, width = out.shape[:2]
    for polygon in polygons:
        corners = [polygon.corners(width, height)]
        cv2.fillPoly(out, corners, FILL)
        cv2.polylines(out, corners, isClosed=True, color=FILL, thickness=1 + 2 * MARGIN)
    return out


def hidden(
    polygons: Iterable[Polygon], width: int, height: int
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Which pixels `burn` fills, height x width."""
    blank = np.zeros((height, width, 3), np.uint8)
    return np.asarray((burn(blank, polygons) != 0).any(axis=2))
