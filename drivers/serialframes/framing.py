"""From a byte stream to whole, proven frames. Pure: it holds bytes, never a link."""

from __future__ import annotations

import re
from collections.abc import Callable

from drivers.serialframes.checksums import compile_check
from firmware_profiles.frames import FrameSpec, LengthField


class Framer:
    """Finds the frames of one description in a stream; at most `spec.max_size` bytes wait for their end.

    After a byte that cannot be part of a frame it looks for the next start, so that noise, lost bytes and a
    listener that began in the middle cost the frames they touch and no others. `garbled` counts the spans
    of bytes that formed no frame.
    """

    def __init__(self, spec: FrameSpec) -> None:
        self.garbled = 0
        self._spec = spec
        self._start, self._end = spec.octets(spec.start), spec.octets(spec.end)
        self._is_right = compile_check(spec.checksum) if spec.checksum else self._is_printable
        self._unstuff = _unstuffing(spec, self._start, self._end)
        self._waiting = bytearray()
        self._rejected = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The frames completed by `data`, unstuffed, from their first byte to their last."""
        self._waiting += data
        frames: list[bytes] = []
        while True:
            self._reject(self._before_start())
            size = self._size()
            if size is None:
                return frames
            frame = self._proven(bytes(self._waiting[:size]))
            if frame is None:
                self._reject(1)
            else:
                del self._waiting[:size]
                self._rejected.clear()
                frames.append(frame)

    def drop(self) -> bytes:
        """Forget what is under way; the bytes since the last frame, at most the last `max_size` of them."""
        self._reject(len(self._waiting))
        dropped = bytes(self._rejected)
        self._rejected.clear()
        return dropped

    def _reject(self, count: int) -> None:
        if not count:
            return
        self.garbled += not self._rejected
        self._rejected += self._waiting[:count]
        del self._waiting[:count]
        del self._rejected[: -self._spec.max_size]

    def _before_start(self) -> int:
        """Bytes before the first start, or before what may be the beginning of one."""
        found = self._waiting.find(self._start)
        if found >= 0:
            return found
        longest = min(len(self._start) - 1, len(self._waiting))
        part = next((n for n in range(longest, 0, -1) if self._waiting.endswith(self._start[:n])), 0)
        return len(self._waiting) - part

    def _size(self) -> int | None:
        """The size of the frame at the front, 0 if there cannot be one, None while bytes are missing."""
        spec, waiting = self._spec, self._waiting
        if spec.size is not None:
            size = spec.size
        elif spec.length is not None:
            if len(waiting) < spec.length.at + spec.length.width:
                return None
            size = _told(spec.length, waiting)
        else:
            found = waiting.find(self._end, len(self._start))
            if found < 0:
                return None if len(waiting) < spec.max_size else 0
            size = found + len(self._end)
        if size > spec.max_size:
            return 0
        return size if size <= len(waiting) else None

    def _proven(self, raw: bytes) -> bytes | None:
        if not raw or not raw.endswith(self._end):
            return None
        frame = self._unstuff(raw)
        return frame if self._is_right(frame) else None

    def _is_printable(self, frame: bytes) -> bool:
        """Without a checksum text must at least be text; binary is taken as it is."""
        inside = frame[len(self._start) : len(frame) - len(self._end)].rstrip(b"\r")
        return self._spec.form == "binary" or all(0x20 <= byte < 0x7F for byte in inside)


def _told(length: LengthField, waiting: bytearray) -> int:
    number = int.from_bytes(waiting[length.at : length.at + length.width], length.order)
    return max(0, (number & length.mask) + length.plus)


def _unstuffing(spec: FrameSpec, start: bytes, end: bytes) -> Callable[[bytes], bytes]:
    """From the bytes on the wire to the frame they mean; start and end are never stuffed."""
    if spec.stuffing is None:
        return lambda raw: raw
    pattern = re.compile(re.escape(bytes.fromhex(spec.stuffing.escape)) + b"(.)", re.DOTALL)
    mask = int(spec.stuffing.xor, 16)

    def restore(escaped: re.Match[bytes]) -> bytes:
        return bytes((escaped[1][0] ^ mask,))

    return lambda raw: start + pattern.sub(restore, raw[len(start) : len(raw) - len(end)]) + end
