"""A real terminal to look at: a program in tmux, in a window of a known size."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from fakes.children import program


class Tmux:
    """Runs `words` in a window of `columns` x `rows`; `screen` is what stands in it, line by line.

    Once the program has ended the window shows `ended N`, N the exit code.
    """

    def __init__(
        self, folder: Path, words: Sequence[str], *, columns: int = 80, rows: int = 24, environment: Mapping[str, str] = {}
    ) -> None:  # fmt: skip
        self._program = program("tmux", "tmux")
        self._socket = folder / "tmux.sock"
        settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
        line = f"env {settings} {shlex.join(words)}; code=$?; stty -a > {folder}/stty; echo ended $code; read wait"
        clean = {
            name: text
            for name, text in os.environ.items()
            if name not in ("NO_COLOR", "COLUMNS", "LINES", "TMUX")
        }
        subprocess.run(
            [self._program, "-S", self._socket, "-f", "/dev/null", "-u", "new-session", "-d",
             "-x", str(columns), "-y", str(rows), line],
            check=True, env={**clean, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        self._folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([self._program, "-S", self._socket, "kill-server"], check=False, capture_output=True)

    @property
    def screen(self) -> list[str]:
        return self._tmux("capture-pane", "-p").splitlines()

    @property
    def styled(self) -> str:
        """The screen with its colours, as escape sequences."""
        return self._tmux("capture-pane", "-p", "-e", "-N")

    @property
    def text(self) -> str:
        return "\n".join(self.screen)

    @property
    def pid(self) -> int:
        """Of the program."""
        shell = self._tmux("display-message", "-p", "#{pane_pid}").strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])

    @property
    def cursor_shown(self) -> bool:
        return self._tmux("display-message", "-p", "#{cursor_flag}").strip() == "1"

    @property
    def other_screen(self) -> bool:
        return self._tmux("display-message", "-p", "#{alternate_on}").strip() == "1"

    @property
    def settings(self) -> str:
        """stty's word on the terminal after the program has ended."""
        return (self._folder / "stty").read_text()

    def type(self, *keys: str) -> None:
        """Keys by tmux's names: `Tab`, `PageDown`, `q`."""
        self._tmux("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def _tmux(self, *words: str) -> str:
        run = subprocess.run(
            [self._program, "-S", self._socket, *words], check=True, capture_output=True, text=True
        )
        return run.stdout
