"""Which of the judge's states go to disk with the next commit: the urgent at once, the rest at a pace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol
from zlib import crc32

from pipelines.state import Stateful, encode

BYTES_PER_S = 4.0
"""What keeping one state on disk may cost: 200 bytes are written each 50 s, 16 KiB each 68 min."""


SPREAD_S = 600.0
"""Over so long the first states after a start are spread, so that no commit has them all."""


class Remembering(Protocol):
    """What the judge tells of its states."""

    @property
    def stages(self) -> Mapping[str, Stateful]:
        """Everything with a memory, by a name that stays the same from start to start."""
        ...

    def take_urgent(self) -> set[str]:
        """Names of the stages whose last outputs are worth nothing without their state; asked once each."""
        ...


class Memory:
    """Chooses, encodes and counts; whoever commits says whether it was written.

    `on_disk` are the names of the states there: those that belong to nothing any more are deleted.
    """

    def __init__(
        self, judge: Remembering, monotonic: Callable[[], float], on_disk: Iterable[str] = ()
    ) -> None:
        self._judge = judge
        self._monotonic = monotonic
        names = list(judge.stages)
        began_s, share_s = monotonic(), SPREAD_S / max(1, len(names))
        self._due_s = {name: began_s + number * share_s for number, name in enumerate(names, 1)}
        self._urgent: set[str] = set()
        self._leftover = set(on_disk) - set(names)
        self._marks: dict[str, int] = {}
        """Checksums of what is on disk, so that what has not changed is not written again."""
        self.bytes = 0
        """Bytes of state written since the start."""

    def due(self, *, everything: bool = False) -> dict[str, bytes | None]:
        """States to be written, or deleted, with this commit; tell `written` which were."""
        now_s = self._monotonic()
        self._urgent |= self._judge.take_urgent()
        names = [
            name
            for name, due_s in self._due_s.items()
            if everything or due_s <= now_s or name in self._urgent
        ]
        found: dict[str, bytes | None] = dict.fromkeys(self._leftover)
        stages = self._judge.stages if names else {}
        for name in names:
            body = encode(stages[name].state())
            if self._marks.get(name) == crc32(body):
                self._rest(name, body, now_s)
            else:
                found[name] = body
        return found

    def written(self, states: Mapping[str, bytes | None]) -> None:
        """These are on disk now."""
        now_s = self._monotonic()
        for name, body in states.items():
            if body is None:
                self._leftover.discard(name)
            else:
                self._marks[name] = crc32(body)
                self._rest(name, body, now_s)
                self.bytes += len(body)

    def _rest(self, name: str, body: bytes, now_s: float) -> None:
        self._urgent.discard(name)
        self._due_s[name] = now_s + len(body) / BYTES_PER_S
