"""kill -9 of a writing process at random moments: nothing reported stored is gone, nothing is half."""

from __future__ import annotations

import random
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from buffer.outbox import Outbox

if TYPE_CHECKING:
    from conftest import Told

WRITER = Path(__file__).with_name("writer.py")
KILLS = 30


def run_and_kill(path: Path, told: Told, seed: int, after_s: float, *, once_open: bool) -> None:
    command = [sys.executable, "-B", str(WRITER), str(path), str(seed), "30000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        spoken = writer.stdout.readline() if once_open else b""
        end = time.monotonic() + after_s
        while (left := end - time.monotonic()) > 0:
            if select.select([writer.stdout], [], [], left)[0]:
                spoken += writer.stdout.read1()
        writer.kill()
        spoken += writer.stdout.read()
    # The last line may be cut off by the kill.
    for line in spoken.decode().split("\n")[:-1]:
        told.hear(line)


def test_kill_9_loses_nothing_and_leaves_nothing_half_nor_states_apart(tmp_path: Path, told: Told) -> None:
    path = tmp_path / "outbox.db"
    dice = random.Random()
    remembered = 0
    for seed in range(KILLS):
        once_open = seed % 4 > 0
        run_and_kill(path, told, seed, dice.uniform(0, 0.06 if once_open else 0.15), once_open=once_open)
        with Outbox.open(path, max_bytes=200_000_000) as store:
            told.epochs.append(store.epoch)
            stored = {envelope.key: envelope for envelope in store.peek(100_000)}
            assert told.put - told.accepted <= stored.keys()
            for keys in told.tried:
                there = [key in stored or key in told.accepted for key in keys]
                assert all(there) or not any(there), "a put is stored whole or not at all"
            for key, envelope in stored.items():
                length = int(envelope.topic.removeprefix("t/"))
                assert envelope.body == (key.encode() * (length // len(key) + 1))[:length]
            assert store.stats().stored.batches == len(stored)
            assert store.stats().losses == ()
            remembered += told.check_memory(store)
            assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(set(told.epochs)) == len(told.epochs)
    assert len(told.put) > KILLS
    assert remembered > KILLS
