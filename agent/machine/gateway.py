"""All of it at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.machine.files import Files
from agent.machine.heat import temperatures
from agent.machine.memory import Memory, memory
from agent.machine.power import supply
from agent.machine.space import Space, space
from agent.machine.system import System, load, uptime_s
from agent.machine.wear import Disk, disks


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """`load` counts processes, temperatures are °C; `supply` is None where the board does not say."""

    system: System
    uptime_s: float
    load: float
    memory: Memory | None
    temperatures: Mapping[str, float]
    supply: Sequence[str] | None
    disks: Sequence[Disk]
    spaces: Mapping[str, Space]


def look(files: Files, known: System, folders: Mapping[str, Path]) -> Gateway:
    """What the kernel says now, and of the room that `folders` have; a slow sensor makes it wait."""
    spaces = {name: space(files, path) for name, path in folders.items()}
    return Gateway(
        system=known,
        uptime_s=uptime_s(),
        load=load(),
        memory=memory(files),
        temperatures=temperatures(files),
        supply=supply(files),
        disks=disks(files),
        spaces={name: found for name, found in spaces.items() if found},
    )
