"""How unlike the newest stretch of a series is to all the stretches remembered."""

from __future__ import annotations

from array import array
from dataclasses import astuple, dataclass
from math import dist

from pipelines.anomaly.ewma import HIGHEST, LARGEST, RELATIVE_FLOOR
from pipelines.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class KnnSettings:
    """Constants of Knn; the same for every channel but for its resolution."""

    points: int = 12
    """Readings in a shape."""
    shapes: int = 75
    """How many shapes are remembered, the newest; at most 100."""
    keep_each: int = 6
    """A shape is remembered each so many readings."""
    judge_each: int = 3
    """The newest shape is compared each so many readings; between, its score stays."""
    nearest: int = 3
    """How many of the nearest shapes count."""
    weight: float = 0.002
    """Of the newest distance in the mean distance, above 0 and below 1."""
    warm_up: int = 20
    """Comparisons before the first score."""
    resolution: float = 0.0
    """The least mean distance, in the channel's unit: what the gauge can tell apart, 0 if not known."""

    def __post_init__(self) -> None:
        for key, least, most in (
            ("points", 1, 48), ("shapes", 1, 100), ("keep_each", 1, 1000), ("judge_each", 1, 1000),
            ("nearest", 1, self.shapes), ("warm_up", 1, 10_000),
        ):  # fmt: skip
            if not least <= getattr(self, key) <= most:
                raise ValueError(f"{key}: expected {least} to {most}, got {getattr(self, key)}")
        if not 0 < self.weight < 1:
            raise ValueError(f"weight: expected a number between 0 and 1, got {self.weight}")
        if not 0 <= self.resolution < LARGEST:
            raise ValueError(f"resolution: expected 0 or more, got {self.resolution}")


class Knn:
    """How far the last `points` values are from the nearest shapes, by the mean of that, 0 to 50; a Detector.

    A shape is remembered only when `points` further readings have passed, so that none shares a value with
    the one it is compared to. Distances are Euclidean; nothing is scaled or levelled.
    """

    __slots__ = (
        "_compared", "_floor", "_judge_each", "_keep_each", "_made_by", "_mean", "_n", "_nearest", "_next",
        "_points", "_recent", "_score", "_shapes", "_size", "_warm_up", "_weight",
    )  # fmt: skip

    def __init__(self, settings: KnnSettings | None = None) -> None:
        settings = settings or KnnSettings()
        self._made_by = list(astuple(settings))
        self._points = settings.points
        self._size = settings.shapes
        self._keep_each = settings.keep_each
        self._judge_each = settings.judge_each
        self._nearest = settings.nearest
        self._weight = settings.weight
        self._warm_up = settings.warm_up
        self._floor = settings.resolution + 1e-18
        self._recent: list[float] = []
        self._shapes: list[tuple[float, ...]] = []
        self._next = 0
        self._n = 0
        self._compared = 0
        self._mean = 0.0
        self._score = 0.0

    def feed(self, at_ms: int, value: float) -> float:  # noqa: ARG002  a Detector's
        """0 while warming up."""
        if not -LARGEST < value < LARGEST:
            return 0.0
        recent = self._recent
        recent.append(value + 0.0)  # no -0.0, which equals 0.0 and is not the same
        if len(recent) <= 2 * self._points:
            return 0.0
        del recent[0]
        self._n = n = self._n + 1
        if not n % self._judge_each and len(self._shapes) >= self._nearest:
            self._score = self._judge()
        if not n % self._keep_each:
            self._keep()
        return self._score

    def _judge(self) -> float:
        newest = tuple(self._recent[self._points :])
        distances = [dist(newest, shape) for shape in self._shapes]
        distances.sort()
        distance = sum(distances[: self._nearest]) / self._nearest
        mean = self._mean
        self._compared = compared = self._compared + 1
        self._mean = mean + max(self._weight, 1 / compared) * (distance - mean)
        if compared <= self._warm_up:
            return 0.0
        return min(distance / (mean + RELATIVE_FLOOR * abs(newest[-1]) + self._floor), HIGHEST)

    def _keep(self) -> None:
        shape = tuple(self._recent[: self._points])
        if len(self._shapes) < self._size:
            self._shapes.append(shape)
            return
        self._shapes[self._next] = shape
        self._next = (self._next + 1) % self._size

    def state(self) -> State:
        return {
            "made_by": self._made_by, "n": self._n, "compared": self._compared, "next": self._next,
            "mean": self._mean, "score": self._score, "recent": array("d", self._recent),
            "shapes": array("d", [value for shape in self._shapes for value in shape]),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        points, values, recent = self._points, state["shapes"], state["recent"]
        if (
            state["made_by"] != self._made_by
            or len(values) % points
            or len(values) > points * self._size
            or len(recent) > 2 * points
            or not 0 <= state["next"] < self._size
        ):
            raise ValueError(f"state: expected one made by {self._made_by}, got {state['made_by']}")
        n, compared, mean, score = (state[key] for key in ("n", "compared", "mean", "score"))
        self._n, self._compared, self._mean, self._score = n, compared, mean, score
        self._next = state["next"]
        self._recent = list(recent)
        once: dict[float, float] = {}
        """Shapes that overlap share their numbers, as they did before."""
        same = [once.setdefault(value, value) for value in values]
        self._shapes = [tuple(same[at : at + points]) for at in range(0, len(same), points)]
