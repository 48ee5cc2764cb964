"""What goes into a bundle for the supplier, file by file, in text; secrets are taken out afterwards."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import ssl
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from agent.cli import client
from agent.cli.checks.case import Case
from agent.cli.checks.machine import SERVICE
from agent.keeping.belongings import managed, name_of
from agent.keeping.journal import of_line

DOCTOR_S = 20.0
"""The longest a check may take here."""

LOG_LINES = 5_000
CRASH_BEFORE, CRASH_AFTER, MOST_CRASHES = 40, 10, 5
UNIT_FACTS = (
    "ActiveState", "SubState", "Result", "ExecMainStatus", "ExecMainCode", "NRestarts",
    "ActiveEnterTimestamp", "InactiveEnterTimestamp", "UnitFileState", "NeedDaemonReload",
    "DropInPaths", "MemoryCurrent", "CPUUsageNSec", "WatchdogUSec", "SupplementaryGroups",
)  # fmt: skip
SYSTEM_FILES = (
    "/etc/os-release", "/proc/device-tree/model", "/proc/cmdline", "/proc/uptime", "/proc/loadavg",
    "/proc/meminfo", "/proc/mounts", "/proc/cpuinfo",
)  # fmt: skip

Part = Callable[[Case], str]


def doctor(case: Case) -> str:
    """Every finding, a line of JSON each."""
    from agent.cli.doctor import CHECKS, findings

    return _lines(
        json.dumps(finding.facts(name), ensure_ascii=False)
        for name, check in CHECKS.items()
        for finding in findings(name, check, case, DOCTOR_S)
    )


def status(case: Case) -> str:
    """What the daemon says of itself, or why it does not."""
    return _json(case.status or {"unheard": case.unheard})


def outbox(case: Case) -> str:
    """Figures, from the daemon or the file."""
    answer = _asked(case, "outbox", peek=0)
    return _json(answer or _outbox_of_file(case))


def events(case: Case) -> str:
    """What is open and what is over."""
    return _json(_asked(case, "events") or {"unheard": case.unheard})


def _asked(case: Case, verb: str, **arguments: object) -> dict[str, Any]:
    with suppress(client.NotRunning, OSError, ValueError):
        return client.ask(case.socket, verb, **arguments) if case.status else {}
    return {}


def _outbox_of_file(case: Case) -> dict[str, Any]:
    from agent import backlog
    from buffer.errors import OutboxError
    from buffer.view import inspect

    if case.loaded is None:
        return {"unknown": "the configuration does not say where it is"}
    settings = case.loaded.config.outbox
    try:
        with inspect(settings.path) as inspection:
            return backlog.figures(inspection.stats(), settings.max_size)
    except (OutboxError, OSError) as error:
        return {"unknown": str(error)}


def problems(case: Case) -> str:
    """What is wrong with the configuration."""
    return _lines(case.problems) or "none\n"


def log(case: Case) -> str:
    """The unit's lines of the journal."""
    words = [f"--unit={SERVICE}", "--output=short-iso", "--all", f"--lines={LOG_LINES}"]
    return _journal(case, *words)


def crashes(text: str) -> str:
    """The last ends that were none of ours, and tracebacks, each with the lines around it."""
    lines = text.splitlines()
    places = [place for place, line in enumerate(lines) if _is_crash(line)]
    shown: list[str] = []
    end = 0
    for place in places[-MOST_CRASHES:]:
        begin = max(place - CRASH_BEFORE, end)
        end = max(place + CRASH_AFTER, end)
        shown += ["-" * 40, *lines[begin:end]]
    return _lines(shown) or "none in the lines of the log\n"


def _is_crash(line: str) -> bool:
    entry = of_line(line)
    ended = any(
        words in line
        for words in (
            "Main process exited",
            "Failed with result",
            "Watchdog timeout",
            "oom-kill",
            "dumped core",
        )
    )
    return ended or "traceback" in entry.facts or "Traceback (most recent call last)" in line


def kernel(case: Case) -> str:
    """The kernel's last words."""
    return _journal(case, "--dmesg", "--lines=1000") or case.machine.run(["dmesg"])


def _journal(case: Case, *words: str) -> str:
    text = case.machine.run_long(["journalctl", "--no-pager", *words])
    return "" if text.strip() == "-- No entries --" else text


