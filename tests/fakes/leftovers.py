"""Finds the processes that a test session has left behind, orphans too, by a mark in their environment."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "POLEGATE_TEST_SESSION"
# Python's own helper for shared memory; it lives until the interpreter ends.
TOLERATED = b"multiprocessing.resource_tracker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A process that is still running."""

    pid: int
    command: str


def mark_session() -> bytes:
    """Mark this process, and so all that it starts from now on."""
    mark = uuid.uuid4().hex
    os.environ[VARIABLE] = mark
    return f"{VARIABLE}={mark}".encode()


def leftovers(mark: bytes) -> list[Leftover]:
    """Running processes with this mark, and our own children; never ourselves, never a zombie."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        pid = int(directory.name)
        try:
            # proc(5): after the command in parentheses come the state and the parent's pid.
            state, parent = (directory / "stat").read_bytes().rpartition(b")")[2].split()[:2]
            command = (directory / "cmdline").read_bytes()
            marked = mark in (directory / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is another user's
            continue
        ours = marked or int(parent) == os.getpid()
        if ours and pid != os.getpid() and state != b"Z" and TOLERATED not in command:
            found.append(Leftover(pid=pid, command=command.replace(b"\0", b" ").decode(errors="replace")))
    return found
