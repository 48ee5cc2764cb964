"""From samples and faults to envelopes on disk: gathers, encodes once, commits at least once a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from agent import wire
from agent.before import Before
from agent.wire import Leaf
from buffer.envelope import Envelope, Priority
from buffer.errors import OutboxError
from buffer.outbox import PutResult
from buffer.retention import Loss
from drivers.readings import Sample

FLUSH_S = 0.8
"""From the oldest waiting reading to its commit: under the second that may be lost on a power cut."""

MOST_READINGS = 8000
"""Readings gathered before they are written at once."""

MOST_BYTES = 128 * 1024
"""Longest body of a message; what would be longer is sent as several."""

MOST_PENDING = 200_000
"""Readings held in memory while the disk refuses; beyond this the oldest are dropped and counted."""

MOST_OTHERS = 1000
"""Faults and health messages held in memory while the disk refuses."""

MOST_PIECES = 1000
"""Pieces of pictures, without their bytes, likewise."""


class Storing(Protocol):
    """The part of the store the router needs."""

    def next_key(self) -> str: ...
    async def put(
        self, envelopes: Sequence[Envelope], *, remember: Mapping[str, bytes | None]
    ) -> PutResult: ...


class Remembering(Protocol):
    """Whoever has states to be written with a commit."""

    def due(self, *, everything: bool = False) -> dict[str, bytes | None]: ...
    def written(self, states: Mapping[str, bytes | None]) -> None: ...


class Consequences(Protocol):
    """Who hears of what became of a commit."""

    def unwritable(self, error: OutboxError | None) -> None:
        """The disk refuses, or, with None, takes it again."""

    def lost(self, losses: Sequence[Loss]) -> None:
        """Stored messages were given up for this one."""


class Router:
    """`show`, `feed` and `tell` never wait; `run` writes, with each commit the states that are due."""

    def __init__(self, store: Storing, topic: Callable[[Leaf], str], consequences: Consequences) -> None:
        self.memory: Remembering | None = None
        self.latest: dict[str, Sample] = {}
        self.before = Before()
        self.routed = 0
        self.dropped = 0
        self._store = store
        self._topic = topic
        self._consequences = consequences
        self._samples: list[Sample] = []
        self._gathered = 0
        self._envelopes: list[Envelope] = []
        self._finishing = False
        self._keeping = False
        self._flushing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._watchers: set[Callable[[Sample], None]] = set()

    def show(self, sample: Sample) -> None:
        """A judged sample, for those who look on; whether it is sent or not."""
        self.latest[sample.device] = sample
        self.before.add(sample)
        self.routed += len(sample.readings)
        for watcher in self._watchers:
            watcher(sample)

    def forget(self, device: str) -> None:
        """A device that is no longer configured."""
        del self.latest[device]
        self.before.forget(device)

    def feed(self, sample: Sample) -> None:
        """A sample to be sent."""
        self._samples.append(sample)
        self._gathered += len(sample.readings)
        self._wake.set()
        if self._gathered > MOST_READINGS:
            self._urgent.set()

    def tell(
        self,
        leaf: Leaf,
        body: Mapping[str, Any],
        *,
        priority: Priority,
        at: tuple[int, bool],
        expires_ms: int | None = None,
    ) -> str:
        """Another message, on disk with the next commit, which it brings forward; returns its key."""
        key = self._store.next_key()
        self._envelopes.append(
            Envelope(
                key=key,
                topic=self._topic(leaf),
                priority=priority,
                at_ms=at[0],
                settled=at[1],
                items=0,
                expires_ms=expires_ms,
                body=wire.encode(body),
            )
        )
        self._wake.set()
        self._urgent.set()
        return key

    def post(self, envelopes: Sequence[Envelope]) -> None:
        """Pieces of a picture, on disk together with the next commit."""
        self._envelopes += envelopes
        self._wake.set()

    def keep(self) -> None:
        """Commit now, be it states alone."""
        self._keeping = True
        self._wake.set()
        self._urgent.set()

    @contextmanager
    def watching(self, watcher: Callable[[Sample], None]) -> Iterator[None]:
        """Let `watcher` see every sample while the context is open."""
        self._watchers.add(watcher)
        try:
            yield
        finally:
            self._watchers.discard(watcher)

    async def run(self, promise: Callable[[float], None]) -> None:
        """Write what has gathered, until told to finish; never cut short inside a commit."""
        while not self._finishing:
            promise(24 * 3600.0 if not self._wake.is_set() else 60.0)
            await self._wake.wait()
            promise(60.0)
            try:
                async with asyncio.timeout(FLUSH_S):
                    await self._urgent.wait()
            except TimeoutError:
                pass
            await self.flush()
        await self.flush(last=True)

    def finish(self) -> None:
        """Nothing more will come: write what there is, once, and end `run`."""
        self._finishing = True
        self._wake.set()
        self._urgent.set()

    async def flush(self, *, last: bool = False) -> None:
        """Commit everything that waits. What the disk refuses stays in memory, bounded, under its key.

        `last`: nothing comes after it, so that every state goes with it, due or not.
        """
        async with self._flushing:
            self._wake.clear()
            self._urgent.clear()
            for portion in _portions(self._samples):
                self._envelopes += self._pack(portion)
            self._samples, self._gathered = [], 0
            if self._envelopes or self._keeping or last:
                self._keeping = False
                states = self.memory.due(everything=last) if self.memory else {}
                await self._commit(list(self._envelopes), states)

    async def _commit(self, waiting: list[Envelope], states: dict[str, bytes | None]) -> None:
        if not waiting and not states:
            return
        try:
            result = await self._store.put(waiting, remember=states)
        except OutboxError as error:
            self._drop_oldest()
            self._keeping = True
            self._wake.set()
            self._consequences.unwritable(error)
            return
        del self._envelopes[: len(waiting)]
        if self.memory:
            self.memory.written({name: body for name, body in states.items() if name not in result.forgot})
        self._consequences.unwritable(None)
        if result.losses:
            self._consequences.lost(result.losses)

    def unwritten(self) -> list[Envelope]:
        """What no commit has taken yet, for a successor to carry on with."""
        gathered = [envelope for portion in _portions(self._samples) for envelope in self._pack(portion)]
        return [*self._envelopes, *gathered]

    def carry_on(self, envelopes: Sequence[Envelope]) -> None:
        """Take over what a predecessor could not write."""
        self._envelopes[:0] = envelopes
        if envelopes:
            self._wake.set()

    def _pack(self, samples: list[Sample]) -> list[Envelope]:
        """One message, or several where one would be too long."""
        at_ms = min(sample.at_ms for sample in samples)
        body = wire.encode_readings(samples, at_ms)
        if len(body) > MOST_BYTES and len(samples) > 1:
            half = len(samples) // 2
            return self._pack(samples[:half]) + self._pack(samples[half:])
        envelope = Envelope(
            key=self._store.next_key(),
            topic=self._topic(Leaf.READINGS),
            priority=Priority.READINGS,
            at_ms=at_ms,
            settled=samples[0].settled,
            items=sum(len(sample.readings) for sample in samples),
            expires_ms=None,
            body=body,
        )
        return [envelope]

    def _drop_oldest(self) -> None:
        """Keep the newest: MOST_PENDING readings, MOST_OTHERS other messages, MOST_PIECES of pictures."""
        kept: list[Envelope] = []
        readings, others, pieces = MOST_PENDING, MOST_OTHERS, MOST_PIECES
        for envelope in reversed(self._envelopes):
            pictured = envelope.priority >= Priority.PICTURES
            readings -= envelope.items
            others -= not envelope.items and not pictured
            pieces -= pictured
            if (pieces if pictured else readings if envelope.items else others) >= 0:
                kept.append(envelope)
            else:
                self.dropped += envelope.items
        self._envelopes = kept[::-1]


def _portions(samples: list[Sample]) -> Iterator[list[Sample]]:
    """Samples in messages of at most MOST_READINGS, those before and after the clock was trusted apart."""
    portion: list[Sample] = []
    size = 0
    for sample in samples:
        if portion and (size + len(sample.readings) > MOST_READINGS or sample.settled != portion[0].settled):
            yield portion
            portion, size = [], 0
        portion.append(sample)
        size += len(sample.readings)
    if portion:
        yield portion
