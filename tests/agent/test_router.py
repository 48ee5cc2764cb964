"""From samples to commits: nothing waits long, nothing is dropped while there is room."""

from __future__ import annotations

import asyncio
import itertools

import orjson
import pytest
from fakes.waiting import wait_until_async

from agent import router as routing
from agent.router import Router
from agent.wire import Leaf, Readings, seal
from buffer.envelope import Priority
from buffer.errors import OutboxFull
from buffer.outbox import PutResult
from drivers.readings import Quality, Reading, Sample
from firmware_profiles.declared import checked_json, plain


class Shelf:
    """A store in memory that can be made to refuse."""

    def __init__(self) -> None:
        self.commits: list[list] = []
        self.states: list[dict] = []
        self.refuse = False
        self.forgets: tuple[str, ...] = ()
        self._numbers = itertools.count(1)

    def next_key(self) -> str:
        return f"aaaaaaaa.1-{next(self._numbers)}"

    async def put(self, envelopes, *, remember) -> PutResult:
        await asyncio.sleep(0)
        if self.refuse:
            raise OutboxFull("no room")
        self.commits.append(list(envelopes))
        self.states.append(dict(remember))
        return PutResult(stored=len(envelopes), forgot=self.forgets)

    @property
    def stored(self) -> list:
        return [envelope for commit in self.commits for envelope in commit]


class Heard:
    def __init__(self) -> None:
        self.errors: list = []
        self.losses: list = []

    def unwritable(self, error) -> None:
        self.errors.append(error)

    def lost(self, losses) -> None:
        self.losses += losses


def sample(seq: int, *, device="gauge", settled=True, count=1, at_ms=1_800_000_000_000) -> Sample:
    readings = tuple(Reading(f"raw.r{i}", float(i)) for i in range(count))
    return Sample(device, at_ms + seq, settled, seq, readings)


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def router(shelf, heard):
    return Router(shelf, lambda leaf: f"t/{leaf}", heard)


def decoded(envelope) -> dict:
    return plain(checked_json(Readings, seal(envelope, envelope.at_ms)))


async def test_one_commit_takes_all_that_has_gathered_columns_by_device(router, shelf):
    for seq in (1, 2):
        router.feed(sample(seq))
        router.feed(sample(seq, device="other", count=2))
    await router.flush()
    ((envelope,),) = shelf.commits
    assert (envelope.topic, envelope.items, envelope.priority) == ("t/readings", 6, Priority.READINGS)
    assert decoded(envelope)["devices"] == [
        {"device": "gauge", "channels": ["raw.r0"], "rows": [[1, 0, 0.0], [2, 1, 0.0]], "quality": 2, "flags": []},
        {"device": "other", "channels": ["raw.r0", "raw.r1"], "rows": [[1, 0, 0.0, 1.0], [2, 1, 0.0, 1.0]],
         "quality": 2, "flags": []},
    ]  # fmt: skip
    await router.flush()
    assert len(shelf.commits) == 1


async def test_missing_and_bad_values_carry_flags(router, shelf):
    mixed = (Reading("ph", 7.1), Reading("orp", None, Quality.BAD, "not_finite"))
    gone = tuple(Reading(c, None, Quality.MISSING, "timeout") for c in ("ph", "orp"))
    router.feed(Sample("probe", 1_800_000_000_000, True, 1, mixed))
    router.feed(Sample("probe", 1_800_000_001_000, True, 2, gone))
    await router.flush()
    (block,) = decoded(shelf.stored[0])["devices"]
    assert block["rows"] == [[1, 0, 7.1, None], [2, 1000, None, None]]
    assert block["flags"] == [
        {"row": 0, "channel": "orp", "quality": 4, "test": "not_finite"},
        {"row": 1, "channel": None, "quality": 9, "test": "timeout"},
    ]


async def test_times_before_and_after_the_clock_was_trusted_go_apart(router, shelf):
    router.feed(sample(1, settled=False))
    router.feed(sample(2, settled=True))
    await router.flush()
    assert [envelope.settled for envelope in shelf.stored] == [False, True]


async def test_a_large_burst_is_cut_into_messages(router, shelf, monkeypatch):
    monkeypatch.setattr(routing, "MOST_READINGS", 100)
    for seq in range(1, 8):
        router.feed(sample(seq, count=40))
    await router.flush()
    assert [envelope.items for envelope in shelf.stored] == [80, 80, 80, 40]


async def test_a_waiting_reading_is_written_without_being_asked_and_a_fault_at_once(
    router, shelf, monkeypatch
):
    promises: list[float] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(router.run(promises.append))
        monkeypatch.setattr(routing, "FLUSH_S", 0.05)
        router.feed(sample(1))
        await wait_until_async(lambda: len(shelf.commits) == 1)
        monkeypatch.setattr(routing, "FLUSH_S", 1000.0)
        router.feed(sample(2))
        key = router.tell(Leaf.FAULTS, {"id": "x"}, priority=Priority.EVENT, at=(5, True))
        await wait_until_async(lambda: len(shelf.commits) == 2)
        task.cancel()
    fault, readings = shelf.commits[1]
    assert (fault.key, fault.topic, orjson.loads(fault.body)) == (key, "t/faults", {"id": "x"})
    assert readings.items == 1
    assert promises


