"""Outlines drawn on a picture: polygons in fractions of its sides. Pure, and without numpy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]
"""x and y as fractions of width and height, from the top left corner."""

LEAST_AREA = 1e-5
"""Of the picture; a polygon below it is a slip of the mouse (20 pixels of 1080p)."""

MOST_POINTS = 64


def check(points: Sequence[Point]) -> None:
    """Whether they are a simple polygon within the picture.

    Raises:
        ValueError: a point outside the picture, too many or too few, no area, or sides that cross.
    """
    if not 3 <= len(points) <= MOST_POINTS:
        raise ValueError(f"a polygon has 3 to {MOST_POINTS} points, this one {len(points)}")
    for x, y in points:
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ValueError(f"the point {x:g}, {y:g} is outside the picture: each is from 0 to 1")
    if _crosses_itself(points):
        raise ValueError("the sides of the polygon cross: give the points in order around it")
    if area(points) < LEAST_AREA:
        raise ValueError("the polygon has no area: its points are all but on one line")


def area(points: Sequence[Point]) -> float:
    """Of the picture, 0 to 1 (the shoelace formula)."""
    closed = (*points, points[0])
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(closed))) / 2


def _crosses_itself(points: Sequence[Point]) -> bool:
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
