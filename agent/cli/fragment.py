"""conf.d/limits-DEVICE.toml: accepted limits, written whole or not at all, never over a person's edits."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.cli import texts
from agent.provisioning import confd

Tables = Mapping[str, Mapping[str, Any]]
"""By channel the keys of [limits.DEVICE.CHANNEL]."""


class Edited(Exception):
    """The file is not as it was written; it is left alone."""


def path_of(config: Path, device: str) -> Path:
    """The fragment of a device, in conf.d/ beside the configuration."""
    return config.parent / "conf.d" / f"limits-{device}.toml"


def write(path: Path, device: str, accepted: Tables, *, over_edits: bool = False) -> None:
    """Lay the accepted tables over those in the file; keys that are not accepted anew stay as they are.

    Raises:
        Edited: a person has changed the file since, or wrote it, and `over_edits` is false.
        OSError: it cannot be read or written.
    """
    known = _read(path, device, over_edits=over_edits)
    merged = {**known, **{channel: {**known.get(channel, {}), **keys} for channel, keys in accepted.items()}}
    body = "\n".join(table(device, channel, keys) for channel, keys in merged.items())
    confd.write(path, confd.marked(texts.FRAGMENT_HEAD, body))


def table(device: str, channel: str, keys: Mapping[str, Any]) -> str:
    """One channel's limits as TOML."""
    lines = [f"{key} = {confd.toml(value)}\n" for key, value in keys.items()]
    return f"[limits.{device}.{json.dumps(channel)}]\n{''.join(lines)}"


def read_table(text: str, device: str, channel: str) -> dict[str, Any]:
    """The keys of the one table that `table` wrote and a person may have edited.

    Raises:
        ValueError: no TOML, or not that table.
    """
    try:
        return dict(tomllib.loads(text)["limits"][device][channel])
    except (KeyError, TypeError):
        raise ValueError(texts.NO_TABLE.format(device=device, channel=channel)) from None


def _read(path: Path, device: str, *, over_edits: bool) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    if not over_edits and not confd.is_as_written(text, texts.FRAGMENT_HEAD):
        raise Edited(str(path))
    try:
        found = tomllib.loads(text).get("limits", {}).get(device, {})
    except (tomllib.TOMLDecodeError, AttributeError):
        raise Edited(str(path)) from None
    return dict(found)
