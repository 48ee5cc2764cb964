"""The level read off a staff gauge in the picture: a cross-check with its own doubt, never the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.frames import Pixels
from drivers.readings import Quality
from pipelines.state import State
from pipelines.vision.scene.patch import grey
from pipelines.vision.scene.ruler import Ruler, checked, ruler
from pipelines.vision.scene.view import Shift, View
from pipelines.vision.scene.waterline import Waterline, find
from pipelines.vision.scene.zones import Zone

DARK = 45.0
"""Of 255: a strip whose brightest tenth is darker cannot be read."""

LEAST_RANGE = 25.0
"""Of 255 between the darkest and the brightest twentieth of the strip: below it nothing stands out."""

BLURRED = 0.17
"""Steepest edges of the strip, in parts of its range to a pixel: a sharp one has 0.5."""

MOST_SHIFT = 0.012
"""Of the picture's sides: a smaller move of the view is taken out, a larger one wants the marks set anew."""

FEW_AGREE = 0.5
"""Share of the groups of columns below which the line is in doubt."""

WIDE_SPREAD = 6.0
"""Rows between the groups above which the line is in doubt."""

LEAST_SHARE = 0.02
"""Of the strip: nearer to its ends the line cannot be told from none."""

_CLICK_PX = 1.4
_LINE_PX = 1.4
_COVER = 2.0
"""Uncertainty is given for a cover factor of 2 (JCGM 100): 95 of 100 readings lie within it."""


@dataclass(frozen=True, slots=True)
class StaffReading:
    """`level_m` is None exactly where the quality is BAD or MISSING; the uncertainty is then 0.

    Tests: dark, flat, blurred, moved (BAD), no_line, out_of_zone (MISSING), weak_line, unchecked_view,
    shifted (SUSPECT), "" (NOT_EVALUATED). It is never GOOD.
    """

    level_m: float | None
    uncertainty_m: float
    quality: Quality
    test: str = ""


class Staff:
    """Reads one staff zone.

    Raises:
        ValueError: marks that are not on one line, or whose levels do not fall all the way down.
    """

    def __init__(self, zone: Zone) -> None:
        self.zone = checked(zone)
        self._view = View(zone.polygon)
        self._rulers: dict[tuple[int, int], Ruler] = {}

    def accept(self, pixels: Pixels) -> None:
        """The marks were set on this view: later ones are compared with it. Without, the first line does."""
        line = self._line(pixels, (0.0, 0.0))
        self._view.keep(pixels, 1.0 if line is None else self._height(line, pixels))

    def feed(self, at_ms: int, pixels: Pixels) -> StaffReading:  # noqa: ARG002  a stage is told the time
        """What the staff says."""
        made = self._ruler(pixels)
        if self._view.is_kept and _is_far(self._view.shift(pixels, 1.0)):
            return StaffReading(None, 0.0, Quality.BAD, "moved")
        fault = _fault(made.strip(pixels))
        if fault:
            return StaffReading(None, 0.0, Quality.BAD, fault)
        line = self._line(pixels, (0.0, 0.0))
        if line is None:
            return StaffReading(None, 0.0, Quality.MISSING, "no_line")
        if not self._view.is_kept:
            self._view.keep(pixels, self._height(line, pixels))
        shift = self._view.shift(pixels, self._height(line, pixels))
        if _is_far(shift):
            return StaffReading(None, 0.0, Quality.BAD, "moved")
        moved = (shift.x * pixels.shape[1], shift.y * pixels.shape[0]) if shift.sure else (0.0, 0.0)
        if max(map(abs, moved)) >= 0.5:
            line = self._line(pixels, moved) or line
        return _judged(made, line, shift)

    def _line(self, pixels: Pixels, shift: tuple[float, float]) -> Waterline | None:
        return find(self._ruler(pixels).strip(pixels, shift))

    def _height(self, line: Waterline, pixels: Pixels) -> float:
        """Where in the picture the line is, as a fraction of its height."""
        made = self._ruler(pixels)
        return float((made.middle[1] + (made.start + line.row) * made.along[1]) / pixels.shape[0])

    def _ruler(self, pixels: Pixels) -> Ruler:
        size = pixels.shape[1], pixels.shape[0]
        if size not in self._rulers:
            self._rulers = {size: ruler(self.zone, *size)}
        return self._rulers[size]

    def state(self) -> State:
        return {"marks": self._marks(), "view": self._view.state()}

    def restore(self, state: State) -> None:
        if state["marks"] != self._marks():
            raise ValueError(f"the marks of staff {self.zone.name} were set anew")
        self._view.restore(state["view"])

    def _marks(self) -> list[Any]:
        return [[each.x, each.y, each.level_m] for each in self.zone.marks]


def _is_far(shift: Shift) -> bool:
    return shift.sure and max(abs(shift.x), abs(shift.y)) > MOST_SHIFT


def _fault(strip: Pixels) -> str:
    """Why the strip cannot be read, "" where it can."""
    light = grey(strip)
    low, high, bright = (float(each) for each in np.percentile(light, (5, 95, 90)))
    if bright < DARK:
        return "dark"
    if high - low < LEAST_RANGE:
        return "flat"
    return "blurred" if _steepness(light) < BLURRED * (high - low) else ""


def _steepness(light: NDArray[np.uint8]) -> float:
    """Grey steps to a pixel that a fiftieth of the strip exceeds, the noise of a pixel smoothed out."""
    smooth = cv2.GaussianBlur(light.astype(np.float32), (0, 0), 0.7)
    down = np.abs(np.diff(smooth, axis=0))
    across = np.abs(np.diff(smooth, axis=1))
    return float(max(np.percentile(down, 98), np.percentile(across, 98)))


def _judged(made: Ruler, line: Waterline, shift: Shift) -> StaffReading:
    length = made.stop - made.start
    if not LEAST_SHARE * length < line.row < (1 - LEAST_SHARE) * length:
        return StaffReading(None, 0.0, Quality.MISSING, "out_of_zone")
    place = made.start + line.row
    by_px = (_LINE_PX**2 + _CLICK_PX**2 + line.spread**2 / 4) ** 0.5
    doubt_m = _COVER * ((by_px * made.per_px_m(place)) ** 2 + made.misfit_m**2) ** 0.5
    test = ""
    if line.agreeing < FEW_AGREE or line.spread > WIDE_SPREAD:
        test = "weak_line"
    elif not shift.sure:
        test = "unchecked_view"
    quality = Quality.SUSPECT if test else Quality.NOT_EVALUATED
    return StaffReading(made.level_m(place), doubt_m, quality, test)
