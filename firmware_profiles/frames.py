"""Frames described by data: how a serial gauge's bytes become fields."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from firmware_profiles.declared import Limits, Strict
from firmware_profiles.points import Point, Scale

Form = Literal["binary", "text"]
Order = Literal["big", "little"]
FieldType = Literal["uint8", "int8", "uint16", "int16", "uint24", "int24", "uint32", "int32", "float32"]
ChecksumKind = Literal[
    "sum8", "sum8-inverted", "sum16", "xor8", "crc8-e5",
    "crc16-modbus", "crc16-arc", "crc16-mcrf4xx", "crc16-hj212",
]  # fmt: skip
Offset = Annotated[int, Limits(ge=0, le=0xFFFF)]
Match = dict[Offset, str]
"""What must stand where: byte offset -> hex, or column -> text in which ? and * stand for any."""


class Checksum(Strict):
    """A checksum at byte `at` over the bytes `over` = [from, to), by default all before it.

    Offsets count unstuffed bytes from the frame's first; negative ones from its end. `encoding` is binary
    with the high (big) or low (little) byte first, hex digits in either case, or three characters of six
    bits each on 0x40 (sixbit).
    """

    kind: ChecksumKind
    at: int
    over: tuple[int, int] | None = None
    encoding: Literal["big", "little", "hex", "sixbit"] = "big"

    @property
    def span(self) -> tuple[int, int]:
        """`over` with its default filled in."""
        return self.over or (0, self.at)


class LengthField(Strict):
    """A number at byte `at` that tells the frame's size: (number & mask) + plus bytes in all."""

    at: Offset
    type: Literal["uint8", "uint16"] = "uint8"
    order: Order = "big"
    mask: Annotated[int, Limits(ge=1, le=0xFFFF)] = 0xFFFF
    plus: int

    @property
    def width(self) -> int:
        """Bytes it takes."""
        return 1 if self.type == "uint8" else 2


class Stuffing(Strict):
    """The escape byte; the byte after it is XORed with `xor`. Both as hex."""

    escape: Annotated[str, Limits(pattern="^[0-9A-Fa-f]{2}$")]
    xor: Annotated[str, Limits(pattern="^[0-9A-Fa-f]{2}$")]


class FrameSpec(Strict):
    """How frames are asked for, told apart and proven.

    `requests`, `start` and `end` are hex when the form is binary and text when it is text. In mode request
    each request of a sample is answered by one frame. A frame has a fixed `size`, a `length` field, or lasts
    from `start` to `end`; none is longer than `max_size`. Text is what the checksum covers, without one what
    stands between start and end, cut at `separator`. `invalid_unit` is the unit that marks a number as no
    measurement.
    """

    mode: Literal["listen", "request"]
    form: Form
    requests: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    size: Annotated[int, Limits(ge=1)] | None = None
    length: LengthField | None = None
    max_size: Annotated[int, Limits(ge=1, le=0x10000)] = 512
    stuffing: Stuffing | None = None
    checksum: Checksum | None = None
    separator: str = ""
    invalid_unit: str = ""

    def octets(self, written: str) -> bytes:
        """The bytes behind a request, start or end as it is written; ValueError if it cannot be."""
        if self.form == "text":
            return written.encode("latin-1")
        try:
            return bytes.fromhex(written)
        except ValueError:
            raise ValueError(f'"{written}" is not hex, which form = "binary" expects') from None

    def objection(self, point: FramePoint) -> str:
        """Why frames of this form cannot hold the point, "" if they can."""
        if self.form == "binary" and point.at is None:
            return 'form = "binary" expects a byte offset: at = 0, 1, ...'
        if self.form == "text" and point.at is not None:
            return 'form = "text" expects column, key or quad instead of at'
        try:
            for written in (*point.select.values(), *point.good.values()):
                self.octets(written)
        except ValueError as error:
            return str(error)
        return ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for written in (*self.requests, self.start, self.end):
            self.octets(written)
        if (self.mode == "request") != bool(self.requests):
            raise ValueError('mode = "request" goes with requests, mode = "listen" without')
        if self.size is not None and self.length is not None:
            raise ValueError("size excludes length")
        told = self.size is not None or self.length is not None
        if not told and not (self.start and self.end):
            raise ValueError("where does a frame end? give size or length, or both start and end")
        if self.stuffing and told:
            raise ValueError("stuffed frames are told apart by start and end: remove size and length")
        if not self.start and not self.checksum:
            raise ValueError("any bytes would pass for a frame: give start or checksum")
        if (self.separator or self.invalid_unit) and self.form == "binary":
            raise ValueError('separator and invalid_unit go with form = "text"')


class FramePoint(Point):
    """A value in a frame: binary at byte `at`; in text a column, a key, or a quad of NMEA's XDR.

    A column is counted from 0. A key is the name before a number, as in `Sm=5.8M` or `RInt 0.0 mmph`. A quad
    is its type, or type:name where a type comes twice.

    `select` tells the frames that hold the point, `good` what stands in them when the value can be trusted.
    `units` gives the factor for each unit the gauge may write, in the column `unit_column`, behind the keyed
    number or in the quad. Numbers outside `valid`, after units and before scale, are the gauge's way to say
    that it measured nothing.
    """

    select: Match = field(default_factory=dict)
    good: Match = field(default_factory=dict)
    at: Offset | None = None
    type: FieldType = "uint16"
    order: Order = "big"
    column: Offset | None = None
    key: str = ""
    quad: str = ""
    unit_column: Offset | None = None
    units: dict[str, Scale] = field(default_factory=dict)
    valid: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        places = (self.at is not None) + (self.column is not None) + bool(self.key) + bool(self.quad)
        if places != 1:
            raise ValueError("give one of at, column, key, quad")
        if (self.unit_column is not None) > (self.column is not None and bool(self.units)):
            raise ValueError("unit_column goes with column and units")
        if self.column is not None and self.units and self.unit_column is None:
            raise ValueError("units of a column need unit_column, the column they stand in")
        if self.units and self.at is not None:
            raise ValueError("units go with text; use scale")
        if self.labels and self.type == "float32":
            raise ValueError('labels name whole numbers, not type = "float32"')
