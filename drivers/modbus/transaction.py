"""One Modbus request and its answer on a link, with pymodbus's framers and our own timing.

Layouts: Modbus over Serial Line V1.02, 2.5.1 (RTU) and Modbus Messaging on TCP/IP V1.0b, 3.1.3 (MBAP).
"""

from __future__ import annotations

import itertools
import time

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU

from drivers.endpoints import Framing
from drivers.errors import Garbled, LinkTimeout, Refused
from drivers.links import LONGEST_FRAME, Link, Overdue

EXCEPTIONS = {
    1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "device failure",
    5: "acknowledge, still working", 6: "device busy", 8: "memory parity error",
    10: "gateway path unavailable", 11: "gateway target did not answer",
}  # fmt: skip
_RTU = FramerRTU(DecodePDU(is_server=False))
_TCP = FramerSocket(DecodePDU(is_server=False))
_TRANSACTION_IDS = itertools.cycle(range(1, 0x10000))
LATE_TIMEOUTS = 2
"""An answer that is not there after the timeout may still come within this many more of it."""

_READS = frozenset({1, 2, 3, 4})
_MOST_HEARD = 4 * LONGEST_FRAME
"""Octets worth searching: noise, an echo, a stale answer and the answer."""


async def transact(
    link: Link, framing: Framing, unit: int, pdu: bytes, *, timeout_s: float, gap_s: float
) -> bytes:
    """The answer's PDU without its function code, checked to belong to this request.

    `timeout_s` counts from the last byte of the request to the answer's first; the line time of both is
    added. `gap_s` is silence before the request beyond the 3.5 characters of RTU.

    Raises:
        LinkTimeout: no byte came.
        Garbled: bytes came, but no valid answer to this request.
        Refused: the device answered with an exception code.
        LinkClosed: the link is gone.
    """
    exchange = _Exchange(link, framing, unit, pdu, next(_TRANSACTION_IDS))
    answer = await exchange.run(timeout_s, gap_s)
    if answer[0] & 0x80:
        code = answer[1] if len(answer) > 1 else 0
        reason = EXCEPTIONS.get(code, "exception")
        raise Refused(f"unit {unit} refused function {answer[0] & 0x7F}: {reason} ({code})", code)
    return answer[1:]


def silence(char_s: float) -> float:
    """The 3.5 characters between RTU frames, never under 1.75 ms (Modbus over Serial Line V1.02, 2.5.1.1)."""
    return max(3.5 * char_s, 0.00175) if char_s else 0.0


def longest_s(char_s: float, timeout_s: float, gap_s: float) -> float:
    """More than one exchange can take: its own answer and two late ones, and a line that must grow quiet.

    Quiet comes within 1 s or 260 characters, after noise within 0.4 s or 70; 280 are request and answer.
    """
    return timeout_s + 2 * (1 + LATE_TIMEOUTS) * timeout_s + gap_s + 2.0 + 1000 * char_s


