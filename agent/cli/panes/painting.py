"""From lines to what is sent to the terminal: only the cells that differ from what stands there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from rich.text import Text

Cell = tuple[str, Style]
"""What stands in one column; "" in the second one of a wide character."""

_BLANK: Cell = (" ", Style.null())
_ASCII = str.maketrans({
    "▁": "_", "▂": ".", "▃": "-", "▄": "-", "▅": "=", "▆": "+", "▇": "*", "█": "#", "·": ".", "✓": "+",
    "✗": "!", "─": "-", "│": "|", "●": "*", "°": " ", "µ": "u", "²": "2", "³": "3", "…": "~",
})  # fmt: skip
"""Where the terminal has no UTF-8; what is not here becomes a question mark."""

Colours = ColorSystem | None


def cells(line: Text, console: Console, width: int, *, unicode: bool) -> list[Cell]:
    """The columns of a line, `width` at most, without the blanks at its end.

    Nothing in it steers the terminal, whatever a device or a title says; what has no width is left out.
    """
    found: list[Cell] = []
    for text, style, _ in line.render(console):
        plain = style or Style.null()
        if console.no_color:
            plain = plain.without_color
        for character in text if unicode else text.translate(_ASCII).encode("ascii", "replace").decode():
            if not character.isprintable():
                found.append(("?", plain))
            elif wide := cell_len(character):
                found += [(character, plain), *[("", plain)] * (wide - 1)]
    if len(found) > width and found[width][0] == "":
        found[width - 1] = _BLANK
    del found[width:]
    while found and found[-1] == _BLANK:
        found.pop()
    return found


def in_ascii(line: Text, console: Console) -> Text:
    """The same line where the terminal has no UTF-8."""
    return Text.assemble(*cells(line, console, line.cell_len, unicode=False))


def changes(old: Sequence[Sequence[Cell]], new: Sequence[Sequence[Cell]], colours: Colours) -> str:
    """What to send so that the new lines stand where the old ones are."""
    parts = []
    for row, now in enumerate(new):
        before = old[row] if row < len(old) else ()
        if tuple(before) != tuple(now):
            parts.append("".join(_line(row, before, now, colours)))
    return "".join(parts)


def _line(row: int, before: Sequence[Cell], now: Sequence[Cell], colours: Colours) -> Iterator[str]:
    """From the first cell that differs to the last one, CUP and SGR and EL of ECMA-48."""
    first = next(
        (n for n, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now))
    )
    while first and first < len(now) and now[first][0] == "":
        first -= 1
    last = len(now)
    if len(before) == len(now):
        while last > first and before[last - 1] == now[last - 1]:
            last -= 1
        while last < len(now) and now[last][0] == "":
            last += 1
    yield f"\x1b[{row + 1};{first + 1}H"
    for style, run in groupby(now[first:last], key=lambda cell: cell[1]):
        text = "".join(character for character, _ in run)
        yield style.render(text, color_system=colours) if style else text
    if len(before) > len(now):
        yield "\x1b[K"
