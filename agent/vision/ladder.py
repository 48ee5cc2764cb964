"""How far a camera has got, rung by rung, told only when that changed for good. Pure: clocks are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum


class Step(IntEnum):
    """Each rung says that those below hold."""

    STARTING = 0
    """Nothing is known yet."""
    UNREACHABLE = 1
    REACHABLE = 2
    """It answers on its network address."""
    AUTHORISED = 3
    """It takes our credentials."""
    STREAMING = 4
    """Pictures come."""
    CHANGING = 5
    """And they are not always the same one."""


MISSES = 3
"""So many failures in a row that were not the network's are a fall, sooner than PATIENCE_S."""

PATIENCE_S = 15.0
"""Failures that were not made good for so long are a fall, and those of the network never sooner."""

LEAST_MISSES = 2
"""One failure alone is none, however long ago."""

STILL_S = 60.0
"""The same picture for so long is worth a word."""

FROZEN = "frozen"
"""The reason of a fall from CHANGING to STREAMING by `unchanged`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A step or a reason that is new since `at_ms` (UTC); `reason` is "" where nothing failed.

    `held_ms` is how long the step `before` had stood.
    """

    step: Step
    before: Step
    reason: str
    message: str
    at_ms: int
    held_ms: int


@dataclass(slots=True)
class _Streak:
    """Failures in a row; `quick` are those that tell of more than the network."""

    count: int = 0
    quick: int = 0
    since_s: float = 0.0

    def add(self, at_s: float, *, quick: bool) -> None:
        if not self.count:
            self.since_s = at_s
        self.count += 1
        self.quick += quick

    def lasts(self, at_s: float, misses: int, patience_s: float) -> bool:
        return self.count >= LEAST_MISSES and (self.quick >= misses or at_s - self.since_s >= patience_s)


@dataclass(slots=True)
class _Rung:
    """Failures to get onto a rung, and the last of them that had the same reason; `at` is how far it got."""

    misses: _Streak = field(default_factory=_Streak)
    same: _Streak = field(default_factory=_Streak)
    reason: str = ""
    message: str = ""
    at: Step = Step.STARTING

    def miss(self, at: Step, reason: str, message: str, at_s: float) -> None:
        if reason != self.reason:
            self.same = _Streak()
        for streak in (self.misses, self.same):
            streak.add(at_s, quick=at > Step.UNREACHABLE)
        self.reason, self.message, self.at = reason, message, at

    def clear(self) -> None:
        self.misses, self.same = _Streak(), _Streak()


class Ladder:
    """Where one camera stands, by what was seen of it; told when it lasts, and the top rung at once.

    `now` is ms UTC, for the stamps; how long something lasts is counted by `monotonic`, in seconds.
    """

    def __init__(
        self,
        now: Callable[[], int],
        monotonic: Callable[[], float],
        *,
        misses: int = MISSES,
        patience_s: float = PATIENCE_S,
        still_s: float = STILL_S,
    ) -> None:
        self._now = now
        self._monotonic = monotonic
        self._misses = misses
        self._patience_s = patience_s
        self._still_s = still_s
        self._rungs = {step: _Rung() for step in Step if step > Step.UNREACHABLE}
        self._seen = Step.STARTING
        self._stuck = _Streak()
        self._better_since_s: float | None = None
        self._since_s = monotonic()
        self.step = Step.STARTING
        """What was told last."""
        self.reason = ""
        """Why it is not the rung above; "" where that is not known, or it is the top."""
        self.message = ""
        self.since_ms = now()

    def reached(self, step: Step) -> Change | None:
        """The camera is at `step` at least; of what is above nothing is said."""
        self._see(max(self._seen, step), step)
        return self.settle()

    def fell(self, step: Step, reason: str, message: str) -> Change | None:
        """The camera got to `step`, UNREACHABLE to STREAMING, and no further, because of `reason`."""
        step = min(max(step, Step.UNREACHABLE), Step.STREAMING)
        self._see(step, step)
        at_s = self._monotonic()
        for each, rung in self._rungs.items():
            if each > step:
                rung.miss(step, reason, message, at_s)
        self._stuck.add(at_s, quick=step > Step.UNREACHABLE)
        return self.settle()

    def unchanged(self, since_ms: int) -> Change | None:
        """A picture came, and it is the one that has come since `since_ms` (UTC)."""
        still_s = (self._now() - since_ms) / 1000
        if still_s < self._still_s:
            return self.reached(Step.STREAMING)
        message = f"the picture has not changed for {still_s:.0f} s: is the camera's encoder stuck?"
        return self.fell(Step.STREAMING, FROZEN, message)

    def settle(self) -> Change | None:
        """What has lasted long enough by now; call it every few seconds where nothing else is called."""
        return self._fallen() or self._risen() or self._for_another_reason()

    def _see(self, seen: Step, held: Step) -> None:
        if seen is not self._seen:
            self._seen, self._stuck = seen, _Streak()
        if seen <= self.step:
            self._better_since_s = None
        elif self._better_since_s is None:
            self._better_since_s = self._monotonic()
        for each, rung in self._rungs.items():
            if each <= held:
                rung.clear()

    def _fallen(self) -> Change | None:
        """To below the lowest rung that was missed for long enough."""
        for step, rung in self._rungs.items():
            if step <= self.step and self._lasts(rung.misses):
                return self._tell(Step(step - 1), rung.reason, rung.message)
        return None

    def _risen(self) -> Change | None:
        """To what has been seen for long enough, or cannot get any better."""
        if self._better_since_s is None:
            return None
        waited = self._monotonic() - self._better_since_s >= self._patience_s
        if not (self._seen is Step.CHANGING or waited or self._lasts(self._stuck)):
            return None
        if self._stuck.count:
            above = self._rungs[Step(self._seen + 1)]
            return self._tell(self._seen, above.reason, above.message)
        return self._tell(self._seen, "", self._recovery())

    def _for_another_reason(self) -> Change | None:
        if self.step in (Step.STARTING, Step.CHANGING):
            return None
        above = self._rungs[Step(self.step + 1)]
        if above.at is not self.step or above.reason == self.reason or not self._lasts(above.same):
            return None
        return self._tell(self.step, above.reason, above.message)

    def _lasts(self, streak: _Streak) -> bool:
        return streak.lasts(self._monotonic(), self._misses, self._patience_s)

    def _recovery(self) -> str:
        if not self.reason:
            return ""
        return f"after {self._monotonic() - self._since_s:.0f} s; the reason was: {self.reason}"

    def _tell(self, step: Step, reason: str, message: str) -> Change:
        at_ms, at_s, before = self._now(), self._monotonic(), self.step
        held_ms = round((at_s - self._since_s) * 1000)
        if step is not before:
            self.since_ms, self._since_s = at_ms, at_s
        self.step, self.reason, self.message = step, reason, message if reason else ""
        self._better_since_s = None
        return Change(step=step, before=before, reason=reason, message=message, at_ms=at_ms, held_ms=held_ms)
