"""Damaged files: noticed, never passed on, and all that can still be read is saved."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import struct
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buffer import integrity, quarantine, recovery
from buffer.envelope import Envelope, Priority
from buffer.errors import OutboxCorrupt, OutboxInUse
from buffer.outbox import Outbox
from buffer.pages import _read
from buffer.quarantine import quarantined
from buffer.recovery import Salvage, recover
from buffer.retention import Reason
from buffer.rows import LOST_CLOCK, row_id
from buffer.view import inspect
from buffer.wal import frames, lost_commits

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import MakeEnvelope, OpenStore

PAGE = 4096
MAX_BYTES = 10_000_000


def filled(store: Outbox, envelope: MakeEnvelope, count: int = 60) -> dict[str, Envelope]:
    """Put envelopes of all priorities and many sizes, deliver some, and return what is stored, in order."""
    sizes = [0, 1, 100, 480, 3900, 3990, 4030, 4100, 8150, 20_000]
    for n in range(count):
        body = os.urandom(sizes[n % len(sizes)])
        store.put([envelope(Priority(n % 6), key=f"k{n}", body=body)], now_ms=None)
    with store.take(count // 6, now_ms=None) as batch:
        for number, _ in batch:
            batch.accept(number)
    store.flush(now_ms=None)
    return {found.key: found for found in store.peek(1000)}


def drained(path: Path) -> tuple[list[Envelope], int, Salvage | None]:
    """Open, recovering as the daemon would, and take everything: envelopes, damaged ones, what recovery said."""
    salvage = None
    delivered: list[Envelope] = []
    while True:
        try:
            with Outbox.open(path, max_bytes=MAX_BYTES) as store:
                while taken := list(store.take(7, now_ms=None)):
                    delivered += [envelope for _, envelope in taken]
                store.flush(now_ms=None)
                lost = sum(
                    loss.lost.batches for loss in store.stats().losses if loss.reason is Reason.DAMAGED
                )
                return delivered, lost, salvage
        except OutboxCorrupt:
            salvage = recover(path)
            delivered = []


def zero(path: Path, number: int) -> None:
    with path.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(bytes(PAGE))


def flip(path: Path, at: int, bits: int = 0x10) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= bits
    path.write_bytes(content)


def test_a_lost_first_page_costs_nothing_but_the_small_tables(
    opened: OpenStore, envelope: MakeEnvelope, path: Path
) -> None:
    store = opened()
    stored = filled(store, envelope)
    store.put([envelope(key="k999", settled=False)], now_ms=None)
    store.settle(1000)
    epoch = store.epoch
    store.close()
    zero(path, 1)
    with pytest.raises(
        OutboxCorrupt, match=r"outbox.db is damaged: file is not a database .*; it must be moved"
    ):
        opened()
    salvage = recover(path)
    assert not salvage.account_kept
    assert salvage.lost_pages == 1
    assert salvage.incomplete == ""
    assert salvage.quarantined.name == "outbox.db.corrupt-1"
    again = opened()
    assert again.epoch.split(".")[0] != epoch.split(".")[0]
    found = {found.key: found for found in again.peek(1000)}
    assert [key for key in found if key in stored] == list(stored), "whole and in order"
    assert found["k999"].settled is False, "how far its clock was off is lost with the small tables"
    assert {key: found[key] for key in stored} == stored
    again.settle(5)
    assert {found.key: found for found in again.peek(1000)}["k999"].settled is False, "and stays so"


def test_a_healthy_store_is_recovered_whole(opened: OpenStore, envelope: MakeEnvelope, path: Path) -> None:
    store = opened()
    stored = filled(store, envelope)
    store.put([envelope(key="mine", settled=False, expires_ms=70, at_ms=3)], now_ms=None)
    store.put([envelope(key="gone", expires_ms=1)], now_ms=None)
    store.settle(1000)
    losses = store.flush(now_ms=1).losses
    with pytest.raises(OutboxInUse):
        recover(path)
    store.close()
    salvage = recover(path)
    assert (salvage.damaged_rows, salvage.lost_pages, salvage.account_kept) == (0, 0, True)
    again = opened()
    assert again.stats().losses == losses
    found = {found.key: found for found in again.peek(1000)}
    mine = found.pop("mine")
    assert (mine.settled, mine.at_ms, mine.expires_ms) == (True, 1003, 1070)
    assert list(found.items()) == list(stored.items())
    assert sum(depth.batches for depth in salvage.by_priority.values()) == len(stored) + 1
    again.close()
    second = recover(path)
    assert second.quarantined.name == "outbox.db.corrupt-2"
    assert drained(path)[0] == [*dict(sorted({**found, "mine": mine}.items(), key=_order)).values()]


def _order(entry: tuple[str, Envelope]) -> tuple[int, int]:
    key, found = entry
    return found.priority, 999 if key == "mine" else int(key[1:])


def test_every_single_page_may_be_lost(
    opened: OpenStore, envelope: MakeEnvelope, path: Path, tmp_path: Path
) -> None:
    store = opened()
    stored = filled(store, envelope)
    store.close()
    pages = path.stat().st_size // PAGE
    assert pages > 50
    whole = 0
    for number in range(1, pages + 1):
        copy = tmp_path / f"{number}" / "outbox.db"
        copy.parent.mkdir()
        shutil.copyfile(path, copy)
        zero(copy, number)
        delivered, damaged, salvage = drained(copy)
        keys = [found.key for found in delivered]
        # What was deleted lately may come back when the tree is broken; it is intact all the same.
        assert all(stored[found.key] == found for found in delivered if found.key in stored)
        assert [key for key in keys if key in stored] == [key for key in stored if key in keys]
        missing = stored.keys() - keys
        # The densest leaf page holds the rows below 500 bytes: at most 3 in 10 neighbours.
        assert len(missing) <= 12
        if missing:
            assert damaged or (salvage and (salvage.damaged_rows or salvage.lost_pages))
        whole += not missing
    assert whole >= 10, "the top of the tree, the other tables and what is free cost nothing"


@pytest.mark.parametrize("part", [0.25, 0.5, 0.9])
def test_a_cut_off_file_keeps_what_lies_before_the_cut(
    opened: OpenStore, envelope: MakeEnvelope, path: Path, part: float
) -> None:
    store = opened()
    stored = filled(store, envelope, 300)
    store.close()
    os.truncate(path, int(path.stat().st_size * part))
    delivered, _, salvage = drained(path)
    assert salvage
    assert salvage.damaged_rows + salvage.lost_pages > 0
    assert all(stored.get(found.key, found) == found for found in delivered)
    assert len([found for found in delivered if found.key in stored]) > part * 0.5 * len(stored)


@pytest.mark.parametrize("crash", [False, True])
def test_flipped_bytes_never_reach_the_platform(  # noqa: PLR0917 - fixtures
    opened: OpenStore,
    envelope: MakeEnvelope,
    path: Path,
    crashed: Callable[[], Path],
    tmp_path: Path,
    crash: bool,
) -> None:
    store = opened()
    stored = filled(store, envelope)
    store.put([envelope(key="k999", settled=False, at_ms=5)], now_ms=None)
    store.settle(1000)
    stored = {found.key: found for found in store.peek(1000)}
    source = crashed() if crash else path
    store.close()
    for seed in range(60):
        dice = random.Random(seed)
        copy = tmp_path / f"{seed}" / "outbox.db"
        copy.parent.mkdir()
        for suffix in ("", "-wal") if crash else ("",):
            shutil.copyfile(f"{source}{suffix}", f"{copy}{suffix}")
        victim = copy.with_name("outbox.db-wal") if crash and seed % 2 else copy
        for _ in range(dice.randint(1, 6)):
            flip(victim, dice.randrange(victim.stat().st_size), dice.randint(1, 255))
        delivered, damaged, salvage = drained(copy)
        for found in delivered:
            if found.key == "k999":
                assert (found.settled, found.at_ms) in [(True, 1005), (False, 5)], seed
            else:
                assert stored.get(found.key, found) == found, seed
        missing = stored.keys() - {found.key for found in delivered}
        assert not missing or damaged or salvage, (seed, missing)


def test_what_is_damaged_while_closed_is_counted_and_blocks_nothing(
    opened: OpenStore, envelope: MakeEnvelope, path: Path
) -> None:
    store = opened()
    store.put([envelope(key=f"k{n}", body=bytes([65 + n]) * 5000, at_ms=7) for n in range(4)], now_ms=None)
    store.close()
    flip(path, path.read_bytes().index(b"B" * 100))
    again = opened()
    with again.take(2, now_ms=None) as batch:
        assert [found.key for _, found in batch] == ["k0", "k2"], "a full batch all the same"
    assert [found.key for found in again.peek(9)] == ["k0", "k2", "k3"]
    [loss] = again.flush(now_ms=None).losses
    assert (loss.reason, loss.lost.batches, loss.first_at_ms) == (Reason.DAMAGED, 1, None)
    [letter] = again.dead_letters(9)
    assert letter.why == "the checksum of the stored row does not match"
    assert (letter.reason, letter.envelope.key) == (Reason.DAMAGED, "k1")


def test_a_damaged_row_that_cannot_be_a_letter_is_counted(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    store.put([envelope(key="k0"), envelope(key="k1")], now_ms=None)
    db = store._connection
    db.execute("PRAGMA writable_schema = ON")
    (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'envelope'").fetchone()
    db.execute("UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '') WHERE name = 'envelope'")
    db.execute("PRAGMA writable_schema = RESET")
    db.execute("UPDATE envelope SET key = NULL, topic = CAST(x'ff' AS TEXT), items = NULL WHERE key = 'k0'")
    db.execute("PRAGMA writable_schema = ON")
    db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'envelope'", (sql,))
    db.execute("PRAGMA writable_schema = RESET")
    with store.take(9, now_ms=None) as batch:
        assert [found.key for _, found in batch] == ["k1"]
    [loss] = store.flush(now_ms=None).losses
    assert (loss.reason, loss.lost.batches, loss.lost.items) == (Reason.DAMAGED, 1, 0)
    assert store.dead_letters(9) == []


def test_rows_out_of_order_are_damage_and_the_store_stays_suspect(
    opened: OpenStore, envelope: MakeEnvelope, path: Path
) -> None:
    store = opened()
    store.put([envelope(key=f"k{n}", body=b"x") for n in range(8)], now_ms=None)
    store.close()
    content = bytearray(path.read_bytes())
    leaf = content.index(b"k7polegate") // PAGE * PAGE
    pointers = leaf + 8
    first, last = content[pointers : pointers + 2], content[pointers + 14 : pointers + 16]
    content[pointers : pointers + 2], content[pointers + 14 : pointers + 16] = last, first
    path.write_bytes(content)
    with pytest.raises(OutboxCorrupt, match="out of order"), opened() as again:
        again.take(8, now_ms=None)
    with pytest.raises(OutboxCorrupt, match="out of order"):
        opened()
    assert len(drained(path)[0]) == 8


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE clock SET offset_ms = offset_ms + 1", "clock 0 cannot be trusted"),
        (f"UPDATE envelope SET id = {row_id(max(Priority), 0) + (1 << 48)}", "no known priority"),
        ("UPDATE envelope SET id = -1", "no known priority"),
        ("DELETE FROM envelope", "envelopes have vanished"),
        ("ALTER TABLE meta RENAME COLUMN store TO stone", "no such column: store"),
        ("PRAGMA user_version = 0", "table meta already exists"),
        ("UPDATE loss SET reason = 'weather'", "'weather' is not a valid Reason"),
        ("UPDATE loss SET priority = 9", "9 is not a valid Priority"),
    ],
)
def test_what_we_never_wrote_is_damage(
    opened: OpenStore, envelope: MakeEnvelope, path: Path, damage: str, told: str
) -> None:
    store = opened()
    store.put([envelope(key="k0"), envelope(key="k1", expires_ms=1)], now_ms=None)
    store.flush(now_ms=2)
    store.close()
    with inspect(path) as view:
        assert view.stats().stored.batches == 1
    store = opened()
    store.close()
    store = opened()
    seal = "SELECT seal FROM meta"
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        assert other.execute(seal).fetchone() != (None,)
        other.execute(damage)
    with pytest.raises(OutboxCorrupt, match=told):
        opened()
    assert len(drained(path)[0]) <= 1


def test_a_schema_that_cannot_even_be_quoted_is_damage(
    opened: OpenStore, envelope: MakeEnvelope, path: Path
) -> None:
    store = opened()
    store.put([envelope(key="k0")], now_ms=None)
    store.close()
    # The name of the first table, as the list of tables has it.
    flip(path, path.read_bytes().index(b"metameta"), 0x80)
    with pytest.raises(OutboxCorrupt, match="its schema is unreadable"):
        opened()
    assert [found.key for found in drained(path)[0]] == ["k0"]


def test_a_dead_letter_that_we_never_wrote_is_damage(opened: OpenStore, envelope: MakeEnvelope) -> None:
    store = opened()
    store.put([envelope()], now_ms=None)
    with store.take(1, now_ms=None) as batch:
        batch.reject(next(iter(batch))[0], "no")
    store.flush(now_ms=None)
    store._connection.execute("UPDATE dead SET priority = 7")
    with pytest.raises(OutboxCorrupt, match="7 is not a valid Priority"):
        store.dead_letters(1)


def broken_index(path: Path) -> None:
    """Make the index leave out an entry, which only a check of the whole file sees."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        (root,) = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'expiry'").fetchone()
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # The page's count of cells, 3, becomes 2.
    flip(path, (root - 1) * PAGE + 4, 1)


