"""Figures for people, in aligned columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

Figure = float | int | str


def table(rows: Sequence[Mapping[str, Figure]]) -> str:
    """One line a row under the names of the first row's figures; numbers to the right."""
    names = list(rows[0])
    cells = [names, *([f"{row.get(name, '')}" for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    texts = [all(isinstance(row[name], str) for row in rows) for name in names]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if is_text else cell.rjust(width)
            for cell, width, is_text in zip(line, widths, texts, strict=True)
        ).rstrip()
        for line in cells
    )


def upright(columns: Sequence[Mapping[str, Figure]], titles: Sequence[str] = ()) -> str:
    """A figure a line, a run a column."""
    names = titles or [f"run {number}" for number in range(1, len(columns) + 1)]
    figures = dict.fromkeys(name for column in columns for name in column)
    return table(
        [
            {"figure": figure}
            | {name: column.get(figure, "-") for name, column in zip(names, columns, strict=True)}
            for figure in figures
        ]
    )


def middle(rows: Sequence[Mapping[str, Figure]], name: str) -> float:
    """The median of one figure over the rows."""
    return median(float(row[name]) for row in rows)


def percentile(figures: Sequence[float], percent: float) -> float:
    """The figure that `percent` of them stay below; 0 if there are none."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
