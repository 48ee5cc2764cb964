"""One trouble after another, of each camera and of what they share: what was told, and when it was over."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.soaking.cameras import Trouble
    from scripts.soaking.ledger import Ledger

BACK_WITHIN_S = 120.0


@dataclass(slots=True)
class Case:
    """A trouble that was; times are seconds UTC. `told_s` after its beginning, `back_s` after its end."""

    subject: str
    trouble: str
    began_s: float
    reasons: frozenset[str] = frozenset()
    must: bool = False
    held_s: float = 0.0
    told_s: float | None = None
    back_s: float | None = None
    heard: dict[str, None] = field(default_factory=dict)
    steps: dict[str, None] = field(default_factory=dict)
    disturbed: bool = False
    """The worker was killed meanwhile: what it would have told, it may not have."""

    @property
    def missed(self) -> bool:
        """It was to be told, and was not."""
        return self.must and not self.disturbed and self.told_s is None


class Course:
    """Of one subject. `is_well` says whether it is as it should be; `ledger` what was told of it."""

    def __init__(
        self,
        name: str,
        troubles: list[Trouble],
        ledger: Ledger,
        is_well: Callable[[], bool],
        *,
        random: Random,
        calm_s: tuple[float, float],
    ) -> None:
        self.name = name
        self.done: list[Case] = []
        self.case: Case | None = None
        self._troubles, self._ledger, self._is_well, self._random = troubles, ledger, is_well, random
        self._calm_s = calm_s
        self._trouble: Trouble | None = None
        self._rest: list[Trouble] = []
        self._next_s = time.monotonic() + random.uniform(0, calm_s[0])
        self._began_s = self._ended_s = 0.0

    def step(self, left_s: float) -> Case | None:
        """Go on; a case that is over. `left_s` is how long troubles may still last."""
        now_s = time.monotonic()
        self._hear()
        if self._trouble is not None:
            if now_s >= self._next_s:
                self._end()
            return None
        if self.case is not None:
            return self._settle(now_s)
        if now_s >= self._next_s and (trouble := self._pick(left_s)):
            self._begin(trouble, left_s)
        return None

    def disturb(self) -> None:
        """The worker was killed."""
        if self.case is not None:
            self.case.disturbed = True

    def forbid(self, name: str) -> None:
        """Not that one from now on."""
        self._troubles = [each for each in self._troubles if each.name != name]
        self._rest = [each for each in self._rest if each.name != name]

    def stop(self) -> None:
        """No more; what is still wrong is put right."""
        if self._trouble is not None:
            self._end()

    def _pick(self, left_s: float) -> Trouble | None:
        """Each once before one comes again."""
        self._rest = self._rest or self._random.sample(self._troubles, len(self._troubles))
        fitting = [each for each in self._rest if each.low_s <= left_s]
        if not fitting:
            return None
        self._rest.remove(fitting[0])
        return fitting[0]

    def _begin(self, trouble: Trouble, left_s: float) -> None:
        length_s = min(self._random.uniform(trouble.low_s, trouble.high_s), left_s)
        must = trouble.must_s is not None and length_s >= trouble.must_s
        self.case = Case(self.name, trouble.name, time.time(), trouble.reasons, must)
        self._trouble, self._began_s = trouble, time.monotonic()
        trouble.begin()
        self._next_s = time.monotonic() + length_s

    def _end(self) -> None:
        assert self._trouble is not None
        assert self.case is not None
        self._trouble.end()
        self._trouble = None
        self._ended_s = time.monotonic()
        self.case.held_s = self._ended_s - self._began_s

    def _hear(self) -> None:
        if self.case is None:
            return
        for told in self._ledger.since(self.name, self.case.began_s):
            if told.state == "closed":
                continue
            self.case.heard[told.reason] = None
            if self.case.told_s is None and told.reason in self.case.reasons:
                self.case.told_s = told.arrived_s - self.case.began_s

    def _settle(self, now_s: float) -> Case | None:
        """Over once it has been well for a moment; a fault may still be on its way while it is."""
        if now_s - self._ended_s < 1.0 or not self._is_well():
            return None
        over, self.case = self.case, None
        assert over is not None
        over.back_s = now_s - self._ended_s
        self.done.append(over)
        self._next_s = now_s + self._random.uniform(*self._calm_s)
        return over
