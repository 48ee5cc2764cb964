"""Files of conf.d/ that belong to a camera: NAME.toml by `camera add`, view-NAME.toml by `mask` and `aim`.

A view is the masks and the zones. Only view-NAME.toml is ever changed by a program, and only as long as
nobody has edited it; what of them stands in another file, a person has to change there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.camera.config import Camera, Point, Zone
from agent.provisioning import confd
from agent.provisioning.confd import toml
from firmware_profiles.declared import given, plain

DIGITS = 4
"""Of numbers of a picture: a tenth of a pixel."""

HEAD = "# The view of a camera: written by polegate camera mask and polegate camera aim."
_ORDER = (
    "title", "host", "https", "username", "password", "verify", "ca", "profile", "snapshot", "stream", "way",
    "every_s", "watches",
)  # fmt: skip


class NotOurs(Exception):
    """What would change stands in a person's file: `lines` are what is to stand there, "" for nothing."""

    def __init__(self, file: Path, lines: str) -> None:
        super().__init__(str(file))
        self.file = file
        self.lines = lines


def camera_path(config: Path, camera: str) -> Path:
    """What `camera add` writes, beside the configuration."""
    return config.parent / "conf.d" / f"{camera}.toml"


def view_path(config: Path, camera: str) -> Path:
    """What `camera mask` and `camera aim` write, beside the configuration."""
    return config.parent / "conf.d" / f"view-{camera}.toml"


def camera_text(camera: str, keys: Mapping[str, Any], said: Sequence[str] = ()) -> str:
    """The camera's table as TOML, with what it `said` of itself as comments."""
    comments = "".join(f"# {_plain(line)}\n" for line in said)
    lines = "".join(f"{key} = {toml(keys[key], DIGITS)}\n" for key in _ORDER if key in keys)
    return f"# Written by polegate camera add.\n{comments}[cameras.{camera}]\n{lines}"


def view_lines(camera: str, masks: Sequence[Sequence[Point]], zones: Mapping[str, Zone]) -> str:
    """Masks and zones of a camera as TOML; "" for none of either."""
    tables = []
    if masks:
        inside = "".join(f"    {toml(mask, DIGITS)},\n" for mask in masks)
        tables.append(f"[cameras.{camera}]\nmasks = [\n{inside}]\n")
    for name, zone in zones.items():
        keys = plain(given(zone))
        lines = "".join(f"{key} = {toml(value, DIGITS)}\n" for key, value in keys.items())
        tables.append(f"[cameras.{camera}.zones.{name}]\n{lines}")
    return "\n".join(tables)


def view_text(camera: str, masks: Sequence[Sequence[Point]], zones: Mapping[str, Zone]) -> str:
    """The whole of view-NAME.toml, marked as written by a program."""
    return confd.marked(HEAD, view_lines(camera, masks, zones))


def is_ours(text: str) -> bool:
    """Whether this is a view-NAME.toml as it was written."""
    return confd.is_as_written(text, HEAD)


def write_view(
    config: Path,
    texts: Mapping[str, str],
    name: str,
    camera: Camera,
    *,
    masks: Sequence[Sequence[Point]] | None = None,
    zones: Mapping[str, Zone] | None = None,
) -> Path:
    """Give the camera these masks or zones, None: those it has. The whole configuration must hold with them.

    `texts` are the files of the configuration as they were loaded (`Loaded.texts`).

    Raises:
        NotOurs: they stand in a file that a person wrote.
        ConfigError: the configuration would not hold together; nothing was written.
        OSError: the file cannot be written.
    """
    from agent.loading import load

    masks = camera.masks if masks is None else tuple(tuple(mask) for mask in masks)
    zones = camera.zones if zones is None else zones
    file = view_path(config, name)
    theirs = _theirs(texts, file, name)
    for other, keys in theirs.items():
        _check_kept(other, keys, name, camera, masks=masks, zones=zones)
    kept = {zone for keys in theirs.values() for zone in keys.get("zones", {})}
    own_masks = () if any("masks" in keys for keys in theirs.values()) else masks
    text = view_text(name, own_masks, {zone: zones[zone] for zone in zones if zone not in kept})
    if str(file) in texts and not is_ours(texts[str(file)]):
        raise NotOurs(file, view_lines(name, own_masks, zones))
    load(config, {file: text})
    confd.write(file, text)
    return file


def _theirs(texts: Mapping[str, str], ours: Path, camera: str) -> dict[Path, Mapping[str, Any]]:
    """The camera's keys by file, without those in ours."""
    tables = {
        Path(file): tomllib.loads(text).get("cameras", {}).get(camera, {}) for file, text in texts.items()
    }
    return {file: keys for file, keys in tables.items() if file != ours}


def _check_kept(
    file: Path,
    keys: Mapping[str, Any],
    name: str,
    camera: Camera,
    *,
    masks: Sequence[Sequence[Point]],
    zones: Mapping[str, Zone],
) -> None:
    """Raises NotOurs: what stands in this file of a person's would have to change."""
    standing = keys.get("zones", {})
    masks_change = "masks" in keys and tuple(masks) != camera.masks
    if masks_change or any(zones.get(zone) != camera.zones[zone] for zone in standing):
        wanted = {zone: zones[zone] for zone in standing if zone in zones}
        raise NotOurs(file, view_lines(name, masks if "masks" in keys else (), wanted))


def _plain(text: str) -> str:
    """What a camera said of itself, without anything that would end the comment."""
    return "".join(each if each.isprintable() else " " for each in text)
