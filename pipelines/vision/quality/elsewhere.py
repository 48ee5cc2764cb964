"""Where else a view's fine detail is: a surer sign of a shift than its brightness."""

from __future__ import annotations

import cv2
import numpy as np

from pipelines.vision.quality.features import HALF, Array

NEAR, FAR = 0.025, 0.2
"""Shares of the width: what is nearer is a mast that sways, what is farther has too little in common."""
CHANCE = 10.0
"""So many standard deviations of all such places it must be; where a view repeats itself more are reached."""
BESIDE = 0.6
"""And so much of what is here, which in a dark view that has moved is the caption alone."""


def _off(length: int) -> Array:
    """Of each line of a circular correlation, how far it is from none."""
    return (np.arange(length) + length // 2) % length - length // 2


_APART = np.hypot(_off(HALF[1])[:, None], _off(HALF[0])[None]) / HALF[0]
_HERE = _APART <= NEAR
_ELSE = (_APART > NEAR) & (_APART < FAR)


def elsewhere(fine: Array, usual: Array) -> tuple[float, float] | None:
    """How far right and down, in shares of the width; both are 180 x 320, `usual` 0 where it is not known."""
    shown = cv2.idft(cv2.mulSpectrums(cv2.dft(fine), cv2.dft(usual), 0, conjB=True), flags=cv2.DFT_SCALE)
    at = int(np.where(_ELSE, shown, -np.inf).argmax())
    if shown.flat[at] < max(CHANCE * shown[_ELSE].std(), BESIDE * shown[_HERE].max()):
        return None
    down, right = divmod(at, HALF[0])
    return float(_off(HALF[0])[right]) / HALF[0], float(_off(HALF[1])[down]) / HALF[0]
