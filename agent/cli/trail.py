"""Weeks of a series in a few hundred points, with its extremes and its gaps. Pure, in bounded memory."""

from __future__ import annotations

from agent.cli.chart import GAP_STEPS, Point, Series
from pipelines.quality.sketch import Sizes

MOST = 800
"""Stretches of time that are told apart; each keeps its lowest and its highest value."""


class _Stretch:
    """Of one stretch of time the lowest and the highest value, and the last that was missing."""

    __slots__ = ("high", "hole_ms", "low")

    def __init__(self) -> None:
        self.low: tuple[float, int] | None = None
        self.high: tuple[float, int] | None = None
        self.hole_ms: int | None = None

    def add(self, at_ms: int, value: float | None) -> None:
        if value is None:
            self.hole_ms = at_ms if self.hole_ms is None else max(at_ms, self.hole_ms)
            return
        here = (value, at_ms)
        self.low = here if self.low is None or here < self.low else self.low
        self.high = here if self.high is None or here > self.high else self.high

    def take_in(self, other: _Stretch) -> None:
        for value, at_ms in filter(None, (other.low, other.high)):
            self.add(at_ms, value)
        if other.hole_ms is not None:
            self.add(other.hole_ms, None)

    def points(self) -> list[Point]:
        found: set[Point] = {(at_ms, value) for value, at_ms in filter(None, (self.low, self.high))}
        holes: list[Point] = [] if self.hole_ms is None else [(self.hole_ms, None)]
        return sorted([*found, *holes], key=lambda point: point[0])


class Trail:
    """Add values in the order of their time."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._width_ms = 1
        self._stretches: dict[int, _Stretch] = {}
        self._pauses = Sizes()
        self._last_ms: int | None = None

    def add(self, at_ms: int, value: float | None) -> None:
        """A value; None is one that is missing."""
        if value is not None:
            if self._last_ms is not None and at_ms > self._last_ms:
                self._pauses.add(at_ms - self._last_ms)
            self._last_ms = at_ms
        place = at_ms // self._width_ms
        stretch = self._stretches.get(place)
        if stretch is None:
            stretch = self._stretches[place] = _Stretch()
            while len(self._stretches) > self._most:
                self._widen()
                stretch = self._stretches[at_ms // self._width_ms]
        stretch.add(at_ms, value)

    def series(self, name: str) -> Series:
        """What has come so far."""
        points = [point for place in sorted(self._stretches) for point in self._stretches[place].points()]
        gap_ms = GAP_STEPS * max(self._pauses.quantile(0.5), self._width_ms)
        return Series(name, points, round(gap_ms))

    def _widen(self) -> None:
        self._width_ms *= 2
        wider: dict[int, _Stretch] = {}
        for place, stretch in self._stretches.items():
            wider.setdefault(place // 2, _Stretch()).take_in(stretch)
        self._stretches = wider
