"""From a proven frame to readings, compiled once from the profile."""

from __future__ import annotations

import fnmatch
import math
import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from drivers.conversion import Converted, compile_conversion
from drivers.readings import Quality, Reading
from firmware_profiles.frames import FramePoint, FrameSpec, Match

T = TypeVar("T")
Decode = Callable[[bytes], list[Reading]]
Found = Sequence[tuple[str, str]]
"""The number and unit texts that stand in a point's place: one, none, or too many."""

_EMPTY: Converted = (None, Quality.MISSING, "empty")
_INVALID: Converted = (None, Quality.MISSING, "invalid")
_STATUS: Converted = (None, Quality.BAD, "status")
_NOT_NUMERIC: Converted = (None, Quality.BAD, "not_numeric")
_AMBIGUOUS: Converted = (None, Quality.BAD, "ambiguous")
_UNIT: Converted = (None, Quality.BAD, "unit")
_RANGE: Converted = (None, Quality.BAD, "raw_range")

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_PAIR = re.compile(r"([^\s=]+)(?:\s*=\s*|\s+)(.*)", re.DOTALL)
_MEASURE = re.compile(rf"({_NUMBER.pattern})\s*((?![\d.+-])\S*)")


class Line:
    """A text frame cut into columns, without the blanks around them."""

    def __init__(self, text: str, separator: str) -> None:
        self.columns = [part.strip() for part in (text.split(separator) if separator else [text])]

    def column(self, index: int) -> str:
        """A column's text, "" beyond the last."""
        return self.columns[index] if index < len(self.columns) else ""

    @cached_property
    def pairs(self) -> dict[str, list[str]]:
        """What stands behind each key, in order."""
        found: dict[str, list[str]] = {}
        for column in self.columns:
            if pair := _PAIR.fullmatch(column):
                found.setdefault(pair[1], []).append(pair[2])
        return found

    @cached_property
    def quads(self) -> dict[str, list[tuple[str, str]]]:
        """Number and unit by type and by type:name (NMEA 0183 XDR: type, number, unit, name, repeated)."""
        found: dict[str, list[tuple[str, str]]] = {}
        for at in range(1, len(self.columns) - 2, 4):
            kind, number, unit = self.columns[at : at + 3]
            for key in (kind, f"{kind}:{self.column(at + 3)}"):
                found.setdefault(key, []).append((number, unit))
        return found


def compile_fields(spec: FrameSpec, points: Sequence[FramePoint]) -> Decode:
    """A function frame -> readings of the points which that frame holds, in their order.

    Fields lie in what the checksum covers, without one in what stands between start and end.

    MISSING "empty" is a field with nothing in it, "invalid" one marked so by its unit; BAD "status" a gauge
    that warns of its own value, "not_numeric", "ambiguous" (a key twice), "unit" (none of the profile's) and
    "raw_range" a field that cannot be trusted.
    """
    start, end = spec.octets(spec.start), spec.octets(spec.end)
    first, last = spec.checksum.span if spec.checksum else (len(start), -len(end) or None)
    if spec.form == "binary":
        binary = [_compile_binary(point) for point in points]
        return lambda frame: _readings(binary, frame[:last])
    text = [_compile_text(spec, point) for point in points]
    return lambda frame: _readings(text, Line(frame[first:last].decode("latin-1"), spec.separator))


def _readings(read: Iterable[Callable[[T], Reading | None]], frame: T) -> list[Reading]:
    return [reading for one in read if (reading := one(frame))]


def _compile_binary(point: FramePoint) -> Callable[[bytes], Reading | None]:
    at, number = point.at or 0, _binary_number(point)
    end = at + _width(point)
    selected, good = _octets_match(point.select), _octets_match(point.good)
    finish = _finish(point)

    def read(frame: bytes) -> Reading | None:
        if not selected(frame):
            return None
        if not good(frame):
            return Reading(point.channel, *_STATUS)
        return finish(number(frame[at:end]) if end <= len(frame) else _EMPTY)

    return read


