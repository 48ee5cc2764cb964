"""The share that pictures have of a connection: what they may use of it, and who has their bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from agent.camera.pictures import Piece
from buffer.envelope import Envelope

MOST_PICTURES = 2
"""Pieces of pictures in flight at once; what is urgent waits for them at most. On a slow line it is one."""

SLOW_S = 1.0
"""A line on which a piece takes longer from its sending to its PUBACK."""

LEAST_PIECE_BYTES = 512
"""A broker that takes less than this of a picture at once takes none."""


class Pictures(Protocol):
    """Whoever keeps the bytes that the envelopes of pieces stand for."""

    async def payload(self, piece: Piece) -> bytes:
        """The bytes. Raises Gone where there are none any more, OutboxError where they cannot be read now."""

    async def split(self, piece: Piece, envelope: Envelope, content: bytes, most_bytes: int) -> None:
        """Put smaller pieces in the place of one that the broker would not take. Raises OutboxError."""

    def delivered(self, piece: Piece) -> None:
        """The platform has it."""

    def lost(self, piece: Piece, envelope: Envelope, reason: str) -> bool:
        """It will never be sent, nor will the others of its picture; whether that is news."""


class Share:
    """How many pieces of pictures may be in flight: few, so that nothing waits long behind them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: dict[str, float] = {}
        self._slow = True

    def room(self, window: float) -> bool:
        """Whether one more may go; a place in the window is left for others where there are two."""
        return len(self._sent) < min(1 if self._slow else MOST_PICTURES, max(1, window - 1))

    def sent(self, key: str) -> None:
        self._sent[key] = self._clock()

    def done(self, key: str, *, taken: bool) -> None:
        """Of no effect on what is not a picture's."""
        sent_s = self._sent.pop(key, None)
        if sent_s is not None and taken:
            self._slow = self._clock() - sent_s > SLOW_S
