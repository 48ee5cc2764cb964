"""How unlikely it is that the newest scores are of the same kind as those before them."""

from __future__ import annotations

from array import array
from dataclasses import astuple, dataclass
from math import erfc, log, sqrt

from pipelines.contracts import Detector
from pipelines.state import State

STEPS = 1024
"""Scores are kept in steps of 1/1024 as whole numbers, so that sums over them are exact and never drift."""

_ROOT_HALF = sqrt(0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodSettings:
    """Constants of Likelihood; the same for every channel."""

    newest: int = 10
    """How many scores the mean is taken of that is judged."""
    known: int = 2000
    """How many scores it is judged by, these among them."""
    warm_up: int = 100
    """Scores before the first likelihood."""
    highest_score: float = 50.0
    """Scores are cut to this, at most 63."""
    highest: float = 12.0
    """Likelihoods are cut to this."""

    def __post_init__(self) -> None:
        if not 1 <= self.newest < self.known:
            raise ValueError(f"newest: expected 1 to less than known ({self.known}), got {self.newest}")
        if not self.newest <= self.warm_up <= self.known <= 10_000:
            raise ValueError(f"warm_up: expected newest to known (at most 10000), got {self.warm_up}")
        if not 0 < self.highest_score <= 63:
            raise ValueError(f"highest_score: expected above 0 to 63, got {self.highest_score}")
        if not 0 < self.highest <= 100:
            raise ValueError(f"highest: expected above 0 to 100, got {self.highest}")


class Likelihood:
    """A Detector about the scores of another: -ln of the tail of a normal distribution, 0 to `highest`.

    The distribution has the mean and the variance of the last `known` scores; the tail is what lies beyond
    the mean of the last `newest`. A mean not above that of all scores gives 0. (The likelihood step of
    Ahmad et al., "Unsupervised real-time anomaly detection for streaming data", 2017.)
    """

    __slots__ = (
        "_at", "_beyond", "_detector", "_highest", "_highest_score", "_made_by", "_n", "_newest",
        "_newest_sum", "_ring", "_squares", "_sum", "_warm_up",
    )  # fmt: skip

    def __init__(self, detector: Detector, settings: LikelihoodSettings | None = None) -> None:
        settings = settings or LikelihoodSettings()
        self._made_by = list(astuple(settings))
        self._detector = detector
        self._newest = settings.newest
        self._warm_up = settings.warm_up
        self._highest_score = settings.highest_score
        self._highest = settings.highest
        self._beyond = sqrt(2 * settings.highest)
        """Standard deviations from which on the tail is certainly rarer: Q(z) < exp(-z*z/2) / 2."""
        self._ring = array("H", bytes(2 * settings.known))
        self._at = 0
        self._n = 0
        self._sum = 0
        self._squares = 0
        self._newest_sum = 0

    def feed(self, at_ms: int, value: float) -> float:
        """0 while warming up."""
        score = self._detector.feed(at_ms, value)
        if score > self._highest_score:  # noqa: PLR1730  min() takes four times as long
            score = self._highest_score
        steps = int(score * STEPS)
        ring = self._ring
        at = self._at
        newest = self._newest
        oldest = ring[at]
        self._newest_sum = newest_sum = self._newest_sum + steps - ring[at - newest]
        self._sum = total = self._sum + steps - oldest
        self._squares = squares = self._squares + steps * steps - oldest * oldest
        ring[at] = steps
        at += 1
        self._at = at if at < len(ring) else 0
        n = self._n
        if n < len(ring):
            self._n = n = n + 1
            if n < self._warm_up:
                return 0.0
        mean = total / n
        above = newest_sum / newest - mean
        if above <= 0:
            return 0.0
        deviations = above / sqrt(squares / n - mean * mean + 1)
        if deviations >= self._beyond:
            return self._highest
        return min(-log(0.5 * erfc(deviations * _ROOT_HALF)), self._highest)

    def state(self) -> State:
        return {
            "made_by": self._made_by, "of": self._detector.state(), "n": self._n, "at": self._at,
            "ring": self._ring[:],
        }  # fmt: skip

    def restore(self, state: State) -> None:
        ring, at, n = state["ring"], int(state["at"]), int(state["n"])
        if state["made_by"] != self._made_by or len(ring) != len(self._ring) or not 0 <= at < len(ring):
            raise ValueError(f"state: expected one made by {self._made_by}, got {state['made_by']}")
        self._detector.restore(state["of"])
        self._ring, self._at, self._n = ring[:], at, n
        self._sum = sum(ring)
        self._squares = sum(steps * steps for steps in ring)
        self._newest_sum = sum(ring[at - each] for each in range(1, self._newest + 1))
