"""What comes down from the broker: small, few at a time, and never faster than the readings can bear."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from math import inf

from agent.commands import MOST_BYTES
from agent.logs import line

log = logging.getLogger("polegate")

MOST_WAITING = 64
"""Commands that may wait; what comes beyond is dropped: whoever gets no reply sends it again."""

PACE_S = 0.05
"""Between two commands handed on."""

TELL_S = 60.0
"""Between two log lines about dropped commands."""

_LONGEST_TOPIC = 256

Received = Callable[[str, bytes, bool], object]
"""Told topic, payload and whether it was retained; of a payload too long it gets the beginning only."""


class Inbox:
    """Filled by the connection, emptied one by one by `turn`; it outlives the connection."""

    def __init__(self, received: Received) -> None:
        self.dropped = 0
        self._received = received
        self._waiting: deque[tuple[str, bytes, bool]] = deque()
        self._next_s = -inf
        self._told = 0
        self._tell_s = -inf

    def put(self, topic: str, payload: bytes, retained: bool) -> bool:
        """Whether it was taken."""
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return False
        self._waiting.append((topic[:_LONGEST_TOPIC], payload[: MOST_BYTES + 1], retained))
        return True

    def turn(self, now_s: float) -> float:
        """Hand on at most one; returns the seconds until the next is due. `now_s` is any monotonic time."""
        self._tell(now_s)
        if self._waiting and now_s >= self._next_s:
            self._next_s = now_s + PACE_S
            self._received(*self._waiting.popleft())
        return max(0.0, self._next_s - now_s) if self._waiting else inf

    def _tell(self, now_s: float) -> None:
        if self.dropped == self._told or now_s < self._tell_s:
            return
        count, self._told, self._tell_s = self.dropped - self._told, self.dropped, now_s + TELL_S
        message = "commands come faster than they are carried out; these were dropped and get no reply"
        log.warning(line("commands_dropped", count=count, message=message))
