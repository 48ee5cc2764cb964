"""Everything that is worked out for one channel: its flags, what is unusual in it, and what of it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from drivers.readings import Quality, Reading
from pipelines.contracts import Detector
from pipelines.events import Event, Source
from pipelines.quality.series import Series
from pipelines.reduction.aggregate import Aggregate, Row
from pipelines.reduction.deadband import Deadband
from pipelines.state import State, Stateful
from pipelines.watch import SensorWatch, UnusualWatch
from pipelines.water.reread import Outcome as Answer
from pipelines.water.reread import Reread, Verdict

UNUSUAL = "unusual"
"""The test that a detector's doubt is published under."""

SPIKE = "spike"
"""The test that a jump is published under, until it is known whether it was one."""

LIFTED = frozenset({SPIKE, UNUSUAL, "rate_of_change"})
"""What is said of a jump only; other doubts a re-read does not answer."""

BACKWARDS = "backwards"
"""The test that a value is published under whose time is not after that of the one before."""

_GOOD, _SUSPECT, _BAD = Quality.GOOD, Quality.SUSPECT, Quality.BAD
_NEVER_MS = -(2**62)
_tuple = tuple.__new__
"""Makes a Reading in half the time."""


class Revision(NamedTuple):
    """A later word on the quality of the value that was published at `at_ms`."""

    source: Source
    at_ms: int
    quality: Quality
    test: str
    why: str


@dataclass(slots=True)
class Outcome:
    """What comes out besides the readings: `raised` events wait for the docket, `events` are to be told.

    `doubtful` are devices to be asked again soon.
    """

    raised: list[Event] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    rows: list[tuple[Source, Row]] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)


class Watched(NamedTuple):
    """A detector, the score from which on a value is suspect, and who makes events of its scores."""

    detector: Detector
    suspect_at: float
    watch: UnusualWatch


class Doubt(NamedTuple):
    """A value that was published as suspect until it is known whether it is true."""

    at_ms: int
    test: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """What a lane is made of; a stage that is None is switched off."""

    series: Series
    watch: SensorWatch
    watched: Mapping[str, Watched] = field(default_factory=dict)
    reread: Reread | None = None
    deadband: Deadband | None = None
    aggregate: Aggregate | None = None

    def by_name(self) -> dict[str, Stateful]:
        """Everything with a memory."""
        found: dict[str, Stateful | None] = {
            "quality": self.series,
            "watch": self.watch,
            "reread": self.reread,
            "deadband": self.deadband,
            "aggregate": self.aggregate,
        }
        for name, (detector, _, watch) in self.watched.items():
            found |= {name: detector, f"{name}-watch": watch}
        return {name: stage for name, stage in found.items() if stage is not None}


