"""Is everything that was committed still there? What is looked at when a store is opened."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING
from zlib import crc32

from buffer.errors import OutboxCorrupt, translated
from buffer.schema import connect_read_only, version, wal_of
from buffer.wal import lost_commits

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from buffer.envelope import Priority
    from buffer.retention import Depth

# PRAGMA quick_check reads every page: about a second for this much on eMMC.
QUICK_CHECK_BYTES = 64 * 2**20


def examine(path: Path) -> None:
    """Raise OutboxCorrupt if the store was left open and damage is found, and as `buffer.schema.version`.

    The log is checked always, the file by PRAGMA quick_check up to QUICK_CHECK_BYTES. Damage that this
    leaves is found when the page or row is read; each row has its own checksum. Nothing is written: closing
    a connection that may write would delete the log, and with it what SQLite does not accept of it.
    """
    with translated(path):
        _examine(path, wal_of(path))


def _examine(path: Path, wal: Path) -> None:
    was_open = wal.exists() and wal.stat().st_size > 0
    if not path.exists() or path.stat().st_size == 0:
        if was_open:
            raise OutboxCorrupt(f"{path} is gone and its log {wal.name} is not; it must be salvaged")
        return
    # Only the making of the file uses a rollback journal; SQLite undoes it when it may write.
    if path.with_name(f"{path.name}-journal").exists():
        return
    with closing(connect_read_only(path, index_log=True)) as connection:
        if not version(connection, path):
            return
        (sealed,) = connection.execute("SELECT count(seal) FROM meta").fetchone()
        if was_open:
            _check_log(path, wal)
        if (was_open or not sealed) and path.stat().st_size <= QUICK_CHECK_BYTES:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise OutboxCorrupt(f"{path} is damaged: {verdict}; it must be moved aside and salvaged")


def _check_log(path: Path, wal: Path) -> None:
    """Compare the log with its index as SQLite rebuilt it (WAL-mode File Format, section 2.1: mxFrame)."""
    with path.with_name(f"{path.name}-shm").open("rb") as index:
        index.seek(16)
        valid_frames = int.from_bytes(index.read(4), sys.byteorder)
    lost = lost_commits(wal, valid_frames)
    if lost > 1:
        raise OutboxCorrupt(
            f"{path} is damaged: {lost} commits lie behind a broken place in {wal.name}; "
            "it must be moved aside and salvaged"
        )


def seal_of(depths: Mapping[Priority, Depth]) -> int:
    """Return what tells a store of these depths from another."""
    held = [
        (int(priority), depth.batches, depth.items, depth.size_bytes) for priority, depth in depths.items()
    ]
    return crc32(repr(sorted(held)).encode())


def check_seal(connection: sqlite3.Connection, path: Path, depths: Mapping[Priority, Depth]) -> None:
    """Raise OutboxCorrupt if the store was closed with other contents than are `depths` now."""
    (seal,) = connection.execute("SELECT max(seal) FROM meta").fetchone()
    if seal not in (None, seal_of(depths)):
        raise OutboxCorrupt(f"{path} is damaged: envelopes have vanished or changed; it must be salvaged")
