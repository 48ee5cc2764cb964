"""Whether a picture shows the same view: how far it has shifted, and which parts of it are still there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from pipelines.vision.quality.features import CELLS, Array, tiled

_WINDOW = cv2.createHanningWindow(CELLS, cv2.CV_32F)
_FARTHEST = 40.0
"""Cells: farther shifts leave too little in common to be believed."""
_GAIN = 0.012
"""By how much each cell of a shift must better the likeness, up to ten cells, for it to be believed."""
_SURE, _SURE_FAR, _CLOSE = 0.25, 0.5, 0.125
"""So like the usual view a picture must be, once shifted back; _SURE_FAR beyond _CLOSE, of the width."""
_LIKE = 8
"""So many tiles must be as usual once shifted back."""
_FLAT = 1e-4
ONE_WAY = 0.1
"""Lines run one way where brightness changes along them by less than this share of its change across."""


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """A view beside the usual one."""

    right: float
    down: float
    """Where the contents went, in shares of the picture's width."""
    whole: float
    """Correlation of all after shifting back, -1 to 1."""
    tiles: Array
    """The same of each tile, 9 x 16."""
    liveliness: Array
    """Of each tile: its contrast by the usual one."""
    back: Array
    """The view, shifted back onto the usual one."""

    @property
    def matching(self) -> int:
        """How many tiles are as usual."""
        return int((self.tiles > 0.5).sum())

    @property
    def sure(self) -> bool:
        """Whether it is believed to be this view, shifted."""
        return self.whole > (_SURE if self.shift < _CLOSE else _SURE_FAR) and self.matching >= _LIKE

    @property
    def shift(self) -> float:
        """How far, in shares of the picture's width."""
        return float(np.hypot(self.right, self.down))


def likeness(view: Array, usual: Array, usable: Array) -> Likeness:
    """`view` and `usual` are 54 x 96 as in Features, `usable` is 9 x 16."""
    kept = np.repeat(np.repeat(usable, 6, axis=0), 6, axis=1).astype(np.float32)
    here, there = view * kept, usual * kept
    (right, down), _ = cv2.phaseCorrelate(there, here, _WINDOW)
    stays = _likeness(0.0, 0.0, _correlation(here, there), here, there)
    if not 0.05 < np.hypot(right, down) < _FARTHEST:
        return stays
    shifted, seen = _shifted(here, right, down), _shifted(kept, right, down) > 0.5
    moved = _likeness(right, down, _correlation(shifted * seen, there * seen), shifted, there)
    better = moved.whole > stays.whole + _GAIN * min(10.0, float(np.hypot(right, down)))
    return moved if better and moved.matching >= stays.matching else stays


def one_way(usual: Array) -> bool:
    """Whether all lines of a view run one way: then a shift along them leaves it as it was."""
    right, down = np.diff(usual, axis=1)[:-1].ravel(), np.diff(usual, axis=0)[:, :-1].ravel()
    along, across = np.linalg.eigvalsh(np.array([[right @ right, right @ down], [right @ down, down @ down]]))
    return bool(along < ONE_WAY * across)


def _likeness(right: float, down: float, whole: float, back: Array, usual: Array) -> Likeness:
    own, other = tiled(back * back), tiled(usual * usual)
    tiles = tiled(back * usual) / np.sqrt((own + _FLAT) * (other + _FLAT))
    return Likeness(right / CELLS[0], down / CELLS[0], whole, tiles, own / (other + _FLAT), back)


def _shifted(cells: Array, right: float, down: float) -> Array:
    there: Any = np.array([[1, 0, -right], [0, 1, -down]], np.float32)
    return cv2.warpAffine(cells, there, CELLS, flags=cv2.INTER_LINEAR)


def _correlation(one: Array, other: Array) -> float:
    return float((one * other).sum() / np.sqrt((one * one).sum() * (other * other).sum() + 1e-6))
