"""Who promised to be heard of again, and by when: the watchdog is fed only while every promise is kept."""

from __future__ import annotations

import time
from collections.abc import Callable


class Heart:
    """Promises by part, in monotonic seconds."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def pulse(self, part: str) -> Callable[[float], None]:
        """The function by which `part` promises a further beat within so many seconds."""

        def promise(within_s: float) -> None:
            self._until[part] = time.monotonic() + within_s

        return promise

    def forget(self, part: str) -> None:
        """The part was stopped, or rests."""
        self._until.pop(part, None)

    def overdue(self) -> list[str]:
        """Parts that broke their promise."""
        now = time.monotonic()
        return sorted(part for part, until in self._until.items() if until < now)
