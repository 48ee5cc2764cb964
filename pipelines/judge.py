"""The whole judgement of a station: every sample in, and out what it is worth and what it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MappingProxyType

from drivers.readings import Quality, Reading, Sample
from pipelines.anomaly.together import Together
from pipelines.beside import Beside
from pipelines.contracts import Assured, Reviewed, Rule
from pipelines.desk import Desk, Way
from pipelines.docket import Docket
from pipelines.events import Event, Kind, Nature, Source, as_plain, from_plain
from pipelines.lane import BACKWARDS, SPIKE, Lane, Outcome, Revision
from pipelines.state import State, Stateful, encode
from pipelines.timeline import LATE_MS

TICK_MS = 10_000
"""Rules that look at several sources look this often, by the readings' own time."""

HOUR_MS = 3_600_000
LONGEST_CATCH_UP_MS = 2 * HOUR_MS
"""After a longer pause ticks are made up for its beginning only; they go on with the first reading."""

IMPOSSIBLE = frozenset({"syntax", "gross_range", "not_finite"})
"""Tests whose BAD is beyond doubt; any other is passed on to rules as SUSPECT: it must not mute them."""

NOTHING = Outcome()
NOBODY: Mapping[str, Together] = MappingProxyType({})

SENSOR = "sensor"
"""What the names of the rules begin with that every channel has; no configured rule has this name."""

_BAD, _SUSPECT, _MISSING = Quality.BAD, Quality.SUSPECT, Quality.MISSING
_NEVER_MS = -(2**62)


