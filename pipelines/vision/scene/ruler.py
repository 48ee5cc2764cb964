"""Surveyed marks along a staff, and the strip of the picture that is read by them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.frames import Pixels
from pipelines.vision.scene.patch import ASPECT
from pipelines.vision.scene.zones import Mark, Zone

MOST_BEND = 0.04
"""How far a mark may stand off the line through all, in parts of the line's length."""

MOST_COLUMNS = 64

_Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ruler:
    """The staff in the pixels of one size of picture.

    A place on it is in pixels from the middle of the marks, downwards along the staff.
    """

    middle: _Vector
    along: _Vector
    start: float
    stop: float
    left: float
    right: float
    law: tuple[float, float, float]
    """a, b, c of level = (a s + b) / (c s + 1): a line under perspective; c is 0 with two marks."""
    misfit_m: float
    """Of the marks from the law, root mean square; 0 where there are no more marks than it needs."""

    def level_m(self, place: float) -> float:
        a, b, c = self.law
        return (a * place + b) / (c * place + 1)

    def per_px_m(self, place: float) -> float:
        """Metres to a pixel."""
        a, b, c = self.law
        return abs((a - b * c) / (c * place + 1) ** 2)

    def strip(self, pixels: Pixels, shift: tuple[float, float] = (0.0, 0.0)) -> Pixels:
        """Rows along the staff, a pixel each, and columns across it; `shift` is the view's, in pixels."""
        across = np.array((self.along[1], -self.along[0]))
        columns = int(max(8, min(MOST_COLUMNS, self.right - self.left)))
        places = np.arange(self.start, self.stop)[:, None, None]
        sides = np.linspace(self.left, self.right, columns)[None, :, None]
        where = (self.middle + shift + places * self.along + sides * across).astype(np.float32)
        cut = cv2.remap(
            pixels, where[:, :, 0], where[:, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(cut, np.uint8)


def ruler(zone: Zone, width: int, height: int) -> Ruler:
    """The staff of a zone in a picture of this size.

    Raises:
        ValueError: marks that are not on one line, or whose levels do not fall all the way down.
    """
    marks = sorted(zone.marks, key=lambda each: -each.level_m)
    points = np.array([(each.x * width, each.y * height) for each in marks]) - 0.5
    middle = points.mean(axis=0)
    along = np.linalg.svd(points - middle)[2][0]
    along = along if (points[-1] - points[0]) @ along > 0 else -along
    places, offs = (points - middle) @ along, (points - middle) @ (along[1], -along[0])
    length = float(places[-1] - places[0])
    if length < 8 or np.abs(offs).max() > MOST_BEND * length:
        raise ValueError(f"the marks of staff {zone.name} are not on one line")
    corners = np.array(zone.polygon.points) * (width, height) - 0.5 - middle
    ends, sides = corners @ along, corners @ (along[1], -along[0])
    law, misfit_m = _law(places, marks)
    made = Ruler(middle, along, float(ends.min()), float(ends.max()), float(sides.min()), float(sides.max()),
                 law, misfit_m)  # fmt: skip
    _demand_falling(zone.name, made, places)
    return made


def checked(zone: Zone) -> Zone:
    """The zone, if it can be read by.

    Raises:
        ValueError: as `ruler`.
    """
    ruler(zone, round(1080 * ASPECT), 1080)
    return zone


def _law(places: _Vector, marks: list[Mark]) -> tuple[tuple[float, float, float], float]:
    """Of two marks a straight line, of more the projective law by least squares: a s + b - c s L = L."""
    levels = np.array([each.level_m for each in marks])
    terms = [places, np.ones_like(places)]
    base = float(levels.mean())
    if len(marks) > 2:
        terms.append(-places * (levels - base))
    found = np.linalg.lstsq(np.stack(terms, axis=1), levels - base, rcond=None)[0]
    a, b, c = (*found, 0.0)[:3]
    law = float(a + base * c), float(b + base), float(c)
    misfit = np.array([(law[0] * s + law[1]) / (law[2] * s + 1) for s in places]) - levels
    spare = len(marks) - (2 if len(marks) == 2 else 3)
    return law, float(np.sqrt((misfit**2).sum() / spare)) if spare else 0.0


def _demand_falling(name: str, made: Ruler, places: _Vector) -> None:
    c = made.law[2]
    ends = np.array((min(made.start, places.min()), max(made.stop, places.max())))
    along = np.linspace(ends[0], ends[1], 50)
    if (c * along + 1 <= 0.05).any() or (np.diff([made.level_m(each) for each in along]) >= 0).any():
        raise ValueError(
            f"the levels of the marks of staff {name} do not fall evenly downwards: check the marks"
        )
