"""Limits of a figure, and conditions on other channels."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.readings import Value
from pipelines.city.settings import demand
from pipelines.events import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Which figures are meant; several are alternatives. Raises ValueError when none is set."""

    above: float | None = None
    """More than this."""
    below: float | None = None
    """Less than this."""
    equals: Value | None = None
    """This very number or label."""
    outside: tuple[float, float] | None = None
    """Less than the first or more than the second."""
    hysteresis: float = 0.0
    """So far on the good side of a limit until it is over; in the figure's unit."""

    def __post_init__(self) -> None:
        some = any(each is not None for each in (self.above, self.below, self.equals, self.outside))
        demand(some, "limits", "one of above, below, equals, outside", None)
        demand(self.hysteresis >= 0, "hysteresis", "0 or more", self.hysteresis)
        if self.above is not None and self.below is not None:
            demand(self.below < self.above, "below", f"less than above, {self.above}", self.below)
        if self.outside is not None:
            demand(self.outside[0] < self.outside[1], "outside", "the lower number first", self.outside)

    @property
    def is_text(self) -> bool:
        """Whether labels are compared."""
        return isinstance(self.equals, str)

    def holds(self, figure: Value, slack: float = 0.0) -> bool:
        """Whether the figure is past a limit that is moved by `slack` towards the good side."""
        if self.equals is not None and figure == self.equals:
            return True
        if isinstance(figure, str):
            return False
        low, high = self.outside if self.outside is not None else (None, None)
        return (
            (self.above is not None and figure > self.above - slack)
            or (self.below is not None and figure < self.below + slack)
            or (low is not None and figure < low + slack)
            or (high is not None and figure > high - slack)
        )

    def judge(self, figure: Value) -> tuple[bool, bool]:
        """Over, and back: between the two nothing changes."""
        over = self.holds(figure)
        return over, not over and not self.holds(figure, self.hysteresis)

    def nearest(self, figure: Value) -> float | None:
        """The limit to tell of: of those that the figure is past, or of all, the nearest."""
        numbers = [self.above, self.below, *(self.outside or ())]
        if not isinstance(self.equals, str):
            numbers.append(self.equals)
        known = [float(number) for number in numbers if number is not None]
        if isinstance(figure, str) or not known:
            return None
        return min(known, key=lambda limit: (abs(limit - figure), limit))


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The last value of a channel must be past its limits. One that is unknown or too old does not hold."""

    source: Source
    """Any channel."""
    limits: Limits
    """Without a hysteresis of its own."""
