"""The daemon's side, before it has imported anything: a configuration begins to be checked."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from agent.checking.checker import ANSWER, TIE, check


@dataclass(slots=True)
class Child:
    """The process that checks. It says what came of it on `answer`, and ends when `tie` closes."""

    pid: int
    tie: int
    answer: int
    code: int | None = None
    """Its exit code, or minus the signal that ended it; None as long as it is not known to have ended."""

    def has_ended(self) -> bool:
        """Asks the kernel."""
        if self.code is None:
            try:
                ended, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # whoever started us left SIGCHLD ignored: nobody learns how it ended
                ended, status = self.pid, 0
            self.code = os.waitstatus_to_exitcode(status) if ended else None
        return self.code is not None

    def end(self) -> None:
        """By force, should it still be there."""
        if not self.has_ended():
            os.kill(self.pid, signal.SIGKILL)
        os.close(self.tie)
        os.close(self.answer)


def part(path: Path) -> Child:
    """A copy of this process checks `path`, with all that is imported so far; only while there is one thread.

    Raises:
        OSError: there is no room for another process.
    """
    (held, tie), (answer, said) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(tie)
        os.close(answer)
        _check(path, held, said)
    os.close(held)
    os.close(said)
    return Child(pid, tie, answer)


def begin(path: Path) -> Child:
    """A process of its own checks `path`, whatever this one has become.

    Raises:
        OSError: there is no room for another process.
    """
    return spawn([sys.executable, "-P", "-m", "agent.checking", str(path)])


def spawn(command: list[str]) -> Child:
    """A program that answers on standard output."""
    (held, tie), (answer, said) = os.pipe(), os.pipe()
    try:
        links = [(os.POSIX_SPAWN_DUP2, held, TIE), (os.POSIX_SPAWN_DUP2, said, ANSWER)]
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=links, setsid=True)
    except OSError:
        os.close(tie)
        os.close(answer)
        raise
    finally:
        os.close(held)
        os.close(said)
    return Child(pid, tie, answer)


def _check(path: Path, held: int, said: int) -> NoReturn:
    try:
        os.setsid()
        os.dup2(held, TIE)
        os.dup2(said, ANSWER)
        check(path)
    finally:  # whatever went wrong: from here on this is no daemon
        sys.excepthook(*sys.exc_info())
        os._exit(1)
