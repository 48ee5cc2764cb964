"""Memory: what is available, and whether the kernel had to end processes."""

from __future__ import annotations

from collections.abc import Iterator

from agent.amounts import many, size
from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown, warn
from agent.machine.memory import numbers

TIGHT, SCARCE = 0.10, 0.04
"""Shares of memory that are still available."""


def check(case: Case) -> Iterator[Finding]:
    """From /proc/meminfo and /proc/vmstat."""
    yield from judge(numbers(case.machine.read("/proc/meminfo")), numbers(case.machine.read("/proc/vmstat")))


def judge(meminfo: dict[str, int], vmstat: dict[str, int]) -> Iterator[Finding]:
    """The former counts in KiB, proc(5)."""
    total, free = meminfo.get("MemTotal"), meminfo.get("MemAvailable")
    if not total or free is None:
        yield unknown(say.MEMORY_UNKNOWN)
    else:
        words = {"free": size(1024 * free), "total": size(1024 * total)}
        if free / total >= TIGHT:
            yield ok(say.MEMORY_OK.format(**words))
        else:
            grave = fail if free / total < SCARCE else warn
            yield grave(say.MEMORY_LOW.format(**words), say.MEMORY_WHY, say.MEMORY_DO)
    if killed := vmstat.get("oom_kill"):
        found = say.MEMORY_KILLED.format(count=many(killed, "process", "processes"))
        yield warn(found, say.MEMORY_WHY, say.MEMORY_KILLED_DO)
