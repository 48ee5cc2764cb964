"""The only place that asks the operating system for the time of day."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

BUILT_MS = 1_795_392_000_000
"""2026-11-23T00:00Z: no true clock is before the day this was written."""

STEP_MS = 1000
"""A wall clock that moved this much against the monotonic one between two looks was set by somebody."""

REPORT = "/run/polegate-clock/kernel"
"""Where polegate-clock.service writes what the kernel says, for processes that may not ask it themselves."""

STALE_S = 20.0
"""A report this old says nothing: its writer is gone."""

SYNCED = "synchronised"
_TIME_ERROR = 5  # adjtimex(2): clock not synchronized


def ask_kernel() -> bool | None:
    """Whether the kernel believes that its clock is disciplined, by NTP or a like source (adjtimex(2)).

    None where this process may not ask: a filter of system calls forbids it, the unit's or a container's.
    """
    buffer = ctypes.create_string_buffer(512)  # struct timex with modes = 0: read only
    state = ctypes.CDLL(None).adjtimex(buffer)
    return None if state == -1 else state != _TIME_ERROR


def reported(report: str, now_s: float) -> bool:
    """Whether a report that is not stale at monotonic `now_s` says that the clock is synchronised."""
    try:
        with open(report, encoding="ascii") as file:  # noqa: PTH123  of three lines of code, each second
            said, at_s = file.read().rsplit(maxsplit=1)
        return said == SYNCED and 0 <= now_s - float(at_s) <= STALE_S
    except (OSError, ValueError):
        return False


def kernel_synced(ask: Callable[[], bool | None] = ask_kernel, report: str = REPORT) -> bool:
    """What the kernel says of its clock, asked directly or, where that is forbidden, read from the report."""
    answer = ask()
    return reported(report, time.monotonic()) if answer is None else answer


class Clock:
    """Wall time in ms UTC that says whether it can be trusted.

    Until it can, times count from the wall clock at the start by the monotonic clock, so that they keep
    their order and distances, and one offset puts them all right once the true time is known.
    """

    def __init__(
        self,
        synced: Callable[[], bool] = kernel_synced,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._synced = synced
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._ahead_ms = self._lead_ms()
        self.trusted = self.kept = self._trustworthy()
        """`kept`: so it was at the last look, too; a trusted clock that is no longer kept begins to drift."""

    def now(self) -> tuple[int, bool]:
        """Ms UTC, and whether the clock is trusted."""
        if self.trusted:
            return self._wall_ns() // 1_000_000, True
        return self._monotonic_ns() // 1_000_000 + self._ahead_ms, False

    def look(self) -> int:
        """Look again whether the clock can be trusted; call it every second or so.

        Returns how many ms the time line has moved: on gaining trust what untrusted times must be shifted
        by, afterwards the size of a step somebody made, 0 where nothing happened.
        """
        moved = self._lead_ms() - self._ahead_ms
        self.kept = self._trustworthy()
        if not self.trusted:
            self.trusted = self.kept
            if not self.trusted:
                return 0
            self._ahead_ms += moved
            return moved
        self._ahead_ms += moved
        return moved if abs(moved) >= STEP_MS else 0

    def _lead_ms(self) -> int:
        return (self._wall_ns() - self._monotonic_ns()) // 1_000_000

    def _trustworthy(self) -> bool:
        return self._wall_ns() // 1_000_000 >= BUILT_MS and self._synced()
