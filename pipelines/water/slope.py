"""The robust straight line through a few points."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def median(values: list[float]) -> float:
    """The middle one, or the mean of the two in the middle; sorts `values`, at least one."""
    count = len(values)
    if count == 1:
        return values[0]
    values.sort()
    half = count // 2
    return values[half] if count % 2 else (values[half - 1] + values[half]) / 2


def theil_sen(times: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Slope per unit of time and the line's value at the last time: the median of all pairs' slopes.

    At least two points, times strictly growing; n (n - 1) / 2 pairs, so keep n near 30. Up to 29 % of the
    points may be wrong at will.
    """
    slopes: list[float] = []
    for late in range(1, len(times)):
        at, value = times[late], values[late]
        slopes += [
            (value - before) / (at - early) for early, before in zip(times[:late], values[:late], strict=True)
        ]
    slope = median(slopes)
    last = times[-1]
    return slope, median([value + slope * (last - at) for at, value in zip(times, values, strict=True)])