def unit(case: Case) -> str:
    """What systemd says and has been told."""
    asked = ["systemctl", "show", SERVICE, f"--property={','.join(UNIT_FACTS)}"]
    status = ["systemctl", "status", SERVICE, "--lines=0", "--no-pager"]
    return _commands(
        case, asked, status, ["systemctl", "cat", SERVICE], ["systemctl", "--failed", "--no-pager"]
    )


def system(case: Case) -> str:
    """Board, kernel, memory, disks."""
    files = _lines(f"== {path}\n{case.machine.read(path)}" for path in SYSTEM_FILES)
    commands = _commands(
        case, ["df", "-h"], ["df", "-i"], ["lsblk"], ["lsusb"], ["ps", "-eo", "pid,user,rss,pcpu,etime,comm"]
    )
    return f"{' '.join(platform.uname())}\n{files}{commands}"


def network(case: Case) -> str:
    """Addresses, routes, names, connections."""
    names = f"== /etc/resolv.conf\n{case.machine.read('/etc/resolv.conf')}\n"
    return names + _commands(
        case, ["ip", "address"], ["ip", "route"], ["ip", "-6", "route"], ["ip", "-s", "link"], ["ss", "-tan"]
    )


def clock(case: Case) -> str:
    """Who keeps the clock, and how."""
    return _commands(
        case, ["timedatectl", "show"], ["timedatectl", "timesync-status"], ["chronyc", "-n", "tracking"],
        ["chronyc", "-n", "sources"], ["ntpq", "-pn"], ["hwclock", "--show"],
    )  # fmt: skip


def versions(_case: Case) -> str:
    """Programs and libraries."""
    own = f"python {sys.version}\nsqlite {sqlite3.sqlite_version}\n{ssl.OPENSSL_VERSION}\n"
    return own + _lines(sorted({f"{each.name} {each.version}" for each in distributions()}))


def files(case: Case) -> str:
    """What lies where polegate keeps its files, and the serial ports; names, sizes and rights alone."""
    folders = {case.config.parent, Path("/opt/polegate"), Path("/run/polegate")}
    if case.loaded:
        folders |= {case.loaded.config.outbox.path.parent}
    ports = sorted(
        {*Path("/dev").glob("tty[AUS]*"), *Path("/dev/serial").rglob("*"), *Path("/dev/polegate").glob("*")}
    )
    listed = [_listed(each, depth=2) for each in sorted(folders)]
    return "".join([*listed, _lines(map(_file, ports))])


def _listed(folder: Path, depth: int) -> str:
    lines = [f"== {folder}"]
    for parent, folders, names in os.walk(folder):
        if len(Path(parent).relative_to(folder).parts) >= depth:
            folders.clear()
        lines += [_file(Path(parent, name)) for name in sorted([*folders, *names])]
        if len(lines) > 2000:
            return _lines([*lines[:2000], "and more"])
    return _lines(lines)


def _file(path: Path) -> str:
    try:
        found = path.lstat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.st_mtime))
    where = f" -> {path.readlink()}" if path.is_symlink() else ""
    mode = stat.filemode(found.st_mode)
    return f"{mode} {found.st_uid}:{found.st_gid} {found.st_size:>12,} {at} {path}{where}"


def configuration(case: Case) -> Iterator[tuple[str, Path]]:
    """The files of the configuration, whether it holds or not, each with its name in the bundle."""
    for file in managed(case.config):
        yield name_of(file, case.config) or file.name, file


def _commands(case: Case, *commands: Sequence[str]) -> str:
    return "".join(f"== {' '.join(words)}\n{case.machine.run(words)}\n" for words in commands)


def _json(facts: object) -> str:
    """A fact a line: a long line would be cut off."""
    return json.dumps(facts, ensure_ascii=False, indent=1) + "\n"


def _lines(lines: Iterator[str] | Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


PARTS: dict[str, Part] = {
    "doctor.jsonl": doctor, "status.json": status, "outbox.json": outbox, "events.json": events,
    "config/problems.txt": problems, "unit.txt": unit, "system.txt": system, "network.txt": network,
    "clock.txt": clock, "versions.txt": versions, "files.txt": files, "kernel.txt": kernel,
}  # fmt: skip
"""By the file's name in the bundle; the log, its crashes and the configuration come besides."""
