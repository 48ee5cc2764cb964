"""The ballast: disk space held back, to be given up when the disk is full and the outbox must still write."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from buffer.errors import OutboxFull, translated
from buffer.schema import AUTOCHECKPOINT_PAGES, PAGE_BYTES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

# As much as a full write-ahead log (1000 pages of 4096 bytes): its checkpoint may grow the file by that.
BALLAST_BYTES = 4 * 2**20
# Of the ballast, what the store may grow into when it was given up; the rest is for the log.
_ALLOWANCE_BYTES = BALLAST_BYTES // 4
# While the disk is full the log is kept this short.
_TIGHT_AUTOCHECKPOINT_PAGES = 64
_UNLIMITED = sys.maxsize


def free_bytes(path: Path) -> int:
    """Return what the file system of `path` has left for an ordinary user."""
    free = os.statvfs(path.parent)
    return free.f_bavail * free.f_frsize


class Ballast:
    """`<path>.ballast`: allocated blocks, never written, so that they cost no flash wear."""

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(f"{path.name}.ballast")

    def is_held(self) -> bool:
        return self._file.exists()

    def give_up(self) -> None:
        """Hand the space back to the file system."""
        self._file.unlink(missing_ok=True)

    def restore(self) -> bool:
        """Whether the space is held again; it is taken back when twice as much is free."""
        if self.is_held():
            return True
        if free_bytes(self._file) < 2 * BALLAST_BYTES:
            return False
        try:
            self._allocate()
        except OSError:
            self.give_up()
            return False
        return True

    def _allocate(self) -> None:
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, BALLAST_BYTES)
        finally:
            os.close(handle)


class Reserve:
    """Gets a commit through on a full disk, and says how large the store may be meanwhile.

    The ceiling is beyond reach while the disk has room, and lifted once the ballast could be taken back.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, size_bytes: Callable[[], int]) -> None:
        self._path = path
        self._connection = connection
        self._size_bytes = size_bytes
        self._ballast = Ballast(path)
        self._ballast.restore()
        self._ceiling_bytes = _UNLIMITED

    def ceiling_bytes(self, need_bytes: int) -> int:
        """Bound the store like its limit does; for what alone exceeds the ceiling nothing is evicted."""
        return self._ceiling_bytes if need_bytes <= self._ceiling_bytes else _UNLIMITED

    def insist(self, commit: Callable[[], T], luxury: Callable[[], T] | None = None) -> T:
        """Run `commit`; on a full disk again with the ballast given up, and then letting no more in than out.

        `luxury` is a larger commit that takes its place if there is room for it without any of that. Raises
        OutboxFull if even the last attempt finds no room.
        """
        with translated(self._path):
            if self._ballast.restore() and self._ceiling_bytes != _UNLIMITED:
                self._tighten(_UNLIMITED, AUTOCHECKPOINT_PAGES)
        if luxury and self._ceiling_bytes == _UNLIMITED:
            with suppress(OutboxFull):
                return luxury()
        try:
            return commit()
        except OutboxFull:
            self._give_up_ballast()
        try:
            return commit()
        except OutboxFull:
            self._ceiling_bytes = self._size_bytes()
        return commit()

    def _give_up_ballast(self) -> None:
        """Turn the ballast into room: a checkpoint moves the log into the file, and the log starts over.

        Free pages inside the file take about half their size in rows, whatever the rows' sizes.
        """
        allowance = _ALLOWANCE_BYTES if self._ballast.is_held() else 0
        self._ballast.give_up()
        # Without room for the file to grow the log stays as it is, and the commit tells.
        with suppress(OutboxFull), translated(self._path):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        (free_pages,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        ceiling = self._size_bytes() + free_pages * PAGE_BYTES // 2 + allowance
        self._tighten(ceiling, _TIGHT_AUTOCHECKPOINT_PAGES)

    def _tighten(self, ceiling_bytes: int, autocheckpoint_pages: int) -> None:
        self._ceiling_bytes = ceiling_bytes
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {autocheckpoint_pages}")
