"""polegate camera snapshot: one picture straight from a camera, masked and graded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.amounts import size, span
from agent.camera.config import Camera
from agent.cli import screen
from agent.cli.cameras import texts as camera_texts
from agent.cli.cameras.known import configured, json_option
from agent.cli.exits import Exit, Failed, unwritten

if TYPE_CHECKING:
    from drivers.frames import Frame, Pixels

MOST_BYTES = 4 * 2**20
QUALITIES = (80, 95)
"""Of a picture that a person asked for: better than those that are sent."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture, its masked JPEG and its grade; `facts` are what the camera says of itself."""

    frame: Frame
    jpeg: bytes
    grade: Mapping[str, Any]
    facts: Mapping[str, Any]
    took_s: float

    def status(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """For the camera's file: of the quality, what the daemon knows is worth more."""
        mine = {"record": dict(self.grade), "score": self.grade["score"], "last_ms": self.frame.at_ms}
        told = {key: value for key, value in known.items() if value not in (None, "", {}, ())}
        return {"way": str(self.frame.way), **mine, **told, "facts": dict(self.facts)}


@click.command("snapshot")
@click.argument("name")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A JPEG file."
)
@click.option("--way", type=click.Choice(["auto", "snapshot", "connect"]), default="auto", show_default=True,
              help="snapshot: by HTTP; connect: one key frame of the stream.")  # fmt: skip
@click.option("--unmasked", is_flag=True, help="Do not burn the masks in.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@json_option
@click.pass_obj
def snapshot(
    paths: Mapping[str, Path],
    /,
    *,
    name: str,
    out: Path,
    way: str,
    unmasked: bool,
    force: bool,
    as_json: bool,
) -> None:
    """One picture straight from a camera, without the daemon, graded by itself.

    Ends with 0 when a picture came without a fault that shows in one picture, else with 1.
    """
    import sys

    _, camera = configured(paths, name)
    _check_free(out, force=force)
    taken = take(name, camera, way, unmasked=unmasked)
    _save(out, taken.jpeg)
    frame, grade = taken.frame, taken.grade
    if as_json:
        screen.machine(_facts(name, out, taken, masked=not unmasked))
    else:
        picture = f"{frame.width}x{frame.height}, {size(len(taken.jpeg))}"
        screen.line(f"{out}: {picture}, by {frame.way} in {span(taken.took_s)}; score {grade['score']}")
        for fault in grade["faults"]:
            screen.line(f"  {fault['fault']}: {fault['reason']}")
        if unmasked and camera.masks:
            click.echo(camera_texts.UNMASKED, err=True)
    sys.exit(Exit.PROBLEM if grade["faults"] else Exit.OK)


def _facts(name: str, out: Path, taken: Taken, *, masked: bool) -> dict[str, Any]:
    frame, grade = taken.frame, taken.grade
    return {
        "camera": name,
        "file": str(out),
        "bytes": len(taken.jpeg),
        "width": frame.width,
        "height": frame.height,
        "way": str(frame.way),
        "masked": masked,
        "at_ms": frame.at_ms,
        "took_s": round(taken.took_s, 3),
        "score": grade["score"],
        "faults": grade["faults"],
    }


def preview(name: str, camera: Camera, out: Path, *, force: bool) -> None:
    """A picture with the masks of `camera` burnt in."""
    _check_free(out, force=force)
    _save(out, take(name, camera, "auto", unmasked=False).jpeg)


def take(name: str, camera: Camera, way: str, *, unmasked: bool = False) -> Taken:
    """One picture; raises Failed PROBLEM when none comes."""
    from agent.cli.cameras.eye import check_libraries, finish

    check_libraries()
    return finish(_taken(name, camera, way, unmasked=unmasked), camera, name)


async def _taken(name: str, camera: Camera, way: str, *, unmasked: bool) -> Taken:
    import time

    from agent.cli.cameras.eye import looking, take_picture

    async with looking(name, camera) as eye:
        await eye.connect()
        began = time.monotonic()
        frame = await take_picture(eye, way)
        facts = dict(eye.facts)
        took_s = time.monotonic() - began
    jpeg = jpeg_of(frame, () if unmasked else camera.masks)
    return Taken(frame, jpeg, graded(frame, camera), facts, took_s)


def jpeg_of(frame: Frame, masks: tuple[Any, ...]) -> bytes:
    """The picture with the masks burnt in; the camera's own JPEG where there are none."""
    from pipelines.vision.encoding import encode

    if not masks and frame.jpeg is not None:
        return frame.jpeg
    return encode(masked(frame.pixels, masks), most_bytes=MOST_BYTES, quality_range=QUALITIES).jpeg


def masked(pixels: Pixels, masks: tuple[Any, ...]) -> Pixels:
    """The picture with these polygons blacked out."""
    from pipelines.vision.masking import burn
    from pipelines.vision.scene.zones import Polygon

    return burn(pixels, [Polygon(tuple(points)) for points in masks]) if masks else pixels


def graded(frame: Frame, camera: Camera) -> Mapping[str, Any]:
    """What one picture tells by itself: the grader knows nothing yet of what is usual."""
    from pipelines.vision.masking import hidden
    from pipelines.vision.quality.faults import record
    from pipelines.vision.quality.grader import PictureGrader
    from pipelines.vision.scene.zones import Polygon

    polygons = [Polygon(tuple(points)) for points in camera.masks]
    mask = hidden(polygons, frame.width, frame.height) if polygons else None
    grade = PictureGrader().feed(frame.at_ms, 0, frame.pixels, fps=frame.fps, mask=mask)
    return record(grade)


def _check_free(out: Path, *, force: bool) -> None:
    if out.exists() and not force:
        raise Failed(camera_texts.FILE_EXISTS.format(path=out), Exit.PROBLEM)


def _save(out: Path, jpeg: bytes) -> None:
    try:
        out.write_bytes(jpeg)
    except OSError as error:
        raise unwritten(out, error) from None
