"""python -m agent.checking FILE: checks a configuration for the daemon, its parent, and ends.

What came of it goes to standard output, pickled: Loaded, or the Problems. Standard input is the tie to the
daemon: nothing is ever said on it, and when it closes, this process ends at once, whatever it waits for.
"""

from __future__ import annotations

import fcntl
import gc
import os
import pickle
import select
import sys
from contextlib import suppress
from pathlib import Path

FIRST_TO_GO = "1000"
"""proc(5), oom_score_adj: where memory is short, this process is ended and not the daemon."""


def main() -> None:
    """Check the file that the first argument names."""
    _tie_to_the_daemon()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing else comes between
    found = pickle.dumps(_checked(Path(sys.argv[1])), pickle.HIGHEST_PROTOCOL)
    with os.fdopen(answer, "wb") as link:
        link.write(found)
    os._exit(0)  # there is nothing to clear up, which would take its time


def _tie_to_the_daemon() -> None:
    """SIGIO, which ends a process that does not handle it, when the other end of standard input closes."""
    link = sys.stdin.fileno()
    fcntl.fcntl(link, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(link, fcntl.F_SETFL, fcntl.fcntl(link, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([link], [], [], 0)[0]:  # it has closed before
        sys.exit(1)


def _checked(path: Path) -> object:
    gc.disable()  # of what is imported nothing is garbage; to look for some takes a tenth of the time
    from agent.errors import ConfigError  # noqa: PLC0415
    from agent.loading import load  # noqa: PLC0415

    try:
        return load(path)
    except ConfigError as error:
        return error.problems


if __name__ == "__main__":
    main()
