"""A database file read page by page, without SQLite, so that damage in one place hides nothing elsewhere.

Source: SQLite database file format, sections 1.3 (header), 1.5 (freelist), 1.6 (b-tree pages), 2.1 (records).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from buffer.schema import PAGE_BYTES, readable_text, wal_of
from buffer.wal import frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack
    from pathlib import Path

_FILE_HEADER_BYTES = 100
_TABLE_INTERIOR = 0x05
_TABLE_LEAF = 0x0D
# Of a record in a table leaf at most _MOST bytes lie on the page; of a longer one at least _LEAST do.
_MOST = PAGE_BYTES - 35
_LEAST = (PAGE_BYTES - 12) * 32 // 255 - 23
_OVERFLOW = PAGE_BYTES - 4
_INT_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


class Broken(Exception):
    """What should be a record is none."""


class Pages:
    """The pages of a database as its log leaves them, commits that SQLite no longer reads included."""

    def __init__(self, database: Path, files: ExitStack) -> None:
        self._database = files.enter_context(database.open("rb"))
        self._numbers = range(1, database.stat().st_size // PAGE_BYTES + 1)
        self._logged: dict[int, int] = {}
        if wal_of(database).exists():
            self._log = files.enter_context(wal_of(database).open("rb"))
            self._logged = _committed(wal_of(database))

    def numbers(self) -> set[int]:
        return {*self._numbers, *self._logged}

    def read(self, number: int) -> bytes:
        """Return the page, or b"" if there is none or the medium does not give it."""
        if number in self._logged:
            return _read(self._log, self._logged[number])
        return _read(self._database, (number - 1) * PAGE_BYTES) if number in self._numbers else b""

    def is_leaf(self, number: int) -> bool:
        return self.read(number)[:1] == bytes([_TABLE_LEAF])

    def children(self, number: int) -> list[int] | None:
        """Return the pages below, in order: none below a leaf; None if this is no page of a table."""
        page = self.read(number)
        if page[:1] == bytes([_TABLE_LEAF]):
            return []
        if page[:1] != bytes([_TABLE_INTERIOR]):
            return None
        return [int.from_bytes(page[at : at + 4]) for at in (*_cells(page, 0, 12), 8)]

    def records(self, number: int) -> Iterator[tuple[int, list[Any]] | None]:
        """Yield rowid and columns of each record on a leaf page, None for what is none."""
        page = self.read(number)
        header = _FILE_HEADER_BYTES if number == 1 else 0
        for at in _cells(page, header, header + 8):
            try:
                yield self._record(page, at)
            except Broken:
                yield None

    def free(self) -> set[int]:
        """Return the pages on the freelist, as far as it can be followed."""
        found: set[int] = set()
        trunk = int.from_bytes(self.read(1)[32:36])
        while trunk not in found and (page := self.read(trunk)):
            found.add(trunk)
            leaves = min(int.from_bytes(page[4:8]), PAGE_BYTES // 4 - 2)
            found |= {int.from_bytes(page[at : at + 4]) for at in range(8, 8 + 4 * leaves, 4)}
            trunk = int.from_bytes(page[:4])
        return found

    def _record(self, page: bytes, at: int) -> tuple[int, list[Any]]:
        length, at = _varint(page, at)
        number, at = _varint(page, at)
        payload = self._payload(page, at, length)
        values_at, at = _varint(payload, 0)
        value_at = values_at
        columns = []
        while at < values_at:
            kind, at = _varint(payload, at)
            value, value_at = _value(payload, kind, value_at)
            columns.append(value)
        return number, columns

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        if length <= _MOST:
            return page[at : at + length]
        local = _LEAST + (length - _LEAST) % _OVERFLOW
        if local > _MOST:
            local = _LEAST
        parts = [page[at : at + local]]
        following = int.from_bytes(page[at + local : at + local + 4])
        for missing in range(length - local, 0, -_OVERFLOW):
            page = self.read(following)
            if not page or missing > (len(self._numbers) + len(self._logged)) * PAGE_BYTES:
                raise Broken
            following = int.from_bytes(page[:4])
            parts.append(page[4 : 4 + missing])
        return b"".join(parts)


def _read(file: BinaryIO, at: int) -> bytes:
    try:
        file.seek(at)
        page = file.read(PAGE_BYTES)
    except OSError:
        return b""
    return page if len(page) == PAGE_BYTES else b""


def _committed(wal: Path) -> dict[int, int]:
    """Return where in the log the last committed image of each page lies."""
    committed: dict[int, int] = {}
    pending: dict[int, int] = {}
    for frame in frames(wal):
        pending[frame.page] = frame.offset
        if frame.commits:
            committed |= pending
            pending = {}
    return committed


def _cells(page: bytes, header: int, pointers: int) -> list[int]:
    count = int.from_bytes(page[header + 3 : header + 5])
    ends = min(pointers + 2 * count, len(page))
    return [int.from_bytes(page[at : at + 2]) for at in range(pointers, ends, 2)]


def _value(payload: bytes, kind: int, at: int) -> tuple[Any, int]:
    if kind == 0:
        return None, at
    if kind in (8, 9):
        return kind - 8, at
    length = _INT_BYTES.get(kind, (kind - 12) // 2)
    raw = payload[at : at + length]
    if length < 0 or len(raw) < length:
        raise Broken
    if kind in _INT_BYTES:
        return int.from_bytes(raw, signed=True), at + length
    return (readable_text(raw) if kind % 2 else raw), at + length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Decode 1 to 9 bytes, big-endian, 7 bits in each but the ninth (section 1.6)."""
    value = 0
    for index, byte in enumerate(data[at : at + 9]):
        if index == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    raise Broken
