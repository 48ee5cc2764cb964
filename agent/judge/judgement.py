"""What a station is judged by, resolved; and the judge that this makes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from agent.judge.rule_kinds import KINDS
from pipelines.anomaly.mix import MixSettings, mix
from pipelines.anomaly.paced import Paced
from pipelines.anomaly.together import SeatSettings, Together
from pipelines.beside import Beside
from pipelines.cross.causes import Causes
from pipelines.docket import Docket
from pipelines.events import Severity, Source
from pipelines.judge import Judge
from pipelines.lane import Lane, Stages, Watched
from pipelines.quality.across import JumpLimits, MultiVariate, Neighbour, NeighbourLimits
from pipelines.quality.limits import Limits
from pipelines.quality.series import Series
from pipelines.reduction.aggregate import Aggregate, AggregateSettings
from pipelines.reduction.deadband import Deadband, DeadbandSettings
from pipelines.watch import SensorWatch, UnusualWatch
from pipelines.water.reread import Reread, RereadSettings

SLOW_EVERY_MS = 300_000
"""Slow change is looked for in a value each 5 minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlan:
    """One channel of numbers: what it is judged by, and what of it is sent. None is switched off."""

    source: Source
    limits: Limits
    unusual: float | None = None
    """False alarms a sensor and month to put up with; a key of the tables of thresholds."""
    slow: MixSettings | None = None
    reread: RereadSettings | None = None
    neighbours: tuple[tuple[Source, ...], NeighbourLimits] | None = None
    together: tuple[tuple[Source, ...], JumpLimits] | None = None
    deadband: DeadbandSettings | None = None
    aggregate: AggregateSettings | None = None
    sends_raw: bool = True


@dataclass(frozen=True, slots=True)
class RulePlan:
    """One configured rule: its name, its kind, and the settings of that kind."""

    name: str
    kind: str
    settings: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementPlan:
    """Everything a judge is made of; two that are equal judge the same."""

    channels: tuple[ChannelPlan, ...] = ()
    rules: tuple[RulePlan, ...] = ()
    buses: Mapping[str, str] = field(default_factory=dict)
    """Device -> the bus it is on."""

    @property
    def by_source(self) -> dict[Source, ChannelPlan]:
        """The plan of each channel that is judged."""
        return {plan.source: plan for plan in self.channels}


def compose(plan: JudgementPlan) -> Judge:
    """A judge that knows nothing yet."""
    together = _together(plan.channels)
    lanes = [
        Lane(each.source, _stages(each, together.get(each.source.device)), sends_raw=each.sends_raw)
        for each in plan.channels
    ]
    rules = {rule.name: KINDS[rule.kind].make(rule.settings) for rule in plan.rules}
    besides = [beside for each in plan.channels for beside in _besides(each)]
    return Judge(lanes, rules, Docket(Causes(plan.buses)), besides, together)


def _together(channels: Iterable[ChannelPlan]) -> dict[str, Together]:
    """By device, whoever weighs the jumps of its channels that are watched for them."""
    seats: dict[str, dict[str, SeatSettings]] = defaultdict(dict)
    for each in channels:
        if each.unusual is not None:
            device, channel = each.source
            seats[device][channel] = SeatSettings(
                measures=channel.partition(".")[0],
                false_alarms=each.unusual,
                span=each.limits.sensor,
                sentinels=each.limits.sentinels,
            )
    return {device: Together(settings) for device, settings in seats.items()}


def _stages(plan: ChannelPlan, together: Together | None) -> Stages:
    watched: dict[str, Watched] = {}
    if together is not None and (seat := together.seats.get(plan.source.channel)):
        watch = UnusualWatch("sensor.unusual", plan.source, seat.threshold)
        watched["unusual"] = Watched(seat, seat.suspect_at, watch)
    if plan.slow is not None:
        watch = UnusualWatch("sensor.changed", plan.source, plan.slow.threshold, Severity.INFO)
        watched["changed"] = Watched(Paced(mix(plan.slow), SLOW_EVERY_MS), inf, watch)
    return Stages(
        series=Series(plan.limits),
        watch=SensorWatch(plan.source),
        watched=watched,
        reread=Reread(plan.reread) if plan.reread else None,
        deadband=Deadband(plan.deadband) if plan.deadband else None,
        aggregate=Aggregate(plan.aggregate) if plan.aggregate else None,
    )


def _besides(plan: ChannelPlan) -> Iterator[Beside]:
    if plan.neighbours:
        others, near = plan.neighbours
        yield Beside(plan.source, others, Neighbour(near))
    if plan.together:
        others, jumps = plan.together
        yield Beside(plan.source, others, MultiVariate(jumps))
