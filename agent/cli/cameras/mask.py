"""polegate camera mask: what of the picture is blacked out before anything of it is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click
from pydantic import ValidationError

from agent.amounts import many
from agent.camera.config import Camera, Point, Polygon
from agent.cli import screen
from agent.cli.cameras import texts as camera_texts
from agent.cli.cameras.fragment import NotOurs, write_view
from agent.cli.cameras.known import configured, json_option
from agent.cli.cameras.view import mask_view
from agent.cli.exits import Exit, Failed, unwritten
from agent.errors import ConfigError
from agent.loaded import Loaded
from firmware_profiles.declared import checked, plain

_POINT = re.compile(r"\s*(\d*\.?\d+)\s*,\s*(\d*\.?\d+)\s*")


@click.command("mask")
@click.argument("name")
@click.option("--add", "added", multiple=True, metavar="POINTS", help='"x,y x,y x,y", 0 to 1 from top left.')
@click.option("--remove", "removed", type=int, multiple=True, metavar="N", help="That of this number.")
@click.option("--clear", is_flag=True, help="All of them.")
@click.option("--preview", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="A picture with the masks as they will be, as a JPEG.")  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@json_option
@click.pass_obj
def mask(
    paths: Mapping[str, Path], /, *, name: str, added: tuple[str, ...], removed: tuple[int, ...], clear: bool,
    preview: Path | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """List the masks and zones of a camera, or change its masks; polegate camera aim draws them.

    They are written to conf.d/view-NAME.toml. Masks in a file that a person wrote are left alone: what to
    put there is printed, and it ends with 1.
    """
    loaded, camera = configured(paths, name)
    masks = _changed(name, camera, added, removed, clear=clear)
    if preview is not None:
        from agent.cli.cameras.snapshot import preview as take

        take(name, replace(camera, masks=masks), preview, force=force)
    if masks != camera.masks:
        file = _write(paths["config"], loaded, name, camera, masks)
        if not as_json:
            screen.line(camera_texts.MASKED.format(file=file, masks=many(len(masks), "mask")))
    if as_json:
        zones = {key: plain(zone) for key, zone in camera.zones.items()}
        screen.machine({"camera": name, "masks": masks, "zones": zones})
    elif masks or camera.zones:
        screen.show(*mask_view(replace(camera, masks=masks)))
    else:
        screen.line(camera_texts.NO_MASKS.format(name=name))


def parse(text: str) -> tuple[Point, ...]:
    """`0.1,0.1 0.4,0.1 0.4,0.3` as a polygon.

    Raises:
        click.UsageError: another form, or outside the picture.
    """
    matches = [_POINT.fullmatch(each) for each in re.split(r"[;\s]+(?=\d*\.?\d+\s*,)", text.strip())]
    found = [(float(match[1]), float(match[2])) for match in matches if match]
    try:
        points: tuple[Point, ...] = checked(Polygon, found)
    except ValidationError as error:
        first = error.errors()[0]
        said = str(first["ctx"]["error"]) if first["type"] == "value_error" else ""
        raise click.UsageError(said or camera_texts.POINTS.format(got=text)) from None
    if len(found) != len(matches):
        raise click.UsageError(camera_texts.POINTS.format(got=text))
    return points


def _changed(
    name: str, camera: Camera, added: Sequence[str], removed: Sequence[int], *, clear: bool
) -> tuple[tuple[Point, ...], ...]:
    count = len(camera.masks)
    for number in removed:
        if not 1 <= number <= count:
            said = camera_texts.NO_MASK.format(name=name, masks=many(count, "mask"), number=number)
            raise click.UsageError(said)
    kept = [] if clear else [each for n, each in enumerate(camera.masks, 1) if n not in removed]
    return (*kept, *map(parse, added))


def _write(
    config: Path, loaded: Loaded, name: str, camera: Camera, masks: tuple[tuple[Point, ...], ...]
) -> Path:
    try:
        return write_view(config, loaded.texts, name, camera, masks=masks)
    except NotOurs as error:
        lines = error.lines or camera_texts.NO_VIEW.format(name=name)
        raise Failed(camera_texts.NOT_OURS.format(file=error.file, lines=lines), Exit.PROBLEM) from None
    except ConfigError as error:
        raise Failed(f"{camera_texts.REFUSED}\n{error}", Exit.CONFIG) from None
    except OSError as error:
        raise unwritten(Path(error.filename or config), error) from None
