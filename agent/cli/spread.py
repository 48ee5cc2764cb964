"""How the values of a channel are spread, as bars from low to high with the limits between them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rich.text import Text

from agent.cli.chart import Axis, Limit, value_axis
from agent.cli.plot import BRAILLE, LIMIT_STYLE, NAMES_WIDTH, SERIES_STYLES, Signs
from agent.cli.screen import DIM

Quantiles = Sequence[tuple[float, float]]
"""A share of the values, and the value that so many do not exceed; both grow."""

SHARE_WIDTH = 6


def spread(
    quantiles: Quantiles, limits: Sequence[Limit], width: int, height: int, signs: Signs = BRAILLE
) -> list[Text]:
    """At most `height` lines: the share of the values in each stretch, the highest on top.

    Between two quantiles the values are taken to be spread evenly.
    """
    if not quantiles:
        return []
    low, high = quantiles[0][1], quantiles[-1][1]
    near = [limit for limit in limits if _is_near(limit.value, low, high)]
    axis = value_axis(
        min([low, *(each.value for each in near)]), max([high, *(each.value for each in near)]), height
    )
    ticks = axis.ticks()
    shares = [_share(quantiles, bottom, top, last=top == ticks[-1]) for bottom, top in pairwise(ticks)]
    gutter = max(len(axis.label(tick)) for tick in ticks)
    lines = list(_lines(axis, shares, near, width, signs))
    beyond = [limit for limit in limits if limit not in near]
    above = ", ".join(f"{each.name} {each.value:g}" for each in beyond if each.value > high)
    below = ", ".join(f"{each.name} {each.value:g}" for each in beyond if each.value < low)
    head = [Text(f"{'':{gutter}} {signs.above} {above}", LIMIT_STYLE)] if above else []
    foot = [Text(f"{'':{gutter}} {signs.below} {below}", LIMIT_STYLE)] if below else []
    return [*head, *lines, *foot]


def _is_near(value: float, low: float, high: float) -> bool:
    """Whether it can be shown beside the values without making them one bar."""
    room = 2 * (high - low)
    return low - room <= value <= high + room


def _lines(
    axis: Axis, shares: Sequence[float], limits: Sequence[Limit], width: int, signs: Signs
) -> Iterator[Text]:
    ticks = axis.ticks()
    gutter = max(len(axis.label(tick)) for tick in ticks)
    room = max(width - gutter - 2 - SHARE_WIDTH - NAMES_WIDTH, 5)
    most = max(shares) or 1.0
    for n in reversed(range(len(shares))):
        bottom, top = ticks[n], ticks[n + 1]
        named = [each.name for each in limits if bottom <= each.value < top or top == each.value == ticks[-1]]
        text = Text(f"{axis.label(bottom):>{gutter}} {signs.tick}", DIM)
        length = max(round(shares[n] / most * room), int(shares[n] > 0))
        text.append(("█" if signs is BRAILLE else "#") * length, SERIES_STYLES[0])
        if shares[n] > 0:
            text.append(f" {_percent(shares[n])}", DIM)
        if named:
            text.append(f" {signs.limit * 2} {', '.join(named)}", LIMIT_STYLE)
        text.truncate(width)
        yield text


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "<0.1%"


def _share(quantiles: Quantiles, bottom: float, top: float, *, last: bool) -> float:
    """Of all values, how many are from `bottom` to below `top`, or to it."""
    total = 0.0
    for (share_low, low), (share_high, high) in pairwise(quantiles):
        if high > low:
            inside = max(min(high, top) - max(low, bottom), 0.0) / (high - low)
        else:
            inside = float(bottom <= low < top or (last and low == top))
        total += inside * (share_high - share_low)
    return total
