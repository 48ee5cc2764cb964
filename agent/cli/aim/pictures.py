"""From a frame to what the page is sent: a JPEG within its bytes, and the meters of the whole frame."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from agent.cli.aim import meters
from agent.cli.aim.requests import Picture
from drivers.frames import Frame
from pipelines.vision.encoding import encode
from pipelines.vision.masking import burn
from pipelines.vision.scene.zones import Polygon


@dataclass(frozen=True, slots=True)
class Seen:
    """A JPEG, and what goes with it as JSON."""

    jpeg: bytes
    meters: dict[str, Any]


def make(frame: Frame, asked: Picture) -> Seen:
    """Meters are of the picture as the camera gave it: neither fewer pixels nor masks change them."""
    masks = [polygon for corners in asked.masks if (polygon := _polygon(corners))]
    shown = burn(frame.pixels, masks) if masks else frame.pixels
    small = encode(meters.cut(shown, asked.view), most_bytes=asked.most_bytes, longest_side=asked.side)
    told = {
        "at_ms": frame.at_ms,
        "way": str(frame.way),
        "width": frame.width,
        "height": frame.height,
        "sharpness": round(meters.sharpness(frame.pixels, asked.region), 4),
        "light": asdict(meters.light(frame.pixels)),
        "burnt": len(masks),
    }
    return Seen(small.jpeg, told)


def _polygon(corners: tuple[tuple[float, float], ...]) -> Polygon | None:
    """None for one that is not yet a polygon: it is being drawn."""
    try:
        return Polygon(corners)
    except ValueError:
        return None
