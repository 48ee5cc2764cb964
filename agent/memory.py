"""Which of the judge's states go to disk with the next commit: the urgent at once, the rest at a pace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from pipelines.state import Stateful, encode

BYTES_PER_S = 4.0
"""What keeping one state on disk may cost: 200 bytes are written each 50 s, 16 KiB each 68 min."""


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
    """Chooses, encodes and counts; whoever commits says whether it was written."""

    def __init__(self, judge: Remembering, monotonic: Callable[[], float]) -> None:
        self._judge = judge
        self._monotonic = monotonic
        began_s = monotonic()
        self._due_s = dict.fromkeys(judge.stages, began_s + 60.0)
        self._urgent: set[str] = set()
        self.bytes = 0
        """Bytes of state written since the start."""

    def due(self, *, everything: bool = False) -> dict[str, bytes]:
        """States to be written with this commit; ask `written` for those that were."""
        now_s = self._monotonic()
        self._urgent |= self._judge.take_urgent()
        stages = self._judge.stages
        names = [
            name
            for name, due_s in self._due_s.items()
            if everything or name in self._urgent or due_s <= now_s
        ]
        return {name: encode(stages[name].state()) for name in names if name in stages}

    def written(self, states: Mapping[str, bytes]) -> None:
        """These are on disk now."""
        now_s = self._monotonic()
        for name, body in states.items():
            self._due_s[name] = now_s + len(body) / BYTES_PER_S
            self._urgent.discard(name)
            self.bytes += len(body)

    @staticmethod
    def leftovers(known: Iterable[str], stages: Iterable[str]) -> dict[str, None]:
        """States on disk that belong to nothing any more, to be deleted."""
        return dict.fromkeys(set(known) - set(stages))
