"""What the person looks at: the pane, how far it is scrolled, and what a key changes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from agent.cli.top_texts import PANES, SORTS

_SEQUENCES = {
    "\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left", "\x1bOA": "up", "\x1bOB": "down",
    "\x1bOC": "right", "\x1bOD": "left", "\x1b[5~": "page up", "\x1b[6~": "page down", "\x1b[H": "home",
    "\x1b[F": "end", "\x1b[1~": "home", "\x1b[4~": "end", "\x1b[Z": "left", "\t": "right", "k": "up",
    "j": "down", "b": "page up", " ": "page down", "g": "home", "G": "end", "Q": "q", "h": "?", "\r": "down",
}  # fmt: skip
"""What terminals send for a key, and letters that stand for one."""


def keys(typed: str) -> list[str]:
    """The keys in what a terminal sent; what no key of ours begins with is left out."""
    found = []
    while typed:
        name = next((each for each in _SEQUENCES if typed.startswith(each)), typed[0])
        found.append(_SEQUENCES.get(name, name))
        typed = typed[len(name) :]
    return [key for key in found if key != "\x1b"]


@dataclass(slots=True)
class View:
    """`room` and `length` are set when it is drawn: lines that fit, and lines there are."""

    pane: str = PANES[0]
    sort: str = "order"
    offset: int = 0
    paused: bool = False
    helping: bool = False
    done: bool = False
    room: int = 1
    length: int = 0

    def press(self, key: str) -> None:
        """Do what a key is for; others do nothing."""
        steps = {
            "up": -1, "down": 1, "page up": -self.room, "page down": self.room,
            "home": -self.length, "end": self.length,
        }  # fmt: skip
        if key in steps:
            self.scroll(steps[key])
        elif key in ("left", "right"):
            step = 1 if key == "right" else -1
            self._turn_to(PANES[(PANES.index(self.pane) + step) % len(PANES)])
        elif key.isdecimal() and 0 < int(key) <= len(PANES):
            self._turn_to(PANES[int(key) - 1])
        elif key == "s":
            sorts = list(SORTS)
            self.sort = sorts[(sorts.index(self.sort) + 1) % len(sorts)]
        elif key == "p":
            self.paused = not self.paused
        elif key == "?":
            self.helping = not self.helping
            self.offset = 0
        elif key == "q":
            self.done = True

    def scroll(self, lines: int = 0) -> None:
        """So far on, and never beyond the last line."""
        self.offset = max(0, min(self.offset + lines, self.length - self.room))

    def _turn_to(self, pane: str) -> None:
        self.pane, self.offset, self.helping = pane, 0, False
