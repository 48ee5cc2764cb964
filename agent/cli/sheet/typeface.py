"""Type for the PDF: how wide words are, where lines break, and how they are written in its fonts. Pure.

Helvetica and its bold are among the 14 fonts that every reader has (ISO 32000-1, 9.6.2.2), in the encoding of
Windows; all other characters are in Adobe's Song, which readers have or take a Chinese font of the system for
(9.7.5.2, UniGB-UCS2-H: two octets a character).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Literal, NamedTuple

Face = Literal["regular", "bold"]

SONG = "F3"
FONTS: dict[Face, str] = {"regular": "F1", "bold": "F2"}

_REGULAR = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556"
    " 556 556 556 556 556 556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778"
    " 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 611 278"
    " 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556"
    " 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584"
)
_BOLD = (
    "278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556"
    " 556 556 556 556 556 556 333 333 584 584 584 611 975 722 722 722 722 667 611 778"
    " 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 944 667 667 611 333"
    " 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611"
    " 611 611 389 556 333 611 556 778 556 556 500 389 280 389 584"
)
"""Of U+0020 to U+007E, thousandths of the size (Adobe's AFM of the core 14 fonts)."""

_OTHERS = {"°": 400, "²": 333, "³": 333, "·": 278, "±": 584, "–": 556, "—": 1000, "…": 1000, "’": 222}
_USUAL, _WIDE = 556, 1000


def _widths(text: str) -> dict[str, int]:
    return {chr(32 + n): int(width) for n, width in enumerate(text.split())} | _OTHERS


_WIDTHS: dict[Face, dict[str, int]] = {"regular": _widths(_REGULAR), "bold": _widths(_BOLD)}


class Run(NamedTuple):
    """Characters of one font, as its strings have them."""

    font: str
    octets: bytes


def _latin(character: str) -> bool:
    try:
        character.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def width(text: str, size: float, face: Face = "regular") -> float:
    """Of a line, pt."""
    known = _WIDTHS[face]
    units = sum(known.get(each, _USUAL if _latin(each) else _WIDE) for each in text)
    return units * size / 1000


def runs(text: str, face: Face = "regular") -> Iterator[Run]:
    """The line by fonts; what no font here has is a question mark."""
    plain = "".join(each if each.isprintable() and ord(each) < 0x10000 else "?" for each in text)
    for latin, group in groupby(plain, key=_latin):
        part = "".join(group)
        yield Run(FONTS[face], part.encode("cp1252")) if latin else Run(SONG, part.encode("utf-16-be"))


def wrap(text: str, room: float, size: float, face: Face = "regular") -> list[str]:
    """Lines of at most `room` pt: broken at blanks, between Chinese characters, within words too long."""
    lines, line = [], ""
    for piece in _pieces(text):
        if width(f"{line}{piece}".rstrip(), size, face) <= room:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = piece.lstrip()
        while width(line, size, face) > room and len(line) > 1:
            cut = next(n for n in range(len(line), 0, -1) if n == 1 or width(line[:n], size, face) <= room)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _pieces(text: str) -> Iterator[str]:
    """Words with the blanks before them, and each Chinese character by itself."""
    word = ""
    for each in " ".join(text.split()):
        if each == " " or not _latin(each):
            if word:
                yield word
            word = each
            if each != " ":
                yield word
                word = ""
        else:
            word += each
    if word:
        yield word
