"""The score of the Numenta Anomaly Benchmark, worked out from its published definition.

The first min(15 %, 750) points of a series are not scored. A window that is hit counts once, by its earliest
alarm, from 1 at its left edge falling to near 0 at its right edge; each alarm outside costs, less just after
a window; a window that is missed costs. The sum over all series is scaled so that no alarm at all is 0 and an
alarm at the left edge of each window alone is 100. (Lavin and Ahmad, "Evaluating Real-time Anomaly Detection
Algorithms", 2015; scoring rules of NAB v1.1.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """What a hit, an alarm outside every window and a missed window weigh."""

    hit: float
    alarm: float
    miss: float


PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "low FP": Profile(1.0, 0.22, 1.0),
    "low FN": Profile(1.0, 0.11, 2.0),
}

PROBATION_SHARE, PROBATION_MOST = 0.15, 750


@dataclass(frozen=True, slots=True)
class Tally:
    """What the alarms of one or more series come to, before a profile weighs it.

    `worth` sums over the windows hit, each 0 to 1; `harm` over the alarms outside, each -1 to 0.
    """

    windows: int = 0
    hit: int = 0
    worth: float = 0.0
    harm: float = 0.0
    alarms: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.windows + other.windows,
            self.hit + other.hit,
            self.worth + other.worth,
            self.harm + other.harm,
            self.alarms + other.alarms,
        )

    def score(self, profile: Profile) -> float:
        """0 for no alarm at all, 100 for perfect, below 0 for worse than nothing.

        Without a window nothing can be gained, and the scale is that of one.
        """
        raw = profile.hit * self.worth + profile.alarm * self.harm - profile.miss * (self.windows - self.hit)
        null = -profile.miss * self.windows
        return 100 * (raw - null) / ((profile.hit + profile.miss) * max(1, self.windows))


def probation(points: int) -> int:
    """How many points at the beginning are not scored."""
    return min(math.floor(PROBATION_SHARE * points), PROBATION_MOST)


def scaled_sigmoid(position: float) -> float:
    """From 1 far left of a window's right edge (0) to -1 right of it; flat beyond three widths."""
    return -1.0 if position >= 3 else 2 / (1 + math.exp(5 * position)) - 1


def tally(points: int, windows: Sequence[tuple[int, int]], alarms: Iterable[int]) -> Tally:
    """Judge the alarms of one series of `points`.

    `windows` are (first, last) indices, both within, in order and apart; `alarms` are indices that grow.
    """
    begins = probation(points)
    best = [0.0] * len(windows)
    hit = [False] * len(windows)
    harm, counted, number = 0.0, 0, 0
    for at in alarms:
        if at < begins:
            continue
        counted += 1
        while number < len(windows) and windows[number][1] < at:
            number += 1
        if number < len(windows) and windows[number][0] <= at:
            if not hit[number]:
                hit[number], best[number] = True, _worth(windows[number], at)
        else:
            harm += _harm(windows[number - 1] if number else None, at)
    return Tally(len(windows), sum(hit), sum(best), harm, counted)


def _worth(window: tuple[int, int], at: int) -> float:
    first, last = window
    return scaled_sigmoid(-(last - at + 1) / (last - first + 1)) / scaled_sigmoid(-1)


def _harm(before: tuple[int, int] | None, at: int) -> float:
    if before is None:
        return -1.0
    first, last = before
    return scaled_sigmoid((at - last) / (last - first)) if last > first else -1.0


def rested(over: Iterable[int], rest: int) -> Iterator[int]:
    """The alarms: the points over the threshold, less those within `rest` points after an alarm."""
    free = 0
    for at in over:
        if at >= free:
            yield at
            free = at + rest + 1


@dataclass(frozen=True, slots=True)
class Scored:
    """A series that a detector has gone through: a score for each point, and the windows to find."""

    name: str
    scores: Sequence[float]
    windows: Sequence[tuple[int, int]]

    def tally(self, threshold: float, rest: int) -> Tally:
        """Points at the threshold are over it."""
        over = (at for at, score in enumerate(self.scores) if score >= threshold)
        return tally(len(self.scores), self.windows, rested(over, rest))


class Sweep:
    """Every series at every threshold: what can be chosen on some series and judged on others."""

    def __init__(self, series: Sequence[Scored], thresholds: Sequence[float], rest: int) -> None:
        self.thresholds = thresholds
        self._tallies = [[each.tally(threshold, rest) for threshold in thresholds] for each in series]

    def total(self, series: Iterable[int], threshold: int) -> Tally:
        """The sum over series, given by their places, at one threshold, given by its place."""
        return sum((self._tallies[each][threshold] for each in series), Tally())

    def best(self, series: Sequence[int], profile: Profile) -> int:
        """The place of the threshold with the highest score on these series; the later among equals."""
        return max(
            range(len(self.thresholds)), key=lambda place: (self.total(series, place).score(profile), place)
        )
