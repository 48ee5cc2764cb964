"""One channel beside others of about the same time: a later word on its newest value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from drivers.readings import Quality, Value
from pipelines.cross.inbox import Latest
from pipelines.events import Source
from pipelines.lane import Revision
from pipelines.state import State, Stateful

TOO_OLD_MS = 900_000
"""Older values of the others are not of the same time."""

_BAD, _SUSPECT = Quality.BAD, Quality.SUSPECT


class Comparison(Stateful, Protocol):
    """Flags a value by what others are at the time."""

    @property
    def name(self) -> str:
        """Published with the flag it sets."""
        ...

    def feed(self, at_ms: int, own: float | None, others: Sequence[float | None]) -> Quality:
        """The flag of `own`."""
        ...


class Beside:
    """Compares at each tick; a value is revised once, and only for the worse."""

    def __init__(self, own: Source, others: Sequence[Source], comparison: Comparison) -> None:
        self.sources = (own, *others)
        self.name = comparison.name
        self._own = own
        self._comparison = comparison
        self._latest = Latest(self.sources, TOO_OLD_MS)
        self._waiting: list[tuple[int, Quality]] = []
        """Own values since the last tick, with the flags they were published under."""

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> None:
        """A judged reading of any of the sources."""
        self._latest.put(source, at_ms, value, quality)
        if source == self._own and value is not None and quality is not _BAD:
            self._waiting = [*self._waiting[-99:], (at_ms, quality)]

    def tick(self, at_ms: int) -> Revision | None:
        """Every reading up to `at_ms` has been fed."""
        due = [each for each in self._waiting if each[0] <= at_ms]
        if not due:
            return None
        self._waiting = self._waiting[len(due) :]
        own, *others = self._latest.numbers(at_ms)
        flag = self._comparison.feed(at_ms, own, others)
        own_ms, published = due[-1]
        if flag not in (_SUSPECT, _BAD) or flag <= published:
            return None
        return Revision(self._own, own_ms, flag, str(self.name), "beside_others")

    def state(self) -> State:
        waiting = [[at_ms, int(quality)] for at_ms, quality in self._waiting]
        return {"latest": self._latest.state(), "comparison": self._comparison.state(), "waiting": waiting}

    def restore(self, state: State) -> None:
        self._comparison.restore(state["comparison"])
        self._latest.restore(state["latest"])
        self._waiting = [(int(at_ms), Quality(quality)) for at_ms, quality in state["waiting"]]
