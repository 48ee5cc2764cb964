"""What can go wrong in the outbox.

OutboxError      the store cannot be used as asked: permissions, another program's file
├ OutboxFull     no room, even after evicting: a too large envelope or a full disk
├ OutboxCorrupt  the file is damaged; `buffer.recovery.recover` moves it aside and salvages it
├ OutboxInUse    another process writes to it
└ SchemaTooNew   a newer polegate wrote it
"""

from __future__ import annotations

import errno
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
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
# Our statements are constant: SQLITE_ERROR (no such column) means a schema that we did not write.
_DAMAGED = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say about `path` into our tree; misuse of sqlite3 passes unchanged."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            raise
        raise _kind(code)(_told(path, f"{error} ({error.sqlite_errorname})", _kind(code))) from error
    except UnicodeDecodeError as error:
        # sqlite3 could not decode its own message, which quotes the damaged schema.
        raise OutboxCorrupt(_told(path, "its schema is unreadable", OutboxCorrupt)) from error
    except OSError as error:
        kind = OutboxFull if error.errno in _NO_SPACE else OutboxError
        raise kind(_told(path, str(error), kind)) from error


def _kind(code: int) -> type[OutboxError]:
    if code in _NO_ROOM:
        return OutboxFull
    if code in _DAMAGED or code & 0xFF == sqlite3.SQLITE_CORRUPT:
        return OutboxCorrupt
    return OutboxError


def _told(path: Path, what: str, kind: type[OutboxError]) -> str:
    if kind is OutboxFull:
        return f"{path}: no room on the disk: {what}; free some space under {path.parent}"
    if kind is OutboxCorrupt:
        return f"{path} is damaged: {what}; it must be moved aside and salvaged"
    return (
        f"{path} cannot be used: {what}; "
        f"check that {path.parent} exists, belongs to the user polegate runs as, "
        "and is not mounted read-only, as a failing disk is (dmesg)"
    )
