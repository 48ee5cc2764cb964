"""What belongs to a station's configuration, and how it is named in a backup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent.config import Config

MAIN = "config/polegate.toml"
STORE = "store/outbox.db"
_CONFIG = "config/"
_FOLDERS = {"conf.d": "*.toml", "profiles": "**/*"}
"""Below the configuration's folder, and what the loader reads there."""


def managed(main: Path) -> list[Path]:
    """The configuration file, its fragments, the site's profiles: what a restore replaces as a whole."""
    below = [
        file
        for name, pattern in _FOLDERS.items()
        for file in sorted((main.parent / name).glob(pattern))
        if file.is_file()
    ]
    return [main, *below]


def named(config: Config) -> Iterator[tuple[str, Path]]:
    """Files that the configuration names and that are no secrets, each by its key."""
    uplink = config.uplink
    files = {"uplink.ca": uplink.ca, "uplink.certificate": uplink.certificate}
    for name, camera in config.cameras.items():
        files |= {f"cameras.{name}.ca": camera.ca, f"cameras.{name}.file.photo": camera.file.photo}
        files |= {f"cameras.{name}.models.{part}.file": model.file for part, model in camera.models.items()}
    yield from ((key, file) for key, file in files.items() if file is not None)


def name_of(file: Path, main: Path) -> str | None:
    """The file's name in a backup; None if it lies outside the configuration's folder."""
    if file == main:
        return MAIN
    try:
        return f"{_CONFIG}{file.relative_to(main.parent).as_posix()}"
    except ValueError:
        return None


def place_of(name: str, main: Path) -> Path | None:
    """Where a file of a backup belongs; None for one that is not part of the configuration."""
    if name == MAIN:
        return main
    return main.parent / name.removeprefix(_CONFIG) if name.startswith(_CONFIG) else None


def is_private_key(content: bytes) -> bool:
    """Whether a PEM file holds a private key (RFC 7468, section 10 and the older kinds)."""
    return b"PRIVATE KEY-----" in content
