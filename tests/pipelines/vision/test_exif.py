"""A picture says where, when and by what it was taken, and is otherwise the same picture."""

from __future__ import annotations

import contextlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.vision.exif import Caption, Position, read, write

PIXELS = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
JPEG = bytes(cv2.imencode(".jpg", PIXELS)[1])
FULL = Caption(
    at_ms=1_795_503_096_042,
    description="桥下 river gauge",
    make="Hikvision",
    model="DS-2CD2T47",
    serial="F12345",
    position=Position(23.129112, -113.264385, 12.345, 271.5),
    comment={
        "site": "zj-01",
        "gateway": "g1",
        "camera": "44010600001320000001",
        "event": "e-7",
        "masked": True,
    },
)


def test_what_is_written_is_read():
    assert read(write(JPEG, FULL)) == FULL


@given(
    st.integers(0, 4_102_444_800_000),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])).map(str.strip),
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.none() | st.floats(-400, 9000),
    st.none() | st.floats(0, 359.99),
    st.dictionaries(st.text(), st.text() | st.integers() | st.booleans(), max_size=5),
)
def test_any_caption_comes_back_to_3_mm_and_a_hundredth_of_a_degree(  # noqa: PLR0917
    at_ms, text, lat, lon, alt, way, comment
):
    said = Caption(at_ms=at_ms, model=text, position=Position(lat, lon, alt, way), comment=comment)
    told = read(write(JPEG, said))
    assert (told.at_ms, told.model, told.comment) == (at_ms, text, comment)
    assert told.position.latitude == pytest.approx(lat, abs=3e-8)
    assert told.position.longitude == pytest.approx(lon, abs=3e-8)
    assert told.position.altitude_m == (None if alt is None else pytest.approx(alt, abs=0.0006))
    assert told.position.direction_deg == (None if way is None else pytest.approx(way, abs=0.0051))


def test_the_picture_is_the_same_and_every_decoder_opens_it():
    before = cv2.imdecode(np.frombuffer(JPEG, np.uint8), cv2.IMREAD_COLOR)
    after = cv2.imdecode(np.frombuffer(write(JPEG, FULL), np.uint8), cv2.IMREAD_COLOR)
    assert (before == after).all()
    assert write(JPEG, FULL).endswith(JPEG[2:])


def test_the_cameras_own_exif_gives_way():
    twice = write(write(JPEG, Caption(at_ms=1000, make="Other", comment={"owner": "a person"})), FULL)
    assert twice == write(JPEG, FULL)


def test_the_bytes_stand_where_the_standard_has_them():
    raw = write(JPEG, Caption(at_ms=1000))
    assert raw[:4] == b"\xff\xd8\xff\xe1"
    assert raw[6:12] == b"Exif\0\0"
    assert raw[12:20] == b"II*\0\x08\0\0\0"
    assert b"1970:01:01 00:00:01\0" in raw
    assert b"+00:00\0" in raw


def test_a_picture_without_exif_says_nothing():
    assert read(JPEG) is None


def test_exif_of_the_other_byte_order_is_read():
    tiff = bytes.fromhex("4d4d002a00000008 0001 010f000200000006 0000001a 00000000") + b"Dahua\0"
    raw = b"\xff\xd8\xff\xe1" + (len(tiff) + 8).to_bytes(2, "big") + b"Exif\0\0" + tiff + JPEG[2:]
    assert read(raw) == Caption(at_ms=0, make="Dahua")


@given(st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_damage_is_told_or_harmless(at, damage):
    raw = bytearray(write(JPEG, FULL))
    raw[at : at + len(damage)] = damage
    with contextlib.suppress(ValueError):
        assert isinstance(read(bytes(raw)), Caption | None)


@pytest.mark.parametrize("raw", [b"", b"\x89PNG\r\n", b"<html>", JPEG[:20]])
def test_what_is_no_jpeg_is_refused(raw):
    with pytest.raises(ValueError, match="JPEG"):
        write(raw, FULL)


def test_a_caption_beyond_a_segment_is_refused():
    with pytest.raises(ValueError, match="room for 65527"):
        write(JPEG, Caption(at_ms=0, comment={"text": "x" * 70_000}))
