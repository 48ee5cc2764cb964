"""The outbox: what is put is on disk before `put` returns, and stays until accepted or counted as lost."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING, Self

from buffer.change import Arrival, Change
from buffer.errors import OutboxCorrupt, OutboxFull, translated
from buffer.flight import Batch, Flight
from buffer.integrity import check_seal, examine, seal_of
from buffer.lock import writer_lock
from buffer.memory import MEMORY_BYTES, NOTHING, Memory, Notes
from buffer.quarantine import refuse_if_recovering
from buffer.reserve import Ballast, Reserve
from buffer.retention import Depth, Loss, Reason, Waiting, depths, merged, stored_size, victims
from buffer.rows import (
    DELIVERABLE,
    EXPIRED,
    SELECT_BETWEEN,
    WAITING_BETWEEN,
    Row,
    decode,
    id_range,
    intact,
    noted,
    row_id,
)
from buffer.schema import (
    Identity,
    connect,
    count_boot,
    migrate,
    read_clocks,
    transaction,
    write_clock,
)
from buffer.view import (
    DeadLetter,
    OutboxStats,
    dead_letters,
    depth_by_priority,
    highest_sequence,
    peek,
    read_account,
    read_stats,
    walk,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Iterable, Iterator, Mapping
    from pathlib import Path

    from buffer.envelope import Envelope, Priority


_NEVER = 2**63 - 1  # above every id


@dataclass(frozen=True, slots=True, kw_only=True)
class PutResult:
    """What one commit did: envelopes stored, and everything it gave up.

    `refused` holds the keys of given envelopes that were themselves the first to be evicted; `losses`
    counts them too. `forgot` names the given states that were not written: what an earlier commit
    remembered under these names still stands.
    """

    stored: int = 0
    losses: tuple[Loss, ...] = ()
    refused: tuple[str, ...] = ()
    forgot: tuple[str, ...] = ()


class Outbox:
    """A bounded durable queue of envelopes with one writer.

    Everything runs in the thread that opened it, but `epoch`, `next_key` and the marks of a Batch, which
    touch memory only. Any method may raise OutboxCorrupt: then close it, `buffer.recovery.recover` the file
    and open it again. `now_ms` is the caller's trusted time in ms UTC, or None while it has none; without
    it nothing expires.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        identity: Identity,
        *,
        depths: dict[Priority, Depth],
        max_bytes: int,
        memory: Memory,
    ) -> None:
        self._path = path
        self._connection = connection
        self._identity = identity
        self._max_bytes = max_bytes
        self._numbers = count(1)
        self._sequences = count(highest_sequence(connection) + 1)
        self._depths = depths
        self._memory = memory
        self._account = read_account(connection, path)
        self._flight = Flight()
        self._reserve = Reserve(path, connection, self._size_bytes)
        self._damaged = False
        self._closed = False
        self._resources = ExitStack()

    @classmethod
    def open(cls, path: Path, *, max_bytes: int, max_memory_bytes: int = MEMORY_BYTES) -> Self:
        """Open or create the store for writing, to hold at most `max_bytes` of envelopes.

        Beside them it holds at most `max_memory_bytes` of states. Reads these and the heads of the rows, but
        no bodies. Raises OutboxInUse, OutboxCorrupt, OutboxFull, SchemaTooNew.
        """
        with ExitStack() as resources:
            resources.enter_context(writer_lock(path))
            refuse_if_recovering(path)
            try:
                connection, depths, identity = _start(path)
            except OutboxFull:
                Ballast(path).give_up()
                connection, depths, identity = _start(path)
            resources.enter_context(closing(connection))
            with translated(path):
                memory = Memory(connection, max_memory_bytes)
                outbox = cls(path, connection, identity, depths=depths, max_bytes=max_bytes, memory=memory)
            outbox._resources = resources.pop_all()
        return outbox

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Commit pending marks, seal the store and checkpoint it; the file is released in any case.

        A store found damaged is only released, so that it is examined when it is opened next.
        """
        if self._closed:
            return
        self._closed = True
        with self._resources:
            if not self._damaged:
                self.flush(now_ms=None)
                self._reserve.insist(self._seal)

    @property
    def epoch(self) -> str:
        """Name this opening of this store; never used again."""
        return self._identity.epoch

    def next_key(self) -> str:
        """Return a deduplication key that no envelope ever had: the epoch and a number from 1."""
        return f"{self.epoch}-{next(self._numbers)}"

    def put(
        self,
        envelopes: Iterable[Envelope],
        *,
        now_ms: int | None,
        remember: Mapping[str, bytes | None] = NOTHING,
    ) -> PutResult:
        """Store the envelopes, and commit the marks made before, in one durable commit.

        Makes room as `buffer.retention.victims` says, after dropping what has expired. The same commit
        replaces the states that `remember` names, and deletes those that are None; on a full disk, and as
        long as room is short, it is made without them. Raises OutboxFull, with nothing of it stored, if one
        envelope exceeds the limit or the disk has no room left.
        """
        arrivals = [self._arrival(envelope) for envelope in envelopes]
        notes = self._memory.plan(remember)
        left_out = Notes(forgot=tuple(remember))
        return self._reserve.insist(
            lambda: self._commit(arrivals, now_ms, left_out),
            (lambda: self._commit(arrivals, now_ms, notes)) if remember else None,
        )

    def flush(self, *, now_ms: int | None, remember: Mapping[str, bytes | None] = NOTHING) -> PutResult:
        """Commit the marks made before and drop what has expired; no write if there is nothing to do."""
        return self.put((), now_ms=now_ms, remember=remember)

    def remembered(self) -> dict[str, bytes]:
        """Return the states by name as the last commits left them; damaged ones are left out."""
        with self._guarded():
            return self._memory.read()

    @property
    def damaged_states(self) -> int:
        """How many states were found damaged, and dropped, when the store was opened."""
        return self._memory.damaged

    def take(
        self,
        limit: int,
        *,
        now_ms: int | None,
        hold: Priority | None = None,
        between: tuple[Priority, Priority] | None = None,
    ) -> Batch:
        """Hand out up to `limit` envelopes that are not handed out already, by priority and arrival.

        `hold` passes over those of this priority and lower whose clock is not settled; `between` names the
        first and the last priority to hand out. A row that fails its
        checksum is not handed out: it becomes a dead letter with the next commit.
        """
        with self._guarded(), closing(self._deliverable(now_ms, hold, between)) as found:
            return Batch(self._flight, islice(found, limit))

    def settle(self, offset_ms: int) -> None:
        """Declare that this epoch's clock, until now not trusted, was off by `offset_ms`.

        In one commit all unsettled envelopes of this epoch, also any put later, count as settled with
        `at_ms` and `expires_ms` moved by the offset. Those handed out stay as they were handed out; if they
        come back they are settled. The first offset of an epoch stands; former epochs are not touched.
        """
        self._reserve.insist(lambda: self._settle(offset_ms))

    def stats(self) -> OutboxStats:
        """Return the figures, from memory and a few page reads."""
        with self._guarded():
            return read_stats(self._connection, self._path, self._depths, len(self._flight))

    def peek(self, limit: int, *, priority: Priority | None = None) -> list[Envelope]:
        """Return up to `limit` stored envelopes in the order of delivery, handed out or not."""
        with self._guarded():
            return peek(self._connection, limit, priority)

    def walk(self, first: Priority) -> Iterator[Envelope]:
        """Yield every stored envelope of this priority and lower, handed out or not, in order of delivery."""
        with self._guarded():
            yield from walk(self._connection, first)

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Return up to `limit` dead letters, the latest first; the outbox keeps the last 100."""
        with self._guarded():
            return dead_letters(self._connection, self._path, limit)

    def _arrival(self, envelope: Envelope) -> Arrival:
        size_bytes = stored_size(envelope)
        if size_bytes > self._max_bytes:
            raise OutboxFull(
                f"{self._path}: envelope {envelope.key} for {envelope.topic} takes {size_bytes} bytes, "
                f"the outbox may hold {self._max_bytes}; send smaller messages or raise the limit"
            )
        return Arrival(noted(row_id(envelope.priority, next(self._sequences)), envelope), envelope)

    def _deliverable(
        self, now_ms: int | None, hold: Priority | None, between: tuple[Priority, Priority] | None
    ) -> Generator[tuple[int, Envelope]]:
        held_from = _NEVER if hold is None else row_id(hold, 0)
        first, last = (0, _NEVER) if between is None else (id_range(between[0])[0], id_range(between[1])[1])
        wanted = {"now_ms": now_ms, "held_from": held_from, "first": first, "last": last}
        with closing(self._connection.execute(DELIVERABLE, wanted)) as cursor:
            for (number,) in cursor:
                if number not in self._flight and (envelope := self._hand_out(number)):
                    yield number, envelope

    def _hand_out(self, number: int) -> Envelope | None:
        found = self._connection.execute(SELECT_BETWEEN, (number, number, 1)).fetchone()
        if found is None:
            raise OutboxCorrupt(f"{self._path} is damaged: row {number} is out of order; it must be salvaged")
        row, offset_ms = Row(*found[:-1]), found[-1]
        if intact(row):
            envelope = decode(row, offset_ms)
            self._flight.hand_out(noted(number, envelope))
            return envelope
        damaged = Waiting._make(self._connection.execute(WAITING_BETWEEN, (number, number)).fetchone())
        self._flight.hand_out(damaged._replace(at_ms=None))
        self._flight.reject(number, Reason.DAMAGED, "the checksum of the stored row does not match")
        return None

    def _commit(self, arrivals: list[Arrival], now_ms: int | None, notes: Notes) -> PutResult:
        with self._guarded():
            change = self._plan(arrivals, now_ms)
            if not change and not notes:
                return PutResult(forgot=notes.forgot)
            account = merged(self._account, change.account)
            with transaction(self._connection):
                change.write(self._connection, self._identity.boots, account)
                if notes:
                    self._memory.write(notes)
        if notes:
            self._memory.written(notes)
        self._account = account
        gone, come = depths(change.gone), depths(arrival.row for arrival in change.arrivals)
        self._depths = {
            priority: depth - gone.get(priority, Depth()) + come.get(priority, Depth())
            for priority, depth in self._depths.items()
        }
        self._flight.forget(row.id for row in change.gone)
        return PutResult(
            stored=len(change.arrivals),
            losses=tuple(change.account.values()),
            refused=tuple(arrival.envelope.key for arrival in change.refused),
            forgot=notes.forgot,
        )

    def _plan(self, arrivals: list[Arrival], now_ms: int | None) -> Change:
        accepted, rejected = self._flight.marks()
        expired = [] if now_ms is None else self._expired(now_ms)
        change = Change(accepted=accepted, rejected=rejected, expired=expired, arrivals=arrivals)
        rows = [arrival.row for arrival in arrivals]
        leaving = {row.id for row in change.gone}
        need_bytes = sum(row.size_bytes for row in rows)
        after_bytes = self._size_bytes() - sum(row.size_bytes for row in change.gone) + need_bytes
        excess_bytes = after_bytes - min(self._max_bytes, self._reserve.ceiling_bytes(need_bytes))
        if excess_bytes > 0:
            change.evict(victims(lambda kind: self._stored(kind, leaving), rows, self._flight, excess_bytes))
        return change

    def _expired(self, now_ms: int) -> list[Waiting]:
        found = map(Waiting._make, self._connection.execute(EXPIRED, {"now_ms": now_ms}))
        return [row for row in found if row.id not in self._flight]

    def _stored(self, priority: Priority, leaving: set[int]) -> Iterator[Waiting]:
        with closing(self._connection.execute(WAITING_BETWEEN, id_range(priority))) as cursor:
            yield from (Waiting._make(row) for row in cursor if row[0] not in leaving)

    def _size_bytes(self) -> int:
        return sum(depth.size_bytes for depth in self._depths.values())

    def _settle(self, offset_ms: int) -> None:
        with self._guarded(), transaction(self._connection):
            write_clock(self._connection, self._identity.boots, offset_ms)

    def _seal(self) -> None:
        with self._guarded(), transaction(self._connection):
            self._connection.execute("UPDATE meta SET seal = ?", (seal_of(self._depths),))

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            with translated(self._path):
                yield
        except OutboxCorrupt:
            self._damaged = True
            raise


def _start(path: Path) -> tuple[sqlite3.Connection, dict[Priority, Depth], Identity]:
    examine(path)
    with translated(path), ExitStack() as undo:
        connection = undo.enter_context(closing(connect(path)))
        migrate(connection, path)
        depths = depth_by_priority(connection, path)
        check_seal(connection, path, depths)
        read_clocks(connection, path)
        identity = count_boot(connection, path)
        undo.pop_all()
    return connection, depths, identity
