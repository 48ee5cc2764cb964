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
        """Everything with a memory, by a name that stays the same from start to start.

        The mapping is another one whenever there are other stages.
        """
        ...

    def take_urgent(self) -> set[str]:
        """Names of the stages whose last outputs are worth nothing without their state; asked once each."""
        ...


class Memory:
    """Chooses, encodes and counts; whoever commits says whether it was written."""

    def __init__(self, judge: Remembering, monotonic: Callable[[], float]) -> None:
        self._judge = judge
        self._monotonic = monotonic
        self._stages: Mapping[str, Stateful] = {}
        self._due_s: dict[str, float] = {}
        self._urgent: set[str] = set()
        self._on_disk: set[str] = set()
        self._leftover: set[str] = set()
        self._marks: dict[str, int] = {}
        """Checksums of what is on disk, so that what has not changed is not written again."""
        self.bytes = 0
        """Bytes of state written since the start."""

    def found(self, names: Iterable[str]) -> None:
        """States of these names are on disk from the run before."""
        self._on_disk.update(names)

    def due(self, *, everything: bool = False) -> dict[str, bytes | None]:
        """States to be written with this commit, None for one to be deleted: it belongs to nothing any more.

        Tell `written` which were; the others are due again.
        """
        now_s = self._monotonic()
        self._urgent |= self._judge.take_urgent()
        if (stages := self._judge.stages) is not self._stages:
            self._look(stages, now_s)
        names = [
            name
            for name, due_s in self._due_s.items()
            if everything or due_s <= now_s or name in self._urgent
        ]
        found: dict[str, bytes | None] = dict.fromkeys(self._leftover)
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
                self._on_disk.discard(name)
                self._leftover.discard(name)
            else:
                self._on_disk.add(name)
                self._marks[name] = crc32(body)
                self._rest(name, body, now_s)
                self.bytes += len(body)

    def _look(self, stages: Mapping[str, Stateful], now_s: float) -> None:
        """There are other stages now: the new ones are written in time, what belongs to none is deleted."""
        self._stages = stages
        new = [name for name in stages if name not in self._due_s]
        first_s = {name: now_s + SPREAD_S * (n + 1) / len(new) for n, name in enumerate(new)}
        self._due_s = {name: self._due_s.get(name, first_s.get(name, now_s)) for name in stages}
        self._urgent &= stages.keys()
        self._marks = {name: mark for name, mark in self._marks.items() if name in stages}
        self._leftover = self._on_disk - stages.keys()

    def _rest(self, name: str, body: bytes, now_s: float) -> None:
        self._urgent.discard(name)
        self._due_s[name] = now_s + len(body) / BYTES_PER_S
