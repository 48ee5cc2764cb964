"""Memory of the gateway."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.machine.files import Files

KIB = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: all there is, and what processes could still have without swapping."""

    total: int
    available: int


def memory(files: Files) -> Memory | None:
    """From /proc/meminfo; a service that may not see it asks the nodes; None where neither tells."""
    facts = numbers(files.read("/proc/meminfo"))
    if "MemTotal" in facts and "MemAvailable" in facts:
        return Memory(KIB * facts["MemTotal"], KIB * facts["MemAvailable"])
    return _nodes(files)


def _nodes(files: Files) -> Memory | None:
    """/sys/devices/system/node/node*/meminfo: what is free and what the kernel keeps of files."""
    total = available = 0
    for place in files.folders("sys/devices/system/node/node*"):
        words = re.findall(r"^Node \d+ ([\w()]+):\s+(\d+) kB", files.read(place / "meminfo"), re.MULTILINE)
        facts = {name: KIB * int(number) for name, number in words}
        total += facts.get("MemTotal", 0)
        kept = ("MemFree", "Active(file)", "Inactive(file)", "SReclaimable")
        available += sum(facts.get(name, 0) for name in kept)
    return Memory(total, available) if total else None


def numbers(text: str) -> dict[str, int]:
    """Of /proc/meminfo, in KiB, and of /proc/vmstat, proc(5)."""
    return {name: int(number) for name, number in re.findall(r"^(\w+):?\s+(\d+)", text, re.MULTILINE)}
