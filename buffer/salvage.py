"""Rows out of a damaged database file, page by page and without SQLite.

Nothing is believed but the checksum in each row: a leaf page gives its rows wherever the tree above it is
broken. Source: SQLite database file format, sections 1.6 (b-tree pages) and 2.1 (record format).
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from buffer.integrity import wal_of
from buffer.rows import Row, intact
from buffer.schema import PAGE_BYTES, readable_text
from buffer.wal import frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TABLE_LEAF = 0x0D
_TABLE_INTERIOR = 0x05
# Of a record in a table leaf at most _MOST bytes lie on the page; of a longer one at least _LEAST do.
_MOST = PAGE_BYTES - 35
_LEAST = (PAGE_BYTES - 12) * 32 // 255 - 23
_OVERFLOW = PAGE_BYTES - 4
_INT_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


class _Broken(Exception):
    """What should be a record is none."""


@dataclass(slots=True)
class Wreck:
    """A damaged store: iterate once over its intact rows, then read what was seen besides.

    `damaged_rows` have a checksum that does not match or lead nowhere; `lost_pages` are named by the tree
    and are no pages of a tree any more, so that nothing is known of their rows. A row deleted just before
    the damage may come back.
    """

    database: Path
    damaged_rows: int = 0
    lost_pages: int = 0

    def __iter__(self) -> Iterator[Row]:
        tree: set[int] = set()
        named: set[int] = set()
        with ExitStack() as files:
            pages = _Pages(self.database, files)
            for number, page in pages:
                if page[0] == _TABLE_INTERIOR:
                    tree.add(number)
                    named |= _children(page)
                elif page[0] == _TABLE_LEAF:
                    tree.add(number)
                    yield from self._rows(pages, page)
        self.lost_pages = len(named - tree)

    def _rows(self, pages: _Pages, page: bytes) -> Iterator[Row]:
        cells = int.from_bytes(page[3:5])
        for pointer in range(8, min(8 + 2 * cells, PAGE_BYTES), 2):
            try:
                number, columns = _record(pages, page, int.from_bytes(page[pointer : pointer + 2]))
            except _Broken:
                self.damaged_rows += 1
                continue
            if len(columns) != len(Row._fields):
                continue  # another table's
            row = Row(number, *columns[1:])
            if intact(row):
                yield row
            else:
                self.damaged_rows += 1


class _Pages:
    """The pages of a database as its log leaves them; iterating skips page 1, which holds the schema."""

    def __init__(self, database: Path, files: ExitStack) -> None:
        self._database = files.enter_context(database.open("rb"))
        self._count = database.stat().st_size // PAGE_BYTES
        self._logged: dict[int, int] = {}
        if wal_of(database).exists():
            self._log = files.enter_context(wal_of(database).open("rb"))
            self._logged = _committed(wal_of(database))

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        for number in sorted({*range(2, self._count + 1), *self._logged} - {1}):
            page = self.read(number)
            if page:
                yield number, page

    def read(self, number: int) -> bytes:
        """Return the page, or b"" if the medium does not give it."""
        file, at = self._database, (number - 1) * PAGE_BYTES
        if number in self._logged:
            file, at = self._log, self._logged[number]
        return _read(file, at)


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


def _children(page: bytes) -> set[int]:
    cells = int.from_bytes(page[3:5])
    pointers = (int.from_bytes(page[at : at + 2]) for at in range(12, min(12 + 2 * cells, PAGE_BYTES), 2))
    return {int.from_bytes(page[at : at + 4]) for at in (8, *pointers)}


def _record(pages: _Pages, page: bytes, at: int) -> tuple[int, list[Any]]:
    """Return the rowid and the columns of the cell at `at`."""
    length, at = _varint(page, at)
    number, at = _varint(page, at)
    payload = _payload(pages, page, at, length)
    end, at = _varint(payload, 0)
    value_at = end
    columns: list[Any] = []
    while at < end:
        kind, at = _varint(payload, at)
        value, value_at = _value(payload, kind, value_at)
        columns.append(value)
    return number, columns


def _payload(pages: _Pages, page: bytes, at: int, length: int) -> bytes:
    if length <= _MOST:
        return page[at : at + length]
    local = _LEAST + (length - _LEAST) % _OVERFLOW
    if local > _MOST:
        local = _LEAST
    parts = [page[at : at + local]]
    following = int.from_bytes(page[at + local : at + local + 4])
    missing = length - local
    while missing > 0:
        page = pages.read(following)
        if not page:
            raise _Broken
        following = int.from_bytes(page[:4])
        parts.append(page[4 : 4 + missing])
        missing -= _OVERFLOW
    return b"".join(parts)


def _value(payload: bytes, kind: int, at: int) -> tuple[object, int]:
    if kind == 0:
        return None, at
    if kind in (8, 9):
        return kind - 8, at
    length = _INT_BYTES.get(kind, (kind - 12) // 2)
    raw = payload[at : at + length]
    if length < 0 or len(raw) < length:
        raise _Broken
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
    raise _Broken
