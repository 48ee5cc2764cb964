"""Where, when and by what a picture was taken, in its JPEG: Exif 2.32 (JEITA CP-3451X), written and read."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

SOFTWARE = "polegate"

_SIGNATURE = b"Exif\x00\x00"
_MOST = 65533 - len(_SIGNATURE)
"""Bytes of a segment of JPEG, less its length and the signature."""

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 1, 2, 3, 4, 5, 7
_SIZES = {_BYTE: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _UNDEFINED: 1}
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_COMMENT_CODE = b"ASCII\x00\x00\x00"

_Tags = dict[int, tuple[int, bytes]]
"""Tag to type and bytes of the value, little end first."""


@dataclass(frozen=True, slots=True)
class Position:
    """WGS 84, degrees; altitude in metres above the sea, direction of the lens in degrees from true north."""

    latitude: float
    longitude: float
    altitude_m: float | None = None
    direction_deg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What a picture says of itself. `comment` is written as JSON: site, gateway, camera, event, masked."""

    at_ms: int
    """When it was taken, ms UTC."""
    description: str = ""
    make: str = ""
    model: str = ""
    serial: str = ""
    position: Position | None = None
    comment: Mapping[str, Any] = field(default_factory=dict)


def write(jpeg: bytes, caption: Caption) -> bytes:
    """The JPEG with the caption, in the place of any Exif it had. The picture itself is not touched.

    Raises:
        ValueError: these are not the bytes of a JPEG, or the caption is longer than 64 KiB.
    """
    segments = list(_segments(jpeg))
    tiff = _tiff(caption, _size(raw for raw, _ in segments))
    if len(tiff) > _MOST:
        raise ValueError(f"the caption has {len(tiff)} bytes, and Exif has room for {_MOST}")
    rest = b"".join(raw for raw, exif in segments if exif is None)
    return b"\xff\xd8" + _segment(_SIGNATURE + tiff) + rest


def read(jpeg: bytes) -> Caption | None:
    """What `write` has written, or another's Exif as far as it says the same; None where there is none.

    Raises:
        ValueError: these are not the bytes of a JPEG, or its Exif is damaged.
    """
    for _, tiff in _segments(jpeg):
        if tiff is not None:
            try:
                return _caption(tiff)
            except (struct.error, LookupError, ArithmeticError) as error:
                raise ValueError(f"the Exif of this picture is damaged: {error}") from None
    return None