class Lane:
    """One channel of numbers, fed in the order of its time."""

    __slots__ = (
        "_aggregate", "_before", "_deadband", "_doubt", "_last_ms", "_reread", "_sends_raw", "_series",
        "_stages", "_watch", "_watched", "asked", "selective", "source", "windowed",
    )  # fmt: skip

    def __init__(self, source: Source, stages: Stages, *, sends_raw: bool = True) -> None:
        """`sends_raw`: its readings go to the platform, not its aggregates only."""
        self.source = source
        self.windowed = stages.aggregate is not None
        """Whether it is summed up by windows: `turn` is to be called with the time."""
        self.asked = stages.reread is not None
        """Whether it is asked again when doubted: `expire` is to be called with the time."""
        self.selective = stages.deadband is not None or not sends_raw
        """Whether some readings are not worth sending: `sends` is to be asked."""
        self._sends_raw = sends_raw
        self._stages = stages
        self._series = stages.series
        self._watch = stages.watch
        self._watched = tuple(stages.watched.values())
        self._reread = stages.reread
        self._deadband = stages.deadband
        self._aggregate = stages.aggregate
        self._last_ms = _NEVER_MS
        self._before: float | None = None
        """The last value that was not in doubt."""
        self._doubt: Doubt | None = None

    def feed(self, at_ms: int, reading: Reading, out: Outcome, *, answered: bool) -> Reading:
        """The reading with its flag; `answered` says whether the device gave anything at all."""
        channel, value, quality, test = reading
        if at_ms <= self._last_ms:
            return reading if value is None else Reading(channel, value, _SUSPECT, BACKWARDS)
        before_ms, self._last_ms = self._last_ms, at_ms
        number: float | None
        if value is None:
            number = None
            self._series.judge(at_ms, None)
            if self._doubt is not None:
                self._look_again(at_ms, None, before_ms, out)
        else:
            number = value if type(value) is float else float(value)
            quality, test = self._judge(at_ms, number, before_ms, out)
            reading = _tuple(Reading, (channel, value, quality, test))
        watch = self._watch
        if answered and (quality is not _GOOD or watch.busy):
            out.raised += watch.feed(at_ms, number, quality, test)
        if (aggregate := self._aggregate) is not None and (row := aggregate.feed(at_ms, number, quality)):
            out.rows.append((self.source, row))
        return reading

    def sends(self, at_ms: int, judged: Reading, *, alarmed: bool) -> bool:
        """Whether this reading is worth sending; `alarmed` while an event is open on the channel."""
        if not self._sends_raw:
            return False
        if self._deadband is None:
            return True
        _, value, quality, test = judged
        return self._deadband.feed(at_ms, value, quality, test, alarmed=alarmed)

    def turn(self, at_ms: int, out: Outcome, since_ms: int = 0) -> None:
        """Every reading up to then has been fed: a window may be over, if any came from `since_ms` on."""
        if self._last_ms < since_ms or self._aggregate is None:
            return
        if row := self._aggregate.tick(at_ms):
            out.rows.append((self.source, row))

    def expire(self, at_ms: int, out: Outcome) -> bool:
        """Every reading up to then has been fed: whether the gauge is still being asked, or was in vain."""
        reread = self._reread
        if reread is None or not reread.busy:
            return False
        if verdict := reread.expire(at_ms):
            self._settle(verdict, out)
        return reread.busy

    def _judge(self, at_ms: int, value: float, before_ms: int, out: Outcome) -> tuple[Quality, str]:
        series, doubt = self._series, self._doubt
        quality, test = series.judge(at_ms, value)
        if doubt is not None:
            self._look_again(at_ms, None if quality is _BAD else value, before_ms, out)
        elif series.revision is not None:
            out.revisions.append(Revision(self.source, *series.revision, "successor"))
        if quality is _BAD:
            return quality, test
        doubted = series.jumped
        for detector, suspect_at, watch in self._watched:
            score = detector.feed(at_ms, value)
            doubted |= score > suspect_at
            if score > watch.threshold or watch.busy:
                out.raised += watch.feed(at_ms, value, score)
        if not doubted and self._doubt is None:
            self._before = value
        if not doubted or (doubt is not None and self._is_back(value, doubt)):
            return quality, test
        if quality is not _SUSPECT:
            quality, test = _SUSPECT, SPIKE if series.jumped else UNUSUAL
        self._take_up(at_ms, value, test, out)
        return quality, test

    def _is_back(self, value: float, doubt: Doubt) -> bool:
        """Whether a value is as before the doubt, to a quarter of the jump: it is what makes that a spike."""
        before = self._before
        return before is not None and abs(value - before) * 4 <= abs(doubt.value - before)

    def _take_up(self, at_ms: int, value: float, test: str, out: Outcome) -> None:
        """Have the gauge asked again, unless it is being asked already, or was asked too often."""
        if self._doubt is not None:
            return
        self._doubt = Doubt(at_ms, test, value)
        reread, before = self._reread, self._before
        if reread is not None and before is not None and reread.doubt(at_ms, value, before):
            out.doubtful.add(self.source.device)

    def _look_again(self, at_ms: int, value: float | None, before_ms: int, out: Outcome) -> None:
        """A later value speaks for or against the one in doubt; None is one that says nothing."""
        doubt, reread, revision = self._doubt, self._reread, self._series.revision
        if doubt is None:
            return
        own = revision is not None and revision[0] == doubt.at_ms
        if reread is not None and reread.busy and not self._undecided(reread, at_ms, value, out):
            if revision is not None and not own:
                out.revisions.append(Revision(self.source, *revision, "successor"))
            return
        self._doubt = None
        if revision is not None:
            out.revisions.append(Revision(self.source, *revision, "successor"))
        if not own and before_ms == doubt.at_ms and value is not None and self._series.follows:
            self._lift(doubt, "successor", out)

    def _undecided(self, reread: Reread, at_ms: int, value: float | None, out: Outcome) -> bool:
        """Whether the gauge was asked in vain, so that this value decides alone."""
        verdict = reread.expire(at_ms)
        while verdict is None and reread.wanted(at_ms):
            verdict = reread.answer(value)
        if verdict is None:
            return False
        self._settle(verdict, out)
        return not verdict.answers

    def _settle(self, verdict: Verdict, out: Outcome) -> None:
        """The gauge was asked again, and this is what it said; if it said nothing the next value decides."""
        doubt, outcome = self._doubt, verdict.outcome
        if doubt is None or not verdict.answers:
            return
        self._doubt = None
        if outcome is Answer.WITHDRAWN:
            out.revisions.append(Revision(self.source, doubt.at_ms, _BAD, SPIKE, f"reread_{outcome}"))
        elif outcome is Answer.CONFIRMED:
            self._lift(doubt, f"reread_{outcome}", out)

    def _lift(self, doubt: Doubt, why: str, out: Outcome) -> None:
        """It was a true step, as far as its neighbours can tell: what else is against it stands."""
        self._watch.forgive(doubt.at_ms)
        by_reread = why != "successor"
        if doubt.test == SPIKE or (by_reread and doubt.test in LIFTED):
            out.revisions.append(Revision(self.source, doubt.at_ms, _GOOD, "", why))

    @property
    def stages(self) -> dict[str, Stateful]:
        """Everything with a memory, the lane itself among it."""
        return {"lane": self, **self._stages.by_name()}

    def state(self) -> State:
        doubt = None if self._doubt is None else list(self._doubt)
        return {"last_ms": self._last_ms, "before": self._before, "doubt": doubt}

    def restore(self, state: State) -> None:
        before, doubt = state["before"], state["doubt"]
        self._last_ms = int(state["last_ms"])
        self._before = None if before is None else float(before)
        self._doubt = None if doubt is None else Doubt(int(doubt[0]), str(doubt[1]), float(doubt[2]))
