"""What the kernel says of its clock, written down again and again for the daemon, whose unit may not ask.

`python -m agent.clock_report FILE` is polegate-clock.service: one line, the answer and the monotonic time it
was given, s. Of the daemon's time line it knows nothing, and the file is replaced whole.
"""

from __future__ import annotations

import os
import sys
import time

from agent.clock import SYNCED, ask_kernel

EVERY_S = 5.0
WORDS = {True: SYNCED, False: "not synchronised", None: "not allowed to ask"}


def write(report: str) -> None:
    """Ask, and replace the report."""
    said, at_s = WORDS[ask_kernel()], int(time.monotonic())
    with open(f"{report}.new", "w", encoding="ascii") as file:  # noqa: PTH123  pathlib would be half its memory
        file.write(f"{said} {at_s}\n")
    os.replace(f"{report}.new", report)  # noqa: PTH105


def main() -> None:
    """Until it is ended."""
    while True:
        write(sys.argv[1])
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
