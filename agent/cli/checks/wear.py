"""How much of a disk's life is used, where the disk tells the kernel."""

from __future__ import annotations

from collections.abc import Iterator

from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown, warn
from agent.machine.wear import Disk, disks

SOON, NOW = 8, 10
"""Tenths of its life used: at 8 plan, at 10 replace."""


def check(case: Case) -> Iterator[Finding]:
    """Each disk."""
    found = disks(case.machine)
    if not found:
        yield unknown(say.WEAR_NONE)
    yield from map(judge, found)


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
