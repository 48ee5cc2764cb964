"""Whether bytes are a whole JPEG, without decoding it (ITU-T T.81, annex B)."""

from __future__ import annotations

from drivers.errors import Garbled

MOST_PIXELS = 40_000_000
"""Of a picture we decode: 120 MB as pixels."""

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SOS = 0xDA
_ALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers without a length: TEM, RST0 to RST7, SOI."""
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15; not DHT, JPG and DAC."""


def whole_jpeg(body: bytes) -> bytes:
    """The JPEG at the start of `body`, without what follows its end.

    Raises:
        Garbled: nothing, a web page, no JPEG, a cut one, or one of more than MOST_PIXELS; the message says
            what to do.
    """
    if not body:
        raise Garbled(_EMPTY)
    if not body.startswith(_SOI):
        raise Garbled(_PAGE if body.lstrip()[:1] == b"<" else _NO_PICTURE, body[:64])
    scan = _first_scan(body)
    end = body.rfind(_EOI, scan) if scan else -1
    if end < 0:
        raise Garbled(_CUT, body[:64])
    return body[: end + 2]


def _first_scan(body: bytes) -> int:
    """Where the first scan's data begins, 0 if it is cut off before.

    A thumbnail, with an end of its own, lies before it. After it no EOI can be part of the data, where FF is
    followed by 00.
    """
    at = 2
    while at + 4 <= len(body):
        if body[at] != 0xFF:
            raise Garbled(_NO_PICTURE, body[:64])
        marker = body[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            if marker in _FRAMES and at + 9 <= len(body):
                _check_size(body[at + 5 : at + 9])
            at += 2 + int.from_bytes(body[at + 2 : at + 4], "big")
            if marker == _SOS:
                return at
    return 0


def _check_size(lines_and_width: bytes) -> None:
    height, width = int.from_bytes(lines_and_width[:2], "big"), int.from_bytes(lines_and_width[2:], "big")
    if width * height > MOST_PIXELS:
        raise Garbled(
            f"the picture is {width} x {height}, more than we take; choose a smaller one in the camera"
        )


_EMPTY = "the camera answers with nothing; its snapshots may be switched off, or it is still starting"
_PAGE = "a web page instead of a picture, as of a login; check the user and the snapshot address"
_NO_PICTURE = "what comes is no JPEG; check the snapshot address"
_CUT = "the picture is cut off; the camera or the line to it is overloaded"
