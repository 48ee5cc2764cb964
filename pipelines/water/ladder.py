"""Rungs that are climbed and left one by one, each with its own dwell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.alarm import Latch

if TYPE_CHECKING:
    from pipelines.state import State


class Ladder:
    """How many of `rungs` stand, the lowest first; a rung never stands without those below it."""

    __slots__ = ("latches", "rung", "since_ms")

    def __init__(self, rungs: int, *, raise_ms: int = 0, clear_ms: int = 0) -> None:
        self.latches = tuple(Latch(raise_ms, clear_ms) for _ in range(rungs))
        self.rung = 0
        """The highest that stands, counted from 1; 0 when none does."""
        self.since_ms = 0
        """When what changed last truly began: of several rungs at once the lowest."""

    def feed(self, at_ms: int, over: int, hold: int) -> bool:
        """Whether `rung` has changed; `over` rungs are reached now, `hold` not yet left (never fewer)."""
        began_ms = None
        for rung, latch in enumerate(self.latches, 1):
            if latch.feed(at_ms, over=over >= rung, back=hold < rung):
                began_ms = latch.since_ms if began_ms is None else began_ms
        if began_ms is None:
            return False
        self.since_ms = began_ms
        self.rung = sum(latch.on for latch in self.latches)
        return True

    @property
    def calm(self) -> bool:
        """Whether nothing stands and nothing waits."""
        return not self.rung and self.latches[0].since_ms is None

    def drop(self, rung: int) -> None:
        """Take away `rung` and what stands on it, at once: it never truly stood."""
        for latch in self.latches[rung - 1 :]:
            latch.on, latch.since_ms = False, None
        self.rung = min(self.rung, rung - 1)

    def state(self) -> State:
        return {"latches": [latch.state() for latch in self.latches], "since_ms": self.since_ms}

    def restore(self, state: State) -> None:
        if len(state["latches"]) != len(self.latches):
            raise ValueError("the stored ladder has other rungs")
        for latch, stored in zip(self.latches, state["latches"], strict=True):
            latch.restore(stored)
        self.rung = sum(latch.on for latch in self.latches)
        self.since_ms = int(state["since_ms"])
