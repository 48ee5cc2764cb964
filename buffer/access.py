"""Who may read what is stored: the daemon and its group, whatever the umask. Never everybody."""

from __future__ import annotations

from contextlib import suppress
from stat import S_IMODE
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE_MODE = 0o640
FOLDER_MODE = 0o750

_EVERYBODY = 0o007


def keep_private(database: Path) -> None:
    """Create the database if it is not there; take it and its log from everybody else's eyes.

    SQLite gives the log and its index, when it makes them, the mode of the database. Nothing is opened that
    is there: closing it would give up SQLite's locks. Of another owner's file the mode stays.
    """
    database.touch(FILE_MODE)
    for end in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError, PermissionError):
            shut(database.with_name(f"{database.name}{end}"))


def shut(path: Path) -> None:
    """Nobody but its owner and its group may read it, or look into it, from now on. Raises OSError."""
    mode = S_IMODE(path.stat().st_mode)
    if mode & _EVERYBODY:
        path.chmod(mode & ~_EVERYBODY)