def answer_size(pdu: bytes) -> int:
    """Characters of the RTU answer to a request: unit, function, byte count or echo, data, CRC."""
    if pdu[0] not in _READS:
        return 8
    count = int.from_bytes(pdu[3:5], "big")
    return 5 + (2 * count if pdu[0] in (3, 4) else (count + 7) // 8)


def find_answer(framing: Framing, data: bytes, unit: int, function: int, transaction_id: int) -> bytes | None:
    """The PDU of the first valid answer to this request in `data`, or None while there is none.

    RTU answers are searched at every offset: noise, and the request itself where the adapter hears it, may
    stand before them; the checksum decides. Answers to other transactions are passed over.
    """
    if framing == "rtu":
        for start in range(len(data) - 4):
            if data[start] == unit and data[start + 1] & 0x7F == function:
                _, device, _, found = _RTU.decode(data[start:])
                if found and device == unit and found[0] & 0x7F == function:
                    return bytes(found)
        return None
    while data:
        used, device, transaction, found = _TCP.decode(data)
        if not used:
            return None
        if found and (device, transaction) == (unit, transaction_id) and found[0] & 0x7F == function:
            return bytes(found)
        data = data[used:]
    return None


class _Exchange:
    """The state of one request on the wire."""

    def __init__(self, link: Link, framing: Framing, unit: int, pdu: bytes, transaction_id: int) -> None:
        self.link = link
        self.framing = framing
        self.unit = unit
        self.pdu = pdu
        self.function = pdu[0]
        self.transaction_id = transaction_id
        self.request: bytes = (_RTU if framing == "rtu" else _TCP).encode(pdu, unit, transaction_id)
        self.data = b""

    async def run(self, timeout_s: float, gap_s: float) -> bytes:
        link, char_s = self.link, self.link.endpoint.char_s
        await self._outwait_late_answers(timeout_s)
        await link.send(self.request, silence_s=silence(char_s) + gap_s)
        deadline = time.monotonic() + timeout_s + (len(self.request) + answer_size(self.pdu)) * char_s
        # On a serial line 20 silent characters end a frame for certain; a network may pause at will.
        pause_s = max(20 * char_s, 0.05) if char_s else timeout_s
        while len(self.data) < _MOST_HEARD:
            left = max(deadline - time.monotonic(), 0.0)
            try:
                heard = await link.receive(min(left, pause_s) if self.data else left)
            except LinkTimeout:
                break
            self.data = (self.data + heard)[:_MOST_HEARD]
            if answer := self._answer():
                self._expect_the_others(timeout_s)
                return answer
        raise await self._failure(timeout_s)

    def _answer(self) -> bytes | None:
        """The answer, searched behind the request where the adapter hears itself.

        A read's request may itself look like an answer, of three bytes where its address begins with 03;
        the answer to a write often equals it, so that only a known echo is cut.
        """
        _, echo, behind = self.data.partition(self.request)
        is_read = self.function in _READS
        is_echo = bool(echo) and self.framing == "rtu" and (is_read or self.link.echoes)
        rest = behind if is_echo else self.data
        answer = find_answer(self.framing, rest, self.unit, self.function, self.transaction_id)
        if answer and is_echo:
            self.link.echoes = True
        return answer

    async def _outwait_late_answers(self, timeout_s: float) -> None:
        """RTU frames carry no number: this unit's overdue answers would pass for that to another request."""
        overdue = self.link.late.get(self.unit)
        if overdue is None or (overdue.pdu == self.pdu and overdue.until > time.monotonic()):
            return
        heard = b""
        while overdue.count and (left := overdue.until - time.monotonic()) > 0:
            try:
                heard = (heard + await self.link.receive(left))[-_MOST_HEARD:]
            except LinkTimeout:
                break
            if find_answer(self.framing, heard, self.unit, overdue.pdu[0], 0):
                heard, overdue.count = b"", overdue.count - 1
                self._expect_the_others(timeout_s)
        del self.link.late[self.unit]

    def _expect_the_others(self, timeout_s: float) -> None:
        """A request asked again is answered again, after up to as long."""
        if overdue := self.link.late.get(self.unit):
            overdue.until = time.monotonic() + (1 + LATE_TIMEOUTS) * timeout_s

    async def _failure(self, timeout_s: float) -> LinkTimeout | Garbled:
        """Listen a serial line empty; close a TCP stream that lost its framing."""
        if self.framing == "rtu":
            overdue = self.link.late.setdefault(self.unit, Overdue(self.pdu))
            overdue.count += 1
            overdue.until = time.monotonic() + LATE_TIMEOUTS * timeout_s
            if self.data:
                await self.link.settle(max(silence(self.link.endpoint.char_s), 0.02))
        if not self.data:
            return LinkTimeout(f"unit {self.unit} did not answer within {timeout_s:g} s")
        if self.framing == "tcp":
            self.link.close()
        return Garbled(f"unit {self.unit}: no valid answer in {self.data[:64].hex(' ')}", self.data)
