"""The checksums of serial gauges, pure, and the check of a whole frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import xor

from firmware_profiles.frames import Checksum, Order

Compute = Callable[[bytes], int]


def sum8(data: bytes) -> int:
    """Low byte of the sum (Nova SDS011, A02YYUW, DL/T 645-2007)."""
    return sum(data) & 0xFF


def sum8_inverted(data: bytes) -> int:
    """Complement of the sum's low byte (Sensirion SHDLC)."""
    return ~sum(data) & 0xFF


def sum16(data: bytes) -> int:
    """Low 16 bits of the sum (Plantower PMSx003)."""
    return sum(data) & 0xFFFF


def xor8(data: bytes) -> int:
    """Exclusive or of all bytes (NMEA 0183, Gill)."""
    return reduce(xor, data, 0)


def _reflected_table(poly: int) -> tuple[int, ...]:
    """Each byte shifted right 8 times, with `poly` on carry."""

    def entry(value: int) -> int:
        for _ in range(8):
            value = value >> 1 ^ (poly if value & 1 else 0)
        return value

    return tuple(map(entry, range(256)))


def _left_table(poly: int) -> tuple[int, ...]:
    """Each byte shifted left 8 times in 8 bits, with `poly` on carry."""

    def entry(value: int) -> int:
        for _ in range(8):
            value = (value << 1 ^ (poly if value & 0x80 else 0)) & 0xFF
        return value

    return tuple(map(entry, range(256)))


_A001 = _reflected_table(0xA001)
_8408 = _reflected_table(0x8408)
_E5 = _left_table(0xE5)


def _crc16(table: tuple[int, ...], data: bytes, crc: int) -> int:
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def crc16_modbus(data: bytes) -> int:
    """Poly 8005 reflected, init FFFF (Modbus over Serial Line V1.02, 6.2.2; SL 651-2014)."""
    return _crc16(_A001, data, 0xFFFF)


def crc16_arc(data: bytes) -> int:
    """Poly 8005 reflected, init 0 (SDI-12 V1.4, 4.4.12)."""
    return _crc16(_A001, data, 0)


def crc16_mcrf4xx(data: bytes) -> int:
    """Poly 1021 reflected, init FFFF, no final inversion (Lufft UMB protocol)."""
    return _crc16(_8408, data, 0xFFFF)


def crc16_hj212(data: bytes) -> int:
    """As Modbus, but the whole register is replaced: it keeps only its high byte (HJ 212-2017, annex A)."""
    crc = 0xFFFF
    for byte in data:
        crc = _A001[crc >> 8 ^ byte]
    return crc


def crc8_e5(data: bytes) -> int:
    """Poly E5, init 0, high bit first (SZY 206)."""
    crc = 0
    for byte in data:
        crc = _E5[crc ^ byte]
    return crc


CHECKSUMS: dict[str, tuple[int, Compute]] = {
    "sum8": (1, sum8),
    "sum8-inverted": (1, sum8_inverted),
    "sum16": (2, sum16),
    "xor8": (1, xor8),
    "crc8-e5": (1, crc8_e5),
    "crc16-modbus": (2, crc16_modbus),
    "crc16-arc": (2, crc16_arc),
    "crc16-mcrf4xx": (2, crc16_mcrf4xx),
    "crc16-hj212": (2, crc16_hj212),
}
"""Width in bytes and function by the name used in profiles."""


def compile_check(checksum: Checksum) -> Callable[[bytes], bool]:
    """Whether an unstuffed frame carries the right checksum; False if it is too short to carry one."""
    width, compute = CHECKSUMS[checksum.kind]
    size, encode = _encoding(checksum.encoding, width)
    at, after = checksum.at, checksum.at + size or None
    first, last = checksum.span
    is_hex = checksum.encoding == "hex"

    def is_right(frame: bytes) -> bool:
        covered, sent = frame[first:last], frame[at:after]
        return bool(covered) and encode(compute(covered)) == (sent.upper() if is_hex else sent)

    return is_right


def compile_seal(checksum: Checksum | None) -> Callable[[bytes], bytes]:
    """A function that writes the right checksum into an unstuffed frame of its full size."""
    if checksum is None:
        return lambda frame: frame
    width, compute = CHECKSUMS[checksum.kind]
    size, encode = _encoding(checksum.encoding, width)
    first, last = checksum.span

    def seal(frame: bytes) -> bytes:
        at = checksum.at if checksum.at >= 0 else len(frame) + checksum.at
        return frame[:at] + encode(compute(frame[first:last])) + frame[at + size :]

    return seal


def _encoding(name: str, width: int) -> tuple[int, Callable[[int], bytes]]:
    """Bytes a checksum of `width` takes on the wire, and how it is written."""
    if name == "hex":
        return 2 * width, lambda value: b"%0*X" % (2 * width, value)
    if name == "sixbit":  # SDI-12 V1.4, 4.4.12
        return 3, lambda value: bytes(0x40 | value >> shift & 0x3F for shift in (12, 6, 0))
    order: Order = "big" if name == "big" else "little"
    return width, lambda value: value.to_bytes(width, order)
