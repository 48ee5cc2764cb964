"""How far a value lies from an exponentially weighted mean."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import sqrt

from pipelines.state import State

LARGEST = 1e150
"""Beyond this, or not a number, a value is neither judged nor learnt: its square would not be a number."""

RELATIVE_FLOOR = 1e-6
"""The least standard deviation of anything, relative to its mean: what is left of a double after sums."""

HIGHEST = 50.0
"""No score of a residual is higher; a series that never moved and then does gets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EwmaSettings:
    """Constants of Ewma; the same for every channel but for its resolution."""

    weight: float = 0.002
    """Of the newest value in mean and variance, 0 to 1 exclusive; the memory is some 1/weight readings."""
    warm_up: int = 20
    """Readings before the first score."""
    resolution: float = 0.0
    """The least standard deviation, in the channel's unit: what the gauge can tell apart, 0 if not known."""

    def __post_init__(self) -> None:
        if not 0 < self.weight < 1:
            raise ValueError(f"weight: expected a number between 0 and 1, got {self.weight}")
        if self.warm_up < 2:
            raise ValueError(f"warm_up: expected at least 2, got {self.warm_up}")
        if not 0 <= self.resolution < LARGEST:
            raise ValueError(f"resolution: expected 0 or more, got {self.resolution}")


class Ewma:
    """The distance of a value from the mean before it, in standard deviations, 0 to 50; a Detector.

    Mean and variance are those of all readings at first, and weigh exponentially after 1/weight readings.
    """

    __slots__ = ("_floor", "_made_by", "_mean", "_n", "_steady", "_variance", "_warm_up", "_weight")

    def __init__(self, settings: EwmaSettings | None = None) -> None:
        settings = settings or EwmaSettings()
        self._made_by = list(astuple(settings))
        self._weight = settings.weight
        self._steady = 1 / settings.weight
        self._warm_up = settings.warm_up
        self._floor = settings.resolution**2 + 1e-18
        self._n = 0
        self._mean = 0.0
        self._variance = 0.0

    def feed(self, at_ms: int, value: float) -> float:  # noqa: ARG002  a Detector's
        """0 while warming up."""
        if not -LARGEST < value < LARGEST:
            return 0.0
        n = self._n
        mean = self._mean
        variance = self._variance
        off = value - mean
        if n < self._warm_up:
            score = 0.0
        else:
            score = abs(off) / sqrt(variance + 1e-12 * mean * mean + self._floor)
            if score > HIGHEST:  # noqa: PLR1730  min() takes four times as long
                score = HIGHEST
        if n < self._steady:
            self._n = n = n + 1
            weight = 1 / n
        else:
            weight = self._weight
        step = weight * off
        self._mean = mean + step
        self._variance = (1 - weight) * (variance + step * off)
        return score

    def state(self) -> State:
        return {"made_by": self._made_by, "n": self._n, "mean": self._mean, "variance": self._variance}

    def restore(self, state: State) -> None:
        if state["made_by"] != self._made_by:
            raise ValueError(f"state: expected one made by {self._made_by}, got {state['made_by']}")
        self._n, self._mean, self._variance = state["n"], state["mean"], state["variance"]
