"""The word that leaves every camera driver: Frame. Importing this module imports numpy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Height x width x 3, blue first, as OpenCV has it."""


class Way(StrEnum):
    """How a picture was taken, the cheapest first."""

    SNAPSHOT = "snapshot"
    """One HTTP request for a JPEG."""

    CONNECT = "connect"
    """A connection for one key frame of the stream."""

    HOLD = "hold"
    """Key frames of a stream that is held open."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Frame:
    """One picture of one camera; `at_ms` is when it arrived, ms UTC.

    `jpeg` is the camera's own encoding of the same picture where it came as one. A stream also tells its
    `fps` by the time stamps of the packets, 0 where it cannot, and how many packets were `damaged` on the
    way since the frame before.
    """

    camera: str
    at_ms: int
    way: Way
    pixels: Pixels
    jpeg: bytes | None = None
    fps: float = 0.0
    damaged: int = 0

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.pixels.shape[0])
