"""The terminal while a view has all of it: keys at once, the other screen, and all as before at the end."""

from __future__ import annotations

import os
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.text import Text

from agent.cli import screen
from agent.cli.panes.painting import Cell, cells, changes
from agent.cli.plot import BRAILLE, fitting

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J"
_LEAVE = "\x1b[?25h\x1b[?1049l"
"""xterm's private modes 1049, the other screen, and 25, the cursor; who does not know one leaves it out."""


class Terminal:
    """Standard input and output; `sent` counts bytes."""

    def __init__(self) -> None:
        self.sent = 0
        self._in, self._out = sys.stdin.fileno(), sys.stdout.fileno()
        self._console: Console = screen.console()
        self._unicode = fitting(self._console) is BRAILLE
        self._colours = self._console._color_system  # noqa: SLF001  rich gives its name only
        self._before: list[list[Cell]] = []
        self._settings = termios.tcgetattr(self._in)

    def __enter__(self) -> Self:
        tty.setcbreak(self._in, termios.TCSADRAIN)
        self._write(_ENTER)
        self._before = []
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError, termios.error):  # it hung up: nobody is there to see it
            termios.tcsetattr(self._in, termios.TCSADRAIN, self._settings)
            self._write(_LEAVE)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines of the window now."""
        return os.get_terminal_size(self._out)

    def typed(self) -> str:
        """What came from the keyboard; "" once it has hung up."""
        try:
            return os.read(self._in, 1024).decode(errors="ignore")
        except OSError:
            return ""

    def draw(self, lines: Sequence[Text]) -> None:
        """Make the window show these lines, one for each of its own."""
        width = self.size[0]
        now = [cells(line, self._console, width, unicode=self._unicode) for line in lines]
        self._write(changes(self._before, now, self._colours))
        self._before = now

    def forget(self) -> None:
        """The window has another size, or somebody wrote into it: all is drawn anew."""
        self._before = []
        self._write("\x1b[H\x1b[2J")

    def stop(self) -> None:
        """Ctrl-Z: the shell has the terminal until it says `fg`."""
        self.__exit__(None, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        self.__enter__()

    def _write(self, text: str) -> None:
        data = text.encode("utf-8" if self._unicode else "ascii", "replace")
        self.sent += len(data)
        while data:
            data = data[os.write(self._out, data) :]
