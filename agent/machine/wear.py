"""The disks: how much of their life is used, where they tell the kernel, and how much was written to them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.machine.files import Files

DISKS = re.compile(r"(mmcblk\d+|nvme\d+n\d+|sd[a-z]+|vd[a-z]+)")
SECTOR = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """An eMMC says (JESD84-B51, EXT_CSD 267 to 269): `life` in tenths by kind of cell; `reserve` 1 to 3.

    `written` are bytes since the gateway was started.
    """

    disk: str
    name: str = "?"
    life: tuple[int, ...] = ()
    reserve: int | None = None
    written: int | None = None

    @property
    def life_used(self) -> float | None:
        """Share at most of the life of the most worn cells; 1.1 is more than all of it."""
        return max(self.life) / 10 if self.life else None


def disks(files: Files) -> Sequence[Disk]:
    """/sys/block/*/device, without loops, RAM disks and the boot parts of an eMMC."""
    found = []
    for place in files.folders("sys/block/*"):
        if not DISKS.fullmatch(place.name):
            continue
        device = place / "device"
        name = files.read(device / "name") or files.read(device / "model") or "?"
        life = tuple(tenths for word in files.read(device / "life_time").split() if (tenths := _hex(word)))
        reserve = _hex(files.read(device / "pre_eol_info"))
        written = _written(files.read(place / "stat"))
        found.append(Disk(disk=place.name, name=name, life=life, reserve=reserve, written=written))
    return found


def _written(stat: str) -> int | None:
    """The seventh number counts sectors written (Linux, Documentation/block/stat.rst)."""
    numbers = stat.split()
    return SECTOR * int(numbers[6]) if len(numbers) > 6 and numbers[6].isdigit() else None


def _hex(word: str) -> int | None:
    try:
        return int(word, 16) or None  # 0 is "not defined"
    except ValueError:
        return None
