"""Files written whole or not at all, with their rights from the first byte on."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def put(file: Path, content: bytes, mode: int) -> None:
    """The new content takes the old one's place in one step, and is on the disk when this returns.

    Raises:
        OSError: it cannot be written; the file before stands.
    """
    with anew(file, mode) as new:
        new.write(content)


def check(file: Path, size: int) -> None:
    """Try whether so many bytes could be put there; nothing of it stays.

    Raises:
        OSError: what `put` would raise.
    """
    with suppress(_Enough), anew(file, 0o600) as new:
        new.write(bytes(size))
        new.flush()
        os.fsync(new.fileno())
        raise _Enough


class _Enough(Exception):
    """The content shall not take its place."""


@contextmanager
def anew(file: Path, mode: int) -> Iterator[BinaryIO]:
    """To write the new content into; what `put` says holds where no error comes out of the block.

    Raises:
        OSError: it cannot be written, or is a device or a pipe, whose place nothing may take.
    """
    if file.exists() and not file.is_file():
        raise OSError(errno.EINVAL, "it is no plain file", str(file))
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(beside, flags, mode), "wb") as new:
            os.fchmod(new.fileno(), mode)  # whatever the umask
            yield new
            new.flush()
            os.fsync(new.fileno())
        beside.replace(file)
    except BaseException:
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


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Of those who ask for it here nobody else changes the folder's files meanwhile; it need not be there.

    Raises:
        BlockingIOError: somebody does.
    """
    if not folder.is_dir():
        yield
        return
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            said = "another command of polegate changes it right now; try again when that has ended"
            raise BlockingIOError(error.errno, said, str(folder)) from None
        yield
    finally:
        os.close(place)
