"""Only what differs is sent, and the terminal then shows exactly the new lines."""

from __future__ import annotations

import re
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from rich.text import Text

from agent.cli.panes.painting import cells, changes

CONSOLE = Console(file=StringIO(), force_terminal=True, color_system="standard")
WIDTH = 12
_PARTS = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[K|\x1b\[[\d;]*m|([^\x1b])")

words = st.text("ab 东江▁°", max_size=WIDTH)
lines = st.lists(st.tuples(words, st.sampled_from(["", "red", "bold"]), words).map(
    lambda each: Text.assemble((each[0], each[1]), each[2])), max_size=4)  # fmt: skip


def shown(line: Text) -> list[tuple[str, Style]]:
    return cells(line, CONSOLE, WIDTH, unicode=True)


class Glass:
    """As much of a terminal as is spoken to; an SGR stands before each cell it holds for."""

    def __init__(self) -> None:
        self.rows = [[" "] * (WIDTH + 2) for _ in range(4)]

    def feed(self, sent: str) -> None:
        row = column = 0
        style = ""
        for part in _PARTS.finditer(sent):
            if part[1]:
                row, column = int(part[1]) - 1, int(part[2]) - 1
            elif part[0] == "\x1b[K":
                self.rows[row][column:] = [" "] * (WIDTH + 2 - column)
            elif part[3] is None:
                style = "" if part[0] == "\x1b[0m" else part[0]
            else:
                self.rows[row][column] = f"{style}{part[3]}"
                column += 1
                if part[3] in "东江":
                    self.rows[row][column] = ""
                    column += 1

    @property
    def state(self) -> list[str]:
        return ["|".join(row).replace("| ", "").rstrip() for row in self.rows]


@given(lines, lines)
def test_the_changes_turn_what_stood_there_into_what_shall_stand(old: list[Text], new: list[Text]) -> None:
    size = max(len(old), len(new))
    before, after = ([shown(line) for line in [*part, *[Text()] * (size - len(part))]] for part in (old, new))
    stepwise, at_once = Glass(), Glass()
    stepwise.feed(changes([], before, ColorSystem.STANDARD))
    stepwise.feed(changes(before, after, ColorSystem.STANDARD))
    at_once.feed(changes([], after, ColorSystem.STANDARD))
    assert stepwise.state == at_once.state


def test_what_stays_is_not_sent() -> None:
    before = [shown(Text("level 1.234")), shown(Text("rain  0.2"))]
    after = [shown(Text("level 1.254")), shown(Text("rain  0.2"))]
    assert changes(before, before, None) == ""
    assert changes(before, after, None) == "\x1b[1;10H5"


def test_a_shorter_line_is_cleared_to_its_end() -> None:
    assert changes([shown(Text("abc"))], [shown(Text("a"))], None) == "\x1b[1;2H\x1b[K"


def test_half_a_wide_character_is_never_sent() -> None:
    sent = changes([shown(Text("东a"))], [shown(Text("江a"))], None)
    assert sent == "\x1b[1;1H江"


def test_what_a_device_says_steers_no_terminal() -> None:  # rich itself takes out BEL
    line = cells(Text("a\x1b]0;mine\x07b\u0301\x9b2J\n"), CONSOLE, 40, unicode=True)
    assert "".join(character for character, _ in line) == "a?]0;mineb?2J?"


def test_without_utf_8_marks_of_ascii_stand_for_the_others() -> None:
    line = cells(Text("✓ 12.3 °C ▁▄█ 东"), CONSOLE, 40, unicode=False)
    assert "".join(character for character, _ in line) == "+ 12.3  C _-# ?"
