"""Looking at a store: figures and the first envelopes, from inside the daemon or read-only beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buffer.envelope import Envelope, Priority
from buffer.errors import OutboxCorrupt, OutboxError, translated
from buffer.reserve import Ballast
from buffer.retention import SEQUENCE_BITS, Account, Depth, Loss, Reason
from buffer.rows import DEPTH_BETWEEN, HEAD_AT_MS, SELECT_BETWEEN, Row, decode, id_range, intact
from buffer.schema import connect_read_only, identity, version, wal_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxStats:
    """What is stored and what was lost.

    `oldest_at_ms` is the earliest time at the head of a priority, None if no head has a settled clock.
    `in_flight` is None when seen from outside the daemon. `ballast` is False while the disk is, or was
    lately, full. `file_bytes` is the database and its log on disk; it stays at its peak when drained.
    """

    epoch: str
    by_priority: Mapping[Priority, Depth]
    oldest_at_ms: int | None
    in_flight: int | None
    losses: tuple[Loss, ...]
    dead_letters: int
    ballast: bool
    file_bytes: int

    @property
    def stored(self) -> Depth:
        """All priorities together."""
        return sum(self.by_priority.values(), Depth())


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An envelope that the platform will never take; a large body is cut, `body_bytes` was its length."""

    envelope: Envelope
    reason: Reason
    why: str
    body_bytes: int


class Inspection:
    """A store seen read-only; each method is one snapshot, and the daemon is never held up."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def stats(self) -> OutboxStats:
        """Count the stored rows (bodies are not read) and return the figures."""
        with translated(self._path), _snapshot(self._connection):
            return read_stats(self._connection, self._path, depth_by_priority(self._connection, self._path))

    def states(self) -> int:
        """Count the states that are remembered; a store of schema 1 has none."""
        with translated(self._path):
            if version(self._connection, self._path) < 2:
                return 0
            return int(self._connection.execute("SELECT count(*) FROM state").fetchone()[0])

    def peek(self, limit: int, *, priority: Priority | None = None) -> list[Envelope]:
        """Return up to `limit` envelopes in the order of delivery."""
        with translated(self._path):
            return peek(self._connection, limit, priority)

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Return up to `limit` dead letters, the latest first."""
        with translated(self._path):
            return dead_letters(self._connection, self._path, limit)


@contextmanager
def inspect(path: Path) -> Iterator[Inspection]:
    """Open a store for looking, with its daemon running or stopped; nothing on disk is changed or created.

    Raises OutboxError if there is no store, OutboxCorrupt, SchemaTooNew.
    """
    with translated(path):
        if not path.exists():
            raise OutboxError(f"{path} does not exist; name the file under the daemon's state directory")
        connection = connect_read_only(path)
    with closing(connection):
        with translated(path):
            if not version(connection, path):
                raise OutboxError(f"{path} is empty; the daemon has not opened it yet")
        yield Inspection(connection, path)


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def depth_by_priority(connection: sqlite3.Connection, path: Path) -> dict[Priority, Depth]:
    """Count what is stored, reading no body; raises OutboxCorrupt on ids that no priority has."""
    found = {}
    for priority in Priority:
        batches, items, size_bytes = connection.execute(DEPTH_BETWEEN, id_range(priority)).fetchone()
        found[priority] = Depth(batches=batches, items=items, size_bytes=size_bytes)
    first, last = id_range(min(Priority))[0], id_range(max(Priority))[1]
    strange = "SELECT count(*) FROM (SELECT 1 FROM envelope WHERE id < ? OR id > ? LIMIT 1)"
    if connection.execute(strange, (first, last)).fetchone() != (0,):
        raise OutboxCorrupt(f"{path} is damaged: an envelope has no known priority; it must be salvaged")
    return found


def highest_sequence(connection: sqlite3.Connection) -> int:
    """Return the last number of arrival among the stored rows, 0 if there is none."""
    highest = "SELECT ifnull(max(id), 0) FROM envelope WHERE id BETWEEN ? AND ?"
    last = [connection.execute(highest, id_range(priority)).fetchone()[0] for priority in Priority]
    return max(int(number) & ((1 << SEQUENCE_BITS) - 1) for number in last)


def read_stats(
    connection: sqlite3.Connection,
    path: Path,
    by_priority: Mapping[Priority, Depth],
    in_flight: int | None = None,
) -> OutboxStats:
    """Put the figures together; cheap but for `by_priority`, which is given."""
    heads = [connection.execute(HEAD_AT_MS, id_range(priority)).fetchone() for priority in Priority]
    return OutboxStats(
        epoch=identity(connection, path).epoch,
        by_priority=dict(by_priority),
        oldest_at_ms=min((head[0] for head in heads if head and head[0] is not None), default=None),
        in_flight=in_flight,
        losses=tuple(read_account(connection, path).values()),
        dead_letters=connection.execute("SELECT count(*) FROM dead").fetchone()[0],
        ballast=Ballast(path).is_held(),
        file_bytes=sum(file.stat().st_size for file in (path, wal_of(path)) if file.exists()),
    )


def read_account(connection: sqlite3.Connection, path: Path) -> Account:
    """Return the durable account of losses; raises OutboxCorrupt on words that we never wrote."""
    account = {}
    for reason, priority, batches, items, size_bytes, first, last in connection.execute("SELECT * FROM loss"):
        key = _known(path, reason, priority)
        lost = Depth(batches=batches, items=items, size_bytes=size_bytes)
        account[key] = Loss(reason=key[0], priority=key[1], lost=lost, first_at_ms=first, last_at_ms=last)
    return account


def peek(connection: sqlite3.Connection, limit: int, priority: Priority | None) -> list[Envelope]:
    """Return up to `limit` envelopes in the order of delivery; damaged ones are left out."""
    lowest, highest = (min(Priority), max(Priority)) if priority is None else (priority, priority)
    found = connection.execute(SELECT_BETWEEN, (id_range(lowest)[0], id_range(highest)[1], limit)).fetchall()
    return [decode(Row(*row), offset_ms) for *row, offset_ms in found if intact(Row(*row))]


def walk(connection: sqlite3.Connection, first: Priority) -> Iterator[Envelope]:
    """Yield the envelopes of this priority and lower in the order of delivery; damaged ones are left out."""
    wanted = (id_range(first)[0], id_range(max(Priority))[1], -1)
    with closing(connection.execute(SELECT_BETWEEN, wanted)) as cursor:
        for *row, offset_ms in cursor:
            if intact(Row(*row)):
                yield decode(Row(*row), offset_ms)


def dead_letters(connection: sqlite3.Connection, path: Path, limit: int) -> list[DeadLetter]:
    """Return up to `limit` dead letters, the latest first; raises OutboxCorrupt on words we never wrote."""
    found = connection.execute("SELECT * FROM dead ORDER BY number DESC LIMIT ?", (limit,))
    letters = []
    for _, priority, key, topic, at_ms, settled, expires_ms, items, body_bytes, body, reason, why in found:
        known_reason, known_priority = _known(path, reason, priority)
        envelope = Envelope(
            key=key,
            topic=topic,
            priority=known_priority,
            at_ms=at_ms,
            settled=bool(settled),
            items=items,
            expires_ms=expires_ms,
            body=body,
        )
        letters.append(DeadLetter(envelope=envelope, reason=known_reason, why=why, body_bytes=body_bytes))
    return letters


def _known(path: Path, reason: str, priority: int) -> tuple[Reason, Priority]:
    try:
        return Reason(reason), Priority(priority)
    except ValueError as error:
        raise OutboxCorrupt(f"{path} is damaged ({error}); it must be moved aside and salvaged") from error
