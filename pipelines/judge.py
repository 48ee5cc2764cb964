"""The whole judgement of a station: every sample in, and out what it is worth and what it means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet

from drivers.readings import Quality, Reading, Sample
from pipelines.beside import Beside
from pipelines.contracts import Rule
from pipelines.docket import Docket
from pipelines.events import Event, Phase, Source
from pipelines.lane import Lane, Outcome
from pipelines.state import State, Stateful

TICK_MS = 10_000
"""Rules that look at several sources look this often, by the readings' own time."""

LATE_MS = 5_000
"""Longest time by which the sample of one device may come after a later one of another."""

LONGEST_CATCH_UP_MS = 3_600_000
"""After a pause ticks are made up for over its last hour only."""

IMPOSSIBLE = frozenset({"syntax", "gross_range", "not_finite"})
"""Tests whose BAD is beyond doubt; any other is passed on to rules as SUSPECT: it must not mute them."""

NOTHING = Outcome()

SENSOR = "sensor"
"""What the names of the rules begin with that every channel has; no configured rule has this name."""

_BAD, _SUSPECT, _MISSING = Quality.BAD, Quality.SUSPECT, Quality.MISSING


class Judge:
    """Pure and deterministic: the same samples give the same outcome, whatever the order between devices.

    `lanes` are the channels of numbers that are judged, `besides` what compares them with others, `rules` by
    name whatever tells of events, `docket` keeps the events.
    """

    def __init__(
        self,
        lanes: Iterable[Lane],
        rules: Mapping[str, Rule],
        docket: Docket,
        besides: Iterable[Beside] = (),
    ) -> None:
        self.docket = docket
        self._lanes = {lane.source: lane for lane in lanes}
        self._rules = dict(rules)
        self._besides = tuple(besides)
        self._listeners: dict[Source, list[Rule]] = defaultdict(list)
        self._compared: dict[Source, list[Beside]] = defaultdict(list)
        for rule in self._rules.values():
            for source in rule.sources:
                self._listeners[source].append(rule)
        for beside in self._besides:
            for source in beside.sources:
                self._compared[source].append(beside)
        self._outcome = Outcome()
        self._urgent: set[str] = set()
        self._latest_ms = -(2**62)
        self._ticked_ms: int | None = None

    def feed(self, sample: Sample) -> tuple[Sample, Sample | None]:
        """The sample with its flags, and what of it is worth sending, None when nothing is."""
        at_ms, device, out = sample.at_ms, sample.device, self._outcome
        self.advance(at_ms)
        answered = any(reading.quality is not _MISSING for reading in sample.readings)
        judged_all: list[Reading] = []
        sent: list[Reading] = []
        for reading in sample.readings:
            source = Source(device, reading.channel)
            lane = self._lanes.get(source)
            if lane is None or isinstance(reading.value, str | bool):
                judged = reading
            else:
                judged = lane.feed(at_ms, reading, out, answered=answered)
            judged_all.append(judged)
            if lane is None or lane.sends(at_ms, judged, alarmed=source in self.docket.subjects):
                sent.append(judged)
            if rules := self._listeners.get(source):
                self._consult(rules, source, at_ms, judged)
            if besides := self._compared.get(source):
                for beside in besides:
                    beside.feed(source, at_ms, judged.value, judged.quality)
        if out.raised:
            self._enter()
        whole = Sample(device, at_ms, sample.settled, sample.seq, tuple(judged_all))
        if len(sent) == len(judged_all):
            return whole, whole
        return whole, Sample(device, at_ms, sample.settled, sample.seq, tuple(sent)) if sent else None

    def advance(self, at_ms: int) -> None:
        """Time has come to `at_ms`, by a sample or by the clock: whatever time alone brings is worked out."""
        self._latest_ms = max(self._latest_ms, at_ms)
        due_ms = (self._latest_ms - LATE_MS) // TICK_MS * TICK_MS
        if self._ticked_ms is None:
            self._ticked_ms = due_ms
        self._ticked_ms = max(self._ticked_ms, due_ms - LONGEST_CATCH_UP_MS)
        while self._ticked_ms < due_ms:
            self._ticked_ms += TICK_MS
            self._tick(self._ticked_ms)

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
        """Close the events of rules and channels that a former configuration had."""
        known = {lane.source for lane in self._lanes.values()}

        def is_known(event: Event) -> bool:
            rule = _root(event.rule)
            stands = self.knows(event.rule) and self.docket.stands(event)
            return stands and (rule != SENSOR or event.source in known)

        self._close_unless(is_known, at_ms, "rule_removed")

    def close_events_of(self, stages: AbstractSet[str], at_ms: int) -> None:
        """Close the events of stages that begin anew: they would open them a second time."""

        def holds(event: Event) -> bool:
            rule = _root(event.rule)
            if rule != SENSOR:
                return f"rule/{rule}" not in stages
            lane = f"lane/{event.source}/"
            return not any(name.startswith(lane) and name.endswith("watch") for name in stages)

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
        found: dict[str, Stateful] = {"judge": self, "docket": self.docket}
        found |= {f"rule/{name}": rule for name, rule in self._rules.items()}
        found |= {f"beside/{beside.sources[0]}/{beside.name}": beside for beside in self._besides}
        for source, lane in self._lanes.items():
            found |= {f"lane/{source}/{name}": stage for name, stage in lane.stages.items()}
        return found

    def take_urgent(self) -> set[str]:
        """Names of the stages whose last outputs are worth nothing without their state; asked once each."""
        urgent, self._urgent = self._urgent, set()
        return urgent

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

    def _consult(self, rules: list[Rule], source: Source, at_ms: int, judged: Reading) -> None:
        quality = judged.quality
        if quality is _BAD and judged.test not in IMPOSSIBLE:
            quality = _SUSPECT
        for rule in rules:
            self._outcome.raised += rule.feed(source, at_ms, judged.value, quality)

    def _tick(self, at_ms: int) -> None:
        out = self._outcome
        for lane in self._lanes.values():
            lane.tick(at_ms, out)
        out.revisions += filter(None, [beside.tick(at_ms) for beside in self._besides])
        for rule in self._rules.values():
            out.raised += rule.tick(at_ms)
        out.events += self.docket.tick(at_ms)
        if out.raised:
            self._enter()

    def _enter(self) -> None:
        """What was raised goes through the docket, and with it to disk go the states it came from."""
        out = self._outcome
        for event in out.raised:
            out.events += self.docket.enter(event)
            if (rule := _root(event.rule)) in self._rules:
                self._urgent.add(f"rule/{rule}")
            elif event.phase is not Phase.UPDATED:
                lane = self._lanes[event.source]
                names = [name for name in lane.stages if name.endswith("watch")]
                self._urgent.update(f"lane/{event.source}/{name}" for name in names)
        self._urgent.add("docket")
        out.raised.clear()

    def state(self) -> State:
        return {"latest_ms": self._latest_ms, "ticked_ms": self._ticked_ms}

    def restore(self, state: State) -> None:
        self._latest_ms, self._ticked_ms = int(state["latest_ms"]), state["ticked_ms"]


def _root(rule: str) -> str:
    """The configured name of a rule that has several alarms: noise of noise.silent."""
    return rule.partition(".")[0]
