"""Looking at a store from outside, with its daemon running, killed or stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buffer.envelope import Priority
from buffer.errors import OutboxError, SchemaTooNew
from buffer.outbox import Outbox
from buffer.view import inspect

if TYPE_CHECKING:
    from conftest import MakeEnvelope, OpenStore


def files(folder: Path) -> dict[str, tuple[int, int]]:
    return {file.name: (file.stat().st_size, file.stat().st_mtime_ns) for file in folder.iterdir()}


def fill(store: Outbox, envelope: MakeEnvelope) -> None:
    store.put([envelope(key="k1"), envelope(Priority.ALARM, key="k2", at_ms=5)], now_ms=None)
    with store.take(1, now_ms=None) as batch:
        batch.reject(next(iter(batch))[0], "poison")
    store.put([envelope(key="k3")], now_ms=None)


def test_a_running_store_is_seen_as_its_daemon_sees_it(
    opened: OpenStore, envelope: MakeEnvelope, path: Path
) -> None:
    store = opened()
    fill(store, envelope)
    before = files(path.parent)
    with inspect(path) as view:
        seen, known = view.stats(), store.stats()
        assert (seen.by_priority, seen.losses, seen.epoch) == (known.by_priority, known.losses, known.epoch)
        assert (seen.dead_letters, seen.file_bytes, seen.ballast) == (1, known.file_bytes, True)
        assert (seen.oldest_at_ms, seen.in_flight) == (known.oldest_at_ms, None)
        assert [found.key for found in view.peek(9)] == ["k1", "k3"]
        assert view.peek(9, priority=Priority.ALARM) == []
        assert [(letter.envelope.key, letter.why) for letter in view.dead_letters(9)] == [("k2", "poison")]
        store.put([envelope(key="k4")], now_ms=None)
        assert [found.key for found in view.peek(9)] == ["k1", "k3", "k4"]
    assert files(path.parent).keys() == before.keys()


def test_a_view_holds_up_no_commit(opened: OpenStore, envelope: MakeEnvelope, path: Path) -> None:
    store = opened()
    fill(store, envelope)
    with inspect(path) as view:
        reading = view._connection.execute("SELECT * FROM envelope")
        reading.fetchone()
        for _ in range(20):
            store.put([envelope(body=os.urandom(100_000))], now_ms=None)
        reading.close()
        assert len(view.peek(99)) == 22


def test_a_stopped_store_is_not_touched(opened: OpenStore, envelope: MakeEnvelope, path: Path) -> None:
    store = opened()
    fill(store, envelope)
    store.close()
    before = files(path.parent)
    assert "outbox.db-wal" not in before
    with inspect(path) as view:
        assert [found.key for found in view.peek(9)] == ["k1", "k3"]
        assert view.stats().stored.batches == 2
    assert files(path.parent) == before


def test_a_killed_store_is_not_touched(path: Path) -> None:
    writer = Path(__file__).with_name("writer.py")
    with subprocess.Popen(
        [sys.executable, "-B", writer, path, "1", "5000"], stdout=subprocess.PIPE
    ) as killed:
        assert killed.stdout is not None
        while not killed.stdout.readline().startswith(b"put"):
            pass
        killed.kill()
    before = files(path.parent)
    assert before["outbox.db-wal"][0] > 0
    with inspect(path) as view:
        assert view.stats().stored.batches == len(view.peek(10_000)) > 0
    assert files(path.parent) == before


def test_what_cannot_be_looked_at_is_named(path: Path, opened: OpenStore) -> None:
    with pytest.raises(OutboxError, match=r"outbox.db does not exist; name the file"), inspect(path):
        pass
    path.touch()
    with pytest.raises(OutboxError, match=r"outbox.db is empty; the daemon has not opened it"), inspect(path):
        pass
    store = opened()
    store._connection.execute("PRAGMA user_version = 9")
    store.close()
    with pytest.raises(SchemaTooNew, match="has schema 9, this polegate knows up to 3"), inspect(path):
        pass
