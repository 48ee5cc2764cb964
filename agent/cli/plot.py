"""A chart on the terminal: dots of braille, or of ASCII where there is no braille. Pure but for `fitting`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from rich.console import Console
from rich.text import Text

from agent.cli.chart import Axis, Chart, Limit, period, time_ticks, value_axis
from agent.cli.lanes import bars
from agent.cli.screen import BOLD, DIM
from agent.cli.signs import given, utf8

SERIES_STYLES = ("cyan", "magenta", "green", "yellow", "blue")
LIMIT_STYLE = "yellow"
NAMES_WIDTH = 20
"""Cells right of the plot for the names of limits, at most."""
LEAST_WIDTH, LEAST_HEIGHT = 30, 6
TICK_WIDTH = 9
"""Cells a time takes along the axis, with the space to the next."""

_BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_ASCII = ((1,), (2,))
_ASCII_MARKS = " '.:"


@dataclass(frozen=True, slots=True)
class Signs:
    """What a cell is drawn with: dots a cell across and down, and the lines around."""

    dots: tuple[tuple[int, ...], ...]
    side: str
    tick: str
    corner: str
    floor: str
    floor_tick: str
    limit: str
    above: str
    below: str
    cut: str

    @property
    def across(self) -> int:
        """Dots a cell from left to right."""
        return len(self.dots[0])

    @property
    def down(self) -> int:
        """Dots a cell from top to bottom."""
        return len(self.dots)

    def mark(self, bits: int) -> str:
        """The character with these dots."""
        return chr(0x2800 + bits) if self.across == 2 else _ASCII_MARKS[bits]


BRAILLE = Signs(_BRAILLE, "│", "┤", "└", "─", "┬", "╌", "↑", "↓", "…")
ASCII = Signs(_ASCII, "|", "+", "+", "-", "+", "-", "^", "v", "~")


def fitting(console: Console, environment: Mapping[str, str] | None = None) -> Signs:
    """What this terminal can show, by its locale and its kind; the kernel's own console has no braille."""
    known = given() if environment is None else environment
    try:
        "⣿┤↑…╌".encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    poor = console.is_terminal and known.get("TERM") in ("linux", "dumb")
    return BRAILLE if utf8(known) and not poor else ASCII


