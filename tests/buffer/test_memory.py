"""States beside the envelopes: in the same commit, bounded, and never at the cost of an envelope."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from buffer.errors import OutboxCorrupt
from buffer.outbox import Outbox
from buffer.recovery import recover

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import MakeEnvelope, OpenStore

PAGE = 4096


def corrupt(path: Path, marker: bytes) -> None:
    """Flip a bit in these bytes wherever the file holds them."""
    content = path.read_bytes()
    assert marker in content
    path.write_bytes(content.replace(marker, bytes([marker[0] ^ 1]) + marker[1:]))


def root_of(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as other:
        (root,) = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    return int(root)


def zero(path: Path, number: int) -> None:
    with path.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(bytes(PAGE))


def test_states_are_replaced_and_deleted_with_the_commit(
    opened: OpenStore, envelope: MakeEnvelope, crashed: Callable[[], Path]
) -> None:
    store = opened()
    assert store.remembered() == {}
    result = store.put([envelope()], now_ms=None, remember={"a": b"1", "河": bytes(9000), "c": b""})
    assert (result.stored, result.forgot) == (1, ())
    store.put([envelope()], now_ms=None, remember={"a": b"22", "c": None, "never": None})
    store.flush(now_ms=None, remember={"d": b"4"})
    expected = {"a": b"22", "河": bytes(9000), "d": b"4"}
    assert store.remembered() == expected
    with Outbox.open(crashed(), max_bytes=10**6) as survivor:
        assert survivor.remembered() == expected
        assert survivor.damaged_states == 0
        survivor.flush(now_ms=None, remember={"e": b"5", "a": b"6"})
        assert survivor.remembered() == {**expected, "a": b"6", "e": b"5"}
    assert store.stats().stored.batches == 2, "states are no envelopes"


def test_a_commit_without_states_writes_none(opened: OpenStore, envelope: MakeEnvelope, path: Path) -> None:
    store = opened()
    store.put([envelope()], now_ms=None, remember={"a": os.urandom(3000)})
    log = path.with_name("outbox.db-wal")
    sizes = []
    for remember in ({}, {"a": os.urandom(3000)}, {"nobody": None}):
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store.put([envelope(body=b"x" * 10)], now_ms=None, remember=remember)
        sizes.append((log.stat().st_size - 32) // (PAGE + 24))
    assert sizes == [1, 2, 1], "a state of 3 KiB costs one page"


def test_states_are_bounded_and_what_does_not_fit_stays_as_it_was(path: Path, envelope: MakeEnvelope) -> None:
    with Outbox.open(path, max_bytes=10**6, max_memory_bytes=1000) as store:
        store.put([], now_ms=None, remember={"a": b"1" * 400, "b": b"2" * 400})
        result = store.put([envelope()], now_ms=None, remember={"a": b"3" * 600, "b": b"4", "c": b"5" * 500})
        assert (result.stored, result.forgot) == (1, ("a",))
        assert store.remembered() == {"a": b"1" * 400, "b": b"4", "c": b"5" * 500}
        assert store.flush(now_ms=None, remember={"d": b"6" * 400}).forgot == ("d",)
        assert store.flush(now_ms=None, remember={"a": None, "d": b"6" * 400}).forgot == ()
    with Outbox.open(path, max_bytes=10**6, max_memory_bytes=10) as smaller:
        assert smaller.remembered().keys() == {"b", "c", "d"}, "a smaller limit takes nothing away"
        assert smaller.flush(now_ms=None, remember={"b": b"77"}).forgot == ("b",)


@pytest.mark.parametrize("marker", [b"stale-body", b"stale-name"])
def test_a_damaged_state_is_dropped_and_counted_and_written_anew(
    opened: OpenStore, envelope: MakeEnvelope, path: Path, marker: bytes
) -> None:
    store = opened()
    states = {"first": b"1" * 50, "stale-name": b"stale-body" * 10, "last": b"3" * 50}
    store.put([envelope(key="k1")], now_ms=None, remember=states)
    store.close()
    corrupt(path, marker)
    again = opened()
    assert again.remembered() == {"first": b"1" * 50, "last": b"3" * 50}
    assert again.damaged_states == 1
    again.put([envelope(key="k2")], now_ms=None)
    assert again._connection.execute("SELECT count(*) FROM state").fetchone() == (3,)
    again.put([envelope(key="k3")], now_ms=None, remember={"stale-name": b"new"})
    assert again._connection.execute("SELECT count(*) FROM state").fetchone() == (3,)
    again.close()
    third = opened()
    assert third.remembered() == {"first": b"1" * 50, "stale-name": b"new", "last": b"3" * 50}
    assert third.damaged_states == 0
    assert [found.key for found in third.peek(9)] == ["k1", "k2", "k3"]


def test_a_broken_table_of_states_is_found_at_opening_and_costs_no_envelope(
    opened: OpenStore, envelope: MakeEnvelope, path: Path
) -> None:
    store = opened()
    states = {f"s{n}": os.urandom(3000) for n in range(20)}
    store.put([envelope(key=f"k{n}") for n in range(30)], now_ms=None, remember=states)
    with store.take(20, now_ms=None) as batch:
        for number, _ in batch:
            batch.accept(number)
    store.flush(now_ms=None)
    store.close()
    zero(path, root_of(path, "state"))
    with pytest.raises(OutboxCorrupt):
        opened()
    salvage = recover(path)
    assert (salvage.states, salvage.damaged_states, salvage.lost_pages) == (20, 1, 0)
    again = opened()
    assert again.remembered() == states
    assert [found.key for found in again.peek(99)] == [f"k{n}" for n in range(20, 30)], "none came back"


def test_salvage_carries_the_intact_states_over(
    opened: OpenStore, envelope: MakeEnvelope, path: Path, crashed: Callable[[], Path]
) -> None:
    store = opened()
    states = {f"s{n}": bytes([65 + n]) * [0, 100, 3000, 9000][n % 4] for n in range(12)}
    store.put([envelope()], now_ms=None, remember=states)
    left_open = crashed()
    store.close()
    for place in (path, left_open):
        salvage = recover(place)
        assert (salvage.states, salvage.damaged_states) == (12, 0)
        with Outbox.open(place, max_bytes=10**6) as again:
            assert again.remembered() == states
            assert again.flush(now_ms=None, remember={"s1": b"1", "more": b"2"}).forgot == ()
            assert again.remembered() == {**states, "s1": b"1", "more": b"2"}
    corrupt(path, b"C" * 100)
    salvage = recover(path)
    assert (salvage.states, salvage.damaged_states) == (12, 1)
    zero(path, 1)
    salvage = recover(path)
    assert salvage.states == 12
    assert opened().remembered().keys() == {*states, "more"} - {"s2"}


def test_a_record_that_runs_off_its_end_is_no_state(opened: OpenStore, path: Path) -> None:
    store = opened()
    store.put([], now_ms=None, remember={"sane": b"1", "torn": b"2", "well": b"3"})
    store.close()
    content = bytearray(path.read_bytes())
    # Before the columns stand the types of id, name, crc and body: the name gets 57 bytes instead of 4.
    at = content.index(b"torn") - 3
    assert content[at] == 13 + 2 * 4
    content[at] = 13 + 2 * 57
    path.write_bytes(content)
    salvage = recover(path)
    assert (salvage.states, salvage.damaged_states) == (2, 1)
    assert opened().remembered() == {"sane": b"1", "well": b"3"}


def test_any_page_may_be_lost_and_no_state_is_ever_wrong(
    opened: OpenStore, envelope: MakeEnvelope, path: Path, tmp_path: Path
) -> None:
    store = opened()
    states = {f"s{n}": os.urandom([10, 900, 3000, 6000][n % 4]) for n in range(24)}
    for name, body in states.items():
        store.put([envelope()], now_ms=None, remember={name: body[:500]})
        store.put([envelope()], now_ms=None, remember={name: body})
    store.close()
    whole = 0
    for number in range(1, path.stat().st_size // PAGE + 1):
        copy = tmp_path / f"{number}" / "outbox.db"
        copy.parent.mkdir()
        shutil.copyfile(path, copy)
        zero(copy, number)
        damaged = 0
        try:
            found = Outbox.open(copy, max_bytes=10**7)
        except OutboxCorrupt:
            damaged = recover(copy).damaged_states
            found = Outbox.open(copy, max_bytes=10**7)
        with found as store:
            seen = store.remembered()
            assert seen.items() <= states.items()
            assert len(seen) >= len(states) - 12
            assert len(seen) == len(states) or damaged or store.damaged_states
            whole += len(seen) == len(states)
    assert whole > 5
