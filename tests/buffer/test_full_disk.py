"""A disk without room: the ballast, eviction to fit, and in the end an error with nothing half-written."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buffer.envelope import Priority
from buffer.errors import OutboxFull
from buffer.outbox import Outbox
from buffer.recovery import recover
from buffer.reserve import BALLAST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import MakeEnvelope, OpenStore

DISK_BYTES = 24 * 2**20


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of its own, of 24 MiB, or with the options that the test names."""
    options = getattr(request, "param", f"size={DISK_BYTES}")
    mount = ["mount", "-t", "tmpfs", "-o", options, "outbox", tmp_path]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def fill_up(disk: Path, *, leave: int = 0) -> Path:
    """Take all free blocks of the disk but `leave` bytes."""
    filler = disk / "filler"
    free = os.statvfs(disk)
    with filler.open("wb") as handle:
        os.posix_fallocate(handle.fileno(), 0, free.f_bavail * free.f_frsize - leave)
    return filler


def keys(store: Outbox) -> set[str]:
    return {envelope.key for envelope in store.peek(100_000)}


def test_a_store_that_fills_the_disk_evicts_and_carries_on(disk: Path, envelope: MakeEnvelope) -> None:
    put: list[str] = []
    with Outbox.open(disk / "outbox.db", max_bytes=10**9) as store:
        store.put([envelope(Priority.ALARM, key="alarm", body=b"a" * 50_000)], now_ms=None)
        refused: list[str] = []
        for n in range(800):
            put.append(f"k{n}")
            refused += store.put([envelope(key=f"k{n}", body=os.urandom(50_000))], now_ms=None).refused
        stored = keys(store)
        stats = store.stats()
        assert refused == []
        assert not stats.ballast
        [loss] = stats.losses
        assert loss.lost.batches == len(put) + 1 - len(stored)
        assert stored == {"alarm", *put[loss.lost.batches :]}, "the oldest readings went, alarms stayed"
        assert stats.stored.size_bytes > DISK_BYTES // 2
    with Outbox.open(disk / "outbox.db", max_bytes=10**9) as again:
        assert keys(again) == stored
        again.put([envelope(key="last", body=os.urandom(50_000))], now_ms=None)
        assert "last" in keys(again)


def test_the_ballast_comes_back_with_the_room(disk: Path, envelope: MakeEnvelope) -> None:
    with Outbox.open(disk / "outbox.db", max_bytes=10**9) as store:
        assert store.stats().ballast
        filler = fill_up(disk, leave=1_000_000)
        for n in range(100):
            store.put([envelope(key=f"k{n}", body=os.urandom(50_000))], now_ms=None)
        evicted = store.stats().losses[0].lost.batches
        assert 0 < evicted < 100
        assert not store.stats().ballast
        filler.unlink()
        for n in range(100, 200):
            store.put([envelope(key=f"k{n}", body=os.urandom(50_000))], now_ms=None)
        stats = store.stats()
        assert stats.ballast
        assert (disk / "outbox.db.ballast").stat().st_blocks * 512 == BALLAST_BYTES
        assert stats.losses[0].lost.batches == evicted, "nothing more is evicted"
        assert stats.stored.batches == 200 - evicted


def test_no_room_at_all_is_an_error_and_nothing_is_half(disk: Path, envelope: MakeEnvelope) -> None:
    with Outbox.open(disk / "outbox.db", max_bytes=10**9) as store:
        store.put([envelope(key=f"k{n}", body=os.urandom(50_000)) for n in range(5)], now_ms=None)
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (disk / "outbox.db.ballast").unlink()
        filler = fill_up(disk)
        before = store.stats()
        for given in (
            [envelope(key="new")],
            [envelope(key=f"n{n}", body=os.urandom(50_000)) for n in range(9)],
        ):
            with pytest.raises(OutboxFull, match=r"no room on the disk: .*; free some space under"):
                store.put(given, now_ms=None)
            with pytest.raises(OutboxFull):
                store.settle(5)
        assert store.stats() == before
        with store.take(2, now_ms=None) as batch:
            assert [found.key for _, found in batch] == ["k0", "k1"]
            for number, _ in batch:
                batch.accept(number)
        with pytest.raises(OutboxFull):
            store.flush(now_ms=None)
        filler.unlink()
        assert store.put([envelope(key="new")], now_ms=None).stored == 1
        assert keys(store) == {"k2", "k3", "k4", "new"}, "the marks were kept for this commit"
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_state_never_costs_an_envelope_nor_the_ballast(disk: Path, envelope: MakeEnvelope) -> None:
    with Outbox.open(disk / "outbox.db", max_bytes=10**9) as store:
        old = {"a": os.urandom(50_000), "b": os.urandom(50_000)}
        assert store.put([envelope(key="k0")], now_ms=None, remember=old).forgot == ()
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        filler = fill_up(disk, leave=60_000)
        new = {"a": os.urandom(50_000), "b": None}
        result = store.put([envelope(key="k1")], now_ms=None, remember=new)
        assert (result.stored, result.forgot, result.losses) == (1, ("a", "b"), ())
        assert store.stats().ballast
        filler.unlink()
        fill_up(disk)
        result = store.put([envelope(key="k2", body=os.urandom(70_000))], now_ms=None, remember=new)
        assert (result.stored, result.forgot, result.losses) == (1, ("a", "b"), ())
        assert not store.stats().ballast, "that was for the envelope"
        tight = store.put([envelope(key="k3")], now_ms=None, remember={"small": b"1"})
        assert (tight.stored, tight.forgot) == (1, ("small",)), "as long as room is short"
        assert store.flush(now_ms=None, remember=new).forgot == ("a", "b")
        assert store.remembered() == old
        filler.unlink()
        result = store.put([envelope(key="k4")], now_ms=None, remember=new)
        assert (result.stored, result.forgot) == (1, ())
        assert store.remembered() == {"a": new["a"]}
        assert keys(store) == {f"k{n}" for n in range(5)}


