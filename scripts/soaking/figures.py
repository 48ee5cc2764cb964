"""What the daemon, its worker and their decoders take, from /proc (proc(5))."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

HERTZ = os.sysconf("SC_CLK_TCK")
Known = dict[int, str]
ROLES = ("daemon", "worker", "decoders")


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one role at one time: MiB, counts, CPU in seconds since the processes began."""

    pss_mib: float = 0.0
    own_mib: float = 0.0
    """Private and written to: a leak is in here, and nothing that others on the machine do."""
    descriptors: int = 0
    threads: int = 0
    cpu_s: float = 0.0
    processes: int = 0

    def plus(self, other: Figures) -> Figures:
        """Of both together."""
        return Figures(
            self.pss_mib + other.pss_mib, self.own_mib + other.own_mib,
            self.descriptors + other.descriptors, self.threads + other.threads,
            self.cpu_s + other.cpu_s, self.processes + other.processes,
        )  # fmt: skip


def began(pid: int) -> str:
    """When it began, in ticks since the machine did: tells two with one pid apart; "" when it is gone."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def children(pid: int) -> list[int]:
    """Of all its threads."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text("ascii").split())
    return found


def figures(pid: int) -> Figures:
    """Nought where it is gone."""
    fields = _stat(pid)
    if not fields or fields[0] == "Z":
        return Figures()
    with suppress(OSError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
        kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
        cpu_s = (int(fields[11]) + int(fields[12])) / HERTZ
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
        own = kib["Private_Dirty"] + kib["Swap"]
        return Figures(kib["Pss"] / 1024, own / 1024, descriptors, int(fields[17]), cpu_s, 1)
    return Figures()


class Meter:
    """Remembers every process it has seen, so that none is left running unseen."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, dict[str, Figures]]] = []
        self.known: Known = {}
        self.spent_s: dict[str, float] = {}
        """CPU by role, of those that have ended too (as last seen)."""
        self._cpu_s: dict[tuple[int, str], float] = {}

    def family(self, daemon: int) -> dict[str, list[int]]:
        """The pids by role."""
        workers = [pid for pid in children(daemon) if "agent.vision" in _command(pid)]
        decoders = [pid for worker in workers for pid in children(worker)]
        found = {"daemon": [daemon], "worker": workers, "decoders": decoders}
        for pids in found.values():
            self.known |= {pid: since for pid in pids if (since := began(pid))}
        return found

    def read(self, daemon: int, at_s: float) -> dict[str, Figures]:
        """One more row."""
        row = {}
        for role, pids in self.family(daemon).items():
            total = Figures()
            for pid in pids:
                one = figures(pid)
                key = pid, began(pid)
                self.spent_s[role] = self.spent_s.get(role, 0.0) + one.cpu_s - self._cpu_s.get(key, 0.0)
                self._cpu_s[key] = one.cpu_s
                total = total.plus(one)
            row[role] = total
        self.rows.append((at_s, row))
        return row

    def left(self) -> list[str]:
        """Processes of ours that still run."""
        return [f"{pid} {_command(pid)}" for pid, since in self.known.items() if began(pid) == since]

    def end_left(self) -> None:
        """By their pids."""
        for pid, since in self.known.items():
            if began(pid) == since:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def typical(self, role: str, what: str, begin_s: float, end_s: float) -> float:
        """The median in a stretch of time; nought where nothing was read."""
        values = [getattr(row[role], what) for at_s, row in self.rows if begin_s <= at_s <= end_s]
        return float(median(values)) if values else 0.0

    def most(self, role: str, what: str) -> float:
        """The peak."""
        return float(max(getattr(row[role], what) for _, row in self.rows))

    def slope(self, role: str, begin_s: float) -> float:
        """MiB of its own an hour since then, by least squares."""
        points = [(at_s / 3600, row[role].own_mib) for at_s, row in self.rows if at_s >= begin_s]
        if len(points) < 3:
            return 0.0
        x_mean = sum(x for x, _ in points) / len(points)
        y_mean = sum(y for _, y in points) / len(points)
        spread = sum((x - x_mean) ** 2 for x, _ in points)
        return sum((x - x_mean) * (y - y_mean) for x, y in points) / spread if spread else 0.0


def _stat(pid: int) -> list[str]:
    """The fields from the state on, which is the third."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return []


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
