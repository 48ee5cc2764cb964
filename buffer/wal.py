"""The write-ahead log read without SQLite, to see and salvage what SQLite no longer accepts.

Source: SQLite database file format, section 4 (The Write-Ahead Log).
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from buffer.schema import PAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# magic, format, page size, checkpoint number, salt 1 and 2, checksum 1 and 2
_HEADER = Struct(">8I")
# page number, pages of the database after a commit (0: no commit), salt 1 and 2, checksum 1 and 2
_FRAME = Struct(">6I")
_WORDS = {0x377F0682: Struct("<6I"), 0x377F0683: Struct(">6I")}


class Frame(NamedTuple):
    """One page image in the log, the `number`th from 1; `offset` is where its bytes begin."""

    number: int
    page: int
    commits: bool
    offset: int


def frames(wal: Path) -> Iterator[Frame]:
    """Yield the frames of the last generation, in order; those behind a broken place too.

    The header names the generation by two salts. If it is damaged, the first frame does. A sound header
    without a frame of its own has announced a new generation: the old frames are in the database already.
    """
    with wal.open("rb") as log:
        generation = _generation(log.read(_HEADER.size + _FRAME.size))
        log.seek(_HEADER.size)
        number = 0
        while len(raw := log.read(_FRAME.size)) == _FRAME.size:
            number += 1
            page, commit_pages, *salts, _, _ = _FRAME.unpack(raw)
            if salts == generation:
                yield Frame(number, page, commit_pages > 0, log.tell())
            log.seek(PAGE_BYTES, 1)


def lost_commits(wal: Path, valid_frames: int) -> int:
    """Count the commits in the log behind the `valid_frames` that SQLite accepts.

    One may be a commit that was never reported done. More than one proves damage: a commit only
    begins when the one before is on disk.
    """
    return sum(frame.commits for frame in frames(wal) if frame.number > valid_frames)


def _generation(raw: bytes) -> list[int]:
    if len(raw) < _HEADER.size + _FRAME.size:
        return []
    magic, _, _, _, *salts, first, second = _HEADER.unpack_from(raw)
    if magic in _WORDS and _checksum(_WORDS[magic].unpack_from(raw)) == (first, second):
        return salts
    return list(_FRAME.unpack_from(raw, _HEADER.size)[2:4])


def _checksum(words: tuple[int, ...]) -> tuple[int, int]:
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