class Judge:
    """Pure and deterministic: the same samples give the same words, whatever the order between devices.

    Samples of one device come in the order of their time, and none later than LATE_MS after one of another.
    A happening is told at once. Faults wait for the tick that covers them, at most 15 s, so that which of
    them explains which does not hang on the order in which they came.

    `lanes` are the channels of numbers that are judged, `besides` what compares them with others, `together`
    by device who weighs its jumps, `rules` by name whatever tells of events, `docket` keeps the events.
    """

    def __init__(
        self,
        lanes: Iterable[Lane],
        rules: Mapping[str, Rule],
        docket: Docket,
        besides: Iterable[Beside] = (),
        together: Mapping[str, Together] = NOBODY,
    ) -> None:
        self.docket = docket
        self._rules = dict(rules)
        self._besides = tuple(besides)
        self._desks: dict[str, Desk] = {}
        for lane in lanes:
            self._way(lane.source).lane = lane
        for rule in self._rules.values():
            for source in rule.sources:
                self._way(source).rules.append(rule)
        for beside in self._besides:
            for source in beside.sources:
                self._way(source).besides.append(beside)
        for desk in self._desks.values():
            desk.together = together.get(desk.device)
            desk.sort()
        self._stages = self._by_name()
        self._outcome = Outcome()
        self._urgent: set[str] = set()
        self._waiting: list[Event] = []
        """Faults that no tick has covered yet."""
        self._assured: list[tuple[int, Revision]] = []
        """What re-reads bore out, and when, for rules that hear of it at the tick."""
        self._latest_ms = _NEVER_MS
        self._ticked_ms: int | None = None
        self._resumed_ms = _NEVER_MS
        """The first reading of all, or after a pause: no tick before it is made up for, and windows of a
        channel go on with its own first reading from then on."""

    def _way(self, source: Source) -> Way:
        return self._desks.setdefault(source.device, Desk(source.device)).way(source)

    def feed(self, sample: Sample) -> tuple[Sample, Sample | None]:
        """The sample with its flags, and what of it is worth sending, None when nothing is."""
        at_ms = sample.at_ms
        if at_ms > self._latest_ms:
            self.advance(at_ms)
        elif at_ms < self._resumed_ms:
            self._resumed_ms = at_ms
        desk = self._desks.get(sample.device)
        if desk is None:
            return sample, sample
        if at_ms <= desk.last_ms:
            return _backwards(sample)
        desk.last_ms = at_ms
        if desk.ticked_ms < at_ms - TICK_MS:
            self._catch_up(desk, at_ms)
        out = self._outcome
        revised = len(out.revisions)
        judged, sent = self._through(desk, at_ms, sample.readings, out)
        if sample.device in out.doubtful:
            desk.asking = True
        if len(out.revisions) > revised:
            self._pass_on(out.revisions[revised:], at_ms)
        if out.raised:
            self._enter()
        whole = Sample(sample.device, at_ms, sample.settled, sample.seq, tuple(judged))
        if len(sent) == len(judged):
            return whole, whole
        return whole, Sample(sample.device, at_ms, sample.settled, sample.seq, tuple(sent)) if sent else None

    def _through(
        self, desk: Desk, at_ms: int, readings: Sequence[Reading], out: Outcome
    ) -> tuple[list[Reading], list[Reading]]:
        """Each reading on its way: those judged, and those worth sending."""
        answered = any([reading[2] is not _MISSING for reading in readings])  # noqa: C419  half the time
        judged: list[Reading] = []
        sent: list[Reading] = [] if desk.selective else judged
        ways, subjects = desk.ways, self.docket.subjects
        if desk.together is not None:
            desk.together.weigh(at_ms, readings)
        for each in readings:
            reading, way = each, ways.get(each[0])
            if way is None:
                judged.append(reading)
                if sent is not judged:
                    sent.append(reading)
                continue
            lane = way.lane
            if lane is not None and (each[1].__class__ is float or not isinstance(each[1], str | bool)):
                reading = lane.feed(at_ms, each, out, answered=answered)
            judged.append(reading)
            if sent is not judged and (
                lane is None
                or not lane.selective
                or lane.sends(at_ms, reading, alarmed=way.source in subjects)
            ):
                sent.append(reading)
            if way.heard:
                self._consult(way, at_ms, reading, out)
        return judged, sent

    def advance(self, at_ms: int) -> None:
        """Time has come to `at_ms`, by a sample or by the clock: whatever time alone brings is worked out."""
        self._latest_ms = max(self._latest_ms, at_ms)
        due_ms = (self._latest_ms - LATE_MS - 1) // TICK_MS * TICK_MS
        if self._ticked_ms is None:
            self._ticked_ms, self._resumed_ms = due_ms, at_ms
        elif due_ms - self._ticked_ms > LONGEST_CATCH_UP_MS:
            self._tick_until(self._ticked_ms + LONGEST_CATCH_UP_MS)
            self._ticked_ms, self._resumed_ms = due_ms, at_ms
        self._tick_until(due_ms)

    def _tick_until(self, due_ms: int) -> None:
        ticked_ms = self._ticked_ms or 0
        for tick_ms in range(ticked_ms + TICK_MS, due_ms + 1, TICK_MS):
            self._ticked_ms = tick_ms
            if tick_ms >= self._resumed_ms:
                self._tick(tick_ms)

    def take(self) -> Outcome:
        """What has come out since the last call; NOTHING, when that is so."""
        out = self._outcome
        if not (out.events or out.revisions or out.rows or out.doubtful):
            return NOTHING
        self._outcome = Outcome()
        return out

    @property
    def rising(self) -> set[str]:
        """Devices whose water rises: worth more readings than usual."""
        rules = self._rules.values()
        return {rule.sources[0].device for rule in rules if getattr(rule, "rising", False)}

    def close_orphans(self, at_ms: int) -> None:
        """Close the events that nobody remembers: of rules and channels that a former configuration had."""
        waiting = {event.id for event in self._waiting}

        def is_known(event: Event) -> bool:
            if event.id in waiting:
                return True
            if event.kind is Kind.BUS_SILENT:
                return self.docket.stands(event)
            mark = event.id.encode()
            return any(mark in encode(self._stages[name].state()) for name in self._behind(event))

        self._close_unless(is_known, at_ms, "rule_removed")

    def close_events_of(self, stages: AbstractSet[str], at_ms: int) -> None:
        """Close the events of stages that begin anew: they would open them a second time."""

        def holds(event: Event) -> bool:
            return stages.isdisjoint(self._behind(event))

        self._close_unless(holds, at_ms, "rule_changed")

    def _close_unless(self, holds: Callable[[Event], bool], at_ms: int, why: str) -> None:
        self._outcome.events += self.docket.close_unless(holds, at_ms, why)
        self._urgent.add("docket")

    def new_epoch(self, at_ms: int) -> None:
        """The daemon has started anew: what the last one told of the station itself is over."""
        self._outcome.events += self.docket.new_epoch(at_ms)

    @property
    def stages(self) -> dict[str, Stateful]:
        """Everything with a memory, by a name that stays the same from start to start."""
        return self._stages

    def take_urgent(self) -> set[str]:
        """Names of the stages whose last outputs are worth nothing without their state; asked once each."""
        urgent, self._urgent = self._urgent, set()
        return urgent and urgent | {"judge"}

    def note(self, event: Event) -> None:
        """A fault of the station itself, which others tell of, may explain faults of sensors."""
        told = self.docket.note(event)
        self._outcome.events += told
        if told:
            self._urgent.add("docket")

    def knows(self, rule: str) -> bool:
        """Whether events can come from a rule of this name."""
        root = _root(rule)
        return root in self._rules or root in (SENSOR, "bus_silent")

    def touched(self) -> None:
        """The docket was changed from outside, by a person."""
        self._urgent.add("docket")

    def _consult(self, way: Way, at_ms: int, judged: Reading, out: Outcome) -> None:
        _, value, quality, test = judged
        if test == BACKWARDS:
            return
        for beside in way.besides:
            beside.feed(way.source, at_ms, value, quality)
        if quality is _BAD and test not in IMPOSSIBLE:
            quality = _SUSPECT
        for rule in way.rules:
            out.raised += rule.feed(way.source, at_ms, value, quality)

    def _pass_on(self, revisions: Iterable[Revision], at_ms: int) -> None:
        """What re-reads found, and that a value was a spike, goes to the rules that listen to the channel."""
        for revision in revisions:
            if not (revision.why.startswith("reread") or revision.test == SPIKE):
                continue
            for rule in self._way(revision.source).rules:
                if isinstance(rule, Reviewed):
                    word = rule.withdrawn if revision.test == SPIKE else rule.confirmed
                    self._outcome.raised += word(revision.at_ms)
                elif isinstance(rule, Assured) and revision.test != SPIKE:
                    self._assured.append((at_ms, revision))

    def _catch_up(self, desk: Desk, at_ms: int) -> None:
        """The ticks before `at_ms`, for the channels of a device: its own readings prove them due."""
        ticked_ms = max(
            desk.ticked_ms, at_ms // TICK_MS * TICK_MS if self._ticked_ms is None else self._ticked_ms
        )
        for tick_ms in range(ticked_ms + TICK_MS, at_ms, TICK_MS):
            self._tick_desk(desk, tick_ms)

    def _tick_desk(self, desk: Desk, at_ms: int) -> None:
        if desk.ticked_ms >= at_ms:
            return
        desk.ticked_ms = at_ms
        revised = len(self._outcome.revisions)
        for lane in desk.windowed:
            lane.turn(at_ms, self._outcome, self._resumed_ms)
        if desk.asking:
            desk.asking = any([lane.expire(at_ms, self._outcome) for lane in desk.asked])  # noqa: C419  all of them
        if len(self._outcome.revisions) > revised:
            self._pass_on(self._outcome.revisions[revised:], at_ms)

    def _tick(self, at_ms: int) -> None:
        out = self._outcome
        for desk in self._desks.values():
            self._tick_desk(desk, at_ms)
        out.revisions += filter(None, [beside.tick(at_ms) for beside in self._besides])
        self._assure(at_ms)
        for rule in self._rules.values():
            out.raised += rule.tick(at_ms)
        if out.raised:
            self._enter()
        if self._waiting:
            self._enter_faults(at_ms)
        if ended := self.docket.tick(at_ms):
            out.events += ended
            self._urgent.add("docket")

    def _assure(self, at_ms: int) -> None:
        """Tell the rules that judge at the tick what re-reads bore out up to then."""
        due = [revision for known_ms, revision in self._assured if known_ms <= at_ms]
        if not due:
            return
        self._assured = [each for each in self._assured if each[0] > at_ms]
        for source, of_ms, *_ in sorted(due):
            for rule in self._way(source).rules:
                if isinstance(rule, Assured) and not isinstance(rule, Reviewed):
                    rule.confirmed(of_ms)

    def _enter(self) -> None:
        """What was raised goes through the docket, and with it to disk go the states it came from."""
        out = self._outcome
        for event in out.raised:
            if event.nature is Nature.FAULT:
                self._waiting.append(event)
            else:
                out.events += self.docket.enter(event)
            self._urgent.update(self._behind(event))
        self._urgent.add("docket")
        out.raised.clear()

    def _enter_faults(self, at_ms: int) -> None:
        """Every fault up to then is known: they go through the docket in the order of their time."""
        due = [event for event in self._waiting if event.at_ms <= at_ms]
        if not due:
            return
        self._waiting = [event for event in self._waiting if event.at_ms > at_ms]
        for event in sorted(due, key=lambda event: (event.at_ms, event.id)):
            self._outcome.events += self.docket.enter(event)
        self._urgent.add("docket")

    def _behind(self, event: Event) -> list[str]:
        """Names of the stages that an event comes from; none, when there are none any more."""
        root = _root(event.rule)
        if root in self._rules:
            return [f"rule/{root}"]
        desk = self._desks.get(event.source.device)
        way = desk and desk.ways.get(event.source.channel)
        if root != SENSOR or not way or way.lane is None:
            return []
        return [f"lane/{event.source}/{name}" for name in way.lane.stages if name.endswith("watch")]

    def _by_name(self) -> dict[str, Stateful]:
        found: dict[str, Stateful] = {"judge": self, "docket": self.docket}
        found |= {f"rule/{name}": rule for name, rule in self._rules.items()}
        found |= {f"beside/{beside.sources[0]}/{beside.name}": beside for beside in self._besides}
        for desk in self._desks.values():
            if desk.together is not None:
                found[f"together/{desk.device}"] = desk.together
            for way in desk.ways.values():
                if way.lane is not None:
                    found |= {f"lane/{way.source}/{name}": each for name, each in way.lane.stages.items()}
        return found

    def state(self) -> State:
        return {
            "latest_ms": self._latest_ms,
            "ticked_ms": self._ticked_ms,
            "resumed_ms": self._resumed_ms,
            "waiting": [as_plain(event) for event in self._waiting],
            "assured": [[known_ms, *revision.source, revision.at_ms] for known_ms, revision in self._assured],
        }

    def restore(self, state: State) -> None:
        waiting = [from_plain(plain) for plain in state["waiting"]]
        assured = [
            (int(known_ms), Revision(Source(device, channel), int(at_ms), Quality.GOOD, "", "reread"))
            for known_ms, device, channel, at_ms in state["assured"]
        ]
        self._latest_ms, self._ticked_ms = int(state["latest_ms"]), state["ticked_ms"]
        self._resumed_ms = int(state["resumed_ms"])
        self._waiting, self._assured = waiting, assured


def _backwards(sample: Sample) -> tuple[Sample, Sample]:
    """A sample that is not after the one before it of its device: nothing is worked out of it."""
    readings = tuple(
        reading if reading.value is None else reading._replace(quality=_SUSPECT, test=BACKWARDS)
        for reading in sample.readings
    )
    flagged = Sample(sample.device, sample.at_ms, sample.settled, sample.seq, readings)
    return flagged, flagged


def _root(rule: str) -> str:
    """The configured name of a rule that has several alarms: noise of noise.silent."""
    return rule.partition(".")[0]
