"""Whether a doubtful reading is true: the gauge is asked again a few times. Pure; the caller owns the bus."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from drivers.readings import Quality
from pipelines.state import State
from pipelines.water.given import mark, mine, require

HOUR_MS = 3_600_000


class Outcome(StrEnum):
    """What the re-reads say of the reading."""

    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    UNDECIDED = "undecided"


FLAGS = {
    Outcome.CONFIRMED: Quality.GOOD,
    Outcome.WITHDRAWN: Quality.BAD,
    Outcome.UNDECIDED: Quality.SUSPECT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The revision to publish for the reading of `at_ms`: its flag and the name of the test."""

    outcome: Outcome
    at_ms: int
    value: float
    quality: Quality
    test: str
    answers: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RereadSettings:
    """How often and how long the gauge is asked again."""

    tolerance: float | None = None
    """How far values may differ and still agree, in the channel's unit; None: half the jump in doubt."""
    count: int = 4
    """How many re-reads."""
    spread_ms: int = 20_000
    """The last of them comes so long after the reading, 10 to 30 s."""
    patience_ms: int = 10_000
    """How long after that an answer may still come."""
    most_per_hour: int = 6
    """An erratic gauge gets no more than this, so that it does not hog the bus."""

    def __post_init__(self) -> None:
        require("tolerance", "over 0", self.tolerance, fits=self.tolerance is None or self.tolerance > 0)
        require("count", "2 to 10", self.count, fits=2 <= self.count <= 10)
        require("spread_ms", "10000 to 30000", self.spread_ms, fits=10_000 <= self.spread_ms <= 30_000)
        require("patience_ms", "0 or more", self.patience_ms, fits=self.patience_ms >= 0)
        require("most_per_hour", "1 to 60", self.most_per_hour, fits=1 <= self.most_per_hour <= 60)


class Reread:
    """The re-reads of one series, for one doubtful reading at a time.

    `doubt` begins, `wanted` says when to ask, `answer` takes what came, and one of `answer` and `expire`
    gives the verdict. More than half of `count` must agree with the reading, or with what was before it.
    """

    __slots__ = ("_answers", "_asked", "_at_ms", "_before", "_mark", "_settings", "_starts", "_value")

    def __init__(self, settings: RereadSettings) -> None:
        self._settings = settings
        self._mark = mark(settings)
        self._at_ms = 0
        self._value = self._before = 0.0
        self._asked = -1
        """How many re-reads were asked for; -1 while there is no doubt."""
        self._answers: list[float | None] = []
        self._starts: deque[int] = deque(maxlen=settings.most_per_hour)

    @property
    def busy(self) -> bool:
        """Whether a reading is in doubt."""
        return self._asked >= 0

    @property
    def next_ms(self) -> int | None:
        """When the gauge should be asked next; None when it should not."""
        settings = self._settings
        if not 0 <= self._asked < settings.count:
            return None
        return self._at_ms + settings.spread_ms * (self._asked + 1) // settings.count

    def doubt(self, at_ms: int, value: float, before: float) -> bool:
        """Whether the reading is taken up; not while another is, nor too often within an hour.

        `before` is the last value that was not in doubt.
        """
        starts = self._starts
        if self.busy or (len(starts) == starts.maxlen and at_ms - starts[0] < HOUR_MS):
            return False
        starts.append(at_ms)
        self._at_ms, self._value, self._before = at_ms, value, before
        self._asked, self._answers = 0, []
        return True

    def wanted(self, at_ms: int) -> bool:
        """Whether to ask the gauge now; each re-read is wanted once."""
        next_ms = self.next_ms
        if next_ms is None or at_ms < next_ms:
            return False
        self._asked += 1
        return True

    def answer(self, value: float | None) -> Verdict | None:
        """One re-read's value, None when nothing came; the verdict as soon as it is certain."""
        if not self.busy or len(self._answers) == self._asked:
            return None
        self._answers.append(value)
        return self._decided(last=len(self._answers) == self._settings.count)

    def expire(self, at_ms: int) -> Verdict | None:
        """The verdict when the time is up and answers are still out."""
        settings = self._settings
        if not self.busy or at_ms < self._at_ms + settings.spread_ms + settings.patience_ms:
            return None
        return self._decided(last=True)

    def _decided(self, *, last: bool) -> Verdict | None:
        sides = [self._side(value) for value in self._answers if value is not None]
        needed = self._settings.count // 2 + 1
        for outcome in (Outcome.CONFIRMED, Outcome.WITHDRAWN):
            if sides.count(outcome) >= needed:
                return self._verdict(outcome)
        return self._verdict(Outcome.UNDECIDED) if last else None

    def _side(self, value: float) -> Outcome:
        """Which of the two values a re-read agrees with; the nearer one where both are near."""
        from_value, from_before = abs(value - self._value), abs(value - self._before)
        tolerance = self._settings.tolerance
        if tolerance is None:
            tolerance = abs(self._value - self._before) / 2
        if min(from_value, from_before) > tolerance:
            return Outcome.UNDECIDED
        return Outcome.CONFIRMED if from_value <= from_before else Outcome.WITHDRAWN

    def _verdict(self, outcome: Outcome) -> Verdict:
        answers = tuple(value for value in self._answers if value is not None)
        self._asked, self._answers = -1, []
        return Verdict(
            outcome=outcome, at_ms=self._at_ms, value=self._value, quality=FLAGS[outcome],
            test=f"reread_{outcome}", answers=answers,
        )  # fmt: skip

    def state(self) -> State:
        return {
            "settings": self._mark,
            "at_ms": self._at_ms,
            "value": self._value,
            "before": self._before,
            "asked": self._asked,
            "answers": list(self._answers),
            "starts": list(self._starts),
        }

    def restore(self, state: State) -> None:
        mine(state, self._mark)
        self._at_ms, self._value, self._before = (
            int(state["at_ms"]),
            float(state["value"]),
            float(state["before"]),
        )
        self._asked, self._answers = int(state["asked"]), list(state["answers"])
        self._starts = deque(state["starts"], self._settings.most_per_hour)
