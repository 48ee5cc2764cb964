"""Files written whole or not at all, with their rights from the first byte on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def put(file: Path, content: bytes, mode: int) -> None:
    """The new content takes the old one's place in one step, and is on the disk when this returns.

    Raises:
        OSError: it cannot be written; the file before stands.
    """
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as new:
            os.fchmod(new.fileno(), mode)  # whatever the umask
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        beside.replace(file)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    settle(file.parent)


def settle(folder: Path) -> None:
    """What was renamed in it survives a power cut from now on; some file systems cannot promise it."""
    with suppress(OSError):
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(place)
        finally:
            os.close(place)
