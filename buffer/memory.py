"""What is remembered beside the envelopes: small opaque states by name, written with the same commits."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

MEMORY_BYTES = 64 * 2**20
NOTHING: Mapping[str, bytes | None] = MappingProxyType({})
# What a state costs besides its name and body.
_ROW_BYTES = 16

# An update keeps a row of the same length where it is; REPLACE would free and take its pages anew.
_WRITE = """
INSERT INTO state VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, crc = excluded.crc, body = excluded.body
"""
INSERT_STATE_IF_NEW = "INSERT OR IGNORE INTO state VALUES (?, ?, ?, ?)"


class Remembered(NamedTuple):
    """The columns of table `state`, in their order."""

    id: int
    name: str
    crc: int
    body: bytes

    @property
    def is_intact(self) -> bool:
        """Whether it is as it was written."""
        whole = isinstance(self.name, str) and isinstance(self.body, bytes)
        return whole and state_crc(self.name, self.body) == self.crc


def state_crc(name: str, body: bytes) -> int:
    """Checksum of a state's other columns but the id."""
    return crc32(body, crc32(name.encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What one commit remembers and forgets, as rows; `forgot` names the states it has no room for."""

    written: tuple[Remembered, ...] = ()
    deleted: tuple[str, ...] = ()
    forgot: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.written or self.deleted)


class Memory:
    """The table of states as its writer knows it: a name's row keeps its id, so that no index is needed.

    Making it reads every state, so that what SQLite finds damaged shows when the store is opened. States
    whose checksum fails are `damaged`, left out, and deleted with the next commit that carries any.
    """

    def __init__(self, connection: sqlite3.Connection, max_bytes: int) -> None:
        self.damaged = 0
        self._connection = connection
        self._max_bytes = max_bytes
        self._ids: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._next_id = 1
        self._rotten: list[int] = []
        for row in map(Remembered._make, connection.execute("SELECT * FROM state ORDER BY id")):
            self._next_id = row.id + 1
            if row.is_intact:
                self._ids[row.name] = row.id
                self._sizes[row.name] = _size(row)
            else:
                self._rotten.append(row.id)
                self.damaged += 1

    def read(self) -> dict[str, bytes]:
        """Return every state that is intact."""
        rows = map(Remembered._make, self._connection.execute("SELECT * FROM state ORDER BY id"))
        return {row.name: row.body for row in rows if row.is_intact}

    def plan(self, remember: Mapping[str, bytes | None]) -> Notes:
        """Work out the rows; what would make all states together exceed the limit is not written."""
        sizes, next_id = dict(self._sizes) if remember else {}, self._next_id
        total_bytes = sum(sizes.values())
        written, deleted, forgot = [], [], []
        for name, body in remember.items():
            if body is None:
                if name in sizes:
                    deleted.append(name)
                    total_bytes -= sizes[name]
                continue
            row = Remembered(self._ids.get(name, next_id), name, state_crc(name, body), body)
            growth = _size(row) - sizes.get(name, 0)
            if total_bytes + growth > self._max_bytes:
                forgot.append(name)
                continue
            total_bytes += growth
            next_id += row.id == next_id
            written.append(row)
        return Notes(written=tuple(written), deleted=tuple(deleted), forgot=tuple(forgot))

    def write(self, notes: Notes) -> None:
        """Execute inside a transaction."""
        gone = [*self._rotten, *(self._ids[name] for name in notes.deleted)]
        self._connection.executemany("DELETE FROM state WHERE id = ?", [(number,) for number in gone])
        self._connection.executemany(_WRITE, notes.written)

    def written(self, notes: Notes) -> None:
        """The transaction was committed."""
        self._rotten.clear()
        for name in notes.deleted:
            del self._ids[name], self._sizes[name]
        for row in notes.written:
            self._ids[row.name] = row.id
            self._sizes[row.name] = _size(row)
            self._next_id = max(self._next_id, row.id + 1)


def _size(row: Remembered) -> int:
    return _ROW_BYTES + len(row.name.encode()) + len(row.body)
