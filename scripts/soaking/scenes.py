"""What the cameras see: a living street, the same picture again and again, or none, as JPEG and H.264."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from fakes.clips import Clip

if TYPE_CHECKING:
    from collections.abc import Sequence

STREET = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
"""Debian's package opencv-doc."""

SIZE = 640, 480
FPS = 10
FRAMES = 19 * FPS
"""Of the loop: 19 s, so that no camera that looks each 2 to 10 s finds the same picture twice in a row."""

Image = np.ndarray[Any, np.dtype[np.uint8]]


@lru_cache(maxsize=1)
def street() -> Sequence[Image]:
    """Pictures of people who walk; FPS a second."""
    clip = cv2.VideoCapture(str(STREET))
    frames: list[Image] = []
    while len(frames) < FRAMES:
        came, frame = clip.read()
        if not came:
            raise FileNotFoundError(f"{STREET} has no {FRAMES} pictures: apt-get install opencv-doc")
        frames.append(np.asarray(cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA), np.uint8))
    return frames


def black(index: int) -> Image:
    """The lens is covered; the sensor still has its grain."""
    grain = np.random.default_rng(index).integers(0, 4, (SIZE[1], SIZE[0], 3))
    return np.asarray(grain, np.uint8)


def picture(scene: str, index: int) -> Image:
    """`scene` is live, frozen or black."""
    if scene == "black":
        return black(index)
    return street()[0 if scene == "frozen" else index % FRAMES]


def jpegs(scene: str) -> list[bytes]:
    """One for each picture of the street."""
    count = {"live": FRAMES, "frozen": 1, "black": 20}[scene]
    return [cv2.imencode(".jpg", picture(scene, n), [1, 85])[1].tobytes() for n in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene(Clip):
    """As a stream; a key frame each second."""

    width: int = SIZE[0]
    height: int = SIZE[1]
    fps: int = FPS
    seconds: int = FRAMES // FPS
    scene: str = "live"

    def picture(self, index: int) -> Image:
        """The scene's."""
        return picture(self.scene, index)


def clips(folder: Path) -> dict[str, Path]:
    """The clip file of each scene, which goes on by the clock, whoever looks.

    A frozen encoder sends one and the same key frame.
    """
    live, dark = (Scene(scene=scene).file(folder) for scene in ("live", "black"))
    head, _, body = live.read_bytes().partition(b"\n")
    about = json.loads(head)
    still = about | {"sizes": about["sizes"][:1]}
    return {
        "live": _written(folder / "live.clip", about | {"keys": FPS}, body),
        "frozen": _written(folder / "frozen.clip", still, body[: about["sizes"][0]]),
        "black": dark,
    }


def _written(file: Path, about: dict[str, Any], units: bytes) -> Path:
    file.write_bytes(b"\n".join([json.dumps(about).encode(), units]))
    return file
