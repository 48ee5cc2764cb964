"""How much of a zone moves, by pictures that are seconds apart."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.frames import Pixels
from pipelines.state import State
from pipelines.vision.scene.patch import Patch, packed, unpacked
from pipelines.vision.scene.zones import Polygon

AREA = 9_216
"""Pixels of the patch, 128 x 72 of a whole picture: a person 60 pixels high in 1080p is 4 high here."""

LEARNING_MS = 120_000
"""In which the background takes over two thirds of what has come to stay."""

OLDEST_MS = 900_000
"""A picture longer ago is not compared with: light and shadows have moved on."""

LEAST_STEP = 10.0
"""Of 255: smaller differences are never motion."""

NOISES = 5.0
"""A difference counts from so many times the noise between the two pictures."""

BURNT_OUT = 225.0
"""Brighter than this in both, nothing is told apart: the colours are at their end one after the other."""

_TRIM = 0.25
"""Of the pixels, those that fit least are left out where the light is fitted."""

_Values = NDArray[np.float32]


class Motion:
    """Share of the zone, 0 to 1, that differs both from the picture before and from the background.

    What has gone is in the picture before, what has stopped is in both: neither moves. A change of light
    is taken out as a gain and an offset of the zone as a whole.
    """

    def __init__(self, polygon: Polygon) -> None:
        self._patch = Patch(polygon, AREA)
        self._mask = self._patch.mask
        self._before: _Values | None = None
        self._background: _Values | None = None
        self._at_ms = 0

    def feed(self, at_ms: int, pixels: Pixels) -> float | None:
        """None for the first picture, and after a pause of 15 minutes or a clock set back."""
        now = cv2.GaussianBlur(self._patch.of(pixels), (3, 3), 0).astype(np.float32)
        passed_ms = at_ms - self._at_ms
        before, background = self._before, self._background
        self._before, self._at_ms = now, at_ms
        if before is None or background is None or not 0 < passed_ms <= OLDEST_MS:
            self._background = now
            return None
        moved = self._differs(now, before) & self._differs(now, background)
        moved = cv2.morphologyEx(moved.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0
        self._background = self._learnt(now, background, passed_ms)
        return float(np.count_nonzero(moved & self._mask) / np.count_nonzero(self._mask))

    def _differs(self, now: _Values, then: _Values) -> NDArray[np.bool_]:
        """Where the pictures differ by more than light and noise."""
        lit = relit(then, now, self._mask)
        difference = np.abs(now - lit)
        noise = 1.4826 * float(np.median(difference[self._mask]))
        burnt_out = np.minimum(now, lit) > BURNT_OUT
        return np.asarray((difference > max(LEAST_STEP, NOISES * noise)) & ~burnt_out)

    def _learnt(self, now: _Values, background: _Values, passed_ms: int) -> _Values:
        """The background in the light of now, and a little nearer to now."""
        share = 1 - float(np.exp(-passed_ms / LEARNING_MS))
        lit = relit(background, now, self._mask)
        return np.asarray(np.clip(lit + share * (now - lit), 0, 255), np.float32)

    def state(self) -> State:
        if self._before is None or self._background is None:
            return {"at_ms": self._at_ms, "before": None, "background": None}
        return {
            "at_ms": self._at_ms,
            "before": packed(np.rint(self._before)),
            "background": packed(np.rint(self._background)),
        }

    def restore(self, state: State) -> None:
        shape = self._mask.shape
        stored = [state["before"], state["background"]]
        before, background = (None if each is None else _values(each, shape) for each in stored)
        self._at_ms, self._before, self._background = int(state["at_ms"]), before, background


def relit(then: _Values, now: _Values, mask: NDArray[np.bool_]) -> _Values:
    """`then` with the gain and offset that bring most of it nearest to `now`.

    Fitted to each fourth pixel of the mask, first to all, then twice without the quarter that fits least.
    """
    x, y = then[mask][::4], now[mask][::4]
    gain, offset = _line(x, y)
    for _ in range(2):
        error = np.abs(gain * x + offset - y)
        good = error <= np.quantile(error, 1 - _TRIM)
        gain, offset = _line(x[good], y[good])
    return np.asarray(np.clip(gain * then + offset, 0, 255), np.float32)


def _line(x: _Values, y: _Values) -> tuple[float, float]:
    """Least squares; the gain between a quarter and four, 1 where x is all but flat."""
    mean_x, mean_y = float(x.mean()), float(y.mean())
    spread = float(np.square(x - mean_x).mean())
    if spread < 4:
        return 1.0, mean_y - mean_x
    gain = min(4.0, max(0.25, float(((x - mean_x) * (y - mean_y)).mean()) / spread))
    return gain, mean_y - gain * mean_x


def _values(stored: Any, shape: tuple[int, ...]) -> _Values:  # noqa: ANN401  an array of bytes
    return unpacked(stored, shape).astype(np.float32)
