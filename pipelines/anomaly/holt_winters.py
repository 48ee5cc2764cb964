"""How far a value lies from what level, trend and time of day let expect."""

from __future__ import annotations

from array import array
from dataclasses import astuple, dataclass
from math import sqrt

from pipelines.anomaly.ewma import HIGHEST, LARGEST
from pipelines.state import State

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HoltWintersSettings:
    """Constants of HoltWinters; the same for every channel but for its resolution."""

    level: float = 0.02
    """Weight of the newest residual in the level, above 0 and below 1."""
    trend: float = 0.01
    """Weight of the newest change of the level in the trend, 0 to 1; 0 for none."""
    season: float = 0.1
    """Weight of the newest residual in its time of day, 0 to 1; 0 for no season."""
    spread: float = 0.002
    """Weight of the newest residual in the variance, above 0 and below 1."""
    parts_of_day: int = 96
    """How many equal parts of the day are told apart; 96 are 15 minutes each."""
    warm_up: int = 20
    """Readings before the first score."""
    resolution: float = 0.0
    """The least standard deviation, in the channel's unit: what the gauge can tell apart, 0 if not known."""

    def __post_init__(self) -> None:
        for key in ("level", "spread"):
            if not 0 < getattr(self, key) < 1:
                raise ValueError(f"{key}: expected a number between 0 and 1, got {getattr(self, key)}")
        for key in ("trend", "season"):
            if not 0 <= getattr(self, key) <= 1:
                raise ValueError(f"{key}: expected a number from 0 to 1, got {getattr(self, key)}")
        if not 1 <= self.parts_of_day <= 288:
            raise ValueError(f"parts_of_day: expected 1 to 288, got {self.parts_of_day}")
        if self.warm_up < 2:
            raise ValueError(f"warm_up: expected at least 2, got {self.warm_up}")
        if not 0 <= self.resolution < LARGEST:
            raise ValueError(f"resolution: expected 0 or more, got {self.resolution}")


class HoltWinters:
    """The residual of an additive Holt-Winters forecast in standard deviations, 0 to 50; a Detector.

    The season is the day, told by the time of the reading (UTC) and not by counting, so that neither gaps nor
    another sampling interval shift it; what a part of the day adds to the level is learnt as it comes by.
    """

    __slots__ = (
        "_floor", "_level", "_made_by", "_n", "_part_ms", "_parts", "_season", "_settings", "_spread",
        "_steady", "_trend", "_variance", "_warm_up", "_weight", "_weight_trend",
    )  # fmt: skip

    def __init__(self, settings: HoltWintersSettings | None = None) -> None:
        settings = settings or HoltWintersSettings()
        self._made_by = list(astuple(settings))
        self._weight = settings.level
        self._weight_trend = settings.level * settings.trend
        self._season = settings.season * (1 - settings.level)
        self._spread = settings.spread
        self._steady = 1 / settings.spread
        self._warm_up = settings.warm_up
        self._part_ms = -(-DAY_MS // settings.parts_of_day)
        self._floor = settings.resolution**2 + 1e-18
        self._parts = array("d", bytes(8 * settings.parts_of_day))
        self._n = 0
        self._level = 0.0
        self._trend = 0.0
        self._variance = 0.0

    def feed(self, at_ms: int, value: float) -> float:
        """0 while warming up."""
        if not -LARGEST < value < LARGEST:
            return 0.0
        n = self._n
        if n < self._steady:
            self._n = n + 1
            if not n:
                self._level = value
                return 0.0
            spread = 1 / n
        else:
            spread = self._spread
        parts = self._parts
        part = at_ms % DAY_MS // self._part_ms
        season = parts[part]
        level = self._level + self._trend
        variance = self._variance
        off = value - level - season
        if n < self._warm_up:
            score = 0.0
        else:
            score = abs(off) / sqrt(variance + 1e-12 * level * level + self._floor)
            if score > HIGHEST:  # noqa: PLR1730  min() takes four times as long
                score = HIGHEST
        self._variance = variance + spread * (off * off - variance)
        self._level = level + self._weight * off
        self._trend += self._weight_trend * off
        parts[part] = season + self._season * off
        return score

    def state(self) -> State:
        return {
            "made_by": self._made_by, "n": self._n, "level": self._level, "trend": self._trend,
            "variance": self._variance, "parts": self._parts[:],
        }  # fmt: skip

    def restore(self, state: State) -> None:
        parts = state["parts"]
        if state["made_by"] != self._made_by or len(parts) != len(self._parts):
            raise ValueError(f"state: expected one made by {self._made_by}, got {state['made_by']}")
        n, level, trend, variance = (state[key] for key in ("n", "level", "trend", "variance"))
        self._n, self._level, self._trend, self._variance = n, level, trend, variance
        self._parts = parts[:]
