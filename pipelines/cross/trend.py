"""The slope that a few wild values cannot bend."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median


def theil_sen(points: Sequence[tuple[float, float]]) -> float | None:
    """The median of the slopes of all pairs of (x, y); None for fewer than two places of x.

    Theil 1950, Sen 1968. It takes len(points)^2 / 2 steps.
    """
    slopes = [
        (y - points[i][1]) / (x - points[i][0])
        for j, (x, y) in enumerate(points)
        for i in range(j)
        if x != points[i][0]
    ]
    return median(slopes) if slopes else None
