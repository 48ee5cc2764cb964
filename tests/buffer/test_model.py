"""The outbox against a plain model: every step, with crashes and evictions, must leave both the same."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from buffer.envelope import Envelope, Priority
from buffer.outbox import Outbox
from buffer.retention import Depth, Reason, stored_size

if TYPE_CHECKING:
    from buffer.flight import Batch

MAX_BYTES = 4000
MAX_MEMORY_BYTES = 600
RAM = "/dev/shm" if Path("/dev/shm").is_dir() else None

times = st.none() | st.integers(0, 100)
states = st.dictionaries(
    st.sampled_from(["a", "b", "river", "qc.level"]), st.none() | st.binary(max_size=300), max_size=3
)


@dataclass
class Row:
    """An envelope that should be stored; `epoch` stamped it, `mark` is what its taker said."""

    envelope: Envelope
    order: tuple[int, int]
    epoch: str
    held: bool = False
    mark: str = ""
    marked: int = 0


@dataclass
class Model:
    rows: list[Row] = field(default_factory=list)
    arrivals: int = 0
    marks: int = 0
    settled: dict[str, int] = field(default_factory=dict)
    lost: dict[tuple[Reason, Priority], Depth] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)
    states: dict[str, bytes] = field(default_factory=dict)

    def seen(self, row: Row) -> Envelope:
        offset = self.settled.get(row.epoch)
        if row.envelope.settled or offset is None:
            return row.envelope
        expires_ms = row.envelope.expires_ms
        return replace(
            row.envelope,
            settled=True,
            at_ms=row.envelope.at_ms + offset,
            expires_ms=None if expires_ms is None else expires_ms + offset,
        )

    def has_expired(self, row: Row, now_ms: int | None) -> bool:
        seen = self.seen(row)
        return None not in (now_ms, seen.expires_ms) and seen.settled and seen.expires_ms <= now_ms

    def deliverable(self, now_ms: int | None, hold: Priority | None) -> list[Row]:
        return [
            row
            for row in sorted(self.rows, key=lambda row: row.order)
            if not row.held
            and not self.has_expired(row, now_ms)
            and (hold is None or row.envelope.priority < hold or self.seen(row).settled)
        ]

    def lose(self, reason: Reason, row: Row) -> None:
        key = reason, row.envelope.priority
        one = Depth(batches=1, items=row.envelope.items, size_bytes=stored_size(row.envelope))
        self.lost[key] = self.lost.get(key, Depth()) + one
        self.rows.remove(row)

    def commit(self, arrivals: list[Row], now_ms: int | None) -> None:
        for row in sorted(self.rows, key=lambda row: row.marked):
            if row.mark == "accepted":
                self.rows.remove(row)
            elif row.mark == "rejected":
                self.dead.append(row.envelope.key)
                self.lose(Reason.REJECTED, row)
            elif row.mark == "dropped":
                self.lose(Reason.EVICTED, row)
            elif self.has_expired(row, now_ms) and not row.held:
                self.lose(Reason.EXPIRED, row)
        self.rows += arrivals

        def spared(row: Row) -> tuple[bool, bool, int, int]:
            kind, arrival = row.order
            return kind == Priority.ALARM, row.held, -kind, arrival

        while sum(stored_size(row.envelope) for row in self.rows) > MAX_BYTES:
            self.lose(Reason.EVICTED, min(self.rows, key=spared))

    def remember(self, given: dict[str, bytes | None]) -> list[str]:
        forgot = []
        for name, body in given.items():
            after = {**self.states, name: body}
            size = sum(16 + len(name) + len(body) for name, body in after.items() if body is not None)
            if body is not None and size > MAX_MEMORY_BYTES:
                forgot.append(name)
            else:
                self.states = {name: body for name, body in after.items() if body is not None}
        return forgot

    def crash(self) -> None:
        for row in self.rows:
            row.held, row.mark = False, ""


class OutboxMachine(RuleBasedStateMachine):
    batches = Bundle("batches")

    @initialize()
    def begin(self) -> None:
        self.folders = [tempfile.TemporaryDirectory(dir=RAM)]
        self.model = Model()
        self.epochs: set[str] = set()
        self.taken: dict[int, list[Row]] = {}
        self.open()

    def open(self) -> None:
        path = Path(self.folders[-1].name) / "outbox.db"
        self.store = Outbox.open(path, max_bytes=MAX_BYTES, max_memory_bytes=MAX_MEMORY_BYTES)
        assert self.store.epoch not in self.epochs
        self.epochs.add(self.store.epoch)
        self.generation = len(self.epochs)

    @rule(
        given=st.lists(
            st.tuples(
                st.sampled_from(Priority), st.integers(0, 900), st.booleans(), st.integers(0, 50), times
            ),
            max_size=4,
        ),
        now_ms=times,
        remember=states,
    )
    def put(
        self,
        given: list[tuple[Priority, int, bool, int, int | None]],
        now_ms: int | None,
        remember: dict[str, bytes | None],
    ) -> None:
        arrivals = []
        for priority, length, settled, at_ms, expires_ms in given:
            key = self.store.next_key()
            envelope = Envelope(
                key=key,
                topic="t",
                priority=priority,
                at_ms=at_ms,
                settled=settled,
                items=length % 7,
                expires_ms=expires_ms,
                body=(key.encode() * length)[:length],
            )
            self.model.arrivals += 1
            arrivals.append(Row(envelope, (priority, self.model.arrivals), self.store.epoch))
        before = {key: depth.batches for key, depth in self.model.lost.items()}
        result = self.store.put([row.envelope for row in arrivals], now_ms=now_ms, remember=remember)
        self.model.commit(arrivals, now_ms)
        assert list(result.forgot) == self.model.remember(remember)
        kept = [row for row in arrivals if row in self.model.rows]
        assert result.stored == len(kept)
        assert set(result.refused) == {row.envelope.key for row in arrivals if row not in kept}
        assert {(loss.reason, loss.priority): loss.lost.batches for loss in result.losses} == {
            key: depth.batches - before.get(key, 0)
            for key, depth in self.model.lost.items()
            if depth.batches != before.get(key, 0)
        }

    @rule(now_ms=times, remember=states)
    def flush(self, now_ms: int | None, remember: dict[str, bytes | None]) -> None:
        result = self.store.flush(now_ms=now_ms, remember=remember)
        self.model.commit([], now_ms)
        assert list(result.forgot) == self.model.remember(remember)

    @rule(
        target=batches,
        limit=st.integers(1, 6),
        now_ms=times,
        hold=st.none() | st.sampled_from(Priority),
        between=st.none() | st.tuples(st.sampled_from(Priority), st.sampled_from(Priority)),
    )
    def take(
        self,
        limit: int,
        now_ms: int | None,
        hold: Priority | None,
        between: tuple[Priority, Priority] | None,
    ) -> object:
        batch = self.store.take(limit, now_ms=now_ms, hold=hold, between=between)
        first, last = between or (min(Priority), max(Priority))
        expected = [
            row for row in self.model.deliverable(now_ms, hold) if first <= row.envelope.priority <= last
        ][:limit]
        assert [envelope for _, envelope in batch] == [self.model.seen(row) for row in expected]
        if not expected:
            return multiple()
        for row in expected:
            row.held = True
        return self.generation, batch, expected

    @rule(
        taken=consumes(batches),
        marks=st.lists(st.sampled_from(["accepted", "rejected", "dropped", ""]), min_size=6, max_size=6),
    )
    def mark_and_release(self, taken: tuple[int, Batch, list[Row]], marks: list[str]) -> None:
        generation, batch, rows = taken
        if generation != self.generation:
            return  # the store it was taken from is gone
        with batch:
            for (number, _), row, mark in zip(batch, rows, marks, strict=False):
                if mark == "accepted":
                    batch.accept(number)
                elif mark == "rejected":
                    batch.reject(number, f"no {row.envelope.key}")
                elif mark == "dropped":
                    batch.drop(number)
                self.model.marks += 1
                row.held, row.mark, row.marked = bool(mark), mark, self.model.marks

    @rule(offset_ms=st.integers(-20, 60))
    def settle(self, offset_ms: int) -> None:
        self.store.settle(offset_ms)
        self.model.settled.setdefault(self.store.epoch, offset_ms)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.model.commit([], None)
        self.model.crash()
        self.open()

    @rule()
    def crash(self) -> None:
        abandoned = self.folders[-1].name
        self.folders.append(tempfile.TemporaryDirectory(dir=RAM))
        for name in ("outbox.db", "outbox.db-wal", "outbox.db-shm"):
            shutil.copyfile(Path(abandoned) / name, Path(self.folders[-1].name) / name)
        self.store.close()
        self.model.crash()
        self.open()

    @invariant()
    def same(self) -> None:
        stats = self.store.stats()
        for priority in Priority:
            rows = [row for row in self.model.rows if row.envelope.priority is priority]
            assert stats.by_priority[priority] == Depth(
                batches=len(rows),
                items=sum(row.envelope.items for row in rows),
                size_bytes=sum(stored_size(row.envelope) for row in rows),
            )
        assert {(loss.reason, loss.priority): loss.lost for loss in stats.losses} == self.model.lost
        assert stats.in_flight == sum(row.held and not row.mark for row in self.model.rows)
        assert [letter.envelope.key for letter in self.store.dead_letters(100)] == self.model.dead[:-101:-1]
        stored = sorted(self.model.rows, key=lambda row: row.order)
        assert self.store.remembered() == self.model.states
        assert self.store.peek(100) == [self.model.seen(row) for row in stored]
        assert list(self.store.walk(min(Priority))) == self.store.peek(100)

    def teardown(self) -> None:
        self.store.close()
        for folder in self.folders:
            folder.cleanup()


OutboxMachine.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestOutboxAgainstModel = OutboxMachine.TestCase
