"""How much of a disk's life is used, where the disk tells the kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown, warn
from agent.cli.checks.machine import Machine

DISKS = re.compile(r"(mmcblk\d+|nvme\d+n\d+|sd[a-z]+|vd[a-z]+)")
SOON, NOW = 8, 10
"""Tenths of its life used: at 8 plan, at 10 replace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """An eMMC says (JESD84-B51, EXT_CSD 267 to 269): `life` in tenths by kind of cell; `reserve` 1 to 3."""

    disk: str
    name: str = "?"
    life: tuple[int, ...] = ()
    reserve: int | None = None


def check(case: Case) -> Iterator[Finding]:
    """Each disk."""
    disks = look(case.machine)
    if not disks:
        yield unknown(say.WEAR_NONE)
    yield from map(judge, disks)


def look(machine: Machine) -> Sequence[Disk]:
    """/sys/block/*/device, without loops, RAM disks and the boot parts of an eMMC."""
    found = []
    for place in machine.folders("sys/block/*"):
        if not DISKS.fullmatch(place.name):
            continue
        device = place / "device"
        name = machine.read(device / "name") or machine.read(device / "model") or "?"
        life = tuple(tenths for word in machine.read(device / "life_time").split() if (tenths := _hex(word)))
        reserve = _hex(machine.read(device / "pre_eol_info"))
        found.append(Disk(disk=place.name, name=name, life=life, reserve=reserve))
    return found


def judge(disk: Disk) -> Finding:
    """By the most worn cells and by what is left in reserve."""
    if not disk.life:
        return _silent(disk)
    worst, reserve = max(disk.life), say.RESERVES.get(disk.reserve or 0, "")
    used = "all" if worst > NOW else f"{(worst - 1) * 10}-{worst * 10}%"
    facts = {"disk": disk.disk, "name": disk.name, "used": used}
    facts["reserve"] = say.WEAR_RESERVE.format(reserve=reserve) if reserve else ""
    if worst >= NOW or disk.reserve == 3:
        return fail(say.WEAR_WORN.format(**facts), say.WEAR_WHY, say.WEAR_NOW)
    if worst >= SOON or disk.reserve == 2:
        return warn(say.WEAR_WORN.format(**facts), say.WEAR_WHY, say.WEAR_PLAN)
    return ok(say.WEAR_OK.format(**facts))


def _silent(disk: Disk) -> Finding:
    card = disk.disk.startswith("mmcblk")
    why = say.WEAR_SD if card else say.WEAR_SMART
    do = "" if card else say.WEAR_SMART_DO.format(disk=disk.disk)
    return unknown(say.WEAR_UNKNOWN.format(disk=disk.disk, name=disk.name, why=why), do)


def _hex(word: str) -> int | None:
    try:
        return int(word, 16) or None  # 0 is "not defined"
    except ValueError:
        return None
