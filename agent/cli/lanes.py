"""Marks above a plot: stretches of time with their names, as many a line as have room. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text

from agent.cli.chart import Mark
from agent.cli.screen import BAD, DIM
from pipelines.events import Severity

STYLES = {
    Severity.INFO: "blue",
    Severity.WATCH: "yellow",
    Severity.WARNING: "bold yellow",
    Severity.CRITICAL: BAD,
}

UNICODE_SIGNS = ("├", "─", "┤", "▶", "◆")
ASCII_SIGNS = ("[", "=", "]", ">", "*")
"""First, inside and last of a line; of one that goes on; of one that is over at once."""


class _Bar(NamedTuple):
    """A mark in its place: the first and the last cell of its line, and of its name."""

    mark: Mark
    first: int
    last: int
    name_at: int

    @property
    def left(self) -> int:
        return min(self.first, self.name_at)

    @property
    def right(self) -> int:
        return max(self.last, self.name_at + len(self.mark.name) - 1)


def bars(
    marks: Sequence[Mark], times: tuple[int, int], width: int, most: int, *, unicode: bool = True
) -> list[Text]:
    """At most `most` lines of `width` cells; the last says how many had no room."""
    lanes: list[list[_Bar]] = []
    for mark in sorted(marks, key=lambda each: each.from_ms):
        bar = _place(mark, times, width)
        lane = next((lane for lane in lanes if all(_apart(bar, other) for other in lane)), None)
        if lane is None:
            lanes.append([bar])
        else:
            lane.append(bar)
    signs = UNICODE_SIGNS if unicode else ASCII_SIGNS
    if len(lanes) <= most:
        return [_line(lane, width, signs) for lane in lanes]
    if not most:
        return []
    shown = lanes[: most - 1]
    hidden = len(marks) - sum(map(len, shown))
    return [*(_line(lane, width, signs) for lane in shown), Text(f"and {hidden} more", DIM)]


def _place(mark: Mark, times: tuple[int, int], width: int) -> _Bar:
    from_ms, to_ms = times
    first, last = (
        round((at_ms - from_ms) / (to_ms - from_ms) * (width - 1))
        for at_ms in (mark.from_ms, to_ms if mark.to_ms is None else mark.to_ms)
    )
    if last + 2 + len(mark.name) <= width:
        return _Bar(mark, first, last, last + 2)
    before = first - 1 - len(mark.name)
    if before >= 0:
        return _Bar(mark, first, last, before)
    inside = max(0, min(first + 2, width - len(mark.name)))
    return _Bar(mark._replace(name=mark.name[: width - inside]), first, last, inside)


def _apart(one: _Bar, other: _Bar) -> bool:
    return one.right + 1 < other.left or other.right + 1 < one.left


def _line(lane: Sequence[_Bar], width: int, signs: Sequence[str]) -> Text:
    begin, middle, end, onward, single = signs
    cells = [" "] * width
    for bar in lane:
        length = bar.last - bar.first + 1
        closing = onward if bar.mark.to_ms is None else end
        alone = onward if bar.mark.to_ms is None else single
        drawn = begin + middle * (length - 2) + closing if length > 1 else alone
        cells[bar.first : bar.last + 1] = drawn
        name_end = bar.name_at + len(bar.mark.name)
        cells[bar.name_at : name_end] = bar.mark.name
        for beside in (bar.name_at - 1, name_end):  # within its own line the name stands free
            if bar.first < beside < bar.last:
                cells[beside] = " "
    text = Text("".join(cells), no_wrap=True)
    for bar in lane:
        text.stylize(STYLES[bar.mark.severity], bar.left, bar.right + 1)
    return text
