"""What steers the terminal, and what never may."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout

import pytest
from rich.table import Table
from rich.text import Text

from agent.cli import screen
from agent.cli.exits import Exit, Failed

HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b2J\x7f\x00"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> str:
    """On a terminal with colours."""
    monkeypatch.setenv("TERM", "xterm-256color")
    with redirect_stdout(Terminal()) as out:
        act()
    return out.getvalue()


def test_no_word_of_a_device_steers_it_and_our_colours_do(monkeypatch) -> None:
    table = Table(HOSTILE)
    table.add_row(Text(HOSTILE, screen.BAD))

    def act() -> None:
        screen.show(HOSTILE, Text(HOSTILE), table, screen.pairs((HOSTILE, HOSTILE)))
        screen.line(HOSTILE)

    said = shown(act, monkeypatch)
    assert "\x1b[1;31m" in said
    assert said.count("]0;title") == 7
    for code in ("\x1b]", "\x1b[2J", "\x9b", "\x7f", "\x07", "\x00"):
        assert code not in said


def test_nor_does_what_the_verb_gives_up_with() -> None:
    assert Failed(f"refused:\n\t{HOSTILE}", Exit.PROBLEM).message == "refused:\n\t?]0;title??[2J?2J??"


def test_lines_and_letters_stay(monkeypatch) -> None:
    def act() -> None:
        screen.show("水位 µS/cm\nzwei")
        screen.line("a\tb\nc")

    assert shown(act, monkeypatch) == "水位 µS/cm\nzwei\na\tb\nc\n"
