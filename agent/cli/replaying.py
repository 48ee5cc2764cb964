"""Samples through a judge of their own: what would have fired, and the values beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from agent.cli.trail import Trail
from agent.judge.judgement import JudgementPlan, compose
from agent.judge.rule_kinds import KINDS
from drivers.readings import Sample
from pipelines.events import Event, Phase, Source
from pipelines.judge import TICK_MS
from pipelines.timeline import LATE_MS, PUT_BACK_MS

MOST_FIRED = 10_000
"""Events that are kept; what fires more often needs no list to be seen as wrong."""

COARSE = 200
"""Stretches of the trail of a channel that no rule listens to."""


@dataclass(slots=True)
class Fired:
    """One event from its first message to its last; `peak` is the last one of the gravest."""

    first: Event
    last: Event
    peak: Event
    messages: int = 1

    @property
    def over_ms(self) -> int | None:
        """When it was over, None while it goes on."""
        return self.last.at_ms if self.last.phase is Phase.CLOSED else None

    def take_in(self, event: Event) -> None:
        """A further message."""
        self.last = event
        self.messages += 1
        if event.phase is not Phase.CLOSED and event.severity >= self.peak.severity:
            self.peak = event


@dataclass(slots=True)
class Replay:
    """What came of it. `fired` is by id, in the order of the first message."""

    from_ms: int = 0
    to_ms: int = 0
    samples: int = 0
    backwards: int = 0
    """Samples whose time lies far before what came already: left out."""
    suppressed: int = 0
    """Messages that would not have been sent, because there were too many."""
    unkept: int = 0
    """Events beyond MOST_FIRED."""
    fired: dict[str, Fired] = field(default_factory=dict)
    trails: dict[Source, Trail] = field(default_factory=dict)

    def take_in(self, events: Iterable[Event], names: Collection[str]) -> None:
        """What the judge tells; only of the named rules, if any is named."""
        for event in events:
            if names and event.rule.partition(".")[0] not in names:
                continue
            if known := self.fired.get(event.id):
                known.take_in(event)
            elif len(self.fired) < MOST_FIRED:
                self.fired[event.id] = Fired(event, event, event)
            else:
                self.unkept += 1


def replay(plan: JudgementPlan, samples: Iterable[Sample], names: Collection[str] = ()) -> Replay:
    """Feed them all. With `names` only these rules are played; every channel is judged all the same."""
    if names:
        plan = replace(plan, rules=tuple(rule for rule in plan.rules if rule.name in names))
    judge, found = compose(plan), Replay()
    heard, latest = set(sources_of(plan)), dict[str, int]()
    for sample in samples:
        if found.samples and sample.at_ms < found.to_ms - PUT_BACK_MS:
            found.backwards += 1
            continue
        at_ms = max(sample.at_ms, latest.get(sample.device, sample.at_ms - 1) + 1)
        at_ms = max(at_ms, found.to_ms - LATE_MS) if found.samples else at_ms
        latest[sample.device] = at_ms
        found.from_ms = min(found.from_ms, at_ms) if found.samples else at_ms
        found.to_ms = max(found.to_ms, at_ms)
        found.samples += 1
        judged, _ = judge.feed(sample if at_ms == sample.at_ms else replace(sample, at_ms=at_ms))
        _follow(found, judged, heard)
        found.take_in(judge.take().events, names)
    if found.samples:
        judge.advance(found.to_ms + LATE_MS + TICK_MS)
        found.take_in(judge.take().events, names)
    found.suppressed = judge.docket.suppressed
    return found


def sources_of(plan: JudgementPlan) -> list[Source]:
    """The channels that rules listen to."""
    rules = [KINDS[rule.kind].make(rule.settings) for rule in plan.rules]
    return list(dict.fromkeys(source for rule in rules for source in rule.sources))


def _follow(found: Replay, judged: Sample, heard: Collection[Source]) -> None:
    for reading in judged.readings:
        if isinstance(reading.value, str):
            continue
        source = Source(judged.device, reading.channel)
        trail = found.trails.get(source)
        if trail is None:
            trail = found.trails[source] = Trail() if source in heard else Trail(COARSE)
        trail.add(judged.at_ms, None if reading.value is None else float(reading.value))
