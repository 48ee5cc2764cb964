"""python -m agent.checking FILE: how a daemon that runs has its configuration checked."""

from __future__ import annotations

import sys
from pathlib import Path

from agent.checking.checker import check

if __name__ == "__main__":
    check(Path(sys.argv[1]))