def _compile_text(spec: FrameSpec, point: FramePoint) -> Callable[[Line], Reading | None]:
    selected, good = _columns_match(point.select), _columns_match(point.good)
    find, finish = _finder(point), _finish(point)

    def read(line: Line) -> Reading | None:
        if not selected(line):
            return None
        if not good(line):
            return Reading(point.channel, *_STATUS)
        return finish(_measured(find(line), point.units, spec.invalid_unit))

    return read


def _finder(point: FramePoint) -> Callable[[Line], Found]:
    column, unit_column = point.column, point.unit_column
    if column is not None:
        if unit_column is None:
            return lambda line: ((line.column(column), ""),)
        return lambda line: ((line.column(column), line.column(unit_column)),)
    if point.quad:
        return lambda line: line.quads.get(point.quad, ())
    return lambda line: [_number_and_unit(text) for text in line.pairs.get(point.key, ())]


def _number_and_unit(text: str) -> tuple[str, str]:
    measure = _MEASURE.fullmatch(text)
    return (measure[1], measure[2]) if measure else (text, "")


def _measured(found: Found, units: Mapping[str, float], invalid_unit: str) -> float | Converted:
    """The number in the property's unit; seven digits are enough for any text and hide binary noise."""
    if len(found) != 1:
        return _AMBIGUOUS if found else _EMPTY
    number, unit = found[0]
    if not number:
        return _EMPTY
    if invalid_unit and unit == invalid_unit:
        return _INVALID
    if not _NUMBER.fullmatch(number):
        return _NOT_NUMERIC
    if not units:
        return float(number)
    factor = units.get(unit)
    return _UNIT if factor is None else float(f"{float(number) * factor:.7g}")


def _finish(point: FramePoint) -> Callable[[float | Converted], Reading]:
    """From the number as sent, or the reason why there is none, to the reading."""
    channel, convert = point.channel, compile_conversion(point, single_precision=point.type == "float32")
    low, high = point.valid or (-math.inf, math.inf)

    def finish(raw: float | Converted) -> Reading:
        if isinstance(raw, tuple):
            return Reading(channel, *raw)
        if point.valid and not low <= raw <= high:
            return Reading(channel, *_RANGE)
        return Reading(channel, *convert(raw))

    return finish


def _binary_number(point: FramePoint) -> Callable[[bytes], float]:
    if point.type == "float32":
        layout = struct.Struct(">f" if point.order == "big" else "<f")
        return lambda octets: float(layout.unpack(octets)[0])
    order, signed = point.order, point.type.startswith("int")
    return lambda octets: int.from_bytes(octets, order, signed=signed)


def octets_of(point: FramePoint, raw: float) -> bytes:
    """A raw number as the bytes of a binary field: what compile_fields reads back.

    Raises:
        ValueError: it does not fit the field's type.
    """
    try:
        if point.type == "float32":
            return struct.pack(">f" if point.order == "big" else "<f", raw)
        return int(raw).to_bytes(_width(point), point.order, signed=point.type.startswith("int"))
    except (OverflowError, struct.error):
        raise ValueError(f"{point.channel}: {raw:g} does not fit {point.type}") from None


def _width(point: FramePoint) -> int:
    """Bytes of the type, whose name ends in its bits."""
    return int(point.type.removeprefix("u").removeprefix("int").removeprefix("float")) // 8


def _octets_match(match: Match) -> Callable[[bytes], bool]:
    wanted = [(at, bytes.fromhex(written)) for at, written in match.items()]
    return lambda frame: all(frame.startswith(octets, at) for at, octets in wanted)


def _columns_match(match: Match) -> Callable[[Line], bool]:
    wanted = [(column, re.compile(fnmatch.translate(pattern)).match) for column, pattern in match.items()]
    return lambda line: all(fits(line.column(column)) for column, fits in wanted)
