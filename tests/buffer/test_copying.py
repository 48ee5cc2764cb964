"""A store copied while it is written to, carried over into a new one, put in another's place."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buffer.copying import carry_over, copy_store, put_in_place
from buffer.envelope import Priority
from buffer.errors import OutboxCorrupt, OutboxError
from buffer.lock import writer_lock
from buffer.outbox import Outbox
from buffer.view import inspect

RECORDED = Path(__file__).with_name("recorded")

if TYPE_CHECKING:
    from conftest import MakeEnvelope, OpenStore


def keys(path: Path) -> list[str]:
    with inspect(path) as inspection:
        return [envelope.key for envelope in inspection.peek(100_000)]


@pytest.fixture
def filled(opened: OpenStore, envelope: MakeEnvelope) -> Outbox:
    """An open store with messages of each kind, states, a loss, and a clock that is not settled."""
    store = opened()
    kinds = (Priority.ALARM, Priority.READINGS, Priority.PICTURES, Priority.SCHEDULED)
    store.put(
        [envelope(kind, key=store.next_key(), settled=kind is not Priority.ALARM) for kind in kinds],
        now_ms=None,
        remember={"judge/a": b"1" * 5000, "judge/b": b"2"},
    )
    with store.take(1, now_ms=None, between=(Priority.READINGS, Priority.READINGS)) as batch:
        ((number, _),) = batch
        batch.reject(number, "no")
    store.put([envelope(key=store.next_key())], now_ms=None)
    return store


def test_a_copy_has_everything_and_takes_the_room_it_needs(
    opened: OpenStore, envelope: MakeEnvelope, path: Path, tmp_path: Path
) -> None:
    store = opened()
    for _ in range(50):
        store.put([envelope(body=bytes(10_000)) for _ in range(10)], now_ms=None, remember={"a": b"1"})
    with store.take(499, now_ms=None) as batch:
        for number, _ in batch:
            batch.accept(number)
    store.flush(now_ms=None)
    copy_store(path, tmp_path / "copy")
    assert keys(tmp_path / "copy") == keys(path)
    assert path.stat().st_size > 3_000_000
    assert (tmp_path / "copy").stat().st_size < 100_000
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy"]


def test_a_copy_made_while_somebody_writes_is_of_one_moment(path: Path, tmp_path: Path, envelope) -> None:
    """Each commit leaves exactly ten envelopes and a state that names them: a copy holds one commit whole."""
    enough = threading.Event()

    def write() -> None:
        with Outbox.open(path, max_bytes=10_000_000) as store:
            batch_of = 0
            while not enough.is_set():
                with store.take(10, now_ms=None) as batch:
                    for number, _ in batch:
                        batch.accept(number)
                fresh = [envelope(key=f"{batch_of}-{n}", body=bytes(3000)) for n in range(10)]
                store.put(fresh, now_ms=None, remember={"batch": str(batch_of).encode()})
                batch_of += 1
                begun.set()

    begun = threading.Event()
    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(10)
    seen = set()
    for number in range(12):
        copy = tmp_path / f"copy-{number}"
        copy_store(path, copy)
        with Outbox.open(copy, max_bytes=10_000_000) as store:
            batch_of = store.remembered()["batch"].decode()
            assert [each.key for each in store.peek(100)] == [f"{batch_of}-{n}" for n in range(10)]
        seen.add(batch_of)
    enough.set()
    writer.join()
    assert len(seen) > 3, "it wrote meanwhile"


def test_what_is_carried_over_keeps_its_keys_under_a_new_name(
    filled: Outbox, path: Path, tmp_path: Path
) -> None:
    copy_store(path, tmp_path / "copy")
    carried = carry_over(tmp_path / "copy", tmp_path / "new")
    assert (carried.states, carried.pictures, carried.damaged, carried.incomplete) == (2, 2, 0, "")
    assert {kind.name: depth.batches for kind, depth in carried.by_priority.items() if depth.batches} == {
        "ALARM": 1,
        "READINGS": 1,
    }
    with Outbox.open(tmp_path / "new", max_bytes=10_000_000) as store:
        assert store.epoch.partition(".")[0] != filled.epoch.partition(".")[0]
        assert [each.key for each in store.peek(9)] == [f"{filled.epoch}-1", f"{filled.epoch}-5"]
        assert [each.settled for each in store.peek(9)] == [False, True]
        assert store.remembered() == {"judge/a": b"1" * 5000, "judge/b": b"2"}
        assert [loss.reason.value for loss in store.stats().losses] == ["rejected"]
        store.settle(5_000)
        assert store.peek(1)[0].settled is False, "its clock was another's: it is never put right by ours"


def test_two_carried_over_from_one_copy_have_two_names(filled: Outbox, path: Path, tmp_path: Path) -> None:
    copy_store(path, tmp_path / "copy")
    names = set()
    for number in range(2):
        carry_over(tmp_path / "copy", tmp_path / f"new-{number}")
        with Outbox.open(tmp_path / f"new-{number}", max_bytes=10_000_000) as store:
            names.add(store.epoch)
    assert len(names) == 2


def test_a_damaged_row_stays_behind(filled: Outbox, path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy_store(path, copy)
    with closing(sqlite3.connect(copy)) as raw:
        raw.execute("UPDATE envelope SET body = x'00' WHERE key LIKE '%-5'")
        raw.execute("UPDATE state SET body = x'00' WHERE name = 'judge/b'")
        raw.commit()
    carried = carry_over(copy, tmp_path / "new")
    assert (carried.damaged, carried.states) == (2, 1)
    assert keys(tmp_path / "new") == [f"{filled.epoch}-1"]


@pytest.mark.parametrize(
    "evil",
    [
        "CREATE TRIGGER t AFTER INSERT ON envelope BEGIN DELETE FROM envelope; END",
        "CREATE VIEW v AS SELECT * FROM envelope",
        "CREATE TABLE more (x)",
        "CREATE INDEX i ON envelope (key)",
    ],
)
def test_a_file_with_more_than_a_stores_schema_is_refused(
    filled: Outbox, path: Path, tmp_path: Path, evil: str
) -> None:
    copy_store(path, tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy")) as raw:
        raw.execute(evil)
    with pytest.raises(OutboxError, match="is none of an outbox"):
        carry_over(tmp_path / "copy", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_damaged_copy_and_none_at_all_are_refused(filled: Outbox, path: Path, tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="does not exist"):
        copy_store(tmp_path / "none", tmp_path / "copy")
    copy = tmp_path / "copy"
    copy_store(path, copy)
    with copy.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(OutboxCorrupt):
        carry_over(copy, tmp_path / "new")
    copy.write_bytes(b"")
    with pytest.raises(OutboxCorrupt, match="empty"):
        carry_over(copy, tmp_path / "new")


def test_a_store_is_put_in_place_whatever_interrupts_it(
    crashed: Callable[[], Path], filled: Outbox, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that is there was left open: its log belongs to it and goes with it."""
    left_open = crashed()
    copy_store(path, tmp_path / "copy")
    before, rename = keys(left_open), Path.rename
    for steps in range(9):
        there = Path(shutil.copytree(left_open.parent, tmp_path / f"{steps}")) / left_open.name
        staged, aside = there.with_name("staged"), there.with_name("aside")
        carry_over(tmp_path / "copy", staged)
        left = iter(range(steps))

        def tired(source: Path, target: Path, left: Iterator[int] = left) -> Path:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return rename(source, target)

        with writer_lock(there), monkeypatch.context() as patch:
            patch.setattr(Path, "rename", tired)
            try:
                put_in_place(there, staged, aside)
            except KeyboardInterrupt:
                assert staged.exists()
            else:
                break
        with writer_lock(there):
            put_in_place(there, staged, aside)
            put_in_place(there, staged, aside)
        assert keys(aside) == before
        assert len(keys(there)) == 2
    assert steps == 4, "its index, its log, itself, the new one"


def test_a_store_of_the_first_schema_is_carried_over(tmp_path: Path) -> None:
    """As an older polegate left it open, log and all; it has no states."""
    for file in RECORDED.iterdir():
        shutil.copy(file, tmp_path / file.name)
    recorded = tmp_path / "schema-1.db"
    with Outbox.open(
        Path(shutil.copytree(tmp_path, tmp_path / "opened")) / recorded.name, max_bytes=10**7
    ) as store:
        expected = [each.key for each in store.peek(1000)]
        (recorded.parent / "schema-1.db-shm").touch()
    copy_store(recorded, tmp_path / "copy")
    with inspect(tmp_path / "copy") as inspection:
        assert inspection.states() == 0
    carried = carry_over(tmp_path / "copy", tmp_path / "new")
    assert (carried.states, carried.damaged) == (0, 0)
    assert keys(tmp_path / "new") == expected
    assert len(expected) > 1