def _segments(jpeg: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    """Each segment after the start mark, the last with all that follows it, and its TIFF where it is Exif."""
    if jpeg[:2] != b"\xff\xd8":
        raise ValueError("not a JPEG: it does not begin with FF D8")
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        body = jpeg[at + 4 : end]
        exif = jpeg[at + 1] == 0xE1 and body.startswith(_SIGNATURE)
        yield jpeg[at:end], body[len(_SIGNATURE) :] if exif else None
        at = end
    if jpeg[at : at + 2] != b"\xff\xda":
        raise ValueError("not a whole JPEG: its scan is missing")
    yield jpeg[at:], None


def _size(segments: Iterable[bytes]) -> tuple[int, int]:
    """Width and height by the start of frame (T.81, B.2.2); 0 and 0 where there is none."""
    for raw in segments:
        if 0xC0 <= raw[1] <= 0xC3 and len(raw) >= 9:
            return int.from_bytes(raw[7:9], "big"), int.from_bytes(raw[5:7], "big")
    return 0, 0


def _segment(body: bytes) -> bytes:
    return b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body


def _tiff(caption: Caption, size: tuple[int, int]) -> bytes:
    """Header, then the first directory, the Exif directory and that of the position, each with its values."""
    main = {
        0x010E: _text(caption.description),
        0x010F: _text(caption.make),
        0x0110: _text(caption.model),
        0x011A: _ratios(72),
        0x011B: _ratios(72),
        0x0128: _short(2),  # inches
        0x0131: _text(SOFTWARE),
        0x0213: _short(1),  # YCbCr samples are centred
        _EXIF_IFD: (_LONG, bytes(4)),
    }
    gps = _gps(caption)
    if gps:
        main[_GPS_IFD] = (_LONG, bytes(4))
    main = {tag: value for tag, value in main.items() if value[1] != b"\x00"}
    exif = _exif(caption, size)
    exif_at = 8 + len(_directory(main, 0))
    main[_EXIF_IFD] = (_LONG, struct.pack("<I", exif_at))
    gps_at = exif_at + len(_directory(exif, 0))
    if gps:
        main[_GPS_IFD] = (_LONG, struct.pack("<I", gps_at))
    parts = [b"II*\x00\x08\x00\x00\x00", _directory(main, 8), _directory(exif, exif_at)]
    return b"".join((*parts, _directory(gps, gps_at))) if gps else b"".join(parts)


def _exif(caption: Caption, size: tuple[int, int]) -> _Tags:
    at = datetime.fromtimestamp(caption.at_ms // 1000, UTC)
    comment = json.dumps(dict(caption.comment), separators=(",", ":"), ensure_ascii=True)
    tags = {
        0x9000: (_UNDEFINED, b"0232"),
        0x9003: _text(at.strftime("%Y:%m:%d %H:%M:%S")),
        0x9011: _text("+00:00"),
        0x9101: (_UNDEFINED, b"\x01\x02\x03\x00"),  # Y, Cb, Cr
        0x9286: (_UNDEFINED, _COMMENT_CODE + comment.encode("ascii")),
        0x9291: _text(f"{caption.at_ms % 1000:03d}"),
        0xA000: (_UNDEFINED, b"0100"),
        0xA001: _short(1),  # sRGB
        0xA002: _short(size[0]),
        0xA003: _short(size[1]),
        0xA431: _text(caption.serial),
    }
    return {tag: value for tag, value in tags.items() if value[1] != b"\x00"}


def _gps(caption: Caption) -> _Tags:
    where = caption.position
    if where is None:
        return {}
    at = datetime.fromtimestamp(caption.at_ms // 1000, UTC)
    tags = {
        0: (_BYTE, bytes((2, 3, 0, 0))),
        1: _text("N" if where.latitude >= 0 else "S"),
        2: _ratios(*_degrees(where.latitude)),
        3: _text("E" if where.longitude >= 0 else "W"),
        4: _ratios(*_degrees(where.longitude)),
        7: _ratios(at.hour, at.minute, at.second),
        18: _text("WGS-84"),
        29: _text(at.strftime("%Y:%m:%d")),
    }
    if where.altitude_m is not None:
        tags[5] = (_BYTE, bytes((int(where.altitude_m < 0),)))
        tags[6] = _ratios(Fraction(round(abs(where.altitude_m) * 1000), 1000))
    if where.direction_deg is not None:
        tags[16] = _text("T")
        tags[17] = _ratios(Fraction(round(where.direction_deg * 100) % 36000, 100))
    return tags


def _degrees(degrees: float) -> tuple[int, int, Fraction]:
    """Degrees, minutes and seconds to a ten-thousandth (3 mm)."""
    ticks = round(abs(degrees) * 36_000_000)
    return ticks // 36_000_000, ticks // 600_000 % 60, Fraction(ticks % 600_000, 10_000)


def _text(text: str) -> tuple[int, bytes]:
    """Closed by a zero. UTF-8 where it is not ASCII, as all readers take it."""
    return _ASCII, text.replace("\x00", " ").encode("utf-8") + b"\x00"


def _short(number: int) -> tuple[int, bytes]:
    return _SHORT, struct.pack("<H", number)


def _ratios(*numbers: float | Fraction) -> tuple[int, bytes]:
    ratios = [Fraction(each) for each in numbers]
    return _RATIONAL, b"".join(struct.pack("<II", each.numerator, each.denominator) for each in ratios)


def _directory(tags: _Tags, at: int) -> bytes:
    """A directory `at` bytes from the start of the header, and behind it its values of more than 4 bytes."""
    entries, values = [], b""
    after = at + 2 + 12 * len(tags) + 4
    for tag, (form, raw) in sorted(tags.items()):
        place = raw.ljust(4, b"\x00")
        if len(raw) > 4:
            place = struct.pack("<I", after + len(values))
            values += raw + bytes(len(raw) % 2)
        entries.append(struct.pack("<HHI", tag, form, len(raw) // _SIZES[form]) + place)
    return struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4) + values


def _caption(tiff: bytes) -> Caption:
    order = {b"II": "<", b"MM": ">"}[tiff[:2]]
    main = _listed(tiff, order, _whole(tiff[4:8], order))
    exif = _listed(tiff, order, _whole(main[_EXIF_IFD], order)) if _EXIF_IFD in main else {}
    gps = _listed(tiff, order, _whole(main[_GPS_IFD], order)) if _GPS_IFD in main else {}
    return Caption(
        at_ms=_time(exif),
        description=_read_text(main, 0x010E),
        make=_read_text(main, 0x010F),
        model=_read_text(main, 0x0110),
        serial=_read_text(exif, 0xA431),
        position=_position(gps, order),
        comment=_comment(exif.get(0x9286, b"")),
    )


def _listed(tiff: bytes, order: str, at: int) -> dict[int, bytes]:
    """The values of the directory at `at`."""
    (count,) = struct.unpack_from(order + "H", tiff, at)
    found = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, form, n = struct.unpack_from(order + "HHI", tiff, entry)
        size = _SIZES.get(form, 0) * n
        start = entry + 8 if size <= 4 else _whole(tiff[entry + 8 : entry + 12], order)
        if start + size > len(tiff):
            raise IndexError(f"tag {tag:#06x} ends beyond the segment")
        found[tag] = tiff[start : start + size]
    return found


def _whole(raw: bytes, order: str) -> int:
    return int(struct.unpack(order + "I", raw)[0])


def _read_text(tags: Mapping[int, bytes], tag: int) -> str:
    return tags.get(tag, b"").split(b"\x00")[0].decode("utf-8", "replace").strip()


def _time(exif: Mapping[int, bytes]) -> int:
    """Ms UTC; the zone is UTC where none is told. 0 where there is no time, or none that can be."""
    text = _read_text(exif, 0x9003) + (_read_text(exif, 0x9011) or "+00:00")
    try:
        at = datetime.strptime(text, "%Y:%m:%d %H:%M:%S%z")
    except ValueError:
        return 0
    part = _read_text(exif, 0x9291)
    return int(at.timestamp()) * 1000 + (int(part[:3].ljust(3, "0")) if part.isdecimal() else 0)


def _comment(raw: bytes) -> dict[str, Any]:
    """The JSON of the comment; none where it is another's."""
    if not raw.startswith(_COMMENT_CODE):
        return {}
    try:
        found = json.loads(raw[len(_COMMENT_CODE) :])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _position(gps: Mapping[int, bytes], order: str) -> Position | None:
    if 2 not in gps or 4 not in gps:
        return None

    def ratios(tag: int) -> list[float]:
        numbers = struct.unpack(f"{order}{len(gps[tag]) // 4}I", gps[tag])
        return [above / below for above, below in zip(numbers[::2], numbers[1::2], strict=True)]

    def angle(tag: int) -> float:
        degrees, minutes, seconds = ratios(tag)
        sign = -1 if _read_text(gps, tag - 1) in ("S", "W") else 1
        return sign * round(degrees + minutes / 60 + seconds / 3600, 8)

    below = gps.get(5, b"\x00")[:1] == b"\x01"
    return Position(
        latitude=angle(2),
        longitude=angle(4),
        altitude_m=ratios(6)[0] * (-1 if below else 1) if 6 in gps else None,
        direction_deg=ratios(17)[0] if 17 in gps else None,
    )
