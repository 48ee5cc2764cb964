"""What several detectors hold of a series together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.anomaly.ewma import Ewma, EwmaSettings
from pipelines.anomaly.holt_winters import HoltWinters, HoltWintersSettings
from pipelines.anomaly.knn import Knn, KnnSettings
from pipelines.anomaly.likelihood import Likelihood
from pipelines.anomaly.ngram import Ngram, NgramSettings
from pipelines.contracts import Detector
from pipelines.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class MixSettings:
    """Which detectors take part, and from when on their mean is an alarm."""

    ngram: bool = False
    """Whether the n-gram takes part."""
    knn: bool = False
    """Whether the nearest shapes take part."""
    resolution: float = 0.0
    """What the gauge can tell apart, in the channel's unit, 0 if not known."""
    threshold: float = 4.0
    """A score from which on a reading is unusual."""
    rest: int = 110
    """Readings after an alarm in which there is no other."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 12:
            raise ValueError(f"threshold: expected above 0 to 12, got {self.threshold}")
        if self.rest < 0:
            raise ValueError(f"rest: expected 0 or more, got {self.rest}")


class Mix:
    """The mean of the scores of its parts; a Detector."""

    __slots__ = ("_feeds", "_parts", "_share")

    def __init__(self, parts: Sequence[Detector]) -> None:
        self._parts = tuple(parts)
        self._feeds = tuple(part.feed for part in parts)
        self._share = 1 / len(parts)

    def feed(self, at_ms: int, value: float) -> float:
        total = 0.0
        for feed in self._feeds:
            total += feed(at_ms, value)
        return total * self._share

    def state(self) -> State:
        return {"parts": [part.state() for part in self._parts]}

    def restore(self, state: State) -> None:
        if len(state["parts"]) != len(self._parts):
            raise ValueError(f"state: expected one of {len(self._parts)} parts, got {len(state['parts'])}")
        before = self.state()["parts"]
        try:
            self._restore(state["parts"])
        except (ValueError, KeyError, TypeError):
            self._restore(before)
            raise

    def _restore(self, states: Sequence[State]) -> None:
        for part, known in zip(self._parts, states, strict=True):
            part.restore(known)


def mix(settings: MixSettings | None = None) -> Mix:
    """The likelihoods of EWMA and Holt-Winters, and of those asked for besides; 0 to 12."""
    settings = settings or MixSettings()
    parts: list[Detector] = [
        Ewma(EwmaSettings(resolution=settings.resolution)),
        HoltWinters(HoltWintersSettings(resolution=settings.resolution)),
    ]
    if settings.ngram:
        parts.append(Ngram(NgramSettings(resolution=settings.resolution)))
    if settings.knn:
        parts.append(Knn(KnnSettings(resolution=settings.resolution)))
    return Mix([Likelihood(part) for part in parts])