def draw(chart: Chart, width: int, height: int, signs: Signs = BRAILLE) -> list[Text]:
    """`height` lines of `width` cells; a title alone where there is nothing to draw.

    From top to bottom: title and period, the marks, the values with their axis, the times.
    """
    width, height = max(width, LEAST_WIDTH), max(height, LEAST_HEIGHT)
    times, values = chart.times(), chart.values()
    if times is None or values is None:
        return [Text(chart.title or "", BOLD, no_wrap=True), Text("nothing to draw", DIM)]
    lanes_room = max(0, min(4, height - LEAST_HEIGHT))
    axes = [value_axis(*values, max((height - 3 - lanes) // 2, 3)) for lanes in range(lanes_room + 1)]
    gutter = max(len(axis.label(tick)) for axis in axes for tick in axis.ticks()) + 2
    margin = _margin(chart.limits, width)
    cells = width - gutter - margin
    marks = bars(chart.marks, times, cells, lanes_room, unicode=signs is BRAILLE)
    rows = height - 3 - len(marks)
    canvas = Canvas(cells, rows, signs, times, axes[len(marks)])
    for number, series in enumerate(chart.series):
        for run in series.runs():
            canvas.join(run, SERIES_STYLES[number % len(SERIES_STYLES)])
    left = " " * gutter
    return [
        _title(chart, times, width),
        *(Text.assemble(left, lane) for lane in marks),
        *_body(chart.limits, canvas, gutter, margin),
        *_floor(chart, times, canvas, gutter),
    ]


class Canvas:
    """Cells of dots, and where a time and a value belong."""

    def __init__(self, width: int, height: int, signs: Signs, times: tuple[int, int], axis: Axis) -> None:
        self.width, self.height, self.signs, self.axis = width, height, signs, axis
        self._from_ms, self._to_ms = times
        self._last_x, self._last_y = width * signs.across - 1, height * signs.down - 1
        self._cells: dict[tuple[int, int], tuple[int, str]] = {}

    def x(self, at_ms: int) -> int:
        """The dot of a time, from the left."""
        return round((at_ms - self._from_ms) / (self._to_ms - self._from_ms) * self._last_x)

    def y(self, value: float) -> int:
        """The dot of a value, from the top; the nearest there is."""
        share = (self.axis.high - value) / (self.axis.high - self.axis.low)
        return min(max(round(share * self._last_y), 0), self._last_y)

    def row(self, value: float) -> int:
        """The cell of a value, from the top."""
        return self.y(value) // self.signs.down

    def dot(self, x: int, y: int, style: str) -> None:
        """Set one."""
        down, across = self.signs.down, self.signs.across
        place = y // down, x // across
        bits = self._cells.get(place, (0, ""))[0]
        self._cells[place] = bits | self.signs.dots[y % down][x % across], style

    def join(self, run: Sequence[tuple[int, float]], style: str) -> None:
        """A line through these values."""
        dots = [(self.x(at_ms), self.y(value)) for at_ms, value in run]
        self.dot(*dots[0], style)
        for (x0, y0), (x1, y1) in pairwise(dots):
            for x, y in _line(x0, y0, x1, y1):
                self.dot(x, y, style)

    def cell(self, row: int, column: int) -> tuple[str, str] | None:
        """Character and style, None where no dot is."""
        found = self._cells.get((row, column))
        return None if found is None else (self.signs.mark(found[0]), found[1])


def _line(x0: int, y0: int, x1: int, y1: int) -> Iterator[tuple[int, int]]:
    """The dots between two, both among them."""
    steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    for step in range(steps + 1):
        yield round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps)


def _margin(limits: Sequence[Limit], width: int) -> int:
    """Cells for the longest name, an arrow and the spaces around; 0 without limits."""
    longest = max((len(limit.name) + 2 for limit in limits), default=0)
    return min(longest, NAMES_WIDTH, width // 4)


def _title(chart: Chart, times: tuple[int, int], width: int) -> Text:
    title = Text(chart.title, BOLD)
    if chart.unit:
        title.append(f" {chart.unit}" if chart.title else chart.unit, DIM)
    if len(chart.series) > 1:
        for number, series in enumerate(chart.series):
            title.append(f"  {series.name}", SERIES_STYLES[number % len(SERIES_STYLES)])
    days = period(*times, chart.offset_min)
    title.truncate(max(width - len(days) - 2, 0))
    title.pad_right(max(width - len(days) - len(title), 1))
    return title.append(days, DIM)


def _body(limits: Sequence[Limit], canvas: Canvas, gutter: int, margin: int) -> Iterator[Text]:
    axis, signs = canvas.axis, canvas.signs
    labels = {canvas.row(tick): axis.label(tick) for tick in axis.ticks()}
    lines = {canvas.row(limit.value) for limit in limits if axis.low <= limit.value <= axis.high}
    names = _names(limits, canvas)
    for row in range(canvas.height):
        label = labels.get(row, "")
        text = Text(f"{label:>{gutter - 2}} {signs.tick if label else signs.side}", DIM)
        empty = (signs.limit, LIMIT_STYLE) if row in lines else (" ", "")
        cells = [canvas.cell(row, column) or empty for column in range(canvas.width)]
        for style, run in groupby(cells, key=lambda cell: cell[1]):
            text.append("".join(character for character, _ in run), style)
        if name := names.get(row):
            room = margin - 1
            text.append(f" {name if len(name) <= room else name[: room - 1] + signs.cut}", LIMIT_STYLE)
        text.rstrip()
        yield text


def _names(limits: Sequence[Limit], canvas: Canvas) -> dict[int, str]:
    """By row the names of the limits there; those further off have an arrow, and a free row near the edge."""
    found: dict[int, str] = {}
    axis = canvas.axis
    for limit in sorted(limits, key=lambda each: -each.value):
        if axis.low <= limit.value <= axis.high:
            row = canvas.row(limit.value)
            found[row] = f"{found[row]}, {limit.name}" if row in found else limit.name
    rows = range(canvas.height)
    above = sorted((each for each in limits if each.value > axis.high), key=lambda each: -each.value)
    below = sorted((each for each in limits if each.value < axis.low), key=lambda each: each.value)
    for arrow, away, order in ((canvas.signs.above, above, rows), (canvas.signs.below, below, rows[::-1])):
        for limit, row in zip(away, [row for row in order if row not in found], strict=False):
            found[row] = arrow + limit.name
    return found


def _floor(chart: Chart, times: tuple[int, int], canvas: Canvas, gutter: int) -> Iterator[Text]:
    signs = canvas.signs
    line = [signs.floor] * canvas.width
    words = [" "] * (canvas.width + gutter)
    for at_ms, label in time_ticks(*times, max(canvas.width // TICK_WIDTH, 1), chart.offset_min):
        column = canvas.x(at_ms) // signs.across
        line[column] = signs.floor_tick
        start = min(max(column + gutter - len(label) // 2, 0), len(words) - len(label))
        words[start : start + len(label)] = label
    yield Text(" " * (gutter - 1) + signs.corner + "".join(line), DIM)
    yield Text("".join(words).rstrip(), DIM)
