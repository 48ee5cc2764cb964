"""What is measured of one picture, all at 640 x 360 after one resize; no memory."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.frames import Pixels

Array = NDArray[Any]

WIDTH, HEIGHT = 640, 360
TILES = (16, 9)
"""Across and down: 40 x 40 pixels each."""
CELLS = (96, 54)
"""Of the view: 6 x 6 cells to a tile."""
HALF, QUARTER = (320, 180), (80, 45)
"""In which fine and coarse detail is looked for."""
_DARK, _BRIGHT = 20, 250
_FAINT, _BURNT, _LIFT = 8, 245, 12
"""A tile tells its colour where its brightest channel reaches the one and its darkest is within the other.
A few grey levels of fog in a channel that is nearly black are no colour."""
_EDGE = 26
"""Lines on each side that an edge across the picture spoils."""
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Features:
    """Grey levels 0 to 255; shares 0 to 1; arrays of tiles are 9 x 16."""

    mean: float
    spread: float
    """Standard deviation."""
    exposure: float
    """Mean of log2(grey level + 4): a lamp or a shadow in a part of the picture moves it little."""
    low: float
    high: float
    """The grey levels that 5 % and 95 % stay below."""
    dark: float
    bright: float
    """Shares at most 20 and at least 250."""
    contrast: float
    """Of brightness within the livelier tiles: a veil of fog lowers it; exposure and shadows hardly do."""
    tints: Array
    """2 x 9 x 16: log2 of red and blue by green of each tile; nan where it is too dark or burnt out."""
    colour: float
    """How far colours scatter in Lab once an overall tint is taken away: 0 to 2 is a grey picture."""
    noise: float
    """Standard deviation of the noise, Immerkaer 1996, of the calm tiles."""
    stripes: float
    """Grey levels, root mean square of what all parts of a row or column have in common against its like."""
    fine: Array
    coarse: Array
    """Laplacians at 320 x 180 and 80 x 45: detail that defocus takes first, and detail that it leaves."""
    view: Array
    """54 x 96: log brightness against its neighbourhood, -1 to 1; hardly changed by the light."""
    usable: Array
    """Which tiles no mask touches."""
    points: Array
    """One pixel in 36, for exact comparison; 0 where masked."""


def features(pixels: Pixels, mask: Array | None = None) -> Features:
    """Measure a picture of any size, blue first; `mask` is True where it must not be looked at."""
    small: Array = pixels
    if pixels.shape[:2] != (HEIGHT, WIDTH):
        small = cv2.resize(pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    seen, usable = _seen(mask)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    half = cv2.resize(grey, HALF, interpolation=cv2.INTER_AREA)
    cells = cv2.resize(grey, CELLS, interpolation=cv2.INTER_AREA).astype(np.float32)
    points = grey[3::6, 3::6].copy()
    view = _view(cells)
    if seen is not None:
        points *= seen[3::6, 3::6]
    return Features(
        **_brightness(grey, seen),
        **_colour(small, seen),
        noise=_noise(grey, usable),
        stripes=_stripes(grey, seen),
        contrast=_contrast(view, usable),
        tints=_tints(small),
        fine=cv2.Laplacian(half, cv2.CV_16S),
        coarse=cv2.Laplacian(cv2.resize(half, QUARTER, interpolation=cv2.INTER_AREA), cv2.CV_16S),
        view=view,
        usable=usable,
        points=points,
    )


def _seen(mask: Array | None) -> tuple[Array | None, Array]:
    """What may be looked at, 1 or 0 for each pixel, and the tiles wholly within; None is everything."""
    if mask is None or not mask.any():
        return None, np.ones(TILES[::-1], bool)
    seen = cv2.resize((~mask).astype(np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    return seen, tiled(seen.astype(np.float32)) > 0.999


def tiled(values: Array) -> Array:
    """The mean of each tile."""
    return cv2.resize(values, TILES, interpolation=cv2.INTER_AREA)


def _brightness(grey: Array, seen: Array | None) -> dict[str, float]:
    counts = cv2.calcHist([grey], [0], seen, [256], [0, 256]).ravel().astype(np.float64)
    shares = counts / max(1.0, counts.sum())
    levels = np.arange(256)
    mean = float(shares @ levels)
    below = shares.cumsum()
    return {
        "mean": mean,
        "spread": sqrt(max(0.0, float(shares @ (levels - mean) ** 2))),
        "exposure": float(shares @ np.log2(levels + 4)),
        "low": float(np.searchsorted(below, 0.05)),
        "high": float(np.searchsorted(below, 0.95)),
        "dark": float(below[_DARK]),
        "bright": float(1 - below[_BRIGHT - 1]),
    }


def _colour(small: Array, seen: Array | None) -> dict[str, float]:
    cells = cv2.resize(small, CELLS, interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float32) / 255
    if seen is not None:
        kept = cv2.resize(seen, CELLS, interpolation=cv2.INTER_NEAREST).ravel() > 0
        cells = cells[kept] if kept.any() else cells
    means = cells.mean(axis=0)
    even = np.minimum(cells * (means.mean() / np.maximum(means, 1e-3)), 1.0)
    evened = cv2.cvtColor(even[None], cv2.COLOR_BGR2LAB)[0, :, 1:]
    return {
        "colour": float(np.abs(evened).sum(axis=1).mean()),
    }


def _tints(small: Array) -> Array:
    tiles = cv2.resize(small, TILES, interpolation=cv2.INTER_AREA).astype(np.float32)
    told = (tiles.max(axis=2) >= _FAINT) & (tiles.min(axis=2) <= _BURNT)
    blue, green, red = tiles.transpose(2, 0, 1) + _LIFT
    return np.where(told, np.log2(np.stack([red, blue]) / green), np.float32(np.nan))


def _noise(grey: Array, usable: Array) -> float:
    """The calmest fifth of the tiles: there texture adds least to it. Burnt and black tiles tell nothing."""
    found = tiled(np.abs(cv2.filter2D(grey, cv2.CV_16S, _IMMERKAER)).astype(np.float32))
    level = tiled(grey.astype(np.float32))
    told = found[usable & (level > 6) & (level < 245)]
    return float(np.quantile(told, 0.2)) * sqrt(pi / 2) / 6 if told.size else 0.0


def _contrast(view: Array, usable: Array) -> float:
    energy = tiled(view * view)[usable]
    return sqrt(float(np.quantile(energy, 0.75))) if energy.size else 0.0


def _view(cells: Array) -> Array:
    brightness = np.log(cells + 8)
    return np.asarray(np.clip(brightness - cv2.blur(brightness, (15, 15)), -1, 1))


def _stripes(grey: Array, seen: Array | None) -> float:
    """What four parts of each row, or of each column, have in common beyond their neighbours."""
    if seen is None:
        rows = cv2.resize(grey, (4, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
        columns = cv2.resize(grey, (WIDTH, 4), interpolation=cv2.INTER_AREA).astype(np.float32).T
        return max(_common(rows), _common(np.ascontiguousarray(columns)))
    weight = seen.astype(np.float32)
    shown = grey * weight
    rows = _parts(shown, weight, (4, HEIGHT))
    columns = _parts(shown, weight, (WIDTH, 4)).T
    return max(_common(rows), _common(np.ascontiguousarray(columns)))


def _parts(shown: Array, weight: Array, size: tuple[int, int]) -> Array:
    """Means of what is seen in each part, of its neighbourhood's where nothing is."""
    total = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    overall = float(total.sum() / max(1e-6, float(share.sum())))
    return np.where(share > 0.1, total / np.maximum(share, 1e-6), overall)


def _common(parts: Array) -> float:
    """`parts`: a row for each line of the picture, a column for each of its four parts.

    What is around the worst line is left out: there a single edge may run across the whole picture.
    """
    against = parts - cv2.blur(parts, (1, 41))
    least = np.abs(against).min(axis=1)
    agree = np.abs(np.sign(against).sum(axis=1)) == against.shape[1]
    squares = (least * agree) ** 2
    worst = int(cv2.blur(squares[:, None], (1, 9)).argmax())
    kept = np.abs(np.arange(len(squares)) - worst) > _EDGE
    return float(np.sqrt(squares[kept].mean()))
