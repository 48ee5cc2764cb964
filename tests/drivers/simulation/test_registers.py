"""What the encoder writes, the driver's own decoder reads: every point of every built-in profile and type."""

from __future__ import annotations

import math
import struct
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus.codec import compile_block
from drivers.modbus.plan import Block, plan_blocks
from drivers.readings import Quality
from drivers.simulation.registers import Image, encode_point, raw_span
from firmware_profiles.loader import list_instruments, load_instrument
from firmware_profiles.schema import ModbusInstrument, ModbusSettings, Order, RegisterPoint

MODBUS = [i for name in list_instruments() if isinstance(i := load_instrument(name), ModbusInstrument)]
ORDERS = get_args(Order)


def answered(image: Image, point: RegisterPoint) -> bytes:
    block = Block(point.table, point.address, point.words, (point,))
    pdu = image.answer(struct.pack(">BHH", block.function, block.address, block.count))
    assert pdu[0] == block.function
    assert pdu[1] == len(pdu) - 2
    return pdu[2:]


def read(image: Image, point: RegisterPoint):
    (reading,) = compile_block(Block(point.table, point.address, point.words, (point,)))(
        answered(image, point)
    )
    return reading


@pytest.mark.parametrize("instrument", MODBUS, ids=lambda each: each.model)
@given(data=st.data())
def test_every_point_of_a_built_in_profile_comes_back(
    instrument: ModbusInstrument, data: st.DataObject
) -> None:
    image, said = Image(instrument.points, instrument.modbus.hole), {}
    for point in instrument.points:
        if point.labels:
            said[point.channel] = data.draw(st.sampled_from(sorted(point.labels.values())))
        elif point.type.startswith("float"):
            said[point.channel] = data.draw(st.floats(-(2.0**90), 2.0**90, width=32))
        else:
            low, high = raw_span(point)
            raw = data.draw(st.integers(int(low), int(high)).filter(lambda n, p=point: n not in p.absent))
            said[point.channel] = raw * point.scale + point.offset
        image.put(point, said[point.channel])
    for block in plan_blocks(instrument.points, instrument.modbus):
        pdu = image.answer(struct.pack(">BHH", block.function, block.address, block.count))
        for reading in compile_block(block)(pdu[2:]):
            want = said[reading.channel]
            near = isinstance(want, str) or math.isclose(reading.value, want, rel_tol=1e-6, abs_tol=1e-9)
            assert near and (not isinstance(want, str) or reading.value == want)  # noqa: PT018


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "kind",
    [
        "uint16",
        "int16",
        "uint32",
        "int32",
        "uint48",
        "int48",
        "uint64",
        "int64",
        "bcd16",
        "bcd32",
        "bcd48",
        "bcd64",
    ],
)
@given(data=st.data())
def test_whole_numbers_in_any_order(order: str, kind: str, data: st.DataObject) -> None:
    point = RegisterPoint(channel="raw", address=7, type=kind, order=order)
    raw = data.draw(st.integers(*map(int, raw_span(point))))
    image = Image([point])
    image.put(point, raw)
    assert read(image, point).value == raw


@given(
    kind=st.sampled_from(["float32", "float64"]),
    order=st.sampled_from(ORDERS),
    value=st.floats(allow_nan=False, allow_infinity=False, width=32),
)
def test_floats_in_any_order(kind: str, order: str, value: float) -> None:
    point = RegisterPoint(channel="raw", address=7, type=kind, order=order)
    image = Image([point])
    image.put(point, value)
    assert math.isclose(read(image, point).value, value, rel_tol=1e-6, abs_tol=1e-38)


@given(
    order=st.sampled_from(ORDERS),
    length=st.integers(1, 20),
    text=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
)
def test_strings(order: str, length: int, text: str) -> None:
    point = RegisterPoint(channel="text", address=7, type="string", length=length, order=order)
    image = Image([point])
    if len(text) > 2 * length:
        with pytest.raises(ValueError, match="is longer than"):
            image.put(point, text)
    else:
        image.put(point, text)
        assert read(image, point).value == text


