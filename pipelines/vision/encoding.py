"""Pictures made to fit: JPEG within a number of bytes, with as few trials as can be."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivers.frames import Pixels

QUALITIES = (35, 88)
"""Of libjpeg. Below 35 blocks hide what a person looks for; above 88 bytes buy nothing that is seen."""

THUMBNAIL_SIDE = 192
THUMBNAIL_BYTES = 6 * 1024

LEAST_SIDE = 48
"""Of the longer side, in pixels: smaller tells nothing."""

AIM = 0.9
"""Of the budget: what a guess aims at, so that its error seldom costs a further trial."""

ENOUGH = 0.72
"""Of the budget: what fits and uses so much of it is not bettered."""

USUAL_TRIALS = 3
"""After so many, the best that fits is taken."""

MOST_TRIALS = 10

STEEPNESS = 0.6
"""Bytes go with the quantiser's scale to the power of minus this (10 photographs: 0.51 to 0.65)."""

SHRINKING = 0.85
"""Bytes go with the number of pixels to the power of this (the same: 0.72 to 1.1)."""


DOUBTFUL = 1.8
"""Times the budget that the lowest quality is reckoned to need, below which it is tried all the same."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A JPEG picture; `trials` is how often it was encoded to find it."""

    jpeg: bytes
    width: int
    height: int
    quality: int
    trials: int


def encode(
    pixels: Pixels,
    *,
    most_bytes: int,
    longest_side: int | None = None,
    quality_range: tuple[int, int] = QUALITIES,
) -> Encoded:
    """The best JPEG of at most `most_bytes`: less quality first, fewer pixels where that is not enough.

    Raises:
        ValueError: a budget that not even a picture of 48 pixels at the lowest quality fits.
    """
    lowest, highest = quality_range
    if not 1 <= lowest <= highest <= 100:
        raise ValueError(f"the qualities must be in order and within 1 to 100, not {lowest} to {highest}")
    whole = max(pixels.shape[:2])
    picture = scaled(pixels, min(whole, longest_side or whole))
    quality, best, search = highest, None, _Search(lowest, highest)
    for trial in range(1, MOST_TRIALS + 1):
        jpeg = _jpeg(picture, quality)
        share = len(jpeg) / most_bytes
        if share <= 1:
            best = jpeg, picture.shape, quality
        guess = search.next(quality, share)
        if best is not None and (
            guess is None or ENOUGH <= share <= 1 or trial >= _limit(best[0], most_bytes)
        ):
            found, shape, quality = best
            return Encoded(found, shape[1], shape[0], quality, trial)
        if guess is None:
            picture = _smaller(pixels, picture, AIM / search.at_lowest(quality, share))
            quality, search = lowest, _Search(lowest, highest)
        else:
            quality = guess
    raise ValueError(f"no JPEG of this picture has {most_bytes} bytes or fewer: give it a larger budget")


def thumbnail(pixels: Pixels, most_bytes: int = THUMBNAIL_BYTES) -> bytes:
    """A JPEG of at most 192 pixels a side.

    Raises:
        ValueError: `most_bytes` is too few for any.
    """
    return encode(pixels, most_bytes=most_bytes, longest_side=THUMBNAIL_SIDE, quality_range=(30, 80)).jpeg


def scaled(pixels: Pixels, side: int) -> Pixels:
    """The picture with its longer side of `side` pixels; never larger than it was."""
    height, width = pixels.shape[:2]
    share = side / max(width, height)
    if share >= 1:
        return pixels
    size = max(1, round(width * share)), max(1, round(height * share))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _limit(best: bytes, most_bytes: int) -> int:
    """Trials before the best so far is taken: one more where it wastes half of the budget."""
    return USUAL_TRIALS + (len(best) < most_bytes / 2)


def _smaller(pixels: Pixels, picture: Pixels, ratio: float) -> Pixels:
    """The picture with so many times the bytes, at least a tenth of its sides and LEAST_SIDE."""
    side = max(picture.shape[:2])
    return scaled(pixels, max(LEAST_SIDE, round(side * max(0.1, min(0.95, ratio ** (0.5 / SHRINKING))))))


def _jpeg(pixels: Pixels, quality: int) -> bytes:
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"no JPEG can be made of pixels of shape {pixels.shape}")
    return bytes(data)


class _Search:
    """Which quality to try next, of one size of the picture."""

    def __init__(self, lowest: int, highest: int) -> None:
        self._lowest, self._highest = lowest, highest
        self._fits = lowest - 1
        self._too_much = highest + 1
        self._missed = 0

    def next(self, quality: int, share: float) -> int | None:
        """Of the budget, `share` was used at `quality`. None where no quality is left to try."""
        if share <= 1:
            self._fits = max(self._fits, quality)
        else:
            self._too_much = min(self._too_much, quality)
            self._missed += 1
        if self._too_much - self._fits <= 1:
            return None
        guess = _quality(_scale(quality) * (share / AIM) ** (1 / STEEPNESS))
        if self._fits < self._lowest and (guess < self._lowest or self._missed > 1):
            return self._lowest if self.at_lowest(quality, share) < DOUBTFUL else None
        return min(max(guess, self._fits + 1), self._too_much - 1)

    def at_lowest(self, quality: int, share: float) -> float:
        """The share of the budget that the lowest quality would use, by what `quality` has."""
        return share * float((_scale(quality) / _scale(self._lowest)) ** STEEPNESS)


def _scale(quality: int) -> float:
    """How much libjpeg multiplies its table of quantisers by, in percent (jcparam.c)."""
    return 5000 / quality if quality < 50 else max(1, 200 - 2 * quality)


def _quality(scale: float) -> int:
    return int(5000 / scale if scale > 100 else (200 - scale) / 2)
