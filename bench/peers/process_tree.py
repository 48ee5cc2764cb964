"""CPU time and resident memory of a process and its descendants, from /proc (proc(5))."""

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """`cpu_s` counts user and system time since the start; the peak is the sum of each process's own peak."""

    cpu_s: float
    rss_mib: float
    peak_rss_mib: float


def usage(pid: int) -> Usage:
    """What the tree under `pid` has used so far; `ProcessLookupError` if `pid` is gone."""
    pids = tree(pid)
    memory = [_memory_kib(each) for each in pids]
    return Usage(
        cpu_s=sum(map(_cpu_ticks, pids)) / TICKS_PER_S,
        rss_mib=sum(rss for rss, _ in memory) / 1024,
        peak_rss_mib=sum(peak for _, peak in memory) / 1024,
    )


def tree(pid: int) -> list[int]:
    """`pid` and all its living descendants."""
    pids = [pid]
    for each in pids:
        for children in (PROC / str(each) / "task").glob("*/children"):
            pids += map(int, _read(children).split())
    return pids


def _cpu_ticks(pid: int) -> int:
    """Own time and that of children already waited for: fields 14 to 17 of /proc/PID/stat."""
    after_name = _read(PROC / str(pid) / "stat").rpartition(")")[2].split()
    return sum(map(int, after_name[11:15]))


def _memory_kib(pid: int) -> tuple[int, int]:
    """VmRSS and VmHWM; zeros for a zombie, which has neither."""
    lines = _read(PROC / str(pid) / "status").splitlines()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return kib.get("VmRSS", 0), kib.get("VmHWM", 0)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError as error:
        raise ProcessLookupError(f"{path}: the process has ended") from error
