"""Room on the file system that a folder lies on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from agent.machine.files import Files


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """`place` is the folder, or the nearest one above it that exists. Bytes are those left for a plain user.

    `inodes` is None where the file system has no fixed number of them, as btrfs.
    """

    place: Path
    free: int
    total: int
    inodes: int | None
    read_only: bool


def space(files: Files, path: Path) -> Space | None:
    """What the file system says; None where this user may not look."""
    place = files.at(path)
    try:
        while not place.exists() and place != files.root:
            place = place.parent
        disk = files.statvfs(place)
    except OSError:
        return None
    return Space(
        place=place,
        free=disk.f_bavail * disk.f_frsize,
        total=max(disk.f_blocks * disk.f_frsize, 1),
        inodes=disk.f_favail if disk.f_files else None,
        read_only=bool(disk.f_flag & os.ST_RDONLY),
    )
