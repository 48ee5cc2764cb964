"""The process that checks a configuration for the daemon, its parent, and ends.

What came of it goes to standard output, pickled: Loaded, or the Problems. Standard input is the tie to the
daemon: nothing is ever said on it, and when it closes, this process ends at once, whatever it waits for.
"""

from __future__ import annotations

import fcntl
import gc
import os
import pickle
import select
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

TIE, ANSWER, LOG = 0, 1, 2
FIRST_TO_GO = "1000"
"""proc(5), oom_score_adj: where memory is short, this process is ended and not the daemon."""


def check(path: Path) -> NoReturn:
    """Check it, say what came of it, and end the process."""
    _tie_to_the_daemon()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")
    answer = os.dup(ANSWER)
    os.dup2(LOG, ANSWER)  # nothing else comes between
    found = pickle.dumps(_checked(path), pickle.HIGHEST_PROTOCOL)
    with os.fdopen(answer, "wb") as link:
        link.write(found)
    os._exit(0)  # there is nothing to clear up, which would take its time


def _tie_to_the_daemon() -> None:
    """SIGIO, which ends a process that does not handle it, when the other end of the tie closes."""
    fcntl.fcntl(TIE, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(TIE, fcntl.F_SETFL, fcntl.fcntl(TIE, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([TIE], [], [], 0)[0]:  # it has closed before
        os._exit(1)


def _checked(path: Path) -> object:
    gc.disable()  # of what is imported nothing is garbage; to look for some takes a tenth of the time
    from agent.errors import ConfigError  # noqa: PLC0415
    from agent.loading import load  # noqa: PLC0415

    try:
        return load(path)
    except ConfigError as error:
        return error.problems
