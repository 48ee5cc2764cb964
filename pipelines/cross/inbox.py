"""Readings that wait for the tick that covers them, so that the order between sources cannot matter."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from math import isfinite

from drivers.readings import Quality, Value
from pipelines.events import Source
from pipelines.state import State

CAPACITY = 4096
"""Readings of one source that may wait; the oldest go when no tick comes."""

_BAD, _MISSING = Quality.BAD, Quality.MISSING


def usable(value: Value | None, quality: Quality) -> float | None:
    """The number to reckon with; None for what is missing, BAD, a text, or not finite."""
    if value is None or quality is _BAD or quality is _MISSING or isinstance(value, str):
        return None
    return float(value) if isfinite(value) else None


class Inbox:
    """One queue for each source, in the order of time. Missing and BAD readings are not kept."""

    __slots__ = ("_queues",)

    def __init__(self, sources: Sequence[Source]) -> None:
        self._queues: dict[Source, deque[tuple[int, Value]]] = {
            source: deque(maxlen=CAPACITY) for source in sources
        }

    def put(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> None:
        """A reading, as a rule is fed it."""
        if value is not None and quality is not _BAD and quality is not _MISSING:
            self._queues[source].append((at_ms, value))

    def values(self, source: Source, at_ms: int) -> Iterator[tuple[int, Value]]:
        """Take out the readings of `source` that are not after `at_ms`."""
        queue = self._queues[source]
        while queue and queue[0][0] <= at_ms:
            yield queue.popleft()

    def numbers(self, source: Source, at_ms: int) -> Iterator[tuple[int, float]]:
        """The same, without what is not a finite number."""
        for read_ms, value in self.values(source, at_ms):
            if not isinstance(value, str) and isfinite(value):
                yield read_ms, float(value)

    def state(self) -> State:
        return {str(n): list(queue) for n, queue in enumerate(self._queues.values())}

    def restore(self, state: State) -> None:
        for n, queue in enumerate(self._queues.values()):
            queue.clear()
            queue.extend((int(at_ms), value) for at_ms, value in state[str(n)])


class Latest:
    """The last number of each source that is not after the tick, while it is not too old."""

    __slots__ = ("_inbox", "_known", "_oldest_ms", "_sources")

    def __init__(self, sources: Sequence[Source], oldest_ms: int) -> None:
        self._sources = tuple(sources)
        self._oldest_ms = oldest_ms
        self._inbox = Inbox(self._sources)
        self._known: list[tuple[int, float] | None] = [None] * len(self._sources)

    def put(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> None:
        """A reading, as a rule is fed it."""
        self._inbox.put(source, at_ms, value, quality)

    def at(self, at_ms: int) -> list[float | None]:
        """By source, in the order given at first; None for what was never read or is too old."""
        for n, source in enumerate(self._sources):
            for known in self._inbox.numbers(source, at_ms):
                self._known[n] = known
        oldest_ms = at_ms - self._oldest_ms
        return [known[1] if known and known[0] >= oldest_ms else None for known in self._known]

    def state(self) -> State:
        return {"inbox": self._inbox.state(), "known": list(self._known)}

    def restore(self, state: State) -> None:
        self._inbox.restore(state["inbox"])
        self._known = [
            None if known is None else (int(known[0]), float(known[1])) for known in state["known"]
        ]
