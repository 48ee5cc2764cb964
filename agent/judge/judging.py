"""The judge at work: samples in from the buses, and out what platform, log and gauges are told."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from agent import telling
from agent.faults import SEVERITIES, OpenFault
from agent.judge.judgement import JudgementPlan, compose
from agent.judge.learning import Learning
from agent.judge.memory import Memory
from agent.logs import line
from agent.telling import Message
from drivers.readings import Sample
from pipelines.docket import Shelf
from pipelines.events import Event, Kind, Nature, Phase, Severity, Source
from pipelines.judge import NOTHING
from pipelines.lane import Outcome, Revision
from pipelines.state import Stateful, decode, encode
from pipelines.timeline import Timeline

log = logging.getLogger("polegate.events")

REMEMBERED_ROWS = 64
"""Rows of each device whose seq is kept for revisions."""

REREADS, REREAD_S = 4, 5.0
"""A doubted gauge is asked so many times more, so far apart: 10 to 30 s in all."""

RISING_S = 60.0
"""While the water rises its gauge is asked each minute."""

OF_THE_STATION = frozenset({Kind.DEVICE_UNREADABLE, Kind.CLOCK_UNSYNCED, Kind.CLOCK_STEPPED})
"""Faults that the agent tells of itself; the judge only hears of them."""

LEVELS = {
    Severity.INFO: logging.INFO, Severity.WATCH: logging.INFO,
    Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.ERROR,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the judge's words are for: `show` every judged sample, `send` what goes to the platform, `tell` it
    messages, `hasten` a device, say that a fault of the station is `explained`, `keep` what must not be lost.
    """

    now: Callable[[], tuple[int, bool]]
    show: Callable[[Sample], None]
    send: Callable[[Sample], None]
    tell: Callable[[Message, bool], object]
    hasten: Callable[[str, float, int], None]
    explained: Callable[[str, str], None]
    keep: Callable[[], object] = tuple


class _Row(NamedTuple):
    """A row that was sent; `channels` is None where it had all of them."""

    at_ms: int
    seq: int
    channels: frozenset[str] | None


