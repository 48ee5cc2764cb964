"""Where on a strip along the staff the water begins: what is seen above and below differs in kind."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.frames import Pixels

SLOPES = np.linspace(-0.5, 0.5, 9)
FINE_SLOPES = np.linspace(-0.5, 0.5, 51)
"""Rows to a column: the water is level, the camera may not be."""

GROUPS = 6
"""Of columns, each asked on its own."""

LEAST_ROWS = 24
MARGIN = 6
"""Rows at either end in which no line is looked for."""

LEAST_CALM = 0.3
"""A staff alone has 0.27 at most, staff and mirror 0.44 or more in 57 of 60 rendered scenes."""

LEAST_STRENGTH = 0.2
"""Staff and water have 0.43 or more."""

REACH = 80
"""Rows above the line by which its slope is found: further up the perspective is another."""

WINDOW = 30
"""Rows to either side by which the line is placed to parts of a row."""

_Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Waterline:
    """`row` is where it crosses the middle column, in rows from the top of the strip."""

    row: float
    slope: float
    strength: float
    """How much better two kinds of rows tell the strip than one: log likelihood by row and feature."""
    agreeing: float
    """Share of the groups of columns that find the same line."""
    spread: float
    """Of the groups that agree, in rows (1.48 median deviations)."""
    calmer: float
    """How much less contrast there is below than above: the natural logarithm of the ratio."""


def find(strip: Pixels) -> Waterline | None:
    """The topmost line below which all is calmer; None where there is none, or the strip is too small."""
    if strip.shape[0] < LEAST_ROWS + 2 * MARGIN or strip.shape[1] < 8:
        return None
    colours = np.asarray(cv2.cvtColor(strip.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)
    found = max(
        (_line(_features(_sheared(colours, slope)), slope) for slope in SLOPES), key=lambda each: each[0]
    )
    if found[1] < 0:
        return None
    slope = _tilt(colours[:, :, 0], found[1])
    level = _sheared(colours, slope)
    rows = _features(level)
    strength, row, _ = _line(rows, slope)
    if row < 0:
        return None
    placed = _placed(rows, row)
    places = [
        _placed(part, _line(part, 0)[1]) for part in map(_features, np.array_split(level, GROUPS, axis=1))
    ]
    near = np.array([each for each in places if abs(each - placed) <= max(3.0, 0.015 * len(rows))])
    return Waterline(
        row=placed,
        slope=slope,
        strength=strength,
        agreeing=len(near) / GROUPS,
        spread=1.4826 * float(np.median(np.abs(near - placed))) if len(near) else float(len(rows)),
        calmer=_calmer(rows)[row],
    )


def _line(rows: _Values, slope: float) -> tuple[float, int, float]:
    """Strength, row and slope of the topmost line; the row is -1 where there is none.

    Below the water begins its mirror, which ends as well: so, above a line another is looked for, until
    there is none of a staff's contrast against a lesser one.
    """
    strength, end = -1.0, len(rows)
    while end >= LEAST_ROWS:
        score = _score(rows[:end])
        row = int(score.argmax())
        if score[row] < LEAST_STRENGTH:
            break
        strength, end = float(score[row]), row
    return (strength, end, slope) if strength > 0 else (strength, -1, slope)


def _tilt(light: _Values, row: int) -> float:
    """The slope at which the rows above the line, and the line, are sharpest: the staff's are level too."""
    first, last = max(0, row - REACH), min(len(light), row + 12)
    cut = light[first:last]

    def sharpness(slope: float) -> float:
        return float(np.square(np.diff(_sheared(cut, slope).mean(axis=1))).sum())

    return float(max(FINE_SLOPES, key=sharpness))


def _calmer(rows: _Values) -> _Values:
    """By how much, in natural logarithms, the contrast across is less from each row on than above it."""
    contrast = rows[:, 3].astype(np.float64)
    sums, n = contrast.cumsum(), np.arange(1, len(rows) + 1)
    difference = np.zeros(len(rows))
    difference[1:] = (sums / n)[:-1] - (sums[-1] - sums[:-1]) / (len(rows) - n[:-1])
    return np.asarray(difference, np.float32)


def _sheared(colours: _Values, slope: float) -> _Values:
    """Columns moved up and down so that a line of this slope lies level."""
    height, width = colours.shape[:2]
    turn = np.array([[1, 0, 0], [slope, 1, -slope * (width - 1) / 2]], np.float32)
    return np.asarray(
        cv2.warpAffine(colours, turn, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                       borderMode=cv2.BORDER_REPLICATE), np.float32,
    )  # fmt: skip


def _features(colours: _Values) -> _Values:
    """Of each row: lightness, two colours, contrast across and detail downwards, both by the light."""
    light = colours[:, :, 0]
    mean = colours.mean(axis=1)
    lit = mean[:, :1] + 4
    across = light.std(axis=1, keepdims=True)
    down = np.abs(np.diff(light, axis=0, append=light[-1:])).mean(axis=1, keepdims=True)
    kinds = np.log((np.hstack((across, down)) + 0.5) / lit)
    return np.hstack((mean, kinds)).astype(np.float32)


def _score(rows: _Values) -> _Values:
    """Gain of two normal distributions over one, split before each row; a mean over rows and features.

    -1 where it is not calmer below: a shadow or a stain changes the light, and not the contrast in it.
    """
    count = len(rows)
    floor = np.array((0.5, 0.3, 0.3, 0.05, 0.05))
    n = np.arange(1, count + 1, dtype=np.float64)[:, None]
    centred = (rows - rows.mean(axis=0)).astype(np.float64)
    sums, squares = centred.cumsum(axis=0), np.square(centred).cumsum(axis=0)
    above = np.maximum(squares / n - (sums / n) ** 2, 0) + floor**2
    rest = np.maximum(count - n, 1)
    below = np.maximum((squares[-1] - squares) / rest - ((sums[-1] - sums) / rest) ** 2, 0) + floor**2
    whole = squares[-1] / count + floor**2
    gain = (count * np.log(whole) - n * np.log(above) - (count - n) * np.log(below)).mean(axis=1) / (
        2 * count
    )
    score = np.full(count, -1.0, np.float32)
    score[MARGIN : count - MARGIN] = gain[MARGIN - 1 : count - MARGIN - 1]
    score[_calmer(rows) < LEAST_CALM] = -1
    return score


def _placed(rows: _Values, row: int) -> float:
    """The line to parts of a row: where a step fits best along the direction that tells above from below."""
    first, last = max(0, row - WINDOW), min(len(rows), row + WINDOW)
    near, at = rows[first:last].astype(np.float64), row - first
    above, below = near[: max(2, at - 3)], near[min(len(near) - 2, at + 3) :]
    spread = (np.cov(above.T) * len(above) + np.cov(below.T) * len(below)) / (len(above) + len(below))
    spread += np.diag((1.0, 0.5, 0.5, 0.1, 0.1)) ** 2
    profile = near @ np.linalg.solve(spread, below.mean(axis=0) - above.mean(axis=0))
    low, high = (
        float(np.median(profile[: max(2, at - 3)])),
        float(np.median(profile[min(len(near) - 2, at + 3) :])),
    )
    if high - low < 1e-6:
        return float(row)
    share = np.clip((profile - low) / (high - low), 0, 1)
    left = np.concatenate(([0.0], np.square(share).cumsum()))
    right = np.concatenate((np.square(1 - share)[::-1].cumsum()[::-1], [0.0]))
    cost = left + right
    best = int(cost.argmin())
    inner = share[max(0, best - 3) : best + 3]
    return first + max(0, best - 3) + float((1 - inner).sum()) - 0.5
