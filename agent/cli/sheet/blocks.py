"""The sheet as blocks from top to bottom, whatever draws them. Pure."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agent.amounts import many, moment
from agent.cli import signoff_texts as say
from agent.cli.checks.findings import Verdict
from agent.cli.sheet.content import Channel, Sheet, Signature


class Column(NamedTuple):
    """`share` is its part of the width, of what all columns have together."""

    heading: str
    share: float
    right: bool = False


class Cell(NamedTuple):
    """`below` stands smaller in a second line; `verdict` makes it a mark in the verdict's colour."""

    text: str
    below: str = ""
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """Of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`verdict` makes it the result of the whole sheet."""

    text: str
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what is behind them, in two columns."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Plots:
    """A small plot a channel, two in a row."""

    channels: Sequence[Channel]
    offset_min: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG with what is said of it."""

    title: str
    facts: Sequence[str]
    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Pictures:
    """Two in a row."""

    pictures: Sequence[Picture]


@dataclass(frozen=True, slots=True)
class Lines:
    """Where people sign."""

    signatures: Sequence[Signature]


Block = Heading | Paragraph | Facts | Table | Plots | Pictures | Lines

_INSTRUMENTS = (
    Column("device", 20), Column("instrument", 28), Column("line", 30), Column("unit", 6, right=True),
    Column("every", 8, right=True), Column("serial number", 16),
)  # fmt: skip
_READINGS = (
    Column("reading", 30), Column("last", 13, right=True), Column("lowest", 13, right=True),
    Column("highest", 13, right=True), Column("samples", 9, right=True), Column("quality", 26),
)  # fmt: skip
_CHECKS = (Column("", 8), Column("check", 70), Column("to do", 24))


def blocks(sheet: Sheet) -> Iterator[Block]:
    """In the order of the paper."""
    yield result(sheet)
    yield Heading(say.STATION)
    yield Facts([(say.KEYS[key], text) for key, text in sheet.station.items()])
    if sheet.instruments:
        yield Heading(say.INSTRUMENTS)
        yield _instruments(sheet)
    yield from _readings(sheet)
    if sheet.cameras:
        yield Heading(say.CAMERAS)
        yield Pictures([*_pictures(sheet)])
    yield Heading(say.CONNECTION)
    yield Facts([(say.KEYS[key], text) for key, text in sheet.connection.items()])
    yield Heading(say.CHECKLIST)
    yield Table(
        _CHECKS, [[Cell("", verdict=c.verdict), Cell(c.found, c.why), Cell(c.do)] for c in sheet.checks]
    )
    yield Heading(say.FAULTS)
    yield from [Paragraph(text) for text in sheet.open] or [Paragraph(say.NONE_OPEN)]
    if sheet.remarks:
        yield Heading(say.REMARKS)
        yield from map(Paragraph, sheet.remarks)
    yield Heading(say.SIGNED)
    yield Lines(sheet.signatures)


def result(sheet: Sheet) -> Paragraph:
    """What the checks come to."""
    fails, warns = sheet.count(Verdict.FAIL), sheet.count(Verdict.WARN)
    if fails:
        return Paragraph(say.FAILED.format(fails=many(fails, "check")), Verdict.FAIL)
    if warns:
        return Paragraph(say.PASSED_WARN.format(warns=many(warns, "check")), Verdict.WARN)
    return Paragraph(say.PASSED, Verdict.OK)


def _instruments(sheet: Sheet) -> Table:
    rows = [
        [
            Cell(each.device, each.title), Cell(each.profile, each.model), Cell(each.bus), Cell(each.unit),
            Cell(f"{each.every_s:g} s"), Cell(each.serial or say.UNKNOWN),
        ]
        for each in sheet.instruments
    ]  # fmt: skip
    return Table(_INSTRUMENTS, rows)


def _readings(sheet: Sheet) -> Iterator[Block]:
    if not sheet.channels:
        return
    begin, end = (moment(at_ms).removesuffix(" UTC") for at_ms in sheet.window)
    count = many(max(each.samples for each in sheet.channels), "sample")
    yield Heading(say.READINGS)
    yield Table(_READINGS, [_reading(each) for each in sheet.channels])
    yield Paragraph(say.WINDOW.format(samples=count, begin=begin, end=end))
    if drawn := [each for each in sheet.channels if len(each.points) > 1]:
        yield Heading(say.PLOTS)
        yield Plots(drawn, sheet.offset_min)


def _reading(each: Channel) -> list[Cell]:
    counts = {name: getattr(each, name) for name in ("good", "unchecked", "suspect", "bad", "missing")}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return [
        Cell(f"{each.device}.{each.channel}", each.title), Cell(each.last), Cell(each.low), Cell(each.high),
        Cell(str(each.samples)), Cell(said or say.NO_SAMPLES, ", ".join(each.tests)),
    ]  # fmt: skip


def _pictures(sheet: Sheet) -> Iterator[Picture]:
    for each in sheet.cameras:
        score = "" if each.score is None else f"score {each.score}"
        serial = f"serial number {each.serial}" if each.serial else ""
        facts = [each.model, serial, ", ".join(filter(None, (each.way, score))), each.note]
        title = f"{each.camera}: {each.title}" if each.title else each.camera
        yield Picture(title, [fact for fact in facts if fact], b64decode(each.jpeg), each.width, each.height)
