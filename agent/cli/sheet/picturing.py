"""A fresh picture of each camera for the sheet, and what the camera says of itself."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from agent.cli import signoff_texts as say
from agent.cli.exits import Failed
from agent.cli.sheet.content import Camera
from agent.loaded import Loaded

SIDE = 960
MOST_BYTES = 120_000
"""Of a picture in the sheet: enough to see what it shows, small enough for a mail."""

Facts = Mapping[str, Any]


def cameras(loaded: Loaded, status: Facts, serials: Mapping[str, str]) -> Iterator[Camera]:
    """In the order of the configuration; masks are burnt in."""
    known = {each["camera"]: each for each in status["cameras"]}
    for plan in loaded.plan.cameras:
        told = known.get(plan.name, {})
        facts = told.get("facts", {})
        maker = " ".join(str(facts[key]) for key in ("manufacturer", "model", "firmware") if facts.get(key))
        picture = _picture(loaded, plan.name)
        yield Camera(
            camera=plan.name,
            title=plan.camera.title,
            model=maker,
            serial=serials.get(plan.name) or str(facts.get("serial", "")),
            way=told.get("way", ""),
            score=told.get("score"),
            **picture,
        )


def _picture(loaded: Loaded, name: str) -> dict[str, Any]:
    from agent.cli.cameras.snapshot import masked, take

    camera = loaded.config.cameras[name]
    try:
        taken = take(name, camera, "auto")
    except Failed as error:
        return {"note": say.CAMERA_NO_PICTURE.format(why=error.message.partition("\n")[0])}
    from pipelines.vision.encoding import encode

    pixels = masked(taken.frame.pixels, camera.masks)
    small = encode(pixels, most_bytes=MOST_BYTES, longest_side=SIDE, quality_range=(40, 88))
    return {
        "note": "",
        "jpeg": b64encode(small.jpeg).decode(),
        "width": small.width,
        "height": small.height,
    }
