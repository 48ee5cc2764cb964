"""The numbered schema, the pragmas, and the files that are not ours."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buffer import schema
from buffer.errors import OutboxCorrupt, OutboxError, SchemaTooNew
from buffer.outbox import Outbox
from buffer.recovery import recover

if TYPE_CHECKING:
    from conftest import MakeEnvelope, OpenStore

RECORDED = Path(__file__).with_name("recorded")


def test_pragmas_are_as_promised(opened: OpenStore) -> None:
    store = opened()

    def pragma(name: str) -> object:
        return store._connection.execute(f"PRAGMA {name}").fetchone()[0]

    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "page_size": 4096,
        "auto_vacuum": 0,
        "secure_delete": 0,
        "user_version": 3,
    }
    assert {name: pragma(name) for name in expected} == expected


def test_a_newer_schema_is_refused_and_left_alone(opened: OpenStore, path: Path) -> None:
    store = opened()
    store._connection.execute("PRAGMA user_version = 4")
    store.close()
    before = path.read_bytes()
    with pytest.raises(SchemaTooNew, match=r"outbox.db has schema 4, .* knows up to 3; install the polegate"):
        opened()
    assert path.read_bytes() == before


def test_an_older_schema_is_migrated_in_one_transaction(
    opened: OpenStore, envelope: MakeEnvelope, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened()
    first.put([envelope(key="k1")], now_ms=None)
    first.close()
    with monkeypatch.context() as patch:
        patch.setattr(
            schema,
            "MIGRATIONS",
            (*schema.MIGRATIONS, "CREATE TABLE more (id); INSERT INTO nowhere VALUES (1)"),
        )
        with pytest.raises(OutboxError, match="no such table"):
            opened()
        patch.setattr(
            schema, "MIGRATIONS", (*schema.MIGRATIONS[:3], "CREATE TABLE more (id); CREATE TABLE most (id)")
        )
        second = opened()
        assert second._connection.execute("PRAGMA user_version").fetchone() == (4,)
        assert [found.key for found in second.peek(9)] == ["k1"]
        assert second.epoch == first.epoch.replace(".1", ".2")
        second.close()
    with pytest.raises(SchemaTooNew):
        opened()


@pytest.mark.parametrize("recover_first", [False, True])
def test_a_store_of_schema_1_loses_nothing(path: Path, recover_first: bool) -> None:
    """Recorded with the first release and left open: three envelopes in the file, two in its log."""
    for suffix in ("", "-wal"):
        shutil.copyfile(RECORDED / f"schema-1.db{suffix}", f"{path}{suffix}")
    if recover_first:
        salvage = recover(path)
        assert (salvage.damaged_rows, salvage.lost_pages, salvage.states) == (0, 0, 0)
        assert salvage.damaged_states == 0
        assert salvage.account_kept
    with Outbox.open(path, max_bytes=10**6) as store:
        assert store._connection.execute("PRAGMA user_version").fetchone() == (3,)
        found = {found.key: found for found in store.peek(9)}
        assert list(found) == ["a1", "r1", "gone", "u1", "big"]
        assert (found["u1"].settled, found["u1"].at_ms) == (True, 1007)
        assert found["big"].body == b"0123456789" * 900
        assert [loss.lost.batches for loss in store.stats().losses] == [1]
        assert [letter.why for letter in store.dead_letters(9)] == [] if recover_first else ["recorded"]
        assert recover_first or store.epoch == "jhd6jrhw.3"
        assert store.remembered() == {}
        store.put([], now_ms=None, remember={"s": b"1"})
    with Outbox.open(path, max_bytes=10**6) as store:
        assert store.remembered() == {"s": b"1"}


def test_a_file_whose_making_was_interrupted_is_made_anew(
    opened: OpenStore, path: Path, tmp_path: Path
) -> None:
    half_made = tmp_path / "outbox.db"
    with closing(sqlite3.connect(half_made, isolation_level=None)) as maker:
        maker.execute("PRAGMA cache_size = 1")
        maker.execute("BEGIN")
        maker.execute("CREATE TABLE t (body)")
        maker.executemany("INSERT INTO t VALUES (?)", [(bytes(5000),)] * 20)
        shutil.copyfile(half_made, path)
        shutil.copyfile(f"{half_made}-journal", f"{path}-journal")
    assert path.stat().st_size > 0
    store = opened()
    assert store.epoch.endswith(".1")
    assert not path.with_name("outbox.db-journal").exists()


def test_a_file_without_tables_is_made_ours(opened: OpenStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as maker:
        maker.execute("PRAGMA journal_mode = WAL")
    assert path.stat().st_size > 0
    assert opened().epoch.endswith(".1")


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE readings (id)")
    before = path.read_bytes()
    with pytest.raises(
        OutboxError, match=r"expected an outbox, got another program's database .* name another file"
    ):
        Outbox.open(path, max_bytes=1)
    assert path.read_bytes() == before


def test_a_store_locked_by_another_program_is_named(opened: OpenStore, path: Path) -> None:
    opened().close()
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as holder,
        pytest.MonkeyPatch.context() as patch,
    ):
        holder.execute("BEGIN IMMEDIATE")
        patch.setattr(schema, "_BUSY_TIMEOUT_S", 0.01)
        with pytest.raises(
            OutboxError, match=r"outbox.db cannot be used: database is locked \(SQLITE_BUSY\)"
        ):
            opened()


def test_a_memory_database_cannot_hold_a_log() -> None:
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(OutboxError, match="got journal mode memory"),
    ):
        schema._configure(connection, path=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "damage", ["DELETE FROM meta", "UPDATE meta SET boots = boots - 1", "UPDATE meta SET store = 'aaaaaaaa'"]
)
def test_a_boot_counter_that_cannot_be_trusted_is_damage(opened: OpenStore, damage: str) -> None:
    opened().close()
    store = opened()
    store._connection.execute(damage)
    store.close()
    with pytest.raises(OutboxCorrupt, match="its boot counter cannot be trusted"):
        opened()


def test_it_belongs_to_the_thread_that_opened_it(opened: OpenStore) -> None:
    import threading

    store = opened()
    caught: list[Exception] = []

    def flush_elsewhere() -> None:
        try:
            store.stats()
        except sqlite3.ProgrammingError as error:
            caught.append(error)

    other = threading.Thread(target=flush_elsewhere)
    other.start()
    other.join()
    assert "same thread" in str(caught[0])
