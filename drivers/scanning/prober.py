"""Asking one question on an open link and hearing whatever answers, late answers to earlier ones too."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pymodbus.framer import FramerRTU

from drivers.errors import Garbled, LinkTimeout
from drivers.links import Link
from drivers.modbus.transaction import answer_size, silence
from drivers.scanning.order import Ask

_SHORTEST = 5
_MOST_HEARD = 1040


class Heard(NamedTuple):
    """A slave's answer with a right checksum: `data` of a read, or the exception's `code`."""

    unit: int
    function: int
    data: bytes
    code: int = 0


@dataclass(slots=True)
class Turn:
    """What one question brought: its own answer, others' answers that were late, bytes that were neither."""

    answer: Heard | None = None
    others: list[Heard] = field(default_factory=list)
    noise: bytes = b""


@dataclass(slots=True)
class Prober:
    """Asks on one link; `sent` counts the frames."""

    link: Link
    char_s: float
    sent: int = 0

    async def ask(self, ask: Ask, patience_s: float) -> Turn:
        """Send a read request, keep 3.5 characters of silence before it, and hear what comes.

        Raises:
            LinkClosed: the link is gone.
        """
        body = bytes((ask.unit,)) + ask.pdu
        request = body + FramerRTU.compute_CRC(body).to_bytes(2, "big")
        try:
            await self.link.send(request, silence_s=silence(self.char_s))
        except Garbled as error:  # never quiet
            return Turn(noise=error.data or b"\0")
        self.sent += 1
        deadline = time.monotonic() + patience_s + (len(request) + answer_size(ask.pdu)) * self.char_s
        return await self._hear(ask, request, deadline)

    async def linger(self, wait_s: float) -> Turn:
        """Hear what is still on its way.

        Raises:
            LinkClosed: the link is gone.
        """
        return await self._hear(None, b"", time.monotonic() + wait_s)

    async def _hear(self, ask: Ask | None, request: bytes, deadline: float) -> Turn:
        heard, turn = b"", Turn()
        pause_s = max(20 * self.char_s, 0.03)
        while len(heard) < _MOST_HEARD:
            left = max(0.0, deadline - time.monotonic())
            try:
                heard += await self.link.receive(max(left, pause_s) if heard else left)
            except LinkTimeout:
                break
            found = list(answers(_without(request, heard)))
            if ask and (own := next((each for each in found if _answers(ask, each)), None)):
                turn.answer = own
                turn.others = [each for each in found if each is not own]
                return turn
        rest = _without(request, heard)
        turn.others = list(answers(rest))
        turn.noise = b"" if turn.others else rest
        return turn


def answers(data: bytes) -> Iterator[Heard]:
    """Every answer to a read (functions 3 and 4) in some bytes, noise around it or not.

    Modbus over Serial Line V1.02, 2.5.1: unit, function, byte count, data, CRC; or unit, function + 80h,
    code, CRC.
    """
    at = 0
    while at + _SHORTEST <= len(data):
        unit, function, count = data[at : at + 3]
        size = 5 if function in (0x83, 0x84) else count + 5 if function in (3, 4) else 0
        frame = data[at : at + size]
        if not (size and 1 <= unit <= 247 and len(frame) == size and _has_crc(frame)):
            at += 1
            continue
        is_refusal = function >= 0x80
        yield Heard(unit, function & 0x7F, b"" if is_refusal else frame[3:-2], count if is_refusal else 0)
        at += size


def _answers(ask: Ask, heard: Heard) -> bool:
    return (
        heard.unit == ask.unit
        and heard.function == ask.function
        and (heard.code > 0 or len(heard.data) == 2 * ask.words)
    )


def _without(request: bytes, heard: bytes) -> bytes:
    """The bytes behind the request where the adapter hears itself."""
    if request and request in heard:
        before, _, behind = heard.partition(request)
        return before + behind
    return heard


def _has_crc(frame: bytes) -> bool:
    (sent,) = struct.unpack(">H", frame[-2:])
    return bool(FramerRTU.compute_CRC(frame[:-2]) == sent)
