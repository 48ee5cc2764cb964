"""What is stored is for the daemon and its group, whatever the umask of who runs it, from the first moment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from buffer.copying import copy_store
from buffer.errors import OutboxError
from buffer.quarantine import quarantined
from buffer.recovery import recover
from buffer.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import MakeEnvelope, OpenStore


@pytest.fixture(autouse=True)
def _open_handed() -> Iterator[None]:
    """Without a umask, as a run by hand may be."""
    umask = os.umask(0)
    yield
    os.umask(umask)


def modes(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): f"{file.stat().st_mode & 0o777:o}" for file in folder.rglob("*")}


def test_an_outbox_is_not_for_everybody(opened: OpenStore, envelope: MakeEnvelope, path: Path) -> None:
    opened().put([envelope()], now_ms=None)
    assert modes(path.parent) == {
        "outbox.db": "640",
        "outbox.db-wal": "640",
        "outbox.db-shm": "640",
        "outbox.db.lock": "640",
        "outbox.db.ballast": "600",
    }


def test_one_that_everybody_could_read_is_shut(opened: OpenStore, envelope: MakeEnvelope, path: Path) -> None:
    store = opened()
    store.put([envelope()], now_ms=None)
    store.close()
    path.chmod(0o666)
    opened().put([envelope()], now_ms=None)
    assert {mode for name, mode in modes(path.parent).items() if "lock" not in name} == {"660", "600"}


def test_nor_is_one_set_aside_or_the_new_one(opened: OpenStore, envelope: MakeEnvelope, path: Path) -> None:
    store = opened()
    store.put([envelope()], now_ms=None)
    store.close()
    path.chmod(0o644)
    recover(path)
    ((_, aside),) = quarantined(path)
    assert modes(path.parent)[aside.name] == modes(path.parent)[path.name] == "640"


def test_nor_is_a_copy(opened: OpenStore, envelope: MakeEnvelope, path: Path) -> None:
    opened().put([envelope()], now_ms=None)
    copy_store(path, path.parent / "copy.db")
    assert modes(path.parent)["copy.db"] == "640"


def test_a_copy_never_takes_another_files_place(
    opened: OpenStore, envelope: MakeEnvelope, path: Path
) -> None:
    opened().put([envelope()], now_ms=None)
    there = path.parent / "copy.db"
    there.write_text("mine")
    with pytest.raises(OutboxError, match="exists"):
        copy_store(path, there)
    assert there.read_text() == "mine"


def test_a_spool_is_not_for_everybody(path: Path) -> None:
    root = path.parent / "pictures"
    root.mkdir(mode=0o755)
    with Spool.open(root, max_bytes=1000, max_files=10, keep_free_bytes=0) as spool:
        name = spool.put(b"a picture", 1).hash
    assert modes(path.parent) == {
        "pictures": "750",
        "pictures/incoming": "750",
        "pictures/spool.lock": "640",
        f"pictures/{name[:2]}": "750",
        f"pictures/{name[:2]}/{name}.jpg": "640",
    }
