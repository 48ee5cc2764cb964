"""The store: one writer thread, marks without a hop, nothing lost between two takes."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from agent.store import Store
from buffer.envelope import Envelope, Priority
from buffer.errors import OutboxInUse

NOW_MS = 1_795_420_800_000


def now() -> tuple[int, bool]:
    return NOW_MS, True


def opened(path: Path, **options: Any) -> Any:
    return Store.open(path / "outbox.db", **{"max_bytes": 2**24, "now": now, **options})


def envelope(store: Store, **changes: Any) -> Envelope:
    facts: dict[str, Any] = {
        "key": store.next_key(),
        "topic": "polegate/1/s/g/readings",
        "priority": Priority.READINGS,
        "at_ms": NOW_MS,
        "settled": True,
        "items": 1,
        "expires_ms": None,
        "body": b"{}",
    }
    return Envelope(**{**facts, **changes})


async def fill(store: Store, count: int, **changes: Any) -> list[Envelope]:
    envelopes = [envelope(store, **changes) for _ in range(count)]
    await store.put(envelopes)
    return envelopes


async def test_what_is_not_accepted_is_there_after_reopening(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        envelopes = await fill(store, 3)
        taken = await store.take(10)
        assert [found for _, found in taken] == envelopes
        store.accept(taken[1][0])
    async with opened(tmp_path) as store:
        assert [found.key for found in await store.peek(10)] == [envelopes[0].key, envelopes[2].key]


async def test_marks_are_carried_by_the_next_put(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await fill(store, 3)
        for number, _ in await store.take(10):
            store.accept(number)
        assert store.unwritten == 3
        assert (await store.stats()).stored.batches == 3
        await fill(store, 1)
        assert store.unwritten == 0
        assert (await store.stats()).stored.batches == 1


async def test_nothing_is_taken_twice_until_it_is_released(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await fill(store, 5)
        first, second = await store.take(3), await store.take(3)
        assert [len(first), len(second)] == [3, 2]
        assert await store.take(3) == []
        store.accept(first[0][0])
        store.release()
        assert await store.take(10) == [*first[1:], *second]


async def test_a_rejected_envelope_is_a_dead_letter(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await fill(store, 1)
        ((number, _),) = await store.take(1)
        store.reject(number, "because")
        await store.flush()
        assert [dead.why for dead in await store.dead_letters(10)] == ["because"]
        assert (await store.stats()).stored.batches == 0


async def test_held_telemetry_is_passed_over_and_comes_later(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        held = await fill(store, 3, settled=False)
        settled = await fill(store, 1)
        urgent = await fill(store, 1, settled=False, priority=Priority.EVENT)
        taken = await store.take(10, hold=True)
        assert [found for _, found in taken] == [*urgent, *settled]
        assert await store.take(10, hold=True) == []
        for number, _ in taken:
            store.accept(number)
        assert [found.key for _, found in await store.take(10)] == [found.key for found in held]


async def test_settling_corrects_what_waits(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await fill(store, 1, settled=False)
        await store.settle(5000)
        ((_, found),) = await store.take(1, hold=True)
        assert (found.at_ms, found.settled) == (NOW_MS + 5000, True)


async def test_nothing_expires_by_a_clock_nobody_trusts(tmp_path: Path) -> None:
    trusted = False
    async with opened(tmp_path, now=lambda: (NOW_MS, trusted)) as store:
        await fill(store, 1, expires_ms=NOW_MS - 1)
        assert len(await store.take(1)) == 1
        store.release()
        trusted = True
        assert await store.take(1) == []
        await store.flush()
        assert (await store.stats()).stored.batches == 0


async def test_drained_says_when_there_is_nothing_more_to_take(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await fill(store, 3)
        await store.take(3)
        assert not store.drained
        await store.take(3)
        assert store.drained
        store.arrived.clear()
        await fill(store, 1)
        assert not store.drained
        assert store.arrived.is_set()


async def test_a_put_during_a_take_is_not_overlooked(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        for _ in range(50):
            taken, _ = await asyncio.gather(store.take(10), fill(store, 1))
            if not taken:
                assert not store.drained
                taken = await store.take(10)
            for number, _ in taken:
                store.accept(number)


async def test_a_cancelled_take_gives_back_what_it_took(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await fill(store, 1)
        busy = threading.Event()
        store._writer.submit(busy.wait, 5)
        take = asyncio.create_task(store.take(1))
        await asyncio.sleep(0)
        running = asyncio.create_task(store.stats())
        busy.set()
        take.cancel()
        with pytest.raises(asyncio.CancelledError):
            await take
        await running
        assert len(await store.take(1)) == 1


async def test_one_writer_at_a_time(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(OutboxInUse):
            async with opened(tmp_path):
                pass


async def test_states_are_kept_with_the_commit_and_given_back_after_reopening(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        assert await store.remembered() == {}
        states: dict[str, bytes | None] = {"a": b"1", "b": b"2"}
        committing = asyncio.create_task(store.put([envelope(store)], remember=states))
        await asyncio.sleep(0)
        states["a"] = b"changed while it is written"
        assert (await committing).forgot == ()
        await store.put([envelope(store)], remember={"b": None})
        assert await store.remembered() == {"a": b"1"}
    async with opened(tmp_path) as store:
        assert await store.remembered() == {"a": b"1"}
