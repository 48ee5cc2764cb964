"""Parts of the picture that are looked at: polygons in fractions of its sides, and what they are for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
"""x and y as fractions of width and height, from the top left corner."""

Grey = NDArray[np.uint8]
"""Height x width."""

LEAST_AREA = 1e-5
"""Of the picture; a polygon below it is a slip of the mouse (20 pixels of 1080p)."""

MOST_POINTS = 64

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")


@dataclass(frozen=True, slots=True)
class Polygon:
    """A simple polygon of 3 to 64 points, each from 0 to 1.

    Raises:
        ValueError: a point outside the picture, too small an area, or sides that cross.
    """

    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        if not 3 <= len(self.points) <= MOST_POINTS:
            raise ValueError(f"a polygon has 3 to {MOST_POINTS} points, this one {len(self.points)}")
        for x, y in self.points:
            if not (0 <= x <= 1 and 0 <= y <= 1):
                raise ValueError(f"the point {x:g}, {y:g} is outside the picture: each is from 0 to 1")
        if _crosses_itself(self.points):
            raise ValueError("the sides of the polygon cross: give the points in order around it")
        if self.area < LEAST_AREA:
            raise ValueError("the polygon has no area: its points are all but on one line")

    @property
    def area(self) -> float:
        """Of the picture, 0 to 1 (the shoelace formula)."""
        closed = (*self.points, self.points[0])
        return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(closed))) / 2

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


def _crosses_itself(points: tuple[Point, ...]) -> bool:
    sides = list(pairwise((*points, points[0])))
    return any(
        _cross(sides[one], sides[other])
        for one in range(len(sides))
        for other in range(one + 2, len(sides))
        if (one, other) != (0, len(sides) - 1)
    )


def _cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    def side(a: Point, b: Point, c: Point) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    return side(*one, other[0]) * side(*one, other[1]) < 0 and side(*other, one[0]) * side(*other, one[1]) < 0
