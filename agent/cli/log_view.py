"""A line of the log for a person: when, how grave, what, about whom; the rest as it stands."""

from __future__ import annotations

import time

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from agent.cli import screen
from agent.cli.screen import BAD, BOLD, BUSY, DIM
from agent.keeping.journal import Entry

_HEAD = ("kind", "verb", "subject", "device", "camera", "part", "parts", "state", "reason")
"""Facts that need no name, in this order."""

_STYLES = {"error": BAD, "warning": BUSY, "debug": DIM}
_TIME, _LEVEL, _EVENT = 8, 7, 10


class View:
    """On a terminal a table under the day, elsewhere one line an entry with its full time."""

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal
        self._day = ""

    def parts(self, entry: Entry) -> list[RenderableType]:
        """What to print for the next entry."""
        if not self._terminal:
            return [_plain(entry)]
        day = "" if entry.at_ms is None else _stamp(entry.at_ms, "%Y-%m-%d UTC")
        head: list[RenderableType] = [Text(day, BOLD)] if day not in ("", self._day) else []
        self._day = day or self._day
        return [*head, _row(entry)]


def _row(entry: Entry) -> RenderableType:
    rows = Table.grid(padding=(0, 1))
    rows.add_column(style=DIM, no_wrap=True, min_width=_TIME)
    rows.add_column(no_wrap=True, min_width=_LEVEL)
    rows.add_column(style=BOLD, no_wrap=True, min_width=_EVENT)
    rows.add_column(overflow="fold")
    at = "" if entry.at_ms is None else _stamp(entry.at_ms, "%H:%M:%S")
    level = "" if entry.level == "info" else entry.level
    said = Text(words(entry))
    rows.add_row(at, Text(level, _STYLES.get(entry.level, "")), entry.event, said)
    if trace := entry.facts.get("traceback"):
        return Group(rows, Text(trace, DIM))
    return rows


def _plain(entry: Entry) -> str:
    at = "-" if entry.at_ms is None else _stamp(entry.at_ms, "%Y-%m-%dT%H:%M:%SZ")
    trace = entry.facts.get("traceback", "")
    text = f"{at:20} {entry.level:{_LEVEL}} {entry.event:{_EVENT}} {words(entry)}"
    return f"{text} {trace!r}".rstrip() if trace else text.rstrip()


def words(entry: Entry) -> str:
    """`device_unreadable rain timeout: unit 2 did not answer; lasted_ms=12`."""
    head = " ".join(entry.facts[key] for key in _HEAD if entry.facts.get(key))
    message = entry.facts.get("message", "")
    rest = " ".join(
        f"{key}={value}" for key, value in entry.facts.items() if key not in (*_HEAD, "message", "traceback")
    )
    said = ": ".join(filter(None, (head, message)))
    whole = " ".join(filter(None, (said, f"({rest})" if said and rest else rest, entry.text)))
    return whole.replace("\n", " ")  # a message cannot pass for a line of its own


def _stamp(at_ms: int, form: str) -> str:
    return time.strftime(form, time.gmtime(at_ms / 1000))


def show(entry: Entry, view: View) -> None:
    """Print it, at once."""
    screen.show(*view.parts(entry))
