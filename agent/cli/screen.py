"""The terminal: tables that fit it, colours only where somebody sees them, views that redraw themselves."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType
from rich.segment import Segment
from rich.table import Table

from agent.cli.harmless import harmless

if TYPE_CHECKING:
    from rich.live import Live

GOOD, BUSY, BAD, DIM, BOLD = "green", "cyan", "bold red", "dim", "bold"


class _Harmless(Console):
    """It alone steers the terminal, whatever stands in what it shows."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """What Console.render makes of it."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=harmless(segment.text))


def console() -> Console:
    """Standard output; plain when it is no terminal, and without colours under NO_COLOR."""
    out = _output()
    return _Harmless(file=out, force_terminal=out.isatty(), highlight=False, markup=False, emoji=False)


def line(text: str) -> None:
    """Print one line, at once."""
    print(harmless(text), file=_output(), flush=True)


def show(*parts: RenderableType) -> None:
    """Print to standard output: a plain string as it is, everything else within the terminal's width.

    Into a file or a pipe without the spaces that fill up a table's lines.
    """
    out = console()
    with out.capture() as printed:
        for part in parts:
            out.print(part, soft_wrap=isinstance(part, str))
    text = printed.get()
    if not out.is_terminal:
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    _output().write(text)


def _output() -> TextIO:
    """Standard output; where its encoding has no µ, a question mark stands for it."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return sys.stdout


def table(
    *headings: str, right: Collection[str] = (), whole: Collection[str] = (), widths: Sequence[int] = ()
) -> Table:
    """A table without lines: `right` names columns of numbers, `whole` those that are never broken.

    `widths` gives each column a least width, so that several tables line up.
    """
    rows = Table(box=None, pad_edge=False, header_style=BOLD)
    for heading, width in zip_longest(headings, widths):
        side: JustifyMethod = "right" if heading in right else "left"
        rows.add_column(heading, justify=side, overflow="fold", no_wrap=heading in whole, min_width=width)
    return rows


def pairs(*facts: tuple[str, RenderableType]) -> Table:
    """Names and what is behind them, one below the other; empty ones are left out."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style=DIM, no_wrap=True)
    rows.add_column(overflow="fold")
    for name, fact in facts:
        if fact:
            rows.add_row(name, fact)
    return rows


def machine(item: Any) -> None:  # noqa: ANN401  # anything JSON can say
    """One line of JSON, for programs."""
    line(json.dumps(item))


@contextmanager
def redrawn() -> Iterator[Live]:
    """A view that `update(..., refresh=True)` draws anew in place; Ctrl-C ends it and leaves the last one."""
    from rich.live import Live

    with Live(console=console(), auto_refresh=False) as live:
        try:
            yield live
        except KeyboardInterrupt:
            return
