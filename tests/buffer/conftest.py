"""Envelopes and stores for the tests of the outbox."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from buffer.envelope import Envelope, Priority
from buffer.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Iterator

T0_MS = 1_790_000_000_000
RAM = Path("/dev/shm")


MakeEnvelope = Callable[..., Envelope]
OpenStore = Callable[..., Outbox]


@pytest.fixture
def envelope() -> MakeEnvelope:
    """Make an envelope; its key counts up within the test unless one is given."""
    numbers = count(1)

    def make(priority: Priority = Priority.READINGS, **fields: object) -> Envelope:
        number = next(numbers)
        defaults = {
            "key": f"k-{number}",
            "topic": "polegate/1/site/gw/readings",
            "at_ms": T0_MS + number,
            "settled": True,
            "items": 10,
            "expires_ms": None,
            "body": b"%d" % number * 100,
        }
        return Envelope(priority=priority, **(defaults | fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def path() -> Iterator[Path]:
    """A place for a store where a sync costs nothing; durability is tested on a real disk elsewhere."""
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None) as folder:
        yield Path(folder) / "outbox.db"


@pytest.fixture
def opened(path: Path) -> Iterator[OpenStore]:
    """Open the store of the test, as often as wanted; what is left open is closed at the end."""
    stores: list[Outbox] = []

    def open_store(max_bytes: int = 10_000_000) -> Outbox:
        stores.append(Outbox.open(path, max_bytes=max_bytes))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def crashed(path: Path) -> Callable[[], Path]:
    """Copy the files of the open store as a crash would leave them, and return the copy's path."""

    def crash() -> Path:
        copies = path.parent / "crashed"
        copies.mkdir()
        for file in path.parent.glob(f"{path.name}*"):
            shutil.copyfile(file, copies / file.name)
        return copies / path.name

    return crash


@dataclass
class Told:
    """What the writers said, over all their lives; see writer.py."""

    epochs: list[str] = field(default_factory=list)
    tried: list[list[str]] = field(default_factory=list)
    put: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)

    def hear(self, line: str) -> None:
        word, *keys = line.split()
        match word:
            case "epoch":
                self.epochs += keys
            case "try":
                self.tried.append(keys)
            case "put":
                self.put.update(keys)
            case "accept":
                self.accepted.update(keys)

    def check_memory(self, store: Outbox) -> int:
        """The states are those of one commit, the last one stored, and all of its envelopes are there."""
        states = store.remembered()
        assert store.damaged_states == 0
        whole = json.loads(states.pop("whole", b'{"keys": [], "states": {}}'))
        assert {name: crc32(body) for name, body in states.items()} == whole["states"]
        stored = {envelope.key for envelope in store.peek(100_000)}
        assert set(whole["keys"]) <= stored | self.accepted  # closing commits the last marks alone
        assert max(whole["keys"], key=age, default="") == max(stored | self.put, key=age, default="")
        return len(states)


def age(key: str) -> tuple[int, int]:
    """What orders the keys of a store: the boot, and the number in it."""
    epoch, number = key.split("-")
    return int(epoch.split(".")[1]), int(number)


@pytest.fixture
def told() -> Told:
    return Told()
