"""polegate camera export: one device one file, with its pictures beside it and checksums over all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from agent.amounts import many
from agent.camera.config import Camera
from agent.camera.file import json_schema
from agent.camera.rows import table
from agent.cli import screen
from agent.cli.cameras import texts as camera_texts
from agent.cli.cameras.known import Known, json_option, known
from agent.cli.exits import Exit, Failed, unwritten
from firmware_profiles.declared import plain

if TYPE_CHECKING:
    from agent.camera.file import CameraRecord

MOST_PHOTO = 32 * 2**20
THUMBNAIL_SIDE = 640
THUMBNAIL_BYTES = 96 * 1024


@click.command("export")
@click.option("--format", "form", type=click.Choice(["json", "csv"]), default="json", show_default=True,
              help="Without --out.")  # fmt: skip
@click.option("--out", "-o", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Both forms into a directory, with the photographs.")  # fmt: skip
@click.option("--pictures", is_flag=True, help="With --out: take a picture of each camera now, masked.")
@click.option("--force", is_flag=True, help="Into a directory that is not empty.")
@json_option
@click.pass_obj
def export(
    paths: Mapping[str, Path], /, *, form: Literal["json", "csv"], out: Path | None, pictures: bool,
    force: bool, as_json: bool,
) -> None:  # fmt: skip
    """The files of all cameras, for the city's platform: as JSON, as CSV, or into a directory.

    Ends with 1 when a photograph or a picture is missing.
    """
    if pictures and out is None:
        raise click.UsageError("--pictures needs --out DIR")
    found = known(paths)
    files = {name: found.file(name) for name in found.cameras}
    if found.status is None:
        click.echo(camera_texts.NO_DAEMON.format(path=paths["socket"]), err=True)
    if out is None:
        _print(list(files.values()), "json" if as_json else form)
        return
    _to_directory(found, files, out, pictures=pictures, force=force, as_json=as_json)


def _print(files: list[CameraRecord], form: str) -> None:
    if form == "json":
        for file in files:
            screen.machine(plain(file))
    else:
        click.echo(table(files), nl=False)


def _to_directory(
    found: Known, files: dict[str, CameraRecord], out: Path, *, pictures: bool, force: bool, as_json: bool
) -> None:
    if out.exists() and any(out.iterdir()) and not force:
        raise Failed(camera_texts.OUT_NOT_EMPTY.format(path=out), Exit.PROBLEM)
    missing: list[str] = []
    content: dict[str, bytes] = {}
    for name, camera in found.cameras.items():
        content |= _photo(name, camera, missing)
        if pictures:
            files = files | _pictured(found, name, content, missing)
        content[f"{name}.json"] = _json(plain(files[name]))
    content |= {"schema.json": _json(json_schema()), "cameras.csv": table(files.values()).encode()}
    _write(out, content)
    images = sum(name.endswith((".jpg", ".jpeg", ".png")) for name in content)
    if as_json:
        screen.machine({"out": str(out), "files": [*content, "SHA256SUMS"], "missing": missing})
    else:
        told = many(len(files), "camera's file", "cameras' files"), many(images, "picture")
        screen.line(camera_texts.EXPORTED.format(out=out, files=told[0], pictures=told[1]))
    if missing:
        raise Failed("\n".join(missing), Exit.PROBLEM)


def _photo(name: str, camera: Camera, missing: list[str]) -> dict[str, bytes]:
    """The installation's photograph by file name; if it is not to be had, that goes to `missing`."""
    if (photo := camera.file.photo) is None:
        return {}
    try:
        return {f"{name}-installed{photo.suffix.lower()}": _read_photo(photo)}
    except OSError as error:
        why = error.strerror or str(error)
        missing.append(camera_texts.PHOTO_ABSENT.format(name=name, path=photo, why=why))
        return {}


def _read_photo(path: Path) -> bytes:
    if path.stat().st_size > MOST_PHOTO:
        raise OSError(f"more than {MOST_PHOTO >> 20} MiB")
    return path.read_bytes()


def _pictured(
    found: Known, name: str, content: dict[str, bytes], missing: list[str]
) -> dict[str, CameraRecord]:
    """Add a masked picture of now; the file with what the camera says of itself."""
    from agent.cli.cameras.snapshot import masked, take

    camera = found.cameras[name]
    try:
        taken = take(name, camera, camera.way)
    except Failed as error:
        missing.append(f"{name}: {error.message}")
        return {}
    from pipelines.vision.encoding import encode

    pixels = masked(taken.frame.pixels, camera.masks)
    content[f"{name}.jpg"] = encode(pixels, most_bytes=THUMBNAIL_BYTES, longest_side=THUMBNAIL_SIDE).jpeg
    return {name: found.file(name, taken.status(found.of(name)))}


def _write(out: Path, content: Mapping[str, bytes]) -> None:
    """All files, and last of all their checksums in the form of sha256sum."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in content.items():
            (out / name).write_bytes(data)
        (out / "SHA256SUMS").write_text("".join(_sums(content)), encoding="utf-8")
    except OSError as error:
        raise unwritten(Path(error.filename or out), error) from None


def _sums(content: Mapping[str, bytes]) -> Iterator[str]:
    for name, data in sorted(content.items()):
        yield f"{hashlib.sha256(data).hexdigest()}  {name}\n"


def _json(item: object) -> bytes:
    return (json.dumps(item, indent=2, ensure_ascii=False) + "\n").encode()
