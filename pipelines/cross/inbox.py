"""Readings that wait for the tick that covers them, so that the order between sources cannot matter."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from math import isfinite

from drivers.readings import Quality, Value
from pipelines.events import Source
from pipelines.state import State

CAPACITY = 512
"""Readings of one source that may wait; the oldest go when no tick comes."""

_BAD, _MISSING = Quality.BAD, Quality.MISSING


def usable(value: Value | None, quality: Quality) -> float | None:
    """The number to reckon with; None for what is missing, BAD, a text, or not finite."""
    if value is None or quality is _BAD or quality is _MISSING or isinstance(value, str):
        return None
    return float(value) if isfinite(value) else None


def is_usable(value: Value, quality: Quality) -> bool:
    """The same question of numbers and labels."""
    return quality is not _BAD and quality is not _MISSING and (isinstance(value, str) or isfinite(value))


class Inbox:
    """One queue for each source, in the order of time. Missing, BAD and infinite readings are not kept."""

    __slots__ = ("_queues",)

    def __init__(self, sources: Sequence[Source]) -> None:
        self._queues: dict[Source, deque[tuple[int, Value]]] = {
            source: deque(maxlen=CAPACITY) for source in sources
        }

    def put(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> None:
        """A reading, as a rule is fed it."""
        if value is not None and is_usable(value, quality):
            self._queues[source].append((at_ms, value))

    def values(self, source: Source, at_ms: int) -> Iterator[tuple[int, Value]]:
        """Take out the readings of `source` that are not after `at_ms`."""
        queue = self._queues[source]
        while queue and queue[0][0] <= at_ms:
            yield queue.popleft()

    def numbers(self, source: Source, at_ms: int) -> Iterator[tuple[int, float]]:
        """The same, without labels."""
        for read_ms, value in self.values(source, at_ms):
            if not isinstance(value, str):
                yield read_ms, float(value)

    def state(self) -> State:
        return {str(n): list(queue) for n, queue in enumerate(self._queues.values())}

    def restore(self, state: State) -> None:
        for n, queue in enumerate(self._queues.values()):
            queue.clear()
            queue.extend((int(at_ms), value) for at_ms, value in state[str(n)])


class Latest:
    """The last value of each source that is not after the tick, while it is not too old."""

    __slots__ = ("_inbox", "_known", "_oldest_ms", "_sources")

    def __init__(self, sources: Sequence[Source], oldest_ms: int) -> None:
        self._sources = tuple(sources)
        self._oldest_ms = oldest_ms
        self._inbox = Inbox(self._sources)
        self._known: list[tuple[int, Value] | None] = [None] * len(self._sources)

    def put(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> None:
        """A reading, as a rule is fed it."""
        self._inbox.put(source, at_ms, value, quality)

    def at(self, at_ms: int) -> list[Value | None]:
        """By source, in the order given at first; None for what was never read or is too old."""
        for n, source in enumerate(self._sources):
            for known in self._inbox.values(source, at_ms):
                self._known[n] = known
        oldest_ms = at_ms - self._oldest_ms
        return [known[1] if known and known[0] >= oldest_ms else None for known in self._known]

    def numbers(self, at_ms: int) -> list[float | None]:
        """The same of numbers alone."""
        return [None if each is None or isinstance(each, str) else float(each) for each in self.at(at_ms)]

    def state(self) -> State:
        return {"inbox": self._inbox.state(), "known": [known and list(known) for known in self._known]}

    def restore(self, state: State) -> None:
        self._inbox.restore(state["inbox"])
        self._known = [known and (int(known[0]), known[1]) for known in state["known"]]
