"""Registers to numbers and back: one struct format compiled per block, no call per register."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from drivers.conversion import Convert, Raw, compile_conversion
from drivers.modbus.plan import Block
from drivers.readings import Quality, Reading, Value
from firmware_profiles.schema import Order, RegisterPoint

Decode = Callable[[bytes], list[Reading]]

_NATIVE = {"uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "uint64": "Q", "int64": "q",
           "float32": "f", "float64": "d", "bit": "H", "bitfield": "H"}  # fmt: skip
_PLAIN = frozenset(_NATIVE) - {"bit", "bitfield"}


def compile_block(block: Block) -> Decode:
    """A function from the block's bytes, as they came, to one Reading a point, in the block's order.

    Registers: 2 * count bytes, big-endian registers. Bits: ceil(count / 8) bytes, least significant first
    (Modbus Application Protocol V1.1b3, 6.1). Points may share registers (bits of a status word do).
    """
    if block.table in ("coil", "discrete"):
        return _compile_bits(block)
    layers = [_compile_layer(block, layer) for layer in _layers(block.points)]
    if len(layers) == 1:
        return layers[0]
    order = {point.channel: i for i, point in enumerate(block.points)}

    def decode(data: bytes) -> list[Reading]:
        readings = [reading for layer in layers for reading in layer(data)]
        return sorted(readings, key=lambda reading: order[reading.channel])

    return decode


def encode_value(point: RegisterPoint, value: Value) -> list[int]:
    """The registers (0..65535 each) or the single bit that write `value` to this point.

    Raises:
        ValueError: the value does not fit the type, or the point is a bit field or text.
    """
    if point.labels:
        by_text = {text: number for number, text in point.labels.items()}
        if value not in by_text:
            raise ValueError(f"{point.channel}: expected one of {', '.join(by_text)}, got {value!r}")
        value = by_text[str(value)]
    if isinstance(value, str) or point.type in ("bitfield", "string"):
        raise ValueError(f"{point.channel}: {point.type} cannot be written")
    if point.table == "coil" or point.type == "bit":
        return [int(bool(value))]
    is_plain = point.scale == 1.0 and point.offset == 0.0  # whole numbers above 2^53 are no floats
    raw = value if is_plain else (value - point.offset) / point.scale
    data = _pack(point, raw if point.type.startswith("float") else round(raw))
    return list(struct.unpack(f">{len(data) // 2}H", data))


def reorder(data: bytes, order: Order) -> bytes:
    """Bytes in the given order put most significant first, or back: each of the four is its own inverse."""
    if order in ("BADC", "DCBA"):
        data = b"".join(data[i + 1 : i + 2] + data[i : i + 1] for i in range(0, len(data), 2))
    if order in ("CDAB", "DCBA"):
        data = b"".join(data[i : i + 2] for i in range(len(data) - 2, -1, -2))
    return data


def _layers(points: Sequence[RegisterPoint]) -> list[list[RegisterPoint]]:
    """Points grouped so that within a group no two share a register: one struct format can hold a group."""
    layers: list[list[RegisterPoint]] = []
    for point in points:
        for layer in layers:
            if layer[-1].address + layer[-1].words <= point.address:
                layer.append(point)
                break
        else:
            layers.append([point])
    return layers


def _compile_layer(block: Block, points: list[RegisterPoint]) -> Decode:
    layout, at = ">", block.address
    for point in points:
        layout += f"{2 * (point.address - at)}x" if point.address > at else ""
        native = _NATIVE.get(point.type) if point.order == "ABCD" else None
        layout += native or f"{2 * point.words}s"
        at = point.address + point.words
    layout += f"{2 * (block.address + block.count - at)}x"
    unpack = struct.Struct(layout).unpack
    steps = [(point.channel, _compile_point(point)) for point in points]

    def decode(data: bytes) -> list[Reading]:
        return [
            Reading(channel, *convert(raw))
            for (channel, convert), raw in zip(steps, unpack(data), strict=True)
        ]

    return decode


def _compile_bits(block: Block) -> Decode:
    steps = [(p.channel, p.address - block.address, compile_conversion(p)) for p in block.points]

    def decode(data: bytes) -> list[Reading]:
        return [Reading(c, *convert(bool(data[i >> 3] >> (i & 7) & 1))) for c, i, convert in steps]

    return decode


def _compile_point(point: RegisterPoint) -> Convert:
    """What turns the struct's field, a number or the raw bytes of an odd order or type, into a value."""
    convert = compile_conversion(point, single_precision=point.type == "float32")
    if point.type.startswith("bcd"):
        return lambda raw: _bcd(reorder(raw, point.order), convert)  # type: ignore[arg-type]
    if point.order == "ABCD" and point.type in _PLAIN:
        return convert
    number = _from_bytes(point)
    return lambda raw: convert(number(raw))


def _from_bytes(point: RegisterPoint) -> Callable[[object], Raw]:
    order, bit, mask = point.order, point.bit, (1 << point.length) - 1
    match point.type:
        case "bit":
            return lambda raw: bool(_as_int(raw, order) >> bit & 1)
        case "bitfield":
            return lambda raw: _as_int(raw, order) >> bit & mask
        case "string":
            return lambda raw: _text(reorder(raw, order))  # type: ignore[arg-type]
        case "uint48" | "int48":
            signed = point.type == "int48"
            return lambda raw: int.from_bytes(reorder(raw, order), "big", signed=signed)  # type: ignore[arg-type]
    unpack = struct.Struct(">" + _NATIVE[point.type]).unpack
    return lambda raw: unpack(reorder(raw, order))[0]  # type: ignore[arg-type]


def _as_int(raw: object, order: Order) -> int:
    return raw if isinstance(raw, int) else int.from_bytes(reorder(raw, order), "big")  # type: ignore[arg-type]


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("ascii", "replace").strip()


def _bcd(data: bytes, convert: Convert) -> tuple[Value | None, Quality, str]:
    """Packed decimal digits; a nibble above 9 is no number: BAD "bcd"."""
    digits = data.hex()
    return convert(int(digits)) if digits.isdecimal() else (None, Quality.BAD, "bcd")


def _pack(point: RegisterPoint, raw: float) -> bytes:
    size = 2 * point.words
    try:
        if point.type.startswith("bcd"):
            data = bytes.fromhex(f"{raw:0{2 * size}d}")
        elif point.type in ("uint48", "int48"):
            data = int(raw).to_bytes(size, "big", signed=point.type == "int48")
        else:
            data = struct.pack(">" + _NATIVE[point.type], raw)
    except (struct.error, OverflowError, ValueError):
        data = b""
    if len(data) != size:
        raise ValueError(f"{point.channel}: {raw:g} does not fit {point.type}")
    return reorder(data, point.order)
