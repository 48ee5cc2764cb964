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
from pipelines.water.reread import Reread

UNUSUAL = "unusual"
"""The test that a detector's doubt is published under."""

BACKWARDS = "backwards"
"""The test that a value is published under whose time is not after that of the one before."""

_GOOD, _OPEN, _SUSPECT, _BAD = Quality.GOOD, Quality.NOT_EVALUATED, Quality.SUSPECT, Quality.BAD
_NEVER_MS = -(2**62)


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

    __slots__ = ("_before", "_doubt", "_last_ms", "_sends_raw", "_stages", "_watched", "source")

    def __init__(self, source: Source, stages: Stages, *, sends_raw: bool = True) -> None:
        """`sends_raw`: its readings go to the platform, not its aggregates only."""
        self.source = source
        self._sends_raw = sends_raw
        self._stages = stages
        self._watched = tuple(stages.watched.values())
        self._last_ms = _NEVER_MS
        self._before = 0.0
        """The last value that was not in doubt."""
        self._doubt: Doubt | None = None

    def feed(self, at_ms: int, reading: Reading, out: Outcome, *, answered: bool) -> Reading:
        """The reading with its flag; `answered` says whether the device gave anything at all."""
        if at_ms <= self._last_ms:
            return (
                reading._replace(quality=_SUSPECT, test=BACKWARDS) if reading.value is not None else reading
            )
        self._last_ms = at_ms
        value = reading.value
        if value is None:
            self._stages.series.judge(at_ms, None)
            judged = reading
        else:
            quality, test = self._judge(at_ms, float(value), out)
            judged = Reading(reading.channel, value, quality, test)
        watch = self._stages.watch
        if watch.busy or (judged.quality is not _GOOD and (answered or value is not None)):
            out.raised += watch.feed(
                at_ms, None if value is None else float(value), judged.quality, judged.test
            )
        if (aggregate := self._stages.aggregate) is not None and (
            row := aggregate.feed(at_ms, None if value is None else float(value), judged.quality)
        ):
            out.rows.append((self.source, row))
        return judged

    def sends(self, at_ms: int, judged: Reading, *, alarmed: bool) -> bool:
        """Whether this reading is worth sending."""
        if not self._sends_raw:
            return False
        deadband = self._stages.deadband
        if deadband is None:
            return True
        value = None if judged.value is None else float(judged.value)
        return deadband.feed(at_ms, value, judged.quality, judged.test, alarmed=alarmed)

    def tick(self, at_ms: int, out: Outcome) -> None:
        """What time alone brings: a window that is over, a gauge that was asked again in vain."""
        if (aggregate := self._stages.aggregate) is not None and (row := aggregate.tick(at_ms)):
            out.rows.append((self.source, row))
        reread = self._stages.reread
        if reread is not None and reread.busy and (verdict := reread.expire(at_ms)):
            self._settle(verdict.outcome, out)

    def _judge(self, at_ms: int, value: float, out: Outcome) -> tuple[Quality, str]:
        series = self._stages.series
        quality, test = series.judge(at_ms, value)
        if self._doubt is not None:
            self._look_again(at_ms, value, out)
        elif series.revision is not None:
            out.revisions.append(Revision(self.source, *series.revision, "successor"))
        if quality is _BAD:
            return quality, test
        doubted = series.jumped
        for detector, suspect_at, watch in self._watched:
            score = detector.feed(at_ms, value)
            if score > suspect_at:
                doubted = True
                if quality is not _SUSPECT:
                    quality, test = _SUSPECT, UNUSUAL
            if score > watch.threshold or watch.busy:
                out.raised += watch.feed(at_ms, value, score)
        if doubted:
            if quality is not _SUSPECT:
                quality, test = _SUSPECT, "spike"
            self._take_up(at_ms, value, test, out)
        else:
            self._before = value
        return quality, test

    def _take_up(self, at_ms: int, value: float, test: str, out: Outcome) -> None:
        """Have the gauge asked again, unless it is being asked already, or was asked too often."""
        if self._doubt is not None:
            return
        self._doubt = Doubt(at_ms, test)
        reread = self._stages.reread
        if reread is not None and reread.doubt(at_ms, value, self._before):
            out.doubtful.add(self.source.device)

    def _look_again(self, at_ms: int, value: float, out: Outcome) -> None:
        """A later value speaks for or against the one in doubt."""
        reread = self._stages.reread
        if reread is not None and reread.busy:
            verdict = reread.expire(at_ms)
            while verdict is None and reread.wanted(at_ms):
                verdict = reread.answer(value)
            if verdict:
                self._settle(verdict.outcome, out)
            return
        doubt, self._doubt = self._doubt, None
        revision = self._stages.series.revision
        if doubt is not None and revision is not None:
            out.revisions.append(Revision(self.source, *revision, "successor"))
        elif doubt is not None and doubt.test == "spike":
            out.revisions.append(Revision(self.source, doubt.at_ms, _GOOD, "", "successor"))

    def _settle(self, outcome: Answer, out: Outcome) -> None:
        """The gauge was asked again, and this is what it said."""
        doubt, self._doubt = self._doubt, None
        if doubt is None or outcome is Answer.UNDECIDED:
            return
        confirmed = outcome is Answer.CONFIRMED
        quality, test = (_GOOD, "") if confirmed else (_BAD, "spike")
        out.revisions.append(Revision(self.source, doubt.at_ms, quality, test, f"reread_{outcome}"))

    @property
    def stages(self) -> dict[str, Stateful]:
        """Everything with a memory, the lane itself among it."""
        return {"lane": self, **self._stages.by_name()}

    def state(self) -> State:
        doubt = None if self._doubt is None else list(self._doubt)
        return {"last_ms": self._last_ms, "before": self._before, "doubt": doubt}

    def restore(self, state: State) -> None:
        self._last_ms, self._before = int(state["last_ms"]), float(state["before"])
        doubt = state["doubt"]
        self._doubt = None if doubt is None else Doubt(int(doubt[0]), str(doubt[1]))
