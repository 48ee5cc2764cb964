"""The sheet as a PDF on A4: the same blocks, set on pages. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import gmtime, strftime
from typing import TypeVar

from agent.amounts import moment
from agent.cli import signoff_texts as say
from agent.cli.checks.findings import Verdict
from agent.cli.sheet import plots
from agent.cli.sheet.blocks import (
    Block,
    Cell,
    Column,
    Facts,
    Heading,
    Lines,
    Paragraph,
    Picture,
    Pictures,
    Plots,
    Table,
    blocks,
)
from agent.cli.sheet.content import Sheet, Signature
from agent.cli.sheet.paper import (
    ACCENT,
    BOTTOM,
    FAINT,
    HEIGHT,
    INK,
    LEFT,
    PAPER,
    RIGHT,
    RULE,
    TOP,
    Colour,
    Paper,
)
from agent.cli.sheet.typeface import Face, width, wrap

T = TypeVar("T")

SIZE, SMALL, LEAD = 8.5, 7.0, 11.0
"""Of text, of what is said beside it, and from line to line, pt."""

GAP = 12.0
HALF = (RIGHT - LEFT - GAP) / 2
"""Of what stands two in a row."""

COLOURS: dict[Verdict, Colour] = {
    Verdict.OK: (0.11, 0.48, 0.24), Verdict.WARN: (0.66, 0.4, 0.0), Verdict.FAIL: (0.7, 0.15, 0.12),
    Verdict.UNKNOWN: FAINT,
}  # fmt: skip
_GRID: Colour = (0.9, 0.92, 0.93)
_FRAME: Colour = (0.6, 0.64, 0.69)
_SOFT: Colour = (0.95, 0.96, 0.97)
_STROKES = {"grid": (_GRID, 0.4), "frame": (_FRAME, 0.5), "line": (ACCENT, 0.9)}
_PAD = 5.0
_ASIDE = 12.0
"""Between a column of numbers and the next."""


def pdf(sheet: Sheet) -> bytes:
    """The file."""
    made = strftime("D:%Y%m%d%H%M%SZ", gmtime(sheet.made_ms / 1000))
    setting = _Setting(Paper(f"{say.TITLE}: {_name(sheet)}", made))
    setting.head(sheet)
    for block in blocks(sheet):
        setting.put(block)
    return setting.finish(sheet)


def _name(sheet: Sheet) -> str:
    return sheet.station.get("title") or sheet.station["gateway"]


class _Setting:
    """Puts block below block; what does not fit goes to a page of its own."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._paper.add_page()
        self._y = TOP

    def head(self, sheet: Sheet) -> None:
        place = f"{sheet.station['site']} / {sheet.station['gateway']}"
        about = say.ABOUT.format(version=sheet.version, made=moment(sheet.made_ms))
        self._paper.text(LEFT, self._y + 16, say.TITLE, 20, face="bold")
        self._paper.text(LEFT, self._y + 34, _name(sheet), 13)
        self._paper.text(LEFT, self._y + 47, f"{place}.  {about}", SIZE, colour=FAINT)
        self._paper.line([(LEFT, self._y + 55), (RIGHT, self._y + 55)], ACCENT, 2)
        self._y += 66

    def put(self, block: Block) -> None:
        match block:
            case Heading(text):
                self._heading(text)
            case Paragraph(text, verdict):
                self._result(text, COLOURS[verdict]) if verdict else self._paragraph(text)
            case Facts(pairs):
                self._facts(pairs)
            case Table(columns, rows):
                self._table(columns, rows)
            case _:
                self._put_wide(block)

    def _put_wide(self, block: Block) -> None:
        """What stands two in a row."""
        match block:
            case Plots(channels, offset_min):
                for pair in _pairs(channels):
                    self._plots([[*plots.plot(each, offset_min)] for each in pair])
            case Pictures(pictures):
                for row in _pairs(pictures):
                    self._pictures(row)
            case Lines(signatures):
                for who in _pairs(signatures):
                    self._sign(who)
            case _:
                pass

    def finish(self, sheet: Sheet) -> bytes:
        """With a foot on each page."""
        self._room(2 * LEAD + 6)
        self._y += 6
        self._paragraph(say.DIGEST_HOW, FAINT, SMALL)
        for page, pages in self._paper.pages():
            y = HEIGHT - 26
            self._paper.line([(LEFT, y - 10), (RIGHT, y - 10)], RULE)
            self._paper.text(
                LEFT, y, f"{sheet.station['site']} / {sheet.station['gateway']}", SMALL, colour=FAINT
            )
            where = say.PAGE.format(page=page, pages=pages)
            self._paper.text(RIGHT, y, where, SMALL, colour=FAINT, side="end")
            self._paper.text(LEFT, y + 10, say.DIGEST.format(digest=sheet.digest), SMALL, colour=FAINT)
        return self._paper.finish()

    def _room(self, height: float) -> bool:
        """Make sure that so much fits; whether a page was begun for it."""
        if self._y + height <= BOTTOM:
            return False
        self._paper.add_page()
        self._y = TOP
        return True

    def _heading(self, text: str) -> None:
        self._room(70)
        self._y += 20
        self._paper.text(LEFT, self._y, text, 11, face="bold", colour=ACCENT)
        self._paper.line([(LEFT, self._y + 4), (RIGHT, self._y + 4)], RULE)
        self._y += 9

    def _paragraph(self, text: str, colour: Colour = INK, size: float = SIZE) -> None:
        self._y += 3
        for line in wrap(text, RIGHT - LEFT, size):
            self._room(LEAD)
            self._paper.text(LEFT, self._y + size, line, size, colour=colour)
            self._y += LEAD
        self._y += 2

    def _result(self, text: str, colour: Colour) -> None:
        self._paper.box(LEFT, self._y, RIGHT - LEFT, 24, _SOFT)
        self._paper.box(LEFT, self._y, 4, 24, colour)
        self._paper.text(LEFT + 13, self._y + 16, text, 12, face="bold", colour=colour)
        self._y += 24

    def _facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Two columns, filled row by row."""
        names = max(width(name, SIZE) for name, _ in pairs) + 10
        for n in range(0, len(pairs), 2):
            row = [(name, wrap(text, HALF - names, SIZE)) for name, text in pairs[n : n + 2]]
            height = max(len(lines) for _, lines in row) * LEAD
            self._room(height)
            for place, (name, lines) in enumerate(row):
                x = LEFT + place * (HALF + GAP)
                self._paper.text(x, self._y + SIZE, name, SIZE, colour=FAINT)
                for number, line in enumerate(lines):
                    self._paper.text(x + names, self._y + SIZE + number * LEAD, line, SIZE)
            self._y += height + 1

    def _table(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
        shares = sum(column.share for column in columns)
        widths = [column.share / shares * (RIGHT - LEFT) for column in columns]
        self._row(columns, widths, [Cell(column.heading) for column in columns], heading=True)
        for row in rows:
            set_row = [_set(cell, room - _PAD * 2) for cell, room in zip(row, widths, strict=True)]
            if self._room(_height(set_row)):
                self._row(columns, widths, [Cell(column.heading) for column in columns], heading=True)
            self._row(columns, widths, row)

    def _row(
        self,
        columns: Sequence[Column],
        widths: Sequence[float],
        row: Sequence[Cell],
        *,
        heading: bool = False,
    ) -> None:
        x = LEFT
        height = _height([_set(cell, room - _PAD * 2) for cell, room in zip(row, widths, strict=True)])
        for column, room, cell in zip(columns, widths, row, strict=True):
            if cell.verdict is not None:
                self._mark(x, cell.verdict)
            side = "end" if column.right else "start"
            at = x + room - _ASIDE if column.right else x
            face: Face = "bold" if heading else "regular"
            y = self._y + SIZE + 2
            for line, size in _set(cell, room - _PAD * 2):
                colour = FAINT if heading or size == SMALL else INK
                self._paper.text(at, y, line, size, face=face, colour=colour, side=side)
                y += LEAD
            x += room
        self._y += height
        self._paper.line([(LEFT, self._y), (RIGHT, self._y)], FAINT if heading else RULE, 0.5)

    def _mark(self, x: float, verdict: Verdict) -> None:
        self._paper.box(x, self._y + 2, 36, 10, COLOURS[verdict])
        text = say.VERDICTS[verdict]
        self._paper.text(x + 18, self._y + 9.5, text, 7, face="bold", colour=PAPER, side="middle")

    def _plots(self, row: Sequence[Sequence[plots.Shape]]) -> None:
        scale = HALF / plots.WIDTH
        self._room(plots.HEIGHT * scale + 4)
        for place, shapes in enumerate(row):
            for shape in shapes:
                self._shape(shape, LEFT + place * (HALF + GAP), scale)
        self._y += plots.HEIGHT * scale + 4

    def _shape(self, shape: plots.Shape, left: float, scale: float) -> None:
        match shape:
            case plots.Stroke(kind, points):
                colour, thick = _STROKES[kind]
                self._paper.line([(left + x * scale, self._y + y * scale) for x, y in points], colour, thick)
            case plots.Dot(x, y):
                self._paper.box(left + x * scale - 1, self._y + y * scale - 1, 2, 2, ACCENT)
            case plots.Label(kind, x, y, anchor, text):
                is_title = kind == "title"
                self._paper.text(
                    left + x * scale, self._y + y * scale, text, 8 if is_title else 7,
                    face="bold" if is_title else "regular", colour=INK if is_title else FAINT, side=anchor,
                )  # fmt: skip

    def _pictures(self, row: Sequence[Picture]) -> None:
        tall = max((HALF * each.height / each.width if each.jpeg else 0.0) for each in row)
        facts = max(len(each.facts) for each in row)
        self._room(tall + (facts + 2) * LEAD)
        for place, each in enumerate(row):
            x, y = LEFT + place * (HALF + GAP), self._y
            if each.jpeg:
                self._paper.picture(each.jpeg, (each.width, each.height), x, y, HALF)
            y += tall + LEAD
            self._paper.text(x, y, each.title, SIZE, face="bold")
            for fact in each.facts:
                for line in wrap(fact, HALF, SMALL):
                    y += LEAD - 1
                    self._paper.text(x, y, line, SMALL, colour=FAINT)
        self._y += tall + (facts + 2) * LEAD

    def _sign(self, row: Sequence[Signature]) -> None:
        self._room(96)
        for place, each in enumerate(row):
            x, y = LEFT + place * (HALF + GAP), self._y + 14
            self._paper.text(x, y, each.role, SIZE, face="bold")
            for name, text in zip(say.SIGN_LINES, (each.name, each.date, ""), strict=True):
                y += 25
                self._paper.text(x, y, name, SIZE, colour=FAINT)
                self._paper.text(x + 54, y - 1, text, 10)
                self._paper.line([(x + 50, y + 2), (x + HALF, y + 2)], INK, 0.5)
        self._y += 96


def _pairs(each: Sequence[T]) -> Iterator[Sequence[T]]:
    return (each[n : n + 2] for n in range(0, len(each), 2))


def _set(cell: Cell, room: float) -> list[tuple[str, float]]:
    """Its lines with their sizes."""
    lines = [(line, SIZE) for line in wrap(cell.text, room, SIZE)] if cell.text else []
    return lines + ([(line, SMALL) for line in wrap(cell.below, room, SMALL)] if cell.below else [])


def _height(row: Sequence[Sequence[tuple[str, float]]]) -> float:
    return max(*map(len, row), 1) * LEAD + 4
