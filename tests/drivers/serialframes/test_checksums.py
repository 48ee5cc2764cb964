"""Each checksum against values published elsewhere."""

import pytest

from drivers.serialframes.checksums import CHECKSUMS, compile_check
from firmware_profiles.declared import checked, schema_of
from firmware_profiles.frames import Checksum

DIGITS = b"123456789"  # the customary input of CRC catalogues
SEGMENT = (  # HJ 212-2017, the example of annex A
    b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"
)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("crc16-modbus", DIGITS, 0x4B37),
        ("crc16-arc", DIGITS, 0xBB3D),
        ("crc16-mcrf4xx", DIGITS, 0x6F91),
        ("crc16-hj212", SEGMENT, 0x1C80),
        ("crc8-e5", bytes.fromhex("B35303810D00C00059000000826110000001106000004508090A"), 0x35),
        ("sum8", bytes.fromhex("FF07A1"), 0xA7),
        ("sum8-inverted", bytes.fromhex("00000201 03"), 0xF9),
        ("sum16", bytes([0xFF] * 300), 0x2AD4),
        ("xor8", b"WIMTA,010.0,C", 0x2A),
    ],
)  # fmt: skip
def test_published_value(kind: str, data: bytes, expected: int) -> None:
    assert CHECKSUMS[kind][1](data) == expected


def test_every_kind_of_the_profile_language_is_there() -> None:
    assert set(schema_of(Checksum)["properties"]["kind"]["enum"]) == set(CHECKSUMS)


@pytest.mark.parametrize(
    ("description", "frame"),
    [
        ({"kind": "crc16-modbus", "at": -2, "encoding": "little"}, bytes.fromhex("010303 0000 00")),
        ({"kind": "xor8", "at": -2, "over": (1, -2)}, b"~~"),
        ({"kind": "sum8", "at": -1}, b"\x00"),
        ({"kind": "xor8", "at": -4, "over": (1, -5), "encoding": "hex"}, b"$*00\r\n"),
    ],
)
def test_a_frame_too_short_for_its_checksum_is_refused(description: dict[str, object], frame: bytes) -> None:
    assert not compile_check(checked(Checksum, description))(frame)


def test_hex_digits_of_either_case_count() -> None:
    is_right = compile_check(Checksum(kind="xor8", at=-2, encoding="hex"))
    assert is_right(b"O\x02\x004D")
    assert is_right(b"O\x02\x004d")
    assert not is_right(b"O\x02\x004E")


def test_the_case_of_six_bit_characters_counts() -> None:
    is_right = compile_check(Checksum(kind="crc16-arc", at=-3, encoding="sixbit"))
    assert is_right(b"0+3.14+2.718+1.414Ipz")  # SDI-12 V1.4, 4.4.12
    assert not is_right(b"0+3.14+2.718+1.414IPZ")