def test_a_store_left_open_is_checked_up_to_a_size(
    opened: OpenStore,
    envelope: MakeEnvelope,
    path: Path,
    crashed: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = opened()
    store.put([envelope(expires_ms=2**40) for _ in range(3)], now_ms=None)
    left_open = crashed()
    store.close()
    broken_index(path)
    opened().close()
    broken_index(left_open)
    with pytest.raises(OutboxCorrupt, match="is damaged"):
        Outbox.open(left_open, max_bytes=MAX_BYTES)
    monkeypatch.setattr(integrity, "QUICK_CHECK_BYTES", 0)
    with Outbox.open(left_open, max_bytes=MAX_BYTES) as unchecked:
        assert len(unchecked.peek(9)) == 3
    assert len(drained(left_open)[0]) == 3


class TestLog:
    """Damage in the write-ahead log, which SQLite takes for its end."""

    @pytest.fixture
    def left_open(self, opened: OpenStore, envelope: MakeEnvelope, crashed: Callable[[], Path]) -> Path:
        store = opened()
        for n in range(12):
            store.put([envelope(key=f"k{n}", body=os.urandom(6000))], now_ms=None)
        return crashed()

    def test_commits_behind_a_broken_place_are_not_given_up(self, left_open: Path) -> None:
        wal = left_open.with_name("outbox.db-wal")
        in_log = list(frames(wal))
        middle = next(frame for frame in in_log[len(in_log) // 2 :] if not frame.commits)
        flip(wal, middle.offset + 2000)
        with pytest.raises(OutboxCorrupt, match=r"[4-9] commits lie behind a broken place in outbox.db-wal"):
            Outbox.open(left_open, max_bytes=MAX_BYTES)
        delivered, _, salvage = drained(left_open)
        assert salvage
        assert len(delivered) >= 11
        assert len(delivered) + salvage.damaged_rows >= 12

    @pytest.mark.parametrize("at", [0, 17, 25])
    def test_a_broken_header_of_the_log_is_noticed(self, left_open: Path, at: int) -> None:
        flip(left_open.with_name("outbox.db-wal"), at)
        delivered, _, salvage = drained(left_open)
        assert salvage
        assert [found.key for found in delivered] == [f"k{n}" for n in range(12)]

    def test_the_last_commit_alone_may_never_have_been_reported(self, left_open: Path) -> None:
        wal = left_open.with_name("outbox.db-wal")
        *_, last = frames(wal)
        flip(wal, last.offset)
        delivered, _, salvage = drained(left_open)
        assert salvage is None
        assert [found.key for found in delivered] == [f"k{n}" for n in range(11)]

    def test_a_log_without_its_database_is_salvaged(self, left_open: Path) -> None:
        # What was put lies in the log alone; the tree's root and the schema do too.
        left_open.unlink()
        with pytest.raises(
            OutboxCorrupt, match=r"is gone and its log outbox.db-wal is not; it must be salvaged"
        ):
            Outbox.open(left_open, max_bytes=MAX_BYTES)
        assert [found.key for found in drained(left_open)[0]] == [f"k{n}" for n in range(12)]

    def test_frames_of_an_old_generation_are_no_loss(self, left_open: Path) -> None:
        wal = left_open.with_name("outbox.db-wal")
        content = bytearray(wal.read_bytes())
        words = list(struct.unpack("<6I", content[:24]))
        words[4] ^= 1
        first = second = 0
        for even, odd in zip(words[::2], words[1::2], strict=True):
            first = (first + even + second) % 2**32
            second = (second + odd + first) % 2**32
        content[:24] = struct.pack("<6I", *words)
        content[24:32] = struct.pack(">2I", first, second)
        wal.write_bytes(content)
        assert lost_commits(wal, 0) == 0
        assert list(frames(wal)) == []
        wal.write_bytes(content[:40])
        assert lost_commits(wal, 0) == 0


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(
        st.integers(0, 200) | st.integers(3900, 4300) | st.integers(7900, 8600) | st.integers(0, 40_000),
        min_size=1,
        max_size=12,
    )
)
def test_a_record_of_any_length_is_read_back(lengths: list[int]) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "outbox.db"
        given_envelopes = [
            Envelope(
                key=f"k{n}",
                topic="t",
                priority=Priority(n % 6),
                at_ms=(-7) ** n,
                settled=n % 3 > 0,
                items=n * 127,
                expires_ms=None if n % 2 else 2 ** (n * 5),
                body=bytes([n]) * length,
            )
            for n, length in enumerate(lengths)
        ]
        with Outbox.open(path, max_bytes=MAX_BYTES) as store:
            store.put(given_envelopes, now_ms=None)
        salvage = recover(path)
        assert (salvage.damaged_rows, salvage.lost_pages) == (0, 0)
        with Outbox.open(path, max_bytes=MAX_BYTES) as store:
            assert store.peek(100) == sorted(given_envelopes, key=lambda envelope: envelope.priority)


def test_a_broken_tree_brings_back_no_row_that_is_free(
    opened: OpenStore, envelope: MakeEnvelope, path: Path
) -> None:
    store = opened()
    store.put([envelope(key=f"k{n}", body=os.urandom(6000)) for n in range(200)], now_ms=None)
    with store.take(100, now_ms=None) as batch:
        for number, _ in batch:
            batch.accept(number)
    store.flush(now_ms=None)
    (root,) = store._connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'envelope'"
    ).fetchone()
    store.close()
    zero(path, root)
    delivered, _, salvage = drained(path)
    assert salvage
    assert salvage.lost_pages == 1
    keys = {found.key for found in delivered}
    assert {f"k{n}" for n in range(100, 200)} <= keys
    assert len(keys) <= 102


def test_two_quarantined_stores_are_kept_and_the_rest_named(
    opened: OpenStore, envelope: MakeEnvelope, path: Path
) -> None:
    opened().close()
    removed = [recover(path).removed for _ in range(4)]
    assert [[file.name for file in files] for files in removed] == [
        [],
        [],
        ["outbox.db.corrupt-1"],
        ["outbox.db.corrupt-2"],
    ]
    assert [file.name for _, file in quarantined(path)] == ["outbox.db.corrupt-3", "outbox.db.corrupt-4"]
    opened().put([envelope()], now_ms=None)


def test_a_store_that_is_gone_is_replaced(opened: OpenStore, path: Path) -> None:
    salvage = recover(path)
    assert salvage.quarantined.stat().st_size == 0
    assert opened().epoch.endswith(".1")


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (quarantine, "files_of"),
        (recovery, "_ledger"),
        (recovery, "refill"),
        (recovery, "depth_by_priority"),
        (recovery, "finished"),
    ],
)
def test_an_interrupted_recovery_is_run_again(  # noqa: PLR0917 - fixtures
    opened: OpenStore,
    envelope: MakeEnvelope,
    path: Path,
    crashed: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    step: str,
) -> None:
    store = opened()
    stored = filled(store, envelope)
    left_open = crashed()

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, step, power_cut)
        with pytest.raises(KeyboardInterrupt):
            recover(left_open)
    with pytest.raises(OutboxCorrupt, match="a recovery was interrupted; it must be run again"):
        Outbox.open(left_open, max_bytes=MAX_BYTES)
    salvage = recover(left_open)
    assert salvage.quarantined.name == "outbox.db.corrupt-1"
    assert drained(left_open)[0] == list(stored.values())


