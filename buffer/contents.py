"""Files named by the hash of what is in them: how they are written, left for another process, and found."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from buffer.access import FILE_MODE
from buffer.errors import OutboxError, OutboxFull, translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_INCOMING = 64
"""Contents that another process may leave before ours has taken them."""

WAITING, SENT = ".jpg", ".sent.jpg"
_HASH_LETTERS = 64


class Missing(OutboxError):
    """There is no such content: it was given up for room, or somebody removed it."""

    reason = "evicted"


class Damaged(OutboxError):
    """The content is not what was stored: it must not be sent."""

    reason = "damaged"


class Stored(NamedTuple):
    """A content on disk: SHA-256 in hex, bytes."""

    hash: str
    size: int


def deposit(root: Path, content: bytes) -> Stored:
    """Leave `content` for the process that owns the spool at `root`, which is then to `adopt` it.

    It is whole or not there; the owner makes it durable. Raises OutboxFull when the owner does not keep up or
    the disk is full, OutboxError.
    """
    incoming = root / "incoming"
    with translated(root):
        if sum(1 for _ in os.scandir(incoming)) >= MOST_INCOMING:
            raise OutboxFull(f"{incoming} holds {MOST_INCOMING} pictures that nobody has taken; see the log")
        name = sha256(content).hexdigest()
        write(incoming / f"{name}{WAITING}", content, durable=False)
    return Stored(name, len(content))


def checked(name: str) -> str:
    """Return the name; raises Missing unless it is a hash: one from outside must not lead anywhere else."""
    if not _is_hash(name):
        raise Missing(f"{name!r} is no SHA-256 in lower-case hex")
    return name


def write(path: Path, content: bytes, *, durable: bool) -> None:
    """Write under another name, then rename; the pid keeps two processes apart."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            os.fchmod(handle, FILE_MODE)  # whatever the umask
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(handle, rest) :]
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync(path.parent)


def sync(path: Path) -> None:
    """Put a file's bytes, or a folder's names, on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path, offset: int, length: int) -> bytes:
    """Return a part of the file. Raises FileNotFoundError, and Damaged if it has become shorter."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        part = os.pread(handle, length, offset)
    finally:
        os.close(handle)
    if len(part) != length:
        raise Damaged(f"{path} has {len(part)} bytes from {offset} on, {length} were stored")
    return part


class Found(NamedTuple):
    """A file of the spool, as the disk has it."""

    name: str
    size: int
    sent: bool
    modified_s: float


def find(root: Path) -> Iterator[Found]:
    """Yield what is there; unfinished files are removed, files that are not ours stay and do not count."""
    for entry in _entries(root):
        name, _, kind = entry.name.partition(".")
        if entry.name.startswith(".") and entry.name.endswith(".tmp"):
            (root / entry.path).unlink()
        elif _is_hash(name) and f".{kind}" in (WAITING, SENT):
            about = entry.stat()
            yield Found(name, about.st_size, f".{kind}" == SENT, about.st_mtime)


def _entries(root: Path) -> Iterator[os.DirEntry[str]]:
    for folder in os.scandir(root):
        if folder.is_dir(follow_symlinks=False) and len(folder.name) == 2:
            yield from (entry for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False))


def _is_hash(name: str) -> bool:
    return len(name) == _HASH_LETTERS and set(name) <= set("0123456789abcdef")
