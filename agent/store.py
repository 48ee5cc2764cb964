"""The outbox as the event loop sees it: one writer thread owns it, the loop awaits it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from buffer.envelope import Envelope, Priority
from buffer.flight import Batch
from buffer.memory import NOTHING
from buffer.outbox import Outbox, PutResult
from buffer.view import DeadLetter, OutboxStats

T = TypeVar("T")
Now = Callable[[], tuple[int, bool]]
"""Wall time in ms UTC, and whether the clock is trusted."""

MESSAGES = Priority.ALARM, Priority.HEALTH
PICTURES = Priority.PICTURES, Priority.SCHEDULED
"""What is taken by itself, so that it delays nothing else."""


class Store:
    """What is put is on disk when `put` returns; what is taken stays there until it is accepted or rejected.

    Marks touch memory only and are committed with the next `put` or `flush`. All methods belong to the
    loop's thread; those that wait raise OutboxError.
    """

    def __init__(self, outbox: Outbox, writer: ThreadPoolExecutor, now: Now) -> None:
        self.arrived = asyncio.Event()
        """Set when there is something new to take."""
        self.drained = False
        """Whether the last `take` left nothing behind and nothing has come since."""
        self.emptied = False
        """The same of pictures."""
        self.unwritten = 0
        """Marks that no commit has carried yet."""
        self._outbox = outbox
        self._writer = writer
        self._now = now
        self._taken: dict[int, Batch] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, max_bytes: int, now: Now) -> AsyncIterator[Store]:
        """The store at `path`; on leaving, what was marked is committed and the file released.

        Raises:
            OutboxError: OutboxInUse, OutboxCorrupt, SchemaTooNew, OutboxFull, or the path is unusable.
        """
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox") as writer:
            outbox = await loop.run_in_executor(writer, partial(Outbox.open, path, max_bytes=max_bytes))
            store = cls(outbox, writer, now)
            try:
                yield store
            finally:
                store.release()
                await asyncio.shield(loop.run_in_executor(writer, outbox.close))

    @property
    def epoch(self) -> str:
        """What the keys of this run begin with: {store}.{boot}."""
        return self._outbox.epoch

    def next_key(self) -> str:
        """A deduplication key that no envelope ever had."""
        return self._outbox.next_key()

    async def put(
        self, envelopes: Sequence[Envelope], *, remember: Mapping[str, bytes | None] = NOTHING
    ) -> PutResult:
        """Commit the envelopes, every mark made before, and these states; durable when it returns."""
        written = self.unwritten
        states = dict(remember)
        result = await self._run(
            lambda: self._outbox.put(envelopes, now_ms=self._trusted_ms(), remember=states)
        )
        self.unwritten -= written
        self._stir()
        return result

    async def flush(self) -> PutResult:
        """Commit the marks made before; no write if there are none and nothing has expired."""
        written = self.unwritten
        result = await self._run(lambda: self._outbox.flush(now_ms=self._trusted_ms()))
        self.unwritten -= written
        return result

    async def remembered(self) -> dict[str, bytes]:
        """The states by name as the last commits left them, this run's or the one before."""
        return await self._run(self._outbox.remembered)

    async def settle(self, offset_ms: int) -> None:
        """The clock is trusted from now on and was off by `offset_ms`: put the times of this run right."""
        await self._run(lambda: self._outbox.settle(offset_ms))
        self._stir()

    async def take(self, limit: int, *, hold: bool = False) -> list[tuple[int, Envelope]]:
        """Up to `limit` envelopes not taken before, each with the number to mark it by, in order of delivery.

        Pictures are left out. `hold` passes over telemetry whose clock is not settled; alarms and events
        never wait for a clock.
        """
        self.drained = True  # before the hop: what is put meanwhile says otherwise
        taken = await self._take(limit, MESSAGES, hold=hold)
        if len(taken) == limit:
            self.drained = False
        return taken

    async def take_pictures(self, limit: int, *, hold: bool = False) -> list[tuple[int, Envelope]]:
        """The same of pictures alone."""
        self.emptied = True
        taken = await self._take(limit, PICTURES, hold=hold)
        if len(taken) == limit:
            self.emptied = False
        return taken

    async def _take(
        self, limit: int, between: tuple[Priority, Priority], *, hold: bool
    ) -> list[tuple[int, Envelope]]:
        batch = await self._hand_out(limit, between, Priority.READINGS if hold else None)
        taken = list(batch)
        if not taken:
            _release(batch)
        self._taken.update((number, batch) for number, _ in taken)
        return taken

    def accept(self, number: int) -> None:
        """The platform has it."""
        batch = self._taken.pop(number)
        batch.accept(number)
        self._marked(batch)

    def reject(self, number: int, why: str) -> None:
        """The platform will never take it: a dead letter, counted as lost."""
        batch = self._taken.pop(number)
        batch.reject(number, why)
        self._marked(batch)

    def drop(self, number: int) -> None:
        """Its owner has given it up by a rule of its own: counted as evicted, without a dead letter."""
        batch = self._taken.pop(number)
        batch.drop(number)
        self._marked(batch)

    def release(self) -> None:
        """Everything taken and not marked can be taken again."""
        for batch in set(self._taken.values()):
            _release(batch)
        self._taken.clear()
        self._stir()

    async def stats(self) -> OutboxStats:
        """What is stored and what was lost."""
        return await self._run(self._outbox.stats)

    async def visit(self, first: Priority, visitor: Callable[[Envelope], None]) -> None:
        """Show every stored envelope of this priority and lower to `visitor`, in the writer's thread."""

        def go() -> None:
            for envelope in self._outbox.walk(first):
                visitor(envelope)

        await self._run(go)

    async def peek(self, limit: int, *, priority: Priority | None = None) -> list[Envelope]:
        """Up to `limit` stored envelopes in order of delivery, taken or not."""
        return await self._run(lambda: self._outbox.peek(limit, priority=priority))

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Up to `limit` dead letters, the latest first."""
        return await self._run(lambda: self._outbox.dead_letters(limit))

    def _marked(self, batch: Batch) -> None:
        self.unwritten += 1
        if batch not in self._taken.values():
            _release(batch)

    async def _hand_out(self, limit: int, between: tuple[Priority, Priority], hold: Priority | None) -> Batch:
        now_ms = self._trusted_ms()
        call = self._writer.submit(self._outbox.take, limit, now_ms=now_ms, hold=hold, between=between)
        try:
            return await asyncio.wrap_future(call)
        except asyncio.CancelledError:
            call.add_done_callback(_give_back)
            raise

    def _stir(self) -> None:
        self.drained = self.emptied = False
        self.arrived.set()

    def _trusted_ms(self) -> int | None:
        """Nothing expires by a clock that nobody trusts."""
        now_ms, trusted = self._now()
        return now_ms if trusted else None

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, call)


def _give_back(call: Future[Batch]) -> None:
    if not call.cancelled() and call.exception() is None:
        _release(call.result())


def _release(batch: Batch) -> None:
    with batch:
        """Its end gives back what was not marked."""