def test_rows_of_a_lost_clock_are_salvaged_again(
    opened: OpenStore, envelope: MakeEnvelope, path: Path
) -> None:
    store = opened()
    store.put([envelope(key="k0", settled=False)], now_ms=None)
    store.close()
    for _ in range(2):
        recover(path)
    again = opened()
    assert again._connection.execute("SELECT clock FROM envelope").fetchone() == (LOST_CLOCK,)
    assert [found.settled for found in again.peek(1)] == [False]


def test_a_cell_that_runs_off_its_page_is_no_record(
    opened: OpenStore, envelope: MakeEnvelope, path: Path
) -> None:
    store = opened()
    store.put([envelope(key=f"k{n}", body=b"x") for n in range(8)], now_ms=None)
    store.close()
    content = bytearray(path.read_bytes())
    leaf = content.index(b"k7polegate") // PAGE * PAGE
    content[leaf + 10 : leaf + 12] = (PAGE - 1).to_bytes(2)
    content[leaf + PAGE - 1] = 0xFF
    path.write_bytes(content)
    salvage = recover(path)
    assert salvage.damaged_rows == 2, "the one whose place was lost, and the one that lost its last byte"
    assert [found.key for found in opened().peek(9)] == [f"k{n}" for n in range(2, 8)]


def test_a_row_under_a_number_we_never_give_is_not_salvaged(
    opened: OpenStore, envelope: MakeEnvelope, path: Path
) -> None:
    store = opened()
    store.put([envelope(key="k0"), envelope(key="k1")], now_ms=None)
    store._connection.execute("UPDATE envelope SET id = -1 WHERE key = 'k0'")
    store.close()
    assert recover(path).damaged_rows == 1
    assert [found.key for found in opened().peek(9)] == ["k1"]


def test_a_page_that_the_medium_refuses_is_passed_over() -> None:
    with Path("/proc/self/mem").open("rb") as medium:
        assert _read(medium, 0) == b"", "address 0 is never mapped: EIO"
