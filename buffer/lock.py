"""One writer at a time: an advisory lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from buffer.access import FILE_MODE
from buffer.errors import OutboxInUse, translated

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def writer_lock(path: Path) -> Iterator[None]:
    """Hold `<path>.lock`, which names the holder; raises OutboxInUse if another process does.

    A link is not followed: root takes the lock, too, in a folder that is not root's.
    The file stays behind when the lock is given up: removing it would let two processes lock two files.
    """
    name = path.with_name(f"{path.name}.lock")
    with translated(path):
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutboxInUse(f"{path} is in use by {_holder(lock)}; stop it first") from None
        # A full disk leaves the name out, not the lock. Fixed width: it overwrites the last name in place.
        with suppress(OSError):
            os.pwrite(lock, f"{os.getpid():>10}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _holder(lock: int) -> str:
    pid = os.pread(lock, 11, 0).decode(errors="replace").strip()
    if not pid.isdecimal():
        return "another process"
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return f"process {pid}"
    return f"process {pid} ({b' '.join(words).decode(errors='replace').strip()})"
