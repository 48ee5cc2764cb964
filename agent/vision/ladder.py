"""How far a camera has got, rung by rung, told only when that changed for good. Pure: clocks are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
"""So many failures in a row are a fall, sooner than PATIENCE_S."""

PATIENCE_S = 15.0
"""A failure that was not made good for so long is a fall; of the network, never sooner."""

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
class _Rung:
    """Failures in a row to get onto a rung, and those of them in a row with the same reason."""

    misses: int = 0
    since_s: float = 0.0
    reason: str = ""
    message: str = ""
    same: int = 0
    same_since_s: float = 0.0

    def miss(self, reason: str, message: str, at_s: float) -> None:
        if not self.misses:
            self.since_s = at_s
        if reason != self.reason or not self.same:
            self.same, self.same_since_s = 0, at_s
        self.misses += 1
        self.same += 1
        self.reason, self.message = reason, message

    def clear(self) -> None:
        self.misses = self.same = 0


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
        self._most_misses = max(misses, LEAST_MISSES)
        self._patience_s = patience_s
        self._still_s = still_s
        self._rungs = {step: _Rung() for step in Step if step > Step.UNREACHABLE}
        self._seen = Step.STARTING
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
        self._hold(step)
        self._seen = max(self._seen, step)
        return self.settle()

    def fell(self, step: Step, reason: str, message: str) -> Change | None:
        """The camera got to `step`, UNREACHABLE at least, and no further, because of `reason`."""
        self._seen = max(step, Step.UNREACHABLE)
        self._hold(self._seen)
        at_s = self._monotonic()
        for each, rung in self._rungs.items():
            if each > self._seen:
                rung.miss(reason, message, at_s)
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
        if self._seen <= self.step:
            self._better_since_s = None
        elif self._better_since_s is None:
            self._better_since_s = self._monotonic()
        return self._fallen() or self._risen() or self._for_another_reason()

    def _hold(self, step: Step) -> None:
        for each, rung in self._rungs.items():
            if each <= step:
                rung.clear()

    def _fallen(self) -> Change | None:
        """To below the lowest rung that was missed for long enough."""
        for step, rung in self._rungs.items():
            if step <= self.step and self._lasts(step, rung.misses, rung.since_s):
                return self._tell(Step(step - 1), rung.reason, rung.message)
        return None

    def _risen(self) -> Change | None:
        if self._better_since_s is None:
            return None
        above = self._above(self._seen)
        waited = self._monotonic() - self._better_since_s >= self._patience_s
        failing = above.misses and self._lasts(Step(self._seen + 1), above.misses, above.since_s)
        if not (self._seen is Step.CHANGING or waited or failing):
            return None
        if above.misses:
            return self._tell(self._seen, above.reason, above.message)
        return self._tell(self._seen, "", self._recovery())

    def _for_another_reason(self) -> Change | None:
        above = self._above(self.step)
        if self.step is Step.STARTING or self._seen > self.step or not above.same:
            return None
        if above.reason == self.reason or not self._lasts(
            Step(self.step + 1), above.same, above.same_since_s
        ):
            return None
        return self._tell(self.step, above.reason, above.message)

    def _above(self, step: Step) -> _Rung:
        return self._rungs.get(Step(step + 1), _Rung()) if step < Step.CHANGING else _Rung()

    def _lasts(self, rung: Step, misses: int, since_s: float) -> bool:
        if misses < LEAST_MISSES:
            return False
        waited = self._monotonic() - since_s >= self._patience_s
        return waited or (misses >= self._most_misses and rung is not Step.REACHABLE)

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
