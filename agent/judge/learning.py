"""Learning limits from what a station sees, on request: on or off for all channels, kept over restarts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from agent.judge.judgement import JudgementPlan
from agent.telling import unit_of
from drivers.readings import Sample
from pipelines.events import Source
from pipelines.quality.learning import Learner
from pipelines.quality.limits import Limits
from pipelines.quality.proposing import Proposal
from pipelines.state import State, Stateful


class Learning:
    """A learner for each channel of numbers while it is on; `feed` it every judged sample."""

    def __init__(self, plan: JudgementPlan) -> None:
        self.since_ms: int | None = None
        """When it was switched on; None while it is off."""
        self._limits = {each.source: each.limits for each in plan.channels}
        self._learners: dict[Source, Learner] = {}

    def start(self, now_ms: int) -> None:
        """Begin, from nothing; once begun it goes on."""
        if self.since_ms is None:
            self.since_ms = now_ms
            self._learners = {source: Learner(limits) for source, limits in self._limits.items()}

    def stop(self) -> None:
        """End it, and forget what was learned."""
        self.since_ms, self._learners = None, {}

    def feed(self, sample: Sample) -> None:
        """Every value of every channel that is learned from."""
        if self.since_ms is None:
            return
        for reading in sample.readings:
            if learner := self._learners.get(Source(sample.device, reading.channel)):
                learner.feed(sample.at_ms, reading.value)

    def proposals(self, wanted: Iterable[str] = ()) -> list[dict[str, Any]]:
        """What follows for the channels named, or for all, as the command line is shown it."""
        names = frozenset(wanted)
        return [
            shown(source, self._limits[source], learner.propose())
            for source, learner in self._learners.items()
            if not names or str(source) in names
        ]

    @property
    def stages(self) -> dict[str, Stateful]:
        """Whether it is on, and every learner."""
        learners = {f"learning/{source}": learner for source, learner in self._learners.items()}
        return {"learning": self, **learners}

    def state(self) -> State:
        return {"since_ms": self.since_ms}

    def restore(self, state: State) -> None:
        if state["since_ms"] is None:
            self.stop()
        else:
            self.start(int(state["since_ms"]))


def shown(source: Source, given: Limits, proposal: Proposal) -> dict[str, Any]:
    """A proposal as plain values; `limits` has only what differs from those that hold now."""
    before, after = asdict(given), asdict(proposal.limits)
    unit, decimals = unit_of(source)
    return {
        "source": str(source),
        "unit": unit,
        "decimals": decimals,
        "n": proposal.n,
        "refused": proposal.refused,
        "first_ms": proposal.first_ms,
        "last_ms": proposal.last_ms,
        "quantiles": {f"{share:g}": value for share, value in proposal.quantiles.items()},
        "limits": {key: value for key, value in after.items() if value != before[key]},
        "reasons": dict(proposal.reasons),
        "flagged": dict(proposal.flagged),
    }
