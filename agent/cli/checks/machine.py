"""The gateway as its kernel and its system show it, below a root that a test can replace."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent import clock
from agent.machine.files import Files

RUN_S = 5.0
LONG_RUN_S = 60.0
SERVICE = "polegate"
"""The user, the group and the unit."""
MODULE = "agent.cli.main"
"""polegate, where an interpreter is given it with -m."""

_INTERPRETER = re.compile(r"(python|pypy|perl|ruby|node|lua|bash|dash|sh)[\d.]*")
_MODULE_OR_CODE = re.compile(r"-[A-Za-z]*([mc])")
"""Alone or behind other options in one word, as -Im and -lc: what it runs is the next argument."""
_WITH_VALUE = ("-X", "-W")
"""Options of python(1) that take the next argument."""


def run(words: Sequence[str], within_s: float = RUN_S) -> str:
    """What a command writes to standard output, "" where it cannot be run or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603  words of ours
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=within_s, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def run_long(words: Sequence[str]) -> str:
    """The same for what reads many megabytes, from a slow card if need be, as journalctl."""
    return run(words, LONG_RUN_S)


@dataclass(frozen=True, slots=True)
class Who:
    """A user with all its groups."""

    name: str
    uid: int
    gids: frozenset[int]

    def may(self, mode: int, uid: int, gid: int, wanted: int) -> bool:
        """Whether rights of `wanted` (4 read, 2 write, 1 search) are given; root may everything."""
        if self.uid == 0:
            return True
        shift = 6 if uid == self.uid else 3 if gid in self.gids else 0
        return (mode >> shift) & wanted == wanted


@dataclass(frozen=True, slots=True)
class Machine(Files):
    """Besides the files: commands and the kernel's word on the clock, by functions."""

    run: Callable[[Sequence[str]], str] = run
    run_long: Callable[[Sequence[str]], str] = run_long
    synced: Callable[[], bool] = clock.kernel_synced

    def processes(self) -> Iterator[Path]:
        """/proc/N of each process that can be seen."""
        with suppress(OSError):
            for entry in self.at("/proc").iterdir():
                if entry.name.isdigit():
                    yield Path("/proc", entry.name)

    def program(self, process: Path) -> str:
        """What /proc/N runs: its name, of an interpreter the script's; "?" where it has ended.

        The kernel knows a script by its interpreter where that was started first, as for the programs of a
        virtual environment whose path has a space.
        """
        name = self.read(process / "comm")
        if not _INTERPRETER.fullmatch(name):
            return name or "?"
        return script(self.read(process / "cmdline").split("\0")[1:]) or name

    def service(self, pid: int | None) -> Who:
        """Whom the daemon runs as: by the running process, by the user of its name, or whoever asks."""
        running = self._of_process(pid) if pid else None
        return running or self._of_name(SERVICE) or Who("this user", os.geteuid(), frozenset(os.getgroups()))

    def _of_process(self, pid: int) -> Who | None:
        """From /proc/PID/status, proc(5): the effective ids stand second."""
        facts = dict(
            line.split(":", 1) for line in self.read(f"/proc/{pid}/status").splitlines() if ":" in line
        )
        try:
            uid, gid = int(facts["Uid"].split()[1]), int(facts["Gid"].split()[1])
            groups = {gid, *map(int, facts["Groups"].split())}
        except (KeyError, IndexError, ValueError):
            return None
        names = {user[2]: user[0] for user in self._table("passwd") if len(user) > 3}
        return Who(names.get(str(uid), str(uid)), uid, frozenset(groups))

    def _of_name(self, name: str) -> Who | None:
        user = next((user for user in self._table("passwd") if user[0] == name and len(user) > 3), None)
        if user is None:
            return None
        groups = [group for group in self._table("group") if len(group) > 3]
        joined = {int(group[2]) for group in groups if name in group[3].split(",")}
        return Who(name, int(user[2]), frozenset({int(user[3]), *joined}))

    def group(self, gid: int) -> str:
        """The group's name, or its number."""
        return next((group[0] for group in self._table("group") if group[2:3] == [str(gid)]), str(gid))

    def _table(self, name: str) -> list[list[str]]:
        return [line.split(":") for line in self.read(f"/etc/{name}").splitlines()]


def script(arguments: Sequence[str]) -> str:
    """What an interpreter was told to run; "" where that has no name, as with -c."""
    rest = iter(arguments)
    for word in rest:
        if told := _MODULE_OR_CODE.fullmatch(word):
            module = next(rest, "") if told[1] == "m" else ""
            return SERVICE if module == MODULE else module
        if word in _WITH_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            return Path(word).name
    return ""


def mode_words(mode: int) -> str:
    """`rw-r-----`."""
    return stat.filemode(mode)[1:]
