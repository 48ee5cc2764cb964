"""The daemon's side, before it has imported anything: a configuration begins to be checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def begin(path: Path) -> subprocess.Popen[bytes]:
    """The process that checks `path`; it ends when its standard input closes, as when we end.

    Raises:
        OSError: there is no room for another process.
    """
    command = [sys.executable, "-P", "-m", "agent.checking", str(path)]
    return subprocess.Popen(  # noqa: S603  ourselves
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