@given(
    order=st.sampled_from(ORDERS),
    bits=st.lists(st.booleans(), min_size=4, max_size=4),
    field=st.integers(0, 0x3F),
)
def test_bits_and_fields_share_a_register(order: str, bits: list[bool], field: int) -> None:
    points = [
        RegisterPoint(channel=f"status.b{i}", address=7, type="bit", bit=i, order=order) for i in range(4)
    ]
    wide = RegisterPoint(channel="raw", address=7, type="bitfield", bit=9, length=6, order=order)
    image = Image([*points, wide])
    for _ in range(2):  # what stood there before must go
        for point, bit in zip(points, bits, strict=True):
            image.put(point, not bit)
            image.put(point, bit)
        image.put(wide, field ^ 0x3F)
        image.put(wide, field)
    assert [read(image, point).value for point in points] == bits
    assert read(image, wide).value == field


@given(bits=st.lists(st.booleans(), min_size=20, max_size=20))
def test_discrete_inputs_and_coils(bits: list[bool]) -> None:
    points = [
        RegisterPoint(channel=f"switch.n{i}", table="discrete", address=i, type="bit") for i in range(20)
    ]
    image = Image(points)
    for point, bit in zip(points, bits, strict=True):
        image.put(point, bit)
    (block,) = plan_blocks(points, ModbusSettings())
    pdu = image.answer(struct.pack(">BHH", 2, 0, 20))
    assert [reading.value for reading in compile_block(block)(pdu[2:])] == bits


def test_a_missing_value_is_said_in_the_devices_own_way() -> None:
    absent = RegisterPoint(channel="relative_humidity", address=0, scale=0.1, absent=(65535,))
    number = RegisterPoint(channel="air_temperature", address=1, type="float32")
    plain = RegisterPoint(channel="pm10", address=3)
    image = Image([absent, number, plain])
    image.put(absent, None)
    image.put(number, None)
    assert (read(image, absent).quality, read(image, absent).test) == (Quality.MISSING, "not_installed")
    assert read(image, number).test == "not_finite"
    with pytest.raises(ValueError, match="pm10: this instrument has no word for a missing value"):
        image.put(plain, None)


@pytest.mark.parametrize(
    ("point", "value", "said"),
    [
        (RegisterPoint(channel="pm10", address=0), 70000, "70000 does not fit uint16"),
        (RegisterPoint(channel="pm10", address=0), "much", "uint16 cannot be written"),
        (RegisterPoint(channel="raw", address=0, type="bitfield", length=3), 8, "8 does not fit bitfield"),
        (RegisterPoint(channel="raw", address=0, type="bit"), "x", "expected a number, got 'x'"),
        (
            RegisterPoint(channel="status", address=0, labels={0: "off"}),
            "no",
            "expected one of off, got 'no'",
        ),
        (
            RegisterPoint(channel="status", address=0, type="bit", labels={0: "off"}),
            "no",
            "expected one of off",
        ),
        (RegisterPoint(channel="text", address=0, type="string"), "µ", "expected ASCII"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(point: RegisterPoint, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        encode_point(point, value)


def test_a_device_refuses_what_it_has_not_got() -> None:
    points = [
        RegisterPoint(channel="pm10", address=500),
        RegisterPoint(channel="pm2_5", address=503),
        RegisterPoint(channel="pm1", address=520),
    ]
    image = Image(points, hole=3)
    ask = lambda function, address, count: image.answer(struct.pack(">BHH", function, address, count))  # noqa: E731
    assert ask(3, 500, 4) == bytes((3, 8)) + bytes(8)
    assert ask(3, 503, 2) == bytes((0x83, 2))
    assert ask(3, 519, 1) == bytes((0x83, 2))
    assert ask(4, 500, 1) == bytes((0x84, 2))
    assert ask(3, 500, 126) == bytes((0x83, 3))
    assert ask(6, 500, 1) == bytes((0x86, 1))
    assert image.answer(b"\x03\x01") == bytes((0x83, 3))