class Judging:
    """Feeds one judge, keeps what it knows, and says what comes out; it outlives reloads."""

    def __init__(
        self, plan: JudgementPlan, config: str, around: Surroundings, others: Mapping[str, Stateful]
    ) -> None:
        """`others` have states of their own to be kept with the judge's."""
        self.plan = plan
        self._others = dict(others)
        self._urgent: set[str] = set()
        self._config = config
        self._around = around
        self._judge = compose(plan)
        self.learning = Learning(plan)
        self._timeline = Timeline()
        self._stages: dict[str, Stateful] | None = None
        self._seqs: dict[str, int] = {}
        self._rows: dict[str, deque[_Row]] = {}
        self._noted: dict[str, Event] = {}
        """Open faults of the station itself."""
        self._hastened_s: dict[str, float] = {}
        self._memory = Memory(self, time.monotonic)

    def feed(self, sample: Sample) -> None:
        """A sample from a bus."""
        placed_ms = self._timeline.place(sample.device, sample.at_ms, settled=sample.settled)
        if placed_ms is None:
            self._begin_anew(sample.at_ms)
            placed_ms = self._timeline.place(sample.device, sample.at_ms, settled=sample.settled)
        at_ms = sample.at_ms if placed_ms is None else placed_ms
        placed = sample if at_ms == sample.at_ms else replace(sample, at_ms=at_ms)
        judged, sent = self._judge.feed(placed)
        self.learning.feed(judged)
        self._around.show(self._stamped(judged, sample, sample.seq))
        if sent:
            seq = self._numbered(at_ms, sent, whole=sent is judged)
            self._around.send(self._stamped(sent, sample, seq))
        self._say(settled=sample.settled)

    def tick(self) -> None:
        """Call it each second: time alone ends windows, waits and shelves."""
        now_ms, settled = self._around.now()
        self._judge.advance(self._timeline.now(now_ms, settled=settled))
        self._say(settled=settled)
        for device in self._judge.rising:
            if time.monotonic() - self._hastened_s.get(device, float("-inf")) >= RISING_S:
                self._hastened_s[device] = time.monotonic()
                self._around.hasten(device, RISING_S, 1)

    def reload(self, plan: JudgementPlan, config: str) -> None:
        """Judge by another plan from now on; whatever is the same in both goes on as it was."""
        self._config = config
        if plan == self.plan:
            return
        known = {name: encode(stage.state()) for name, stage in self.stages.items()}
        self.plan, self._judge, self.learning = plan, compose(plan), Learning(plan)
        self._stages = None
        self._close_what_nobody_will(self._restore(known))
        self._note_again()

    def remember(self, states: Mapping[str, bytes]) -> None:
        """Go on from what was on disk; what does not fit any more begins anew.

        Without the time they are of, states could lie ahead of whatever comes: only events are gone on with.
        """
        self._memory.found(states)
        if "timeline" not in states:
            timeless = {"docket", *self._others}
            states = {name: body for name, body in states.items() if name in timeless}
        refused = self._restore(states)
        self._judge.new_epoch(self._line_ms())
        self._close_what_nobody_will(refused)

    def note(self, fault: OpenFault, state: str) -> None:
        """A fault of the station itself opened, closed or happened."""
        if (kind := Kind.__members__.get(fault.kind.name)) not in OF_THE_STATION or kind is None:
            return
        now_ms = self._line_ms()
        began_ms = min(now_ms, fault.began[0] + self._timeline.lead_ms)
        device = fault.subject if kind is Kind.DEVICE_UNREADABLE else ""
        phase = Phase.CLOSED if state == "closed" else Phase.OPENED
        event = Event(
            id=fault.id, kind=kind, nature=Nature.FAULT, rule="station", version=1, source=Source(device),
            severity=SEVERITIES[fault.kind], phase=phase, began_ms=began_ms, at_ms=now_ms,
        )  # fmt: skip
        if state == "opened":
            self._noted[fault.id] = event
        else:
            self._noted.pop(fault.id, None)
        self._judge.note(event)
        self._say(settled=self._around.now()[1])

    def learn(self, *, on: bool) -> None:
        """Begin to learn limits, or end it and forget what was learned."""
        if on:
            self.learning.start(self._line_ms())
        else:
            self.learning.stop()
        self._stages = None
        self.touched("learning")
        self._around.keep()

    def events(self) -> dict[str, Any]:
        """What is open, what was closed last, and what is shelved."""
        docket, lead_ms = self._judge.docket, self._timeline.lead_ms
        return {
            "open": [self.shown(event) for event in docket.open.values()],
            "recent": [self.shown(event) for event in docket.recent],
            "shelves": [
                {**shelf._asdict(), "until_ms": shelf.until_ms - lead_ms} for shelf in docket.shelves
            ],
            "suppressed": docket.suppressed,
        }

    def shown(self, event: Event) -> dict[str, Any]:
        """An event as the command line is shown it, by the clock of the station."""
        return telling.shown(event, self._timeline.lead_ms)

    def by_severity(self) -> dict[str, int]:
        """How many events are open, the gravest first."""
        counts = Counter(event.severity for event in self._judge.docket.open.values())
        return {severity.name.lower(): counts[severity] for severity in sorted(counts, reverse=True)}

    def figures(self) -> dict[str, Any]:
        """How many events are open, and how grave the gravest is; "" where there is none."""
        counts = self.by_severity()
        return {"open": sum(counts.values()), "worst": next(iter(counts), "")}

    def acknowledge(self, event_id: str, by: str) -> Event:
        """Somebody has seen it.

        Raises:
            KeyError: no such event is open.
        """
        event = self._judge.docket.acknowledge(event_id, by, self._line_ms())
        self._changed([event])
        return event

    def shelve(self, rule: str, source: str, for_s: float, by: str, reason: str) -> list[Event]:
        """Put a rule aside for a time.

        Raises:
            KeyError: there is no such rule.
        """
        if not self._judge.knows(rule):
            raise KeyError(rule)
        now_ms = self._line_ms()
        shelf = Shelf(rule, source, now_ms + round(for_s * 1000), by, reason)
        return self._changed(self._judge.docket.shelve(shelf, now_ms))

    def unshelve(self, rule: str, source: str) -> list[Event]:
        """Take it up again.

        Raises:
            KeyError: it is not shelved.
        """
        return self._changed(self._judge.docket.unshelve(rule, source, self._line_ms()))

    @property
    def stages(self) -> dict[str, Stateful]:
        """Everything with a memory; the same mapping until there are other stages."""
        if self._stages is None:
            own = {"timeline": self._timeline, **self._others}
            self._stages = own | self.learning.stages | self._judge.stages
        return self._stages

    def take_urgent(self) -> set[str]:
        """What must be on disk with what was just said."""
        urgent, self._urgent = self._urgent, set()
        return urgent | self._judge.take_urgent()

    def touched(self, name: str) -> None:
        """One of the others has changed, and its state must be on disk with what it says."""
        self._urgent.add(name)

    def due(self, *, everything: bool = False) -> dict[str, bytes | None]:
        """States to be written with this commit; with any goes the time, so that none is ahead of it."""
        states = self._memory.due(everything=everything)
        return states and states | {"timeline": encode(self._timeline.state())}

    def written(self, states: Mapping[str, bytes | None]) -> None:
        """These are on disk now."""
        self._memory.written(states)

    def _line_ms(self) -> int:
        now_ms, settled = self._around.now()
        return self._timeline.now(now_ms, settled=settled)

    def _stamped(self, judged: Sample, sample: Sample, seq: int) -> Sample:
        return Sample(sample.device, sample.at_ms, sample.settled, seq, judged.readings)

    def _numbered(self, at_ms: int, sent: Sample, *, whole: bool) -> int:
        """The next number of what is sent of this device, and where it will be found again."""
        device = sent.device
        seq = self._seqs[device] = self._seqs.get(device, 0) + 1
        channels = None if whole else frozenset([reading.channel for reading in sent.readings])
        self._rows.setdefault(device, deque(maxlen=REMEMBERED_ROWS)).append(_Row(at_ms, seq, channels))
        return seq

    def _changed(self, events: list[Event]) -> list[Event]:
        self._judge.touched()
        self._around.keep()
        self._tell(events, settled=self._around.now()[1])
        return events

    def _begin_anew(self, at_ms: int) -> None:
        """The clock was put back: what was remembered with times is of no use; open events are closed."""
        closed = self._judge.docket.close_unless(lambda _: False, at_ms, "clock_put_back")
        self._tell(closed, settled=True)
        self._judge, self._stages = compose(self.plan), None
        self._urgent |= self.stages.keys()  # on disk are times that lie ahead
        self._note_again()

    def _restore(self, states: Mapping[str, bytes]) -> set[str]:
        """Names of the stages that could not go on from their state, and begin anew."""
        refused: set[str] = set()
        _go_on("learning", self.learning, states, refused)  # while it is on each channel has a stage more
        self._stages = None
        for name, stage in self.stages.items():
            _go_on(name, stage, states, refused)
        return refused

    def _note_again(self) -> None:
        """What is wrong with the station, for a judge that may know nothing of it."""
        now_ms = self._line_ms()
        for event in self._noted.values():
            self._judge.note(replace(event, began_ms=min(event.began_ms, now_ms), at_ms=now_ms))
        self._say(settled=self._around.now()[1])

    def _close_what_nobody_will(self, refused: set[str]) -> None:
        now_ms = self._line_ms()
        self._judge.close_events_of(refused, now_ms)
        self._judge.close_orphans(now_ms)
        self._judge.touched()
        self._say(settled=self._around.now()[1])

    def _say(self, *, settled: bool) -> None:
        out = self._judge.take()
        if out is NOTHING:
            return
        self._tell(out.events, settled=settled)
        self._tell_figures(out, settled=settled)
        for device in out.doubtful:
            self._hastened_s[device] = time.monotonic()  # a rise must not slow it down again
            self._around.hasten(device, REREAD_S, REREADS)

    def _tell(self, events: Sequence[Event], *, settled: bool) -> None:
        for event in events:
            if event.kind in OF_THE_STATION:
                self._around.explained(event.id, event.caused_by)
                continue
            message = telling.told(event, self._config)
            self._around.tell(message._replace(at_ms=event.at_ms - self._timeline.lead_ms), settled)
            log.log(LEVELS[event.severity], _line(event, message.body["message"]))

    def _tell_figures(self, out: Outcome, *, settled: bool) -> None:
        lead_ms = self._timeline.lead_ms
        if out.rows:
            message = telling.aggregated(out.rows)
            self._around.tell(message._replace(at_ms=message.at_ms - lead_ms), settled)
        found = [(each, seq) for each in out.revisions if (seq := self._seq_of(each))]
        if found:
            self._around.tell(telling.revised(found, self._around.now()[0]), settled)

    def _seq_of(self, revision: Revision) -> int | None:
        """The number of the row that its value was sent in; None if it was not sent, or long ago."""
        device, channel = revision.source
        for at_ms, seq, channels in self._rows.get(device, ()):
            if at_ms == revision.at_ms:
                return seq if channels is None or channel in channels else None
        return None


def _go_on(name: str, stage: Stateful, states: Mapping[str, bytes], refused: set[str]) -> None:
    """From its state, if it has one that fits; if it does not fit, its name is among the `refused`."""
    if (body := states.get(name)) is None:
        return
    try:
        stage.restore(decode(body))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        log.info(line("state_anew", stage=name, why=str(error)))
        refused.add(name)


def _line(event: Event, message: str) -> str:
    return line(
        "told", id=event.id, kind=event.kind, rule=event.rule, subject=event.source, state=event.phase,
        severity=event.severity.name.lower(), caused_by=event.caused_by or None, message=message,
    )  # fmt: skip
