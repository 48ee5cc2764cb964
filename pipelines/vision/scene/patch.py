"""A zone cut out, small and grey: always the same size, whatever the size of the stream."""

from __future__ import annotations

from array import array
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.frames import Pixels
from pipelines.vision.scene.zones import Grey, Polygon

ASPECT = 16 / 9
"""Taken for every camera's: the shape of a patch must not change with the stream."""


class Patch:
    """Cuts a polygon's box out of pictures and makes it about `area` pixels in all."""

    def __init__(self, polygon: Polygon, area: int) -> None:
        self.polygon = polygon
        left, top, right, bottom = polygon.bounds
        wide, high = (right - left) * ASPECT, bottom - top
        scale = (area / (wide * high)) ** 0.5
        self.width = max(8, min(area // 8, round(wide * scale)))
        self.height = max(8, min(area // 8, round(high * scale)))
        inside = [((x - left) / (right - left), (y - top) / (bottom - top)) for x, y in polygon.points]
        self.mask: NDArray[np.bool_] = (
            Polygon(tuple((min(1.0, x), min(1.0, y)) for x, y in inside)).mask(self.width, self.height) > 0
        )
        """Height x width, true inside the polygon."""

    def of(self, pixels: Pixels) -> Grey:
        """The box of the polygon, height x width."""
        height, width = pixels.shape[:2]
        left, top, right, bottom = self.polygon.box(width, height)
        small = grey(shrunk(pixels[top:bottom, left:right], self.width, self.height))
        size = self.width, self.height
        return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.uint8)


def shrunk(pixels: Pixels, width: int, height: int) -> Pixels:
    """Halved while it stays at least `width` x `height`: halving costs a third of other scales."""
    while pixels.shape[1] >= 2 * width and pixels.shape[0] >= 2 * height:
        size = pixels.shape[1] // 2, pixels.shape[0] // 2
        cut = pixels[: 2 * size[1], : 2 * size[0]]
        pixels = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
    return pixels


def grey(pixels: Pixels) -> Grey:
    """Luma of a picture, blue first (BT.601)."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)


def packed(values: NDArray[Any]) -> array[int]:
    """Bytes, as a state stores them."""
    return array("B", np.ascontiguousarray(values, np.uint8).tobytes())


def unpacked(stored: array[int], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """What `packed` was given.

    Raises:
        ValueError: it is of another shape.
    """
    return np.frombuffer(stored.tobytes(), np.uint8).reshape(shape).copy()
