"""A Modbus slave's side of the line: requests cut out of bytes, answers framed. Pure.

Layouts: Modbus over Serial Line V1.02, 2.5.1 (RTU) and Modbus Messaging on TCP/IP V1.0b, 3.1.3 (MBAP).
"""

from __future__ import annotations

from collections.abc import Callable

from pymodbus.framer import FramerRTU

from drivers.endpoints import Framing

_FIXED = frozenset({1, 2, 3, 4, 5, 6})
_COUNTED = frozenset({15, 16})
_LONGEST = 256
_HEADER = 7

Answer = Callable[[bytes], bytes]
"""From a request's PDU to the answer's, b"" for silence."""


class Slave:
    """One unit id on a line; other units' requests are heard and not answered.

    `requests` counts those to this unit, `refusals` the answers that were exceptions.
    """

    def __init__(self, unit: int, framing: Framing, answer: Answer) -> None:
        self.unit = unit
        self.requests = 0
        self.refusals = 0
        self._framing = framing
        self._answer = answer

    def feed(self, waiting: bytearray) -> list[bytes]:
        """Take the whole requests off `waiting`, which keeps what may go on; the answers, framed."""
        take = self._take_rtu if self._framing == "rtu" else self._take_tcp
        answers = []
        while (taken := take(waiting)) is not None:
            if taken:
                answers.append(taken)
        return answers

    def _take_rtu(self, waiting: bytearray) -> bytes | None:
        """One request off the front, b"" if it gets no answer; None while there is no whole one."""
        for start in range(max(0, len(waiting) - 3)):
            size = _request_size(waiting[start:])
            frame = bytes(waiting[start : start + size]) if size else b""
            if size and len(frame) == size and _has_crc(frame):
                del waiting[: start + size]
                answer = self._reply(frame[0], frame[1:-2])
                return _rtu(frame[0], answer) if answer else b""
        del waiting[:-_LONGEST]
        return None

    def _take_tcp(self, waiting: bytearray) -> bytes | None:
        if len(waiting) <= _HEADER:
            return None
        size = 6 + int.from_bytes(waiting[4:6], "big")
        if waiting[2:4] != b"\0\0" or not _HEADER < size <= _LONGEST + 6:
            waiting.clear()  # the framing is lost for good
            return None
        if len(waiting) < size:
            return None
        frame = bytes(waiting[:size])
        del waiting[:size]
        answer = self._reply(frame[6], frame[7:])
        return frame[:4] + (len(answer) + 1).to_bytes(2, "big") + frame[6:7] + answer if answer else b""

    def _reply(self, unit: int, pdu: bytes) -> bytes:
        if unit != self.unit:
            return b""
        answer = self._answer(pdu)
        self.requests += bool(answer)
        self.refusals += bool(answer) and answer[0] >= 0x80
        return answer


def _request_size(data: bytearray) -> int:
    """Characters of the request at the front; 0 if that cannot be told yet. Unknown functions take all."""
    function = data[1]
    if function in _FIXED:
        return 8
    if function in _COUNTED:
        return 9 + data[6] if len(data) > 6 else 0
    return len(data)


def _has_crc(frame: bytes) -> bool:
    return FramerRTU.compute_CRC(frame[:-2]) == int.from_bytes(frame[-2:], "big")


def _rtu(unit: int, pdu: bytes) -> bytes:
    frame = bytes((unit,)) + pdu
    return frame + FramerRTU.compute_CRC(frame).to_bytes(2, "big")
