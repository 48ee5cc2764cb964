"""What a picture tells the person who aims the camera: how sharp, how bright, by day or by night."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.frames import Pixels

BINS = 64
DARK, BRIGHT = 6, 250
"""Grey levels at and beyond which nothing more can be told apart."""

LEAST_SIDE = 16
"""Pixels a region has at least."""

GREY_CHROMA = 2.5
"""Mean distance from grey, of 255, below which a picture has no colour: a camera in night mode."""

Region = tuple[float, float, float, float]
"""Left, top, width and height as fractions of the picture."""

WHOLE: Region = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Light:
    """How the grey levels lie: shares in 64 bins, those that are clipped, the mean of 0 to 255.

    `colour` is false for a picture in black and white.
    """

    bins: tuple[float, ...]
    dark: float
    bright: float
    mean: float
    colour: bool


def box(region: Region, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the region in pixels, within the picture, at least 16 a side."""
    x, y, w, h = region
    left = min(max(0, round(x * width)), max(0, width - LEAST_SIDE))
    top = min(max(0, round(y * height)), max(0, height - LEAST_SIDE))
    right = min(width, max(left + LEAST_SIDE, round((x + w) * width)))
    bottom = min(height, max(top + LEAST_SIDE, round((y + h) * height)))
    return left, top, right, bottom


def cut(pixels: Pixels, region: Region) -> Pixels:
    """The region alone; a view, not a copy."""
    left, top, right, bottom = box(region, pixels.shape[1], pixels.shape[0])
    return pixels[top:bottom, left:right]


def sharpness(pixels: Pixels, region: Region = WHOLE) -> float:
    """The energy of edges (Tenengrad) over that of the light, times 10^4.

    It compares pictures of one view only: what is in the view counts as much as the focus. Grain is
    smoothed away first, and the light divided out, so that neither a dark night nor a cloud looks like focus.
    """
    grey = cv2.GaussianBlur(cv2.cvtColor(cut(pixels, region), cv2.COLOR_BGR2GRAY), (3, 3), 0)
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    energy = float(cv2.norm(across) ** 2 + cv2.norm(down) ** 2) / grey.size
    mean = float(cv2.mean(grey)[0])
    return 1e4 * energy / (mean * mean + 16.0)


def light(pixels: Pixels) -> Light:
    """The meters of exposure."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    counts: NDArray[np.float32] = np.asarray(cv2.calcHist([grey], [0], None, [256], [0, 256]), np.float32)
    shares = counts.ravel() / grey.size
    return Light(
        bins=tuple(round(float(share), 5) for share in shares.reshape(BINS, -1).sum(axis=1)),
        dark=float(shares[: DARK + 1].sum()),
        bright=float(shares[BRIGHT:].sum()),
        mean=float(shares @ np.arange(256)),
        colour=_chroma(pixels) > GREY_CHROMA,
    )


def _chroma(pixels: Pixels) -> float:
    """The mean distance of red and blue from green, of a small copy: a cast of all of it counts, too."""
    small = cv2.resize(pixels, (96, 72), interpolation=cv2.INTER_AREA).astype(np.float32)
    return float(np.abs(small[..., [0, 2]] - small[..., [1]]).mean())
