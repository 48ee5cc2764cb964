"""The look at a store that was not closed: is everything that was committed still there?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from buffer.errors import OutboxCorrupt
from buffer.wal import lost_commits

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

# PRAGMA quick_check reads every page: about a second for this much on eMMC.
QUICK_CHECK_BYTES = 64 * 2**20


def examine(connection: sqlite3.Connection, path: Path) -> None:
    """Raise OutboxCorrupt if the store was left open and damage is found.

    The log is checked always, the file by PRAGMA quick_check up to QUICK_CHECK_BYTES: above that, and after
    a clean close, damage is found when the page or row is read (each row has its own checksum). Call it
    before the first write, which may reuse the log.
    """
    wal = wal_of(path)
    was_open = wal.exists() and wal.stat().st_size > 0
    if was_open:
        _, valid_frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        lost = lost_commits(wal, valid_frames)
        if lost > 1:
            raise OutboxCorrupt(
                f"{path} is damaged: {lost} commits lie behind a broken place in {wal.name}; "
                "it must be moved aside and salvaged"
            )
    (clean,) = connection.execute("SELECT coalesce(max(clean), 0) FROM meta").fetchone()
    if (was_open or not clean) and path.stat().st_size <= QUICK_CHECK_BYTES:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise OutboxCorrupt(f"{path} is damaged ({verdict}); it must be moved aside and salvaged")


def wal_of(path: Path) -> Path:
    """Return the name SQLite gives the write-ahead log of `path`."""
    return path.with_name(f"{path.name}-wal")
