"""What the frame writer writes, the driver's framer and decoder read: every built-in profile, every point."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Reading
from drivers.serialframes.fields import compile_fields
from drivers.serialframes.framing import Framer
from drivers.simulation.frames import FrameWriter
from firmware_profiles.loader import list_instruments, load_instrument
from firmware_profiles.schema import FrameInstrument
from firmware_profiles.typical import typical_of

FRAMES = {name: i for name in list_instruments() if isinstance(i := load_instrument(name), FrameInstrument)}
BARE = {name: replace(each, vectors=()) for name, each in FRAMES.items()}
INSTRUMENTS = [
    *(pytest.param(each, id=name) for name, each in FRAMES.items()),
    *(pytest.param(each, id=f"{name} without vectors") for name, each in BARE.items()),
]


def decoded(instrument: FrameInstrument, wire: bytes) -> dict[str, Reading]:
    framer, decode = Framer(instrument.frames), compile_fields(instrument.frames, instrument.points)
    frames = framer.feed(wire)
    assert framer.garbled == 0, wire
    return {reading.channel: reading for frame in frames for reading in decode(frame)}


def drawn(data: st.DataObject, instrument: FrameInstrument) -> dict[str, float]:
    """An ordinary value for each point, within what the gauge itself calls valid."""
    said = {}
    for point in instrument.points:
        low, high, _, _ = typical_of(point.channel)
        if point.valid:
            bounds = sorted(edge * point.scale + point.offset for edge in point.valid)
            low, high = max(low, bounds[0]), min(high, bounds[1])
        said[point.channel] = data.draw(st.floats(low, high, width=32 if point.type == "float32" else 64))
    return said


@pytest.mark.parametrize("instrument", INSTRUMENTS)
@given(data=st.data())
def test_every_value_comes_back(instrument: FrameInstrument, data: st.DataObject) -> None:
    said = drawn(data, instrument)
    found = decoded(instrument, b"".join(FrameWriter(instrument).frames(said)))
    assert found.keys() == said.keys()
    for point in instrument.points:
        factor = max(map(abs, point.units.values()), default=1.0)
        step = abs(point.scale) * (1 if point.at is not None or not factor else factor)
        value = found[point.channel].value
        assert value is not None, found[point.channel]
        assert abs(value - said[point.channel]) <= step * 0.5001 + 1e-6 * abs(value)


@pytest.mark.parametrize("instrument", [each for each in FRAMES.values() if each.frames.mode == "request"])
@given(data=st.data())
def test_each_request_is_answered_with_its_own_frame(
    instrument: FrameInstrument, data: st.DataObject
) -> None:
    said, writer = drawn(data, instrument), FrameWriter(instrument)
    answers = [writer.answer(request, said) for request in writer.requests]
    assert all(len(Framer(instrument.frames).feed(answer)) == 1 for answer in answers)
    found = decoded(instrument, b"".join(answers))
    assert {channel for channel, reading in found.items() if reading.value is not None} == said.keys()


def test_frames_are_what_the_gauge_sends() -> None:
    """The captured frame comes out byte for byte when its own values are written into it."""
    for name, text, values in (
        ("gill-windsonic", b"\x02Q,229,002.74,M,00,\x0316\r\n", {"wind_direction": 229, "wind_speed": 2.74}),
        ("dypcn-a02yyuw", bytes.fromhex("FF07A1A7"), {"air_gap": 1.953}),
        ("nova-sds011", bytes.fromhex("AAC0D4043A0AA1601DAB"), {"pm2_5": 123.6, "pm10": 261.8}),
    ):
        gauge = load_instrument(name)
        kept = [
            each
            for each in gauge.vectors
            if each.text.encode("latin-1") == text or each.hex == text.hex().upper()
        ]
        (frame,) = FrameWriter(replace(gauge, vectors=tuple(kept))).frames(values)
        assert frame == text


def test_leading_zeros_signs_and_units_stay() -> None:
    gill = FrameWriter(load_instrument("gill-windsonic"))
    (frame,) = gill.frames({"wind_direction": 7, "wind_speed": 10.0})
    assert frame.startswith(b"\x02Q,007,036.00,K,00,\x03")
    xdr = FrameWriter(load_instrument("nmea0183-xdr"))
    low = {
        "wind_direction": 1,
        "wind_speed": 1,
        "air_temperature": -4.25,
        "air_pressure": 1000,
        "relative_humidity": 5,
    }
    assert b"$WIXDR,C,-004.2,C,TEMP,P,1.0000,B,PRESS,H,005.0,P,RH*" in b"".join(xdr.frames(low))


def test_a_missing_value_is_said_in_the_gauges_own_way() -> None:
    gill, gauge = load_instrument("gill-windsonic"), load_instrument("dypcn-a02yyuw")
    (calm,) = FrameWriter(gill).frames({"wind_direction": None, "wind_speed": 0.02})
    assert decoded(gill, calm)["wind_direction"].test == "empty"
    (far,) = FrameWriter(gauge).frames({"air_gap": None})
    assert decoded(gauge, far)["air_gap"].test == "raw_range"
    with pytest.raises(ValueError, match="pm2_5: this instrument has no word for a missing value"):
        FrameWriter(load_instrument("nova-sds011")).frames({"pm2_5": None, "pm10": 1})


def test_a_value_beyond_the_field_is_refused() -> None:
    with pytest.raises(ValueError, match="pm2_5: 70000 does not fit uint16"):
        FrameWriter(load_instrument("nova-sds011")).frames({"pm2_5": 7000, "pm10": 1})
    with pytest.raises(ValueError, match="expected a number, got 'much'"):
        FrameWriter(load_instrument("gill-windsonic")).frames({"wind_direction": "much", "wind_speed": 1})
