"""A power cut at any moment: only what a completed sync covers is sure to be on the disk afterwards.

A real writer runs under strace. Its writes and syncs are replayed up to a chosen call; of what was not yet
synced each 512-byte sector, each change of length and each new or removed name is kept or lost by a throw of
dice, as a disk without power may do. No sector is torn and no sync lies.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buffer.outbox import Outbox

if TYPE_CHECKING:
    from conftest import Told

WRITER = Path(__file__).with_name("writer.py")
SECTOR = 512
LIVES = 2
COMMITS = 40
CUTS = 60

_CALL = re.compile(r'\d+ +(\w+)\((\w+)?(?:, )?(?:"((?:\\x..)*)")?(?:, )?([^)]*)\) += (-?\d+)')


@dataclass
class File:
    """An inode: what the disk surely holds, and what was done since the last sync."""

    synced: bytearray = field(default_factory=bytearray)
    unsynced: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        for offset, data in self.unsynced:
            write_at(self.synced, offset, data)
        self.unsynced = []

    def after_power_cut(self, dice: random.Random, chance: float) -> bytes:
        found = bytearray(self.synced)
        for offset, data in self.unsynced:
            if data is None:
                if dice.random() < chance:
                    write_at(found, offset, None)
                continue
            for at in range(0, len(data), SECTOR):
                if dice.random() < chance:
                    write_at(found, offset + at, data[at : at + SECTOR])
        return bytes(found)


def write_at(content: bytearray, offset: int, data: bytes | None) -> None:
    """Write, or cut or stretch to `offset` if `data` is None."""
    end = offset if data is None else offset + len(data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset:end] = data


class Disk:
    """Replays calls; the names in the folder are as unsure as the bytes in the files until it is synced."""

    def __init__(self, folder: Path, told: Told) -> None:
        self.folder = str(folder)
        self.names: dict[str, File] = {}
        self.synced_names: dict[str, File] = {}
        self.open: dict[str, File | None] = {}
        self.told = told
        self.said = ""

    def replay(self, call: tuple[str, str, str, str, str]) -> None:
        name, handle, _, rest, result = call
        if result.startswith("-"):
            return
        data = text_of(call)
        match name:
            case "openat":
                self.open[result] = self.opened(data.decode())
            case "close":
                self.open.pop(handle, None)
            case "unlink":
                self.names.pop(data.decode().removeprefix(f"{self.folder}/"), None)
            case "write" if handle == "1":
                self.hear(data.decode())
            case "fsync" | "fdatasync" if self.open.get(handle, self) is None:
                self.synced_names = dict(self.names)
            case _ if file := self.open.get(handle):
                self.change(file, name, data, rest)

    def change(self, file: File, name: str, data: bytes, rest: str) -> None:
        match name:
            case "pwrite64":
                file.unsynced.append((int(rest.split(", ")[1]), data))
            case "ftruncate":
                file.unsynced.append((int(rest), None))
            case "fsync" | "fdatasync":
                file.sync()

    def hear(self, text: str) -> None:
        self.said += text
        *lines, self.said = self.said.split("\n")
        for line in lines:
            self.told.hear(line)

    def opened(self, path: str) -> File | None:
        if not path.startswith(f"{self.folder}/"):
            return None
        return self.names.setdefault(path.removeprefix(f"{self.folder}/"), File())

    def after_power_cut(self, folder: Path, dice: random.Random, chance: float) -> None:
        for name in {**self.synced_names, **self.names}:
            now, sure = self.names.get(name), self.synced_names.get(name)
            file = now if now is not sure and dice.random() < chance else sure
            if file and name in ("outbox.db", "outbox.db-wal", "outbox.db-journal"):
                (folder / name).write_bytes(file.after_power_cut(dice, chance))


def text_of(call: tuple[str, str, str, str, str]) -> bytes:
    return bytes.fromhex(call[2].replace("\\x", ""))


def traced(folder: Path, log: Path) -> list[tuple[str, str, str, str, str]]:
    """Run two lives of a writer and return its calls in order."""
    calls = []
    for life in range(LIVES):
        subprocess.run(
            [
                *("strace", "-f", "-xx", "-s", "1000000", "-o", log, "-e"),
                "trace=openat,close,write,pwrite64,fsync,fdatasync,ftruncate,unlink",
                *(sys.executable, "-B", WRITER, folder / "outbox.db", str(life), "9000", str(COMMITS)),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        calls += [
            found.groups(default="") for found in map(_CALL.match, log.read_text().splitlines()) if found
        ]
    return calls


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed (apt install strace)")
def test_a_power_cut_loses_nothing_that_was_reported_stored(tmp_path: Path, told: Told) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    calls = traced(folder, tmp_path / "calls")
    ours = next(index for index, call in enumerate(calls) if text_of(call).startswith(bytes(folder)))
    assert sum(call[0] == "fdatasync" for call in calls) > LIVES * COMMITS, "a sync for each commit"
    dice = random.Random()
    cuts = sorted(dice.sample(range(ours, len(calls)), CUTS))
    disk = Disk(folder, told)
    kept = remembered = 0
    for index, call in enumerate(calls):
        disk.replay(call)
        if index not in cuts:
            continue
        for chance in (0.0, 0.5):
            with tempfile.TemporaryDirectory() as place:
                disk.after_power_cut(Path(place), dice, chance)
                with Outbox.open(Path(place) / "outbox.db", max_bytes=200_000_000) as store:
                    assert store.epoch not in disk.told.epochs
                    stored = {envelope.key for envelope in store.peek(100_000)}
                    assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                    remembered += disk.told.check_memory(store)
                assert disk.told.put - disk.told.accepted <= stored
                kept += len(stored)
    assert kept > CUTS
    assert remembered > CUTS
    assert len(disk.told.epochs) == LIVES
    assert len(disk.told.put) >= LIVES * COMMITS
