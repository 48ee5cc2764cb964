"""What a field becomes, and the reason given when it becomes nothing."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Quality, Reading
from drivers.serialframes.fields import compile_fields
from firmware_profiles.declared import checked
from firmware_profiles.frames import Checksum, FramePoint, FrameSpec

TEXT = FrameSpec(mode="listen", form="text", start="$", end="\r\n", separator=",", invalid_unit="#")
BINARY = FrameSpec(mode="listen", form="binary", start="AA", size=16)
SPEED = {"column": 1, "unit_column": 2, "units": {"M": 1.0, "K": 0.2777777778}}


def text(line: str, **point: object) -> Reading | None:
    decode = compile_fields(TEXT, [checked(FramePoint, {"channel": "raw.x", **point})])
    return next(iter(decode(f"${line}\r\n".encode("latin-1"))), None)


def binary(frame: bytes, **point: object) -> Reading | None:
    decode = compile_fields(BINARY, [checked(FramePoint, {"channel": "raw.x", **point})])
    return next(iter(decode(frame)), None)


def value(number: float) -> Reading:
    return Reading("raw.x", number, Quality.NOT_EVALUATED)


def missing(test: str) -> Reading:
    return Reading("raw.x", None, Quality.MISSING, test)


def bad(test: str) -> Reading:
    return Reading("raw.x", None, Quality.BAD, test)


@pytest.mark.parametrize(
    ("line", "point", "expected"),
    [
        ("Q, 007.22 ,K", {"column": 1}, value(7.22)),
        ("Q,-0.5,K", {"column": 1}, value(-0.5)),
        ("Q,+31", {"column": 1}, value(31)),
        ("Q,480", {"column": 1, "scale": 0.001}, value(0.48)),
        ("Q,7.22,K", SPEED, value(2.005556)),
        ("Q,,K", {"column": 1}, missing("empty")),
        ("Q", {"column": 1}, missing("empty")),
        ("Q,7.22,#", SPEED, missing("invalid")),
        ("Q,7.22,X", SPEED, bad("unit")),
        ("Q,7.22", SPEED, bad("unit")),
        ("Q,7.2.2,K", SPEED, bad("not_numeric")),
        ("Q,nan,K", SPEED, bad("not_numeric")),
        ("Q,1e5,K", SPEED, bad("not_numeric")),
        ("Q,1_0,K", SPEED, bad("not_numeric")),
        ("Q,７,K", SPEED, bad("not_numeric")),
        ("Q,5000", {"column": 1, "valid": [301, 4999], "scale": 0.001}, bad("raw_range")),
        ("Q,4999", {"column": 1, "valid": [301, 4999], "scale": 0.001}, value(4.999)),
        ("Q,999", {"column": 1, "absent": [999]}, missing("not_installed")),
        ("Q,1", {"column": 1, "labels": {"1": "on"}}, Reading("raw.x", "on")),
    ],
)
def test_a_column(line: str, point: dict[str, object], expected: Reading) -> None:
    assert text(line.encode("utf-8").decode("latin-1"), **point) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0R0,Ta=17.9C,Th=18.0C", value(17.9)),
        ("0R0,Ta = 17.9 C", value(17.9)),
        ("Ta  17.9 C, Th 18.0 C", value(17.9)),
        ("0R0,Th=18.0C", missing("empty")),
        ("0R0,Ta=", missing("empty")),
        ("0R0,Ta=17.9#", missing("invalid")),
        ("0R0,Ta=64.2F", bad("unit")),
        ("0R0,Ta=1.7.9C", bad("not_numeric")),
        ("0R0,Ta=xC", bad("not_numeric")),
        ("0R0,Ta=17.9C dirty", bad("not_numeric")),
        ("0R0,Ta=17.9C,Ta=18.0C", bad("ambiguous")),
        ("0R0,XTa=17.9C", missing("empty")),
    ],
)
def test_a_key(line: str, expected: Reading) -> None:
    assert text(line, key="Ta", units={"C": 1.0}) == expected


@pytest.mark.parametrize(
    ("line", "quad", "expected"),
    [
        ("WIXDR,C,+023.0,C,TEMP,P,1.0199,B,PRESS", "C", value(23.0)),
        ("WIXDR,P,1.0199,B,PRESS,C,026.0,C", "C", value(26.0)),
        ("WIXDR,C,23.0,C,0,C,24.0,C,1", "C", bad("ambiguous")),
        ("WIXDR,C,23.0,C,0,C,24.0,C,1", "C:1", value(24.0)),
        ("WIXDR,P,1.0199,B,C", "C", missing("empty")),
        ("WIXDR,C,,C,TEMP", "C", missing("empty")),
    ],
)
def test_a_quad(line: str, quad: str, expected: Reading) -> None:
    assert text(line, quad=quad, units={"C": 1.0}) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("WIMWV,90,R,1.0,M,A", value(90)),
        ("IIMWV,90,R,1.0,M,A", value(90)),
        ("WIMWV,90,T,1.0,M,A", None),
        ("WIMTA,10.0,C", None),
        ("WIMWVX,90,R,1.0,M,A", None),
        ("WIMWV,90,R,1.0,M,V", bad("status")),
        ("WIMWV,90,R,1.0,M", bad("status")),
        ("WIMWV,,R,,M,V", bad("status")),
    ],
)
def test_selected_and_good(line: str, expected: Reading | None) -> None:
    assert text(line, column=1, select={0: "??MWV", 2: "R"}, good={5: "A"}) == expected


@given(
    st.sampled_from(["uint8", "int8", "uint16", "int16", "uint24", "int24", "uint32", "int32"]),
    st.sampled_from(["big", "little"]),
    st.integers(1, 12),
    st.binary(min_size=16, max_size=16),
)
def test_every_integer_where_it_lies(kind: str, order: str, at: int, frame: bytes) -> None:
    width = int(kind.lstrip("uint")) // 8
    digits = frame[at : at + width] if order == "big" else frame[at : at + width][::-1]
    expected = int(digits.hex(), 16)
    if kind[0] == "i" and expected >> (8 * width - 1):
        expected -= 1 << 8 * width
    assert binary(frame, at=at, type=kind, order=order) == value(expected)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(["big", "little"]))
def test_floats_to_seven_digits(number: float, order: str) -> None:
    frame = bytes(2) + struct.pack(">f" if order == "big" else "<f", number) + bytes(10)
    assert binary(frame, at=2, type="float32", order=order) == value(float(f"{number:.7g}"))


def test_a_float_that_is_no_number() -> None:
    assert binary(bytes.fromhex("AA 7FC00000") + bytes(11), at=1, type="float32") == bad("not_finite")


def test_a_binary_field_beyond_the_frame_is_empty() -> None:
    assert binary(bytes.fromhex("AA0102"), at=2, type="uint16") == missing("empty")


def test_a_binary_field_is_never_read_from_the_checksum() -> None:
    spec = checked(
        FrameSpec,
        {
            "mode": "listen",
            "form": "binary",
            "start": "AA",
            "size": 4,
            "checksum": {"kind": "sum8", "at": -1},
        },
    )
    decode = compile_fields(spec, [FramePoint(channel="raw.x", at=2, type="uint16")])
    assert decode(bytes.fromhex("AA0102AD")) == [missing("empty")]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [("AA0300 2A", value(42)), ("AA0380 2A", bad("status")), ("AA0000 2A", None), ("AA", None)],
)
def test_binary_selected_and_good(frame: str, expected: Reading | None) -> None:
    read = binary(bytes.fromhex(frame), at=3, type="uint8", select={1: "03"}, good={2: "00"})
    assert read == expected


def test_text_lies_between_start_and_end_or_in_what_the_checksum_covers() -> None:
    checksum = Checksum(kind="xor8", at=-4, over=(1, -5), encoding="hex")
    summed = replace(TEXT, checksum=checksum)
    point = FramePoint(channel="raw.x", column=1)
    assert compile_fields(TEXT, [point])(b"$a,5\r\n") == [value(5)]
    assert compile_fields(summed, [point])(b"$a,5*2A\r\n") == [value(5)]


@given(st.text(st.characters(codec="latin-1"), max_size=60))
def test_no_line_upsets_the_decoder(line: str) -> None:
    for point in ({"column": 1}, {"key": "Ta", "units": {"C": 1}}, {"quad": "C"}, SPEED):
        read = text(line, **point)
        assert read is not None
        assert (read.value is None) == (read.quality in (Quality.BAD, Quality.MISSING))
