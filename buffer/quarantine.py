"""Where a damaged store is moved, in steps that a power cut may interrupt and a later run completes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from buffer.access import FILE_MODE, keep_private
from buffer.contents import sync
from buffer.errors import OutboxCorrupt
from buffer.schema import wal_of

if TYPE_CHECKING:
    from pathlib import Path

KEPT = 2


def refuse_if_recovering(path: Path) -> None:
    """Raise OutboxCorrupt if a recovery of this store was begun and not finished."""
    if _marked(path):
        raise OutboxCorrupt(f"{path}: a recovery was interrupted; it must be run again")


def set_aside(path: Path) -> Path:
    """Move the store to `<path>.corrupt-<n>` with its log and return that name; `path` is free afterwards.

    A marker names the target until `finished`. The log goes first and the database last: once the
    target exists everything of the old store is there, and what lies at `path` is an unfinished copy.
    """
    target = _marked(path)
    if not target:
        last = max((number for number, _ in quarantined(path)), default=0)
        target = path.with_name(f"{path.name}.corrupt-{last + 1}")
        _marker(target).touch(FILE_MODE)
        sync(path.parent)
    if not target.exists():
        keep_private(path)
        for old, new in zip(files_of(path), files_of(target), strict=True):
            if old.exists():
                old.rename(new)
        sync(path.parent)
    for leftover in files_of(path):
        leftover.unlink(missing_ok=True)
    return target


def finished(path: Path) -> tuple[Path, ...]:
    """Take the marker away and return what was removed: the quarantined stores but for the latest KEPT."""
    for _, file in quarantined(path):
        _marker(file).unlink(missing_ok=True)
    sync(path.parent)
    removed = tuple(file for _, file in quarantined(path)[:-KEPT])
    for file in removed:
        for part in files_of(file):
            part.unlink(missing_ok=True)
    return removed


def quarantined(path: Path) -> list[tuple[int, Path]]:
    """Return the damaged stores set aside so far, numbered, the oldest first."""
    name = re.compile(re.escape(path.name) + r"\.corrupt-(\d+)")
    found = ((name.fullmatch(file.name), file) for file in path.parent.iterdir())
    return sorted((int(match[1]), file) for match, file in found if match)


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the files of a store in the order they are to be moved: the database is the last."""
    return path.with_name(f"{path.name}-shm"), wal_of(path), path


def _marker(target: Path) -> Path:
    """Return the empty file (a full disk takes that) that says `target` is being filled or salvaged."""
    return target.with_name(f"{target.name}.unfinished")


def _marked(path: Path) -> Path | None:
    found = next(path.parent.glob(f"{path.name}.corrupt-*.unfinished"), None)
    return found and found.with_suffix("")
