"""What a scan found, for people: instruments with reasons, registers with the word orders side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agent.amounts import value
from agent.cli import screen, texts
from drivers.readings import Reading
from drivers.scanning.recognition import Match
from drivers.scanning.scanner import Found, written
from drivers.scanning.wordorder import KINDS, ORDERS, View, views
from firmware_profiles.properties import property_of

MOST_MATCHES = 3
MOST_REGISTERS = 16
_SHORT = {"float32": "f32", "uint32": "u32", "int32": "i32"}
_TABLES = {3: "holding", 4: "input"}
_COLOURS = {"certain": screen.GOOD, "likely": screen.GOOD, "possible": screen.BUSY}


def title(number: int, found: Found) -> Text:
    """`1  9600 8N1, unit 1: keller-36x, likely`."""
    unit = "" if found.unit is None else f", unit {found.unit}"
    head = f"{number}  {written(found.line)}{unit}: "
    if not found.matches:
        return Text.assemble((head, screen.BOLD), texts.SCAN_UNKNOWN)
    best = found.matches[0]
    how = texts.SCAN_PUSHES if found.pushes else ""
    return Text.assemble(
        (head, screen.BOLD), f"{best.profile}, ", (best.verdict, _COLOURS[best.verdict]), how
    )


def found_view(number: int, found: Found, *, registers: bool) -> Iterator[RenderableType]:
    """One instrument; its registers when asked for, or when nobody knows what it is."""
    yield title(number, found)
    matches = found.matches[:MOST_MATCHES]
    for match in matches[:1]:
        yield _indented("; ".join(match.reasons))
        yield _indented(", ".join(map(_said, match.readings)))
    for match in matches[1:]:
        yield _indented(_other(match))
    if more := len(found.matches) - len(matches):
        yield _indented(texts.SCAN_MORE.format(count=more))
    if found.also:
        lines = ", ".join(map(written, found.also))
        yield _indented(texts.SCAN_ALSO.format(lines=lines))
    is_sure = bool(matches) and matches[0].verdict != "possible"
    if found.registers and (registers or not is_sure):
        yield register_table(found.registers, None if registers else MOST_REGISTERS)


def register_table(registers: Mapping[tuple[int, int], int], most: int | None) -> Table:
    """A register a row; below it what it and the next may be together. A star marks what is plausible."""
    right, whole = ("16 bit", *ORDERS), ("register", "hex", "16 bit", "as", *ORDERS)
    rows = screen.table("register", "hex", "16 bit", "as", *ORDERS, right=right, whole=whole)
    for function, at in list(registers)[:most]:
        raw = registers[function, at]
        signed = str(raw - 0x10000) if raw >= 0x8000 else ""
        heads = [(f"{_TABLES[function]} {at}", f"{raw:04x}", str(raw)), ("", "", signed), ("", "", "")]
        for head, pair in zip(heads, _pairs(raw, registers.get((function, at + 1))), strict=True):
            if any((*head, *pair)):
                rows.add_row(*head, *pair)
    return rows


def _pairs(raw: int, follower: int | None) -> list[tuple[str, ...]]:
    """For each type its name and the value in each order; empty where the next register was not read."""
    if follower is None:
        return [()] * len(KINDS)
    shown = views(raw, follower)
    lines = [(kind, [_cell(view) for view in shown if view.kind == kind]) for kind in KINDS]
    return [(_SHORT[kind], *cells) if any(cells) else () for kind, cells in lines]


def _cell(view: View) -> str:
    """A number with its star; an int32 is worth showing if it is negative and small."""
    if view.kind == "int32" and not view.plausible:
        return ""
    text = f"{view.value:.{6 if view.plausible else 4}g}" if view.kind == "float32" else str(view.value)
    return f"{text}*" if view.plausible else text


def _said(reading: Reading) -> str:
    known = property_of(reading.channel)
    text = value(reading.value, known.unit, known.decimals)
    return f"{reading.channel} {text}" + (f" ({reading.test})" if reading.test else "")


def _other(match: Match) -> str:
    shown = ", ".join(map(_said, match.readings[:3])) + (", …" if len(match.readings) > 3 else "")
    return texts.SCAN_OR.format(profile=match.profile, verdict=match.verdict, shown=shown)


def _indented(text: str) -> RenderableType:
    return Padding(Text(text), (0, 0, 0, 3))
