"""Parts of the picture that are looked at: polygons in fractions of its sides, and what they are for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines import outline
from pipelines.outline import Point

Grey = NDArray[np.uint8]
"""Height x width."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")


@dataclass(frozen=True, slots=True)
class Polygon:
    """A simple polygon of 3 to 64 points, each from 0 to 1.

    Raises:
        ValueError: a point outside the picture, too small an area, or sides that cross.
    """

    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        outline.check(self.points)

    @property
    def area(self) -> float:
        """Of the picture, 0 to 1 (the shoelace formula)."""
        return outline.area(self.points)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom, in fractions."""
        xs, ys = [x for x, _ in self.points], [y for _, y in self.points]
        return min(xs), min(ys), max(xs), max(ys)

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom in pixels around all of it, right and bottom not included; never empty."""
        left, top, right, bottom = self.bounds
        x, y = min(int(left * width), width - 1), min(int(top * height), height - 1)
        return x, y, max(x + 1, math.ceil(right * width)), max(y + 1, math.ceil(bottom * height))

    def corners(self, width: int, height: int) -> NDArray[np.int32]:
        """The points in pixels of a picture of this size, n x 2."""
        scaled = np.array(self.points, np.float64) * (width, height) - 0.5
        return np.clip(np.rint(scaled), 0, (width - 1, height - 1)).astype(np.int32)

    def mask(self, width: int, height: int) -> Grey:
        """255 inside and 0 outside, height x width; shared and kept, so not to be written to."""
        return _mask(self, width, height)


class Kind(StrEnum):
    """What a zone is looked at for."""

    MOTION = "motion"
    WATER = "water"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Mark:
    """A surveyed point: where it is in the picture, and its level in metres above the station's datum."""

    x: float
    y: float
    level_m: float


@dataclass(frozen=True, slots=True)
class Zone:
    """A named part of the picture. A staff zone has 2 to 4 marks on one line, the others none.

    Raises:
        ValueError: the name is not of a to z, 0 to 9 and _, or the marks do not fit the kind.
    """

    name: str
    kind: Kind
    polygon: Polygon
    marks: tuple[Mark, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"the name of a zone is of a to z, 0 to 9 and _, 32 at most, not {self.name!r}")
        if self.kind is not Kind.STAFF and self.marks:
            raise ValueError(f"zone {self.name} has marks, but only a staff zone is read by them")
        if self.kind is Kind.STAFF and not 2 <= len(self.marks) <= 4:
            raise ValueError(f"staff zone {self.name} wants 2 to 4 marks, it has {len(self.marks)}")


@lru_cache(maxsize=64)
def _mask(polygon: Polygon, width: int, height: int) -> Grey:
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [polygon.corners(width, height)], 255)
    mask.flags.writeable = False
    return mask
