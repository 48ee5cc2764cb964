"""The built-in frame instruments: their vectors, their requests, and what is found when one is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drivers.readings import Quality
from drivers.serialframes.fields import compile_fields
from drivers.serialframes.framing import Framer
from drivers.serialframes.vectors import check_vectors
from firmware_profiles.loader import list_instruments, load_instrument
from firmware_profiles.schema import FrameInstrument, FrameVector

LOADED = {name: load_instrument(name) for name in list_instruments()}
GAUGES = {name: one for name, one in LOADED.items() if isinstance(one, FrameInstrument)}


@pytest.mark.parametrize("name", GAUGES)
def test_every_vector_of_a_profile_holds(name: str) -> None:
    outcomes = check_vectors(GAUGES[name])
    assert [outcome for outcome in outcomes if not outcome.ok] == []
    assert any(vector.refuse for vector in GAUGES[name].vectors), "a vector that must be refused"


@pytest.mark.parametrize("name", GAUGES)
def test_every_point_has_a_vector_that_gives_it(name: str) -> None:
    given = {channel for vector in GAUGES[name].vectors for channel in vector.expect}
    assert given >= {point.channel for point in GAUGES[name].points}


@pytest.mark.parametrize("name", ["sensirion-sps30", "lufft-ws-umb"])
def test_requests_with_a_checksum_are_themselves_right(name: str) -> None:
    spec = GAUGES[name].frames
    start = {"sensirion-sps30": "7E", "lufft-ws-umb": "0110"}[name]
    for request in map(spec.octets, spec.requests):
        assert len(Framer(replace(spec, start=start)).feed(request)) == 1


def vector(name: str, **changes: object) -> FrameVector:
    return replace(GAUGES[name].vectors[0], **changes)


def checked(name: str, one: FrameVector) -> tuple[bool, str]:
    (outcome,) = check_vectors(replace(GAUGES[name], vectors=(one,)))
    return outcome.ok, outcome.detail


def test_a_wrong_expectation_is_found() -> None:
    ok, detail = checked("nova-sds011", vector("nova-sds011", expect={"pm2_5": 123.7, "pm10": 261.8}))
    assert not ok
    assert "pm2_5: expected 123.7, got 123.6" in detail


def test_a_value_nobody_expects_is_found() -> None:
    ok, detail = checked("nova-sds011", vector("nova-sds011", expect={"pm2_5": 123.6}))
    assert not ok
    assert "pm10 = 261.8" in detail


def test_a_frame_that_should_be_refused_and_is_not_is_found() -> None:
    ok, detail = checked("nova-sds011", vector("nova-sds011", refuse="garbled", expect={}))
    assert not ok
    assert "accepted aa c0" in detail


@pytest.mark.parametrize("octets", ["AAC0D4", "00 AAC0D4043A0AA1601DAB", "AAC0D4043A0AA1601DAB 00", "xy", ""])
def test_anything_but_whole_frames_is_found(octets: str) -> None:
    assert not checked("nova-sds011", vector("nova-sds011", hex=octets))[0]


def test_an_empty_vector_proves_no_refusal() -> None:
    assert not checked("nova-sds011", vector("nova-sds011", hex="", refuse="garbled", expect={}))[0]


def reasons(name: str, vector_name: str) -> dict[str, tuple[Quality, str]]:
    gauge = GAUGES[name]
    one = next(vector for vector in gauge.vectors if vector_name in vector.name)
    frames = Framer(gauge.frames).feed(bytes.fromhex(one.hex) + one.text.encode("latin-1"))
    decode = compile_fields(gauge.frames, gauge.points)
    return {r.channel: (r.quality, r.test) for frame in frames for r in decode(frame) if r.value is None}


@pytest.mark.parametrize(
    ("name", "vector_name", "channel", "reason"),
    [
        ("gill-windsonic", "calm", "wind_direction", (Quality.MISSING, "empty")),
        ("gill-windsonic", "axes blocked, fields padded", "wind_speed", (Quality.BAD, "status")),
        ("nmea0183-weather", "wind void", "wind_speed", (Quality.BAD, "status")),
        ("nmea0183-weather", "hPa called bar", "air_pressure", (Quality.BAD, "raw_range")),
        ("nmea0183-weather", "degrees Fahrenheit", "air_temperature", (Quality.BAD, "unit")),
        ("vaisala-wxt530", "wind transducers blocked", "wind_speed", (Quality.MISSING, "invalid")),
        ("hydreon-rg15", "lens dirty", "rainfall_total", (Quality.BAD, "status")),
        ("maxbotix-mb7389", "no echo", "air_gap", (Quality.BAD, "raw_range")),
        ("maxbotix-mb7389", "two readings", "air_gap", (Quality.BAD, "not_numeric")),
        ("dypcn-a02yyuw", "nothing in range", "air_gap", (Quality.BAD, "raw_range")),
        ("sensirion-sps30", "no new value", "pm2_5", (Quality.MISSING, "empty")),
        ("sensirion-sps30", "device error flag", "pm2_5", (Quality.BAD, "status")),
        ("lufft-ws-umb", "no such channel", "wind_direction", (Quality.BAD, "status")),
    ],
)
def test_the_reason_for_no_value(
    name: str, vector_name: str, channel: str, reason: tuple[Quality, str]
) -> None:
    assert reasons(name, vector_name)[channel] == reason
