"""docs/pictures/top.svg and top-wide.svg: polegate top in tmux, at 80x24 and in a wide window, on a bad day.

The station is that of scripts/documents/station.py. `--text` prints the screen of 80x24 for cli.md instead.

.venv/bin/python -m scripts.documents.top_picture
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from fakes.tmux import Tmux
from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.terminal_theme import MONOKAI

from scripts.demonstration.picture import FORMAT
from scripts.documents.station import ROOT, station

SIZES = {"top": (80, 24), "top-wide": (132, 26)}
MINUTES = 1.3


def settled(text: str) -> str:
    """The place of the played lines, by the names a board gives them."""
    return re.sub(
        r"…\S*/(rs485-\d)( +)", lambda match: match[1] + " " * (len(match[0]) - len(match[1])), text
    )


def save(name: str, styled: str) -> None:
    width, height = SIZES[name]
    console = Console(
        record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor",
        width=width, height=height, highlight=False,
    )  # fmt: skip
    for line in [*AnsiDecoder().decode(styled)][:height]:
        console.print(line, soft_wrap=True)
    file = ROOT / "docs" / "pictures" / f"{name}.svg"
    console.save_svg(str(file), title="polegate top", theme=MONOKAI, code_format=FORMAT, unique_id=name)


def main() -> None:
    with station() as it, tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "agent.cli.main", "--socket", str(it.socket), "top"]
        columns, rows = SIZES["top"]
        with Tmux(Path(folder), command, columns=columns, rows=rows) as window:
            time.sleep(MINUTES * 60)
            for name, size in SIZES.items():
                window.resize(*size)
                time.sleep(8)
                if "--text" not in sys.argv:
                    save(name, settled(window.styled))
                elif name == "top":
                    print(settled(window.text))


if __name__ == "__main__":
    main()
