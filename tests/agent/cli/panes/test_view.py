"""Keys as terminals send them, and what they do."""

from __future__ import annotations

import pytest

from agent.cli.panes.view import View, keys


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("q", ["q"]),
        ("\x1b[A\x1b[B", ["up", "down"]),
        ("\x1bOB\x1b[6~j", ["down", "page down", "down"]),
        ("\t\x1b[Z3", ["right", "left", "3"]),
        ("\x1b", []),
    ],
)
def test_keys_are_told_apart(typed: str, found: list[str]) -> None:
    assert keys(typed) == found


def pressed(*names: str, room: int = 10, length: int = 25) -> View:
    view = View(room=room, length=length)
    for name in names:
        view.press(name)
    return view


def test_tab_and_digits_change_the_pane() -> None:
    assert pressed("right").pane == "readings"
    assert pressed("left").pane == "outbox"
    assert pressed("5").pane == "events"
    assert pressed("9", "0", "x").pane == "all"


def test_scrolling_ends_at_the_last_line() -> None:
    assert pressed("down", "down").offset == 2
    assert pressed("page down", "page down", "page down").offset == 15
    assert pressed("end", "up").offset == 14
    assert pressed("end", "home", "up").offset == 0
    assert pressed("down", length=5).offset == 0
    assert pressed("down", "down", "3").offset == 0


def test_pause_help_sort_and_the_end() -> None:
    view = pressed("p", "?", "s")
    assert (view.paused, view.helping, view.sort, view.done) == (True, True, "trouble", False)
    assert pressed("?", "2").helping is False
    assert pressed("s", "s", "s", "s").sort == "order"
    assert pressed("q").done
