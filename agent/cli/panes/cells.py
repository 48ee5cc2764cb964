"""Lines of cells: columns of one width each, rules, two columns of lines side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import zip_longest
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from agent.cli.screen import BOLD, DIM

GAP = 1


class Column(NamedTuple):
    """`width` is the most it may take; `floor` the least it is given even where its cells need less."""

    heading: str
    width: int
    right: bool = False
    floor: int = 0


def widths(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    """What each column takes; the last one has no cells in the rows yet, and takes what is left."""
    found = [
        max(
            column.floor,
            min(column.width, max(cell_len(column.heading), *(row[n].cell_len for row in rows), 0)),
        )
        for n, column in enumerate(columns[:-1])
    ]
    return [*found, max(width - sum(found) - GAP * len(found), 0)]


def _longest(heading: str, cells: Sequence[Text]) -> int:
    return max([cell_len(heading), *(each.cell_len for each in cells)])


def table(columns: Sequence[Column], rows: Sequence[Sequence[Text]], widths: Sequence[int]) -> Iterator[Text]:
    """A heading and a line a row."""
    yield _row([Text(column.heading) for column in columns], columns, widths, "underline")
    for row in rows:
        yield _row(row, columns, widths)


def _row(row: Sequence[Text], columns: Sequence[Column], widths: Sequence[int], style: str = "") -> Text:
    fitted = (
        fit(each, room, right=column.right) for each, room, column in zip(row, widths, columns, strict=True)
    )
    line = Text(" " * GAP).join(fitted)
    line.stylize(style)
    return line


def tail(text: str, width: int) -> str:
    """Its end, where it is longer: of paths it tells more than the beginning."""
    return text if cell_len(text) <= width else f"…{text[1 - width :]}"


def fit(text: Text, width: int, *, right: bool = False) -> Text:
    """Cut or filled up to that width."""
    text = text.copy()
    text.truncate(width, overflow="ellipsis")
    blanks = " " * (width - text.cell_len)
    return Text.assemble(blanks, text) if right else Text.assemble(text, blanks)


def rule(name: str, width: int, beside: str = "") -> Text:
    """`── name ────── beside ──`."""
    end = f" {beside} ──" if beside else ""
    line = Text.assemble(("── ", DIM), (name, BOLD), " ")
    return line.append("─" * max(width - line.cell_len - cell_len(end), 0) + end, DIM)


def spread(left: Text, right: Text, width: int) -> Text:
    """One at either end; the left one gives way."""
    room = max(width - right.cell_len - GAP, 0)
    return Text.assemble(fit(left, room), " " * GAP, fit(right, min(right.cell_len, width - room - GAP)))


def beside(left: Iterable[Text], right: Iterable[Text], width: int) -> Iterator[Text]:
    """Two columns of lines, the left one `width` wide, a line between them."""
    for one, other in zip_longest(left, right, fillvalue=Text()):
        yield Text.assemble(fit(one, width), (" │ ", DIM), other)


def lines_of(part: RenderableType, width: int) -> list[Text]:
    """What rich would print, line by line."""
    console = Console(file=StringIO(), width=width, force_terminal=True, highlight=False, markup=False)
    return [
        Text.assemble(*((segment.text, segment.style or "") for segment in line))
        for line in console.render_lines(part, console.options, pad=False)
    ]
