"""The terminal: tables that fit it, colours only where somebody sees them, views that redraw themselves."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.table import Table

if TYPE_CHECKING:
    from rich.live import Live

GOOD, BUSY, BAD, DIM, BOLD = "green", "cyan", "bold red", "dim", "bold"


def console(*, stderr: bool = False) -> Console:
    """Standard output or error; plain when it is no terminal, and without colours under NO_COLOR."""
    stream = sys.stderr if stderr else sys.stdout
    if hasattr(stream, "reconfigure"):  # a terminal that knows no µ shows a question mark
        stream.reconfigure(errors="replace")
    return Console(file=stream, force_terminal=stream.isatty(), highlight=False, markup=False, emoji=False)


def show(*parts: RenderableType) -> None:
    """Print to standard output."""
    out = console()
    for part in parts:
        out.print(part)


def table(*headings: str, right: Iterable[str] = (), whole: Iterable[str] = ()) -> Table:
    """A table without lines: `right` names columns of numbers, `whole` those that are never broken."""
    rows = Table(box=None, pad_edge=False, header_style=BOLD)
    for heading in headings:
        side = "right" if heading in right else "left"
        rows.add_column(heading, justify=side, overflow="fold", no_wrap=heading in whole)  # type: ignore[arg-type]
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
    sys.stdout.write(json.dumps(item, ensure_ascii=False) + "\n")
    sys.stdout.flush()


@contextmanager
def redrawn(out: Console) -> Iterator[Live]:
    """A view that `update(..., refresh=True)` draws anew in place; Ctrl-C ends it and leaves the last one."""
    from rich.live import Live

    with Live(console=out, auto_refresh=False, vertical_overflow="crop") as live:
        try:
            yield live
        except KeyboardInterrupt:
            return
