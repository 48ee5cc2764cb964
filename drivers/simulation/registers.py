"""Values to registers: the inverse of drivers.modbus.codec for every kind of point, and a slave's answers.

Pure. Layouts: Modbus Application Protocol V1.1b3, 4.3, 6 and 7.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace

from drivers.modbus.codec import encode_value, reorder
from drivers.readings import Value
from firmware_profiles.schema import RegisterPoint, Table

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
_TABLES: dict[int, Table] = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
_MOST = {"coil": 2000, "discrete": 2000, "holding": 125, "input": 125}

Words = list[tuple[int, int]]
"""A register each: the bits the point owns, and what stands in them."""


def encode_point(point: RegisterPoint, value: Value | None) -> Words:
    """The registers, or the one bit, in which the device says `value`; None is what it says without a probe.

    Raises:
        ValueError: it does not fit, or the device has no word for a missing value.
    """
    if value is None:
        return _nothing(point)
    if point.type == "string":
        return _whole(_text(point, str(value)))
    if point.table in ("coil", "discrete"):
        return [(1, _integer(point, value) & 1)]
    if point.type in ("bit", "bitfield"):
        return _bits(point, _integer(point, value))
    return [(0xFFFF, word) for word in encode_value(point, value)]


def raw_span(point: RegisterPoint) -> tuple[float, float]:
    """The lowest and highest raw number of the point's type."""
    kind = point.type
    if kind.startswith("float"):
        return (-3.4e38, 3.4e38)
    if kind == "bit":
        return (0, 1)
    if kind == "bitfield":
        return (0, (1 << point.length) - 1)
    digits = 4 * point.words
    if kind.startswith("bcd"):
        return (0, 10**digits - 1)
    bits = 4 * digits
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if kind.startswith("int") else (0, (1 << bits) - 1)


class Image:
    """The registers and bits a device has; addresses no point owns are refused, holes up to `hole` read 0."""

    def __init__(self, points: Iterable[RegisterPoint], hole: int = 0) -> None:
        self._tables: dict[Table, dict[int, int]] = {table: {} for table in _TABLES.values()}
        for point in sorted(points, key=lambda p: (p.table, p.address)):
            table = self._tables[point.table]
            near = max((address for address in table if address < point.address), default=None)
            begin = near + 1 if near is not None and point.address - near - 1 <= hole else point.address
            table |= dict.fromkeys(range(begin, point.address + point.words), 0)

    def put(self, point: RegisterPoint, value: Value | None) -> None:
        """Let the point say `value`; bits of its registers that are others' stay.

        Raises:
            ValueError: see encode_point.
        """
        table = self._tables[point.table]
        for address, (mask, word) in enumerate(encode_point(point, value), point.address):
            table[address] = table[address] & ~mask | word

    def answer(self, pdu: bytes) -> bytes:
        """The answer's PDU to a request's; an exception for what is no read of what there is."""
        function = pdu[0]
        table = _TABLES.get(function)
        if table is None:
            return _refusal(function, ILLEGAL_FUNCTION)
        if len(pdu) != 5:
            return _refusal(function, ILLEGAL_VALUE)
        address, count = struct.unpack(">HH", pdu[1:])
        if not 1 <= count <= _MOST[table]:
            return _refusal(function, ILLEGAL_VALUE)
        try:
            words = [self._tables[table][each] for each in range(address, address + count)]
        except KeyError:
            return _refusal(function, ILLEGAL_ADDRESS)
        return _data(function, words)

    @property
    def tables(self) -> Mapping[Table, Mapping[int, int]]:
        """What stands where."""
        return self._tables


def _data(function: int, words: list[int]) -> bytes:
    if function in (3, 4):
        data = struct.pack(f">{len(words)}H", *words)
    else:
        data = sum(bit << i for i, bit in enumerate(words)).to_bytes((len(words) + 7) // 8, "little")
    return bytes((function, len(data))) + data


def _refusal(function: int, code: int) -> bytes:
    return bytes((function | 0x80, code))


def _nothing(point: RegisterPoint) -> Words:
    """The first raw value listed as absent; not a number where the type has that."""
    if point.absent:
        bare = replace(point, scale=1.0, offset=0.0, labels={})
        return encode_point(bare, point.absent[0])
    if point.type.startswith("float"):
        return [(0xFFFF, word) for word in encode_value(point, math.nan)]
    raise ValueError(f"{point.channel}: this instrument has no word for a missing value")


def _integer(point: RegisterPoint, value: Value) -> int:
    """The raw number of a bit or bit field."""
    if point.labels:
        by_text = {text: number for number, text in point.labels.items()}
        if value not in by_text:
            raise ValueError(f"{point.channel}: expected one of {', '.join(by_text)}, got {value!r}")
        return by_text[str(value)]
    if isinstance(value, str):
        raise ValueError(f"{point.channel}: expected a number, got {value!r}")  # noqa: TRY004  one error
    raw = int(value) if isinstance(value, bool) else round((value - point.offset) / point.scale)
    low, high = raw_span(point)
    if not low <= raw <= high:
        raise ValueError(f"{point.channel}: {raw} does not fit {point.type}")
    return raw


def _bits(point: RegisterPoint, raw: int) -> Words:
    width = point.length if point.type == "bitfield" else 1
    ((_, mask),) = _whole(reorder(((1 << width) - 1 << point.bit).to_bytes(2, "big"), point.order))
    ((_, word),) = _whole(reorder((raw << point.bit).to_bytes(2, "big"), point.order))
    return [(mask, word)]


def _text(point: RegisterPoint, text: str) -> bytes:
    try:
        octets = text.encode("ascii")
    except UnicodeEncodeError:
        raise ValueError(f"{point.channel}: expected ASCII, got {text!r}") from None
    if len(octets) > 2 * point.words:
        raise ValueError(f"{point.channel}: {text!r} is longer than {2 * point.words} characters")
    return reorder(octets.ljust(2 * point.words, b"\0"), point.order)


def _whole(data: bytes) -> Words:
    return [(0xFFFF, word) for word in struct.unpack(f">{len(data) // 2}H", data)]
