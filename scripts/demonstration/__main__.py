"""scripts/demo: see docs/demo.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

USAGE = """\
A lamp pole and a river station on simulated gauges, each with the real polegate daemon, and the platform that
hears them over a real MQTT broker. Nothing leaves this machine. Ctrl-C ends it and says what was verified."""


def main() -> int:
    """The exit code: 0 everything verified, 1 not, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=USAGE)
    parser.add_argument("--once", action="store_true", help="the story once, without a screen, for machines")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE.svg", help="draw the screen into this file and end"
    )
    options = parser.parse_args()
    try:
        from scripts.demonstration.show import run
    except ModuleNotFoundError as error:
        print(f"demo: the Python package of {error.name} is missing: run scripts/setup demo", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return run(once=options.once, picture_file=options.picture)


if __name__ == "__main__":
    sys.exit(main())
