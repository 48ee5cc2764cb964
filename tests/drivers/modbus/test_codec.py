"""Registers to numbers and back: every type in every order, against an independent statement of each."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus.codec import compile_block, encode_value, reorder
from drivers.modbus.plan import Block
from drivers.readings import Quality
from firmware_profiles.declared import checked
from firmware_profiles.schema import RegisterPoint

ORDERS = ["ABCD", "DCBA", "BADC", "CDAB"]
INTEGERS = {"uint16": (16, False), "int16": (16, True), "uint32": (32, False), "int32": (32, True),
            "uint48": (48, False), "int48": (48, True), "uint64": (64, False), "int64": (64, True)}  # fmt: skip


def point(**keys) -> RegisterPoint:
    return checked(RegisterPoint, {"channel": "raw", "address": 0, **keys})


def decode_one(p: RegisterPoint, data: bytes):
    (reading,) = compile_block(Block(p.table, p.address, len(data) // 2, (p,)))(data)
    return reading


def letters(order: str, size: int) -> bytes:
    """The bytes A, B, C ... as a device of this order sends a value whose big-endian bytes are A, B, C ..."""
    value = bytes(range(65, 65 + size))
    if order == "ABCD":
        return value
    if order == "DCBA":
        return value[::-1]
    words = [value[i : i + 2] for i in range(0, size, 2)]
    if order == "BADC":
        return b"".join(word[::-1] for word in words)
    return b"".join(reversed(words))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [2, 4, 6, 8])
def test_each_order_puts_the_most_significant_byte_first(order, size):
    assert reorder(letters(order, size), order) == bytes(range(65, 65 + size))


@pytest.mark.parametrize(
    ("sent", "order"),
    [("C2F6E979", "ABCD"), ("79E9F6C2", "DCBA"), ("F6C279E9", "BADC"), ("E979C2F6", "CDAB")],
)
def test_minus_123_456_arrives_in_all_four_orders(sent, order):
    reading = decode_one(point(type="float32", order=order), bytes.fromhex(sent))
    assert reading.value == -123.456


@given(data=st.data(), order=st.sampled_from(ORDERS), kind=st.sampled_from(sorted(INTEGERS)))
def test_integers_survive_the_way_there_and_back(data, order, kind):
    bits, signed = INTEGERS[kind]
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    number = data.draw(
        st.integers(low, high) if bits < 53 else st.integers(max(low, -(2**53)), min(high, 2**53))
    )
    p = point(type=kind, order=order)
    registers = encode_value(p, number)
    assert decode_one(p, struct.pack(f">{len(registers)}H", *registers)).value == number


@given(number=st.floats(width=32, allow_nan=False, allow_infinity=False), order=st.sampled_from(ORDERS))
def test_floats_keep_seven_digits(number, order):
    p = point(type="float32", order=order)
    registers = encode_value(p, number)
    value = decode_one(p, struct.pack(">2H", *registers)).value
    assert math.isclose(value, number, rel_tol=5e-7, abs_tol=1e-44)


@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf])
def test_a_float_that_is_no_number_never_becomes_a_value(special):
    reading = decode_one(point(type="float32"), struct.pack(">f", special))
    assert (reading.value, reading.quality, reading.test) == (None, Quality.BAD, "not_finite")


def test_a_product_beyond_all_numbers_never_becomes_a_value():
    reading = decode_one(point(type="float64", scale=1000.0), struct.pack(">d", 1e308))
    assert (reading.value, reading.quality, reading.test) == (None, Quality.BAD, "not_finite")


@given(digits=st.integers(0, 99999999), order=st.sampled_from(ORDERS))
def test_bcd_reads_its_digits(digits, order):
    p = point(type="bcd32", order=order)
    registers = encode_value(p, digits)
    assert decode_one(p, struct.pack(">2H", *registers)).value == digits
    assert reorder(struct.pack(">2H", *registers), order).hex() == f"{digits:08d}"


def test_a_bcd_nibble_above_nine_is_refused():
    reading = decode_one(point(type="bcd16"), bytes.fromhex("12A4"))
    assert (reading.value, reading.quality, reading.test) == (None, Quality.BAD, "bcd")


@given(word=st.integers(0, 0xFFFF), low=st.integers(0, 15), data=st.data())
def test_bits_and_bit_fields(word, low, data):
    length = data.draw(st.integers(1, 16 - low))
    raw = struct.pack(">H", word)
    assert decode_one(point(type="bit", bit=low), raw).value is bool(word & (1 << low))
    field = decode_one(point(type="bitfield", bit=low, length=length), raw).value
    assert field == int(f"{word:016b}"[16 - low - length : 16 - low], 2)


def test_text_ends_at_the_first_nul_and_is_trimmed():
    assert decode_one(point(type="string", length=4), b"SN-42 \0\xff").value == "SN-42"
    assert decode_one(point(type="string", length=4, order="BADC"), b"NS4-\x002\0\0").value == "SN-42"


@pytest.mark.parametrize(
    ("keys", "raw", "expected"),
    [
        ({"scale": 0.1}, 246, 24.6),
        ({"scale": 0.01, "type": "int16"}, 0x10000 - 172, -1.72),
        ({"scale": 0.2}, 7, 1.4),
        ({"scale": -0.001, "offset": 12.345}, 1234, 11.111),
        ({"scale": 100.0}, 30, 3000.0),
        ({"offset": -40.0}, 65, 25.0),
    ],
)
def test_scale_and_offset_leave_no_binary_noise(keys, raw, expected):
    assert decode_one(point(**keys), struct.pack(">H", raw)).value == expected


def test_an_absent_probe_gives_no_value():
    reading = decode_one(point(scale=0.1, absent=[0xFFFF, 300]), struct.pack(">H", 300))
    assert (reading.value, reading.quality, reading.test) == (None, Quality.MISSING, "not_installed")


@pytest.mark.parametrize("sentinel", [-9999.9, 3276.7, 3.4028234e38])
def test_an_absent_float_is_known_in_the_precision_the_device_sends(sentinel):
    p = point(type="float32", absent=[1e300, sentinel])
    assert decode_one(p, struct.pack(">f", sentinel)).test == "not_installed"
    assert decode_one(p, struct.pack(">f", -9999.8)).value == -9999.8


def test_labels_name_a_number_and_refuse_an_unknown_one():
    door = point(labels={0: "closed", 1: "open"}, writable=True)
    assert decode_one(door, b"\0\1").value == "open"
    assert decode_one(door, b"\0\7").test == "unknown_label"
    assert encode_value(door, "open") == [1]
    with pytest.raises(ValueError, match=r"expected one of closed, open, got 'ajar'"):
        encode_value(door, "ajar")


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ({}, 70000),
        ({"type": "int16"}, 40000),
        ({"type": "bcd16"}, 10000),
        ({"type": "bcd16"}, -1),
        ({"type": "uint48"}, -5),
    ],
)
def test_a_value_that_does_not_fit_is_not_written(keys, value):
    with pytest.raises(ValueError, match="does not fit"):
        encode_value(point(**keys), value)


def test_writing_undoes_scale_and_offset():
    assert encode_value(point(scale=0.1, offset=-40.0), 25.0) == [650]


@given(st.data())
def test_a_mixed_block_decodes_as_its_points_do_alone(data):
    """Overlapping points, holes and odd orders in one block give what each point gives by itself."""
    kinds = ["uint16", "int16", "uint32", "int32", "float32", "uint48", "uint64", "bcd16", "bit", "bitfield"]
    points = tuple(
        RegisterPoint(
            channel=f"raw.p{i}", address=data.draw(st.integers(10, 60)), type=data.draw(st.sampled_from(kinds)),
            order=data.draw(st.sampled_from(ORDERS)), bit=data.draw(st.integers(0, 8)), length=3,
        )
        for i in range(data.draw(st.integers(1, 12)))
    )  # fmt: skip
    ordered = tuple(sorted(points, key=lambda p: (p.address, p.words)))
    registers = data.draw(st.binary(min_size=2 * 60, max_size=2 * 60))
    together = compile_block(Block("holding", 10, 60, ordered))(registers)
    for p, reading in zip(ordered, together, strict=True):
        start = 2 * (p.address - 10)
        alone = decode_one(p, registers[start : start + 2 * p.words])
        assert reading == alone


@given(bits=st.lists(st.booleans(), min_size=1, max_size=40))
def test_coils_come_least_significant_bit_first(bits):
    points = tuple(
        RegisterPoint(channel=f"switch.c{i}", table="coil", type="bit", address=i) for i in range(len(bits))
    )
    data = sum(b << i for i, b in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")
    readings = compile_block(Block("coil", 0, len(bits), points))(data)
    assert [r.value for r in readings] == bits
