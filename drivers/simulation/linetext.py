"""Values written into lines of text: columns, keyed numbers, NMEA's quads. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence

from drivers.readings import Value
from firmware_profiles.frames import FramePoint, FrameSpec
from firmware_profiles.properties import property_of

_NUMBER = re.compile(r"([+-]?)(\d*)\.?(\d*)")
_KEYED = re.compile(r"(\s*\S+?(?:\s*=\s*|\s+))([+-]?(?:\d+\.?\d*|\.\d+))(.*)", re.DOTALL)


def write_text(spec: FrameSpec, frame: bytes, point: FramePoint, value: Value | None) -> bytes:
    """The frame with the point's value in it, in the unit and with the digits that stood there.

    Raises:
        ValueError: the frame has no place for the point.
    """
    first, last = region(spec)
    columns = frame[first:last].decode("latin-1").split(spec.separator) if spec.separator else None
    whole = columns or [frame[first:last].decode("latin-1")]
    at, unit = _place(whole, point)
    keyed = _KEYED.fullmatch(whole[at]) if point.key else None
    head, number, tail = keyed.groups() if keyed else _padded(whole[at])
    whole[at] = f"{head}{_number(point, number, unit, value)}{tail}"
    tail_bytes = frame[last:] if last is not None else b""
    return frame[:first] + spec.separator.join(whole).encode("latin-1") + tail_bytes


def region(spec: FrameSpec) -> tuple[int, int | None]:
    """Where the text stands in a frame: see drivers.serialframes.fields.compile_fields."""
    if spec.checksum:
        return spec.checksum.span
    return len(spec.octets(spec.start)), -len(spec.octets(spec.end)) or None


def blank_text(spec: FrameSpec, points: Sequence[FramePoint]) -> bytes:
    """A line with a place for each of these points, which share what selects them."""
    columns: dict[int, str] = {}
    for point in points:
        for at, pattern in (*point.select.items(), *point.good.items()):
            columns[at] = _instance(pattern, points)
        if point.column is not None:
            columns[point.column] = "0"
            if point.unit_column is not None:
                columns[point.unit_column] = next(iter(point.units))
    line = [columns.get(at, "") for at in range(max(columns, default=-1) + 1)]
    for point in points:
        unit = next(iter(point.units), "")
        if point.key and not any(column.split(" ")[0] == point.key for column in line):
            line.append(f"{point.key}=0{unit}")
        if point.quad:
            line += [""] * (1 - len(line))
            kind, _, name = point.quad.partition(":")
            line += [kind, "0", unit, name]
    text = spec.separator.join(line).encode("latin-1")
    start, end = spec.octets(spec.start), spec.octets(spec.end)
    first, last = region(spec)
    filler = b"*" * max(0, -(last or 0) - len(end))
    is_within = first == 0 and text.startswith(start)
    return (b"" if is_within else start) + text + filler + end


def _instance(pattern: str, points: Sequence[FramePoint]) -> str:
    """What a pattern fits: a keyed number of one of the points, or letters for its wildcards."""
    keyed = (f"{point.key} 0 {unit}" for point in points if point.key for unit in point.units)
    fitting = (text for text in keyed if "*" in pattern and fnmatch.fnmatchcase(text, pattern))
    return next(fitting, pattern.replace("?", "A").replace("*", ""))


def _place(columns: Sequence[str], point: FramePoint) -> tuple[int, str]:
    """The column that holds the point's number, and its unit."""
    if point.column is not None:
        unit = columns[point.unit_column].strip() if point.unit_column is not None else ""
        return point.column, unit
    for at, column in enumerate(columns):
        if point.key and (keyed := _KEYED.fullmatch(column)) and keyed[1].strip(" =") == point.key:
            return at, keyed[3].split()[0] if keyed[3].split() else ""
        if point.quad and at % 4 == 1 and at + 2 < len(columns):
            name = columns[at + 3].strip() if at + 3 < len(columns) else ""
            if point.quad in (column.strip(), f"{column.strip()}:{name}"):
                return at + 1, columns[at + 2].strip()
    raise ValueError(f"{point.channel}: no place for it in the frame")


def _padded(text: str) -> tuple[str, str, str]:
    inside = text.strip()
    head, _, tail = text.partition(inside) if inside else ("", "", text)
    return head, inside, tail


def _number(point: FramePoint, before: str, unit: str, value: Value | None) -> str:
    """The number in the unit written, with as many decimals and leading zeros as the one before."""
    if value is None:
        return ""
    if isinstance(value, str):
        raise ValueError(f"{point.channel}: expected a number, got {value!r}")  # noqa: TRY004  one error
    number = (value - point.offset) / point.scale / point.units.get(unit, 1.0)
    match = _NUMBER.fullmatch(before)
    sign, whole, part = match.groups() if match and before else ("", "", "0" * decimals_of(point))
    places = len(part)
    width = len(whole) + (places + 1 if places else 0) if whole.startswith("0") and len(whole) > 1 else 0
    text = f"{abs(number):0{width}.{places}f}"
    is_negative = number < 0 and any(digit in "123456789" for digit in text)
    return ("-" if is_negative else "+" if sign == "+" else "") + text


def decimals_of(point: FramePoint) -> int:
    """Decimals of a number that no vector shows."""
    return property_of(point.channel).decimals
