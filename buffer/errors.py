"""What can go wrong in the outbox.

OutboxError      the store cannot be used as asked: permissions, another program's file
├ OutboxFull     no room, even after evicting: a too large envelope or a full disk
├ OutboxCorrupt  the file is damaged; `buffer.recovery.recover` moves it aside and salvages it
├ OutboxInUse    another process writes to it
└ SchemaTooNew   a newer polegate wrote it
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class OutboxError(Exception):
    """Root of the outbox errors; `reason` is the short name used in faults."""

    reason = "store"


class OutboxFull(OutboxError):
    """There is no room for what was given; nothing of it was stored, what was stored before still is."""

    reason = "full"


class OutboxCorrupt(OutboxError):
    """The store is damaged and must be recovered before it is used again."""

    reason = "damaged"


class OutboxInUse(OutboxError):
    """Another process holds the store open for writing."""


class SchemaTooNew(OutboxError):
    """The store has a schema number above ours."""


# ENOSPC is SQLITE_FULL; a quota (EDQUOT) shows as a failed write, a full tmpfs as a failed -shm growth.
_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite reports about `path` into our tree; misuse of the module itself passes unchanged."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            raise
        raise _ours(path, error, code) from error


def _ours(path: Path, error: sqlite3.Error, code: int) -> OutboxError:
    if code in _NO_ROOM:
        return OutboxFull(f"{path}: no room on the disk ({error}); free some space under {path.parent}")
    if code in _DAMAGED or code & 0xFF == sqlite3.SQLITE_CORRUPT:
        return OutboxCorrupt(f"{path} is damaged ({error}); it must be moved aside and salvaged")
    return OutboxError(
        f"{path} cannot be used: {error} ({error.sqlite_errorname}); "
        f"check that {path.parent} exists and belongs to the user polegate runs as"
    )