def test_close_releases_the_store_even_when_it_cannot_write(disk: Path, envelope: MakeEnvelope) -> None:
    store = Outbox.open(disk / "outbox.db", max_bytes=10**9)
    store.put([envelope(key="k1")], now_ms=None)
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (disk / "outbox.db.ballast").unlink()
    filler = fill_up(disk)
    with pytest.raises(OutboxFull):
        store.close()
    filler.unlink()
    with Outbox.open(disk / "outbox.db", max_bytes=10**9) as again:
        assert keys(again) == {"k1"}


def test_opens_on_a_full_disk_by_giving_up_the_ballast(disk: Path, envelope: MakeEnvelope) -> None:
    path = disk / "outbox.db"
    with Outbox.open(path, max_bytes=10**9) as store:
        store.put([envelope(key="k0", body=os.urandom(50_000))], now_ms=None)
    fill_up(disk)
    with Outbox.open(path, max_bytes=10**9) as store:
        for n in range(1, 60):
            store.put([envelope(key=f"k{n}", body=os.urandom(50_000))], now_ms=None)
            assert f"k{n}" in keys(store)
        assert len(keys(store)) > 10, "part of the ballast holds the latest"


def test_cannot_open_where_there_never_was_room(disk: Path) -> None:
    filler = fill_up(disk)
    with pytest.raises(OutboxFull, match="no room on the disk"):
        Outbox.open(disk / "outbox.db", max_bytes=10**9)
    filler.unlink()
    with Outbox.open(disk / "outbox.db", max_bytes=10**9) as store:
        assert store.epoch.endswith(".1")


def test_salvage_stops_where_the_room_ends_and_says_so(disk: Path, envelope: MakeEnvelope) -> None:
    path = disk / "outbox.db"
    with Outbox.open(path, max_bytes=10**9) as store:
        for n in range(300):
            store.put([envelope(key=f"k{n}", body=os.urandom(50_000))], now_ms=None)
    salvage = recover(path)
    assert re.search(r"has \d+ bytes free; the rest stays in the quarantine", salvage.incomplete)
    assert salvage.quarantined.stat().st_size > 10_000_000
    with Outbox.open(path, max_bytes=10**9) as store:
        assert 10 < len(keys(store)) == sum(depth.batches for depth in salvage.by_priority.values()) < 300


def test_recovery_begins_by_giving_up_the_ballast(disk: Path, envelope: MakeEnvelope) -> None:
    path = disk / "outbox.db"
    with Outbox.open(path, max_bytes=10**9) as store:
        store.put([envelope(key=f"k{n}", body=os.urandom(20_000)) for n in range(5)], now_ms=None)
    fill_up(disk)
    assert recover(path).incomplete == ""
    with Outbox.open(path, max_bytes=10**9) as store:
        assert keys(store) == {f"k{n}" for n in range(5)}
        assert store.put([envelope(key="new")], now_ms=None).stored == 1


@pytest.mark.parametrize("disk", ["nr_inodes=1"], indirect=True)
def test_a_disk_that_takes_no_file_is_full(disk: Path) -> None:
    with pytest.raises(
        OutboxFull, match=r"no room on the disk: .*No space left on device.*; free some space"
    ):
        Outbox.open(disk / "outbox.db", max_bytes=1)


def test_a_bounded_file_evicts_to_fit(opened: OpenStore, envelope: MakeEnvelope) -> None:
    """Without a disk of our own: SQLite reports a full disk at its own limit of pages."""
    store = opened()
    store.put([envelope(Priority.ALARM, key="alarm")], now_ms=None)
    for n in range(30):
        store.put([envelope(key=f"k{n:02}", body=os.urandom(20_000))], now_ms=None)
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    for n in range(30, 60):
        # Ballast and room are there, so that the ceiling is lifted with each put, and found again.
        result = store.put([envelope(key=f"k{n:02}", body=os.urandom(20_000))], now_ms=None)
        assert result.stored == 1
        assert [loss.lost.batches for loss in result.losses] == [1]
    assert keys(store) == {"alarm", *(f"k{n:02}" for n in range(30, 60))}
    with pytest.raises(OutboxFull):
        store.put([envelope(key="big", body=os.urandom(700_000))], now_ms=None)
    assert keys(store) == {"alarm", *(f"k{n:02}" for n in range(30, 60))}


def test_a_place_without_room_for_ballast_does_without(
    path: Path, envelope: MakeEnvelope, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_space)
    with Outbox.open(path, max_bytes=10**6) as store:
        assert store.put([envelope(key="k1")], now_ms=None).stored == 1
        assert not store.stats().ballast
    assert not path.with_name("outbox.db.ballast").exists()