async def test_told_to_finish_it_writes_what_there_is_and_ends(router, shelf):
    async with asyncio.TaskGroup() as group:
        group.create_task(router.run(lambda _: None))
        await asyncio.sleep(0)
        router.feed(sample(1))
        router.finish()
    assert [envelope.items for envelope in shelf.stored] == [1]


async def test_what_the_disk_refuses_waits_under_its_key_and_is_told(router, shelf, heard):
    shelf.refuse = True
    router.feed(sample(1))
    await router.flush()
    router.feed(sample(2))
    await router.flush()
    assert [type(error) for error in heard.errors] == [OutboxFull, OutboxFull]
    shelf.refuse = False
    await router.flush()
    assert [envelope.key for envelope in shelf.stored] == ["aaaaaaaa.1-1", "aaaaaaaa.1-2"]
    assert heard.errors[-1] is None
    assert router.dropped == 0


async def test_memory_is_bounded_while_the_disk_refuses_oldest_first_and_counted(
    router, shelf, heard, monkeypatch
):
    monkeypatch.setattr(routing, "MOST_PENDING", 100)
    shelf.refuse = True
    router.tell(Leaf.FAULTS, {"id": "x"}, priority=Priority.EVENT, at=(5, True))
    for seq in range(1, 6):
        router.feed(sample(seq, count=40))
        await router.flush()
    assert router.dropped == 120
    shelf.refuse = False
    await router.flush()
    kept = [decoded(e)["devices"][0]["rows"][0][0] for e in shelf.stored if e.topic == "t/readings"]
    assert kept == [4, 5]
    assert shelf.stored[0].topic == "t/faults"


async def test_a_successor_carries_on_with_what_was_not_written(router, shelf, heard):
    shelf.refuse = True
    router.feed(sample(1))
    await router.flush()
    router.feed(sample(2))
    successor = Router(Shelf(), lambda leaf: f"t/{leaf}", heard)
    successor.carry_on(router.unwritten())
    await successor.flush()
    assert [e.items for e in successor._store.stored] == [1, 1]


async def test_watchers_see_what_is_shown_sent_or_not(router, shelf):
    seen: list[Sample] = []
    with router.watching(seen.append):
        router.show(sample(1, count=3))
    router.show(sample(2))
    assert [s.seq for s in seen] == [1]
    assert (router.latest["gauge"].seq, router.routed) == (2, 4)
    await router.flush()
    assert shelf.commits == []


class States:
    """A memory with states for the next commit."""

    def __init__(self) -> None:
        self.pending: dict[str, bytes | None] = {"a": b"1", "gone": None}
        self.others: dict[str, bytes | None] = {"calm": b"2"}

    def due(self, *, everything: bool = False) -> dict[str, bytes | None]:
        return self.pending | (self.others if everything else {})

    def written(self, states) -> None:
        for name in states:
            self.pending.pop(name, None)
            self.others.pop(name, None)


@pytest.fixture
def states(router):
    router.memory = States()
    return router.memory


async def test_states_go_with_the_commit_of_a_message_and_make_none_of_their_own(router, shelf, states):
    await router.flush()
    assert shelf.states == []
    router.feed(sample(1))
    await router.flush()
    assert shelf.states == [{"a": b"1", "gone": None}]
    assert states.pending == {}
    router.feed(sample(2))
    await router.flush()
    assert shelf.states[1] == {}


async def test_states_that_the_disk_refused_or_had_no_room_for_stay_due(router, shelf, states):
    shelf.refuse = True
    router.feed(sample(1))
    await router.flush()
    assert states.pending.keys() == {"a", "gone"}
    shelf.refuse, shelf.forgets = False, ("a",)
    await router.flush()
    assert states.pending.keys() == {"a"}


async def test_the_last_flush_writes_every_state_even_without_a_message(router, shelf, states):
    async with asyncio.TaskGroup() as group:
        group.create_task(router.run(lambda _: None))
        await asyncio.sleep(0)
        router.finish()
    assert (shelf.commits, shelf.states) == ([[]], [{"a": b"1", "gone": None, "calm": b"2"}])


async def test_what_must_not_wait_for_a_message_is_kept_at_once(router, shelf, states):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(router.run(lambda _: None))
        router.keep()
        await wait_until_async(lambda: len(shelf.states) == 1)
        task.cancel()
    assert (shelf.commits, shelf.states) == ([[]], [{"a": b"1", "gone": None}])
    states.pending["b"] = b"3"
    await router.flush()
    assert len(shelf.states) == 1
