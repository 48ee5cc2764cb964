"""put, take, accept, reject, settle, expiry, eviction, as one process sees them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buffer.envelope import Priority
from buffer.errors import OutboxError, OutboxFull, OutboxInUse
from buffer.outbox import Outbox
from buffer.retention import Depth, Reason, stored_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import MakeEnvelope, OpenStore

ALARM, EVENT, READINGS, HEALTH, PICTURES, SCHEDULED = Priority


def keys(store: Outbox) -> list[str]:
    return [envelope.key for envelope in store.peek(1000)]


def take_keys(
    store: Outbox, limit: int = 1000, *, now_ms: int | None = None, hold: Priority | None = None
) -> list[str]:
    with store.take(limit, now_ms=now_ms, hold=hold) as batch:
        return [envelope.key for _, envelope in batch]


def accept_all(store: Outbox) -> None:
    with store.take(1000, now_ms=None) as batch:
        for number, _ in batch:
            batch.accept(number)


def test_an_envelope_comes_back_as_it_was_put(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    given = [
        envelope(topic="polegate/1/河/gw/readings", body=bytes(range(256)) * 40),
        envelope(settled=False, at_ms=-5, expires_ms=7, items=0, body=b""),
        envelope(at_ms=0, expires_ms=2**50, body=b"\0"),
    ]
    assert store.put(given, now_ms=None).stored == 3
    with store.take(10, now_ms=None) as batch:
        assert [found for _, found in batch] == given


def test_order_is_priority_then_arrival(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    store.put(
        [envelope(HEALTH, key="h1"), envelope(READINGS, key="r1"), envelope(ALARM, key="a1")], now_ms=None
    )
    store.put(
        [envelope(READINGS, key="r2"), envelope(ALARM, key="a2"), envelope(EVENT, key="e1")], now_ms=None
    )
    assert take_keys(store) == ["a1", "a2", "e1", "r1", "r2", "h1"]
    assert take_keys(store, 2) == ["a1", "a2"]
    assert keys(store) == ["a1", "a2", "e1", "r1", "r2", "h1"]
    assert [found.key for found in store.peek(9, priority=ALARM)] == ["a1", "a2"]
    assert [found.key for found in store.peek(1, priority=READINGS)] == ["r1"]


def test_order_goes_on_after_a_restart(opened: OpenStore, envelope: MakeEnvelope) -> None:
    first = opened()
    first.put([envelope(key="r1"), envelope(HEALTH, key="h1")], now_ms=None)
    first.close()
    second = opened()
    second.put([envelope(key="r2"), envelope(HEALTH, key="h2")], now_ms=None)
    assert take_keys(second) == ["r1", "r2", "h1", "h2"]


def test_what_is_in_flight_is_not_taken_again(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    store.put([envelope(key=f"k{n}") for n in range(5)], now_ms=None)
    with store.take(2, now_ms=None) as one, store.take(2, now_ms=None) as two:
        assert len(one) == len(two) == 2
        assert [found.key for _, found in [*one, *two]] == ["k0", "k1", "k2", "k3"]
        assert store.stats().in_flight == 4
        assert take_keys(store) == ["k4"]
    assert store.stats().in_flight == 0
    assert take_keys(store) == ["k0", "k1", "k2", "k3", "k4"]


def test_accepted_goes_with_the_next_commit(
    opened: OpenStore, envelope: MakeEnvelope, crashed: Callable[[], Path]
) -> None:
    store = opened()
    store.put([envelope(key="k1"), envelope(key="k2")], now_ms=None)
    with store.take(1, now_ms=None) as batch:
        [(number, _)] = batch
        batch.accept(number)
    assert take_keys(store) == ["k2"], "accepted, so not taken again although still stored"
    with Outbox.open(crashed(), max_bytes=1000) as survivor:
        assert take_keys(survivor) == ["k1", "k2"], "a crash before the commit shows it again, under its key"
    store.put([envelope(key="k3")], now_ms=None)
    assert keys(store) == ["k2", "k3"]
    assert store.stats().losses == ()


def test_flush_commits_marks_and_close_does_too(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    store.put([envelope(), envelope()], now_ms=None)
    accept_all(store)
    store.flush(now_ms=None)
    assert keys(store) == []
    store.put([envelope()], now_ms=None)
    accept_all(store)
    store.close()
    store.close()
    assert keys(opened()) == []


def test_flush_with_nothing_to_do_writes_nothing(opened: OpenStore, path: Path) -> None:
    store = opened()
    before = path.with_name("outbox.db-wal").stat()
    assert store.flush(now_ms=1) == store.put([], now_ms=None)
    assert path.with_name("outbox.db-wal").stat().st_mtime_ns == before.st_mtime_ns


def test_a_mark_is_made_once_and_within_the_with(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    store.put([envelope(), envelope()], now_ms=None)
    with store.take(2, now_ms=None) as batch:
        (first, _), (second, _) = batch
        batch.accept(first)
        with pytest.raises(ValueError, match=f"envelope {first} "):
            batch.reject(first, "twice")
    with pytest.raises(ValueError, match=f"envelope {second} "):
        batch.accept(second)


def test_reject_makes_a_dead_letter_and_blocks_nothing(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    poison = envelope(EVENT, key="bad", items=3, at_ms=5000, body=b"x" * 70_000)
    store.put([poison, envelope(key="good")], now_ms=None)
    with store.take(1, now_ms=None) as batch:
        [(number, _)] = batch
        batch.reject(number, "larger than the broker takes")
    assert take_keys(store) == ["good"]
    [loss] = store.flush(now_ms=None).losses
    assert (loss.reason, loss.priority) == (Reason.REJECTED, EVENT)
    assert loss.lost == Depth(batches=1, items=3, size_bytes=stored_size(poison))
    assert (loss.first_at_ms, loss.last_at_ms) == (5000, 5000)
    [letter] = store.dead_letters(5)
    assert letter.why == "larger than the broker takes"
    assert letter.reason is Reason.REJECTED
    assert letter.body_bytes == 70_000
    assert letter.envelope.key == "bad"
    assert letter.envelope.body == b"x" * 65_536
    assert store.stats().dead_letters == 1


def test_dead_letters_are_bounded(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    store.put([envelope(key=f"k{n}") for n in range(105)], now_ms=None)
    with store.take(105, now_ms=None) as batch:
        for number, found in batch:
            batch.reject(number, f"no {found.key}")
    store.flush(now_ms=None)
    letters = store.dead_letters(1000)
    assert [letter.envelope.key for letter in letters] == [f"k{n}" for n in range(104, 4, -1)]
    assert store.stats().losses[0].lost.batches == 105


def test_keys_and_epochs_are_never_used_again(
    opened: OpenStore, path: Path, crashed: Callable[[], Path]
) -> None:
    first = opened()
    store_id = first.epoch.removesuffix(".1")
    assert re.fullmatch("[a-z2-7]{8}", store_id)
    assert [first.next_key() for _ in range(3)] == [f"{store_id}.1-{n}" for n in (1, 2, 3)]
    assert first.stats().epoch == first.epoch
    with Outbox.open(crashed(), max_bytes=1000) as survivor:
        assert survivor.epoch == f"{store_id}.2"
    first.close()
    with Outbox.open(path, max_bytes=1000) as second:
        assert second.next_key() == f"{store_id}.2-1"
    for file in path.parent.glob("outbox.db*"):
        file.unlink()
    with Outbox.open(path, max_bytes=1000) as lost:
        assert lost.epoch.endswith(".1")
        assert lost.epoch != f"{store_id}.1"


def test_expired_is_neither_handed_out_nor_kept(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    store.put(
        [
            envelope(key="never"),
            envelope(key="soon", expires_ms=100, at_ms=7),
            envelope(key="later", expires_ms=200),
        ],
        now_ms=None,
    )
    assert take_keys(store, now_ms=99) == ["never", "soon", "later"]
    assert take_keys(store, now_ms=100) == ["never", "later"]
    assert take_keys(store, now_ms=None) == ["never", "soon", "later"]
    assert store.flush(now_ms=99).losses == ()
    [loss] = store.flush(now_ms=100).losses
    assert (loss.reason, loss.lost.batches, loss.first_at_ms) == (Reason.EXPIRED, 1, 7)
    assert keys(store) == ["never", "later"]


def test_expired_while_in_flight_waits_for_its_mark(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    store.put([envelope(expires_ms=100), envelope(expires_ms=100)], now_ms=None)
    with store.take(2, now_ms=50) as batch:
        assert store.flush(now_ms=200).losses == ()
        batch.accept(next(iter(batch))[0])
    [loss] = store.flush(now_ms=200).losses
    assert loss.lost.batches == 1, "the accepted one was delivered, the other expired"


def test_settle_moves_the_times_of_this_epoch(opened: OpenStore, envelope: MakeEnvelope) -> None:
    before = opened()
    before.put([envelope(key="lost clock", settled=False, at_ms=10, expires_ms=20)], now_ms=None)
    before.close()
    store = opened()
    store.put([envelope(key="mine", settled=False, at_ms=10, expires_ms=500)], now_ms=None)
    store.put([envelope(key="trusted", at_ms=3_000_000)], now_ms=None)
    assert take_keys(store, hold=ALARM) == ["trusted"]
    assert take_keys(store, now_ms=9_000_000) == ["lost clock", "mine", "trusted"], (
        "no expiry by a foreign clock"
    )
    with store.take(2, now_ms=None) as batch:
        _, (_, out) = batch
        store.settle(1_000_000)
        assert (out.key, out.settled, out.at_ms) == ("mine", False, 10)
    store.put([envelope(key="late", settled=False, at_ms=11)], now_ms=None)
    store.settle(5)
    by_key = {found.key: found for found in store.peek(10)}
    assert (by_key["lost clock"].settled, by_key["lost clock"].at_ms) == (False, 10)
    assert (by_key["mine"].settled, by_key["mine"].at_ms, by_key["mine"].expires_ms) == (
        True,
        1_000_010,
        1_000_500,
    )
    assert (by_key["late"].settled, by_key["late"].at_ms) == (True, 1_000_011)
    assert by_key["trusted"].at_ms == 3_000_000
    assert take_keys(store, hold=ALARM) == ["mine", "trusted", "late"]
    assert take_keys(store, hold=ALARM, now_ms=1_000_500) == ["trusted", "late"]
    store.close()
    again = opened()
    assert take_keys(again, hold=ALARM) == ["mine", "trusted", "late"]
    again.settle(77)
    assert {found.key: found.settled for found in again.peek(10)}["lost clock"] is False
    assert store.epoch.split(".")[1] == "2"
    [loss] = again.flush(now_ms=1_000_500).losses
    assert (loss.lost.batches, loss.first_at_ms) == (1, 1_000_010)


def test_clocks_of_gone_envelopes_are_forgotten(opened: OpenStore, envelope: MakeEnvelope) -> None:
    def clocks(store: Outbox) -> list[int]:
        return [number for (number,) in store._connection.execute("SELECT id FROM clock ORDER BY id")]

    for boot in (1, 2, 3):
        store = opened()
        store.put([envelope(settled=boot == 3)], now_ms=None)
        store.settle(10)
        store.close()
    store = opened()
    assert clocks(store) == [0, 1, 2, 3]
    with store.take(1, now_ms=None) as batch:
        batch.accept(next(iter(batch))[0])
    store.close()
    store = opened()
    assert clocks(store) == [0, 2, 3]
    accept_all(store)
    store.close()
    assert clocks(opened()) == [0]


def test_evicts_lowest_priority_oldest_first_and_counts(opened: OpenStore, envelope: MakeEnvelope) -> None:
    body = b"x" * 1000
    size = stored_size(envelope(HEALTH, key="h0", body=body, at_ms=1))
    store = opened(6 * size)
    for n in range(2):
        store.put(
            [
                envelope(kind, key=f"{kind.name[0]}{n}", body=body, at_ms=n)
                for kind in (HEALTH, READINGS, ALARM)
            ],
            now_ms=None,
        )
    result = store.put([envelope(EVENT, key="e1", body=body)], now_ms=None)
    [loss] = result.losses
    assert (loss.reason, loss.priority, loss.lost) == (
        Reason.EVICTED,
        HEALTH,
        Depth(batches=1, items=10, size_bytes=size),
    )
    assert keys(store) == ["A0", "A1", "e1", "R0", "R1", "H1"]
    store.put([envelope(READINGS, key="R2", body=body), envelope(READINGS, key="R3", body=body)], now_ms=None)
    assert keys(store) == ["A0", "A1", "e1", "R1", "R2", "R3"]
    refused = store.put([envelope(HEALTH, key="h9", body=body)], now_ms=None)
    assert (refused.stored, refused.refused) == (0, ("h9",))
    store.put([envelope(ALARM, key=f"A{n}", body=body) for n in range(2, 7)], now_ms=None)
    assert keys(store) == ["A1", "A2", "A3", "A4", "A5", "A6"], "alarms go when nothing else is left"
    stats = store.stats()
    assert stats.stored.size_bytes == 6 * size
    evicted = {loss.priority: loss.lost.batches for loss in stats.losses}
    assert evicted == {HEALTH: 3, READINGS: 4, EVENT: 1, ALARM: 1}
    assert {loss.priority: (loss.first_at_ms, loss.last_at_ms) for loss in stats.losses}[ALARM] == (0, 0)
    store.close()
    reopened = opened(6 * size)
    assert reopened.stats().losses == stats.losses
    assert reopened.stats().by_priority == stats.by_priority


def test_the_expired_are_given_up_first(opened: OpenStore, envelope: MakeEnvelope) -> None:
    size = stored_size(envelope(ALARM, key="a1"))
    store = opened(2 * size)
    store.put([envelope(ALARM, key="a1", expires_ms=50, body=b"1" * 100)], now_ms=None)
    store.put([envelope(HEALTH, key="h1", body=b"1" * 100)], now_ms=None)
    result = store.put([envelope(HEALTH, key="h2", body=b"1" * 100)], now_ms=60)
    assert [loss.reason for loss in result.losses] == [Reason.EXPIRED]
    assert keys(store) == ["h1", "h2"]


def test_eviction_spares_what_is_in_flight(opened: OpenStore, envelope: MakeEnvelope) -> None:
    size = stored_size(envelope(key="k0", body=b"1" * 100))
    store = opened(3 * size)
    store.put([envelope(key=f"k{n}", body=b"1" * 100) for n in range(3)], now_ms=None)
    with store.take(1, now_ms=None) as batch:
        store.put([envelope(key="k3", body=b"1" * 100)], now_ms=None)
        assert keys(store) == ["k0", "k2", "k3"]
        store.put([envelope(ALARM, key=f"a{n}", body=b"1" * 100) for n in range(3)], now_ms=None)
        assert keys(store) == ["a0", "a1", "a2"], "but in flight or not, it goes before an alarm"
        [(number, _)] = batch
        batch.accept(number)
    assert store.flush(now_ms=None).losses == ()
    assert [loss.lost.batches for loss in store.stats().losses] == [4]
    assert store.stats().in_flight == 0


def test_an_evicted_envelope_may_still_be_rejected(opened: OpenStore, envelope: MakeEnvelope) -> None:
    size = stored_size(envelope(key="k0", body=b"1" * 100))
    store = opened(size)
    store.put([envelope(key="k0", body=b"1" * 100)], now_ms=None)
    with store.take(1, now_ms=None) as batch:
        store.put([envelope(ALARM, key="k1", body=b"1" * 100)], now_ms=None)
        batch.reject(next(iter(batch))[0], "too late")
    assert store.flush(now_ms=None).losses == ()
    assert store.dead_letters(1) == []


def test_a_smaller_limit_evicts_at_the_next_put(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    store.put([envelope(key=f"k{n}", body=b"x" * 1000) for n in range(9)], now_ms=None)
    store.close()
    smaller = opened(5000)
    smaller.put([envelope(key="new", body=b"x" * 1000)], now_ms=None)
    assert keys(smaller) == ["k6", "k7", "k8", "new"]


def test_one_envelope_above_the_limit_is_refused_whole(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened(1000)
    with pytest.raises(
        OutboxFull, match=r"envelope big for .* takes 1[0-9]+ bytes, the outbox may hold 1000"
    ):
        store.put([envelope(key="small"), envelope(key="big", body=b"x" * 1000)], now_ms=None)
    assert keys(store) == []
    assert store.put([envelope(key="small")], now_ms=None).stored == 1


def test_open_and_count_read_no_bodies(opened: OpenStore, envelope: MakeEnvelope) -> None:
    first = opened(100_000_000)
    first.put([envelope(body=os.urandom(200_000)) for _ in range(50)], now_ms=None)
    first.close()

    def read_bytes() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    before = read_bytes()
    store = opened(100_000_000)
    assert store.stats().stored == Depth(
        batches=50, items=500, size_bytes=50 * 200_000 + 50 * 64 + 50 * 27 + 191
    )
    with store.take(1, now_ms=None):
        assert read_bytes() - before < 2_000_000, "50 bodies are 10 MB; one of them was taken"


def test_stats_tell_the_oldest_at_the_heads(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    assert store.stats().oldest_at_ms is None
    store.put(
        [envelope(at_ms=500), envelope(ALARM, at_ms=700), envelope(HEALTH, at_ms=1, settled=False)],
        now_ms=None,
    )
    stats = store.stats()
    assert stats.oldest_at_ms == 500
    assert stats.ballast
    assert stats.file_bytes > 4096
    assert stats.by_priority[EVENT] == Depth()
    assert stats.stored.batches == 3


def test_a_second_writer_is_told_who_has_it(opened: OpenStore, path: Path) -> None:
    store = opened()
    with pytest.raises(
        OutboxInUse, match=rf"outbox.db is in use by process {os.getpid()} \(.*python.*\); stop it"
    ):
        Outbox.open(path, max_bytes=1)
    store.close()
    opened()


def test_a_lock_held_by_nobody_known_still_holds(path: Path) -> None:
    path.with_name("outbox.db.lock").touch()
    hold = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, 2); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, f"{path}.lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(OutboxInUse, match="in use by another process; stop it first"):
            Outbox.open(path, max_bytes=1)
        path.with_name("outbox.db.lock").write_text(f"{2**22 + 1:>10}\n")
        with pytest.raises(OutboxInUse, match="in use by process 4194305; stop it first"):
            Outbox.open(path, max_bytes=1)
        other.communicate(b"\n")


def test_an_unusable_place_is_named(path: Path) -> None:
    with pytest.raises(
        OutboxError, match=r"nowhere/outbox.db cannot be used: .*No such file.*check that .*nowhere exists"
    ):
        Outbox.open(path.parent / "nowhere" / "outbox.db", max_bytes=1)
    path.mkdir()
    with pytest.raises(OutboxError, match=r"outbox.db cannot be used: unable to open"):
        Outbox.open(path, max_bytes=1)


def test_marks_may_come_from_another_thread(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    store.put([envelope() for _ in range(300)], now_ms=None)
    batches = [store.take(100, now_ms=None) for _ in range(3)]

    def mark(n: int) -> None:
        with batches[n] as batch:
            for number, _ in batch:
                batch.accept(number)

    threads = [threading.Thread(target=mark, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        store.flush(now_ms=None)
    for thread in threads:
        thread.join()
    store.flush(now_ms=None)
    assert store.stats().stored == Depth()
    assert store.stats().in_flight == 0
