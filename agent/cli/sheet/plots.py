"""A small plot of one channel as lines and labels in a box, y downwards, in points. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agent.amounts import symbol
from agent.cli.chart import Chart, Series, time_ticks, value_axis
from agent.cli.sheet.content import Channel

WIDTH, HEIGHT = 250.0, 96.0
"""Of the box, pt."""

_TOP, _BOTTOM, _RIGHT = 15.0, 13.0, 6.0
_DIGIT = 4.0
"""Width of a digit of 7 pt Helvetica, rounded up."""
_EDGE = 2.0
"""Kept free for fonts that are drawn wider on a screen."""


class Stroke(NamedTuple):
    """A line through these points; `kind` is grid, frame or line."""

    kind: str
    points: list[tuple[float, float]]


class Dot(NamedTuple):
    """A value that stands alone."""

    x: float
    y: float


class Label(NamedTuple):
    """Text at its base line; `kind` is title or tick, `anchor` start, middle or end."""

    kind: str
    x: float
    y: float
    anchor: str
    text: str


Shape = Stroke | Dot | Label


def plot(channel: Channel, offset_min: int) -> Iterator[Shape]:
    """What is drawn of a channel, its grid first."""
    chart = Chart(series=[Series(channel.channel, channel.points)])
    times, values = chart.times(), chart.values()
    unit = f" ({symbol(channel.unit)})" if symbol(channel.unit) else ""
    yield Label("title", 0.0, 9.0, "start", f"{channel.device}.{channel.channel}{unit}")
    if times is None or values is None:
        return
    axis = value_axis(*values, 5)
    left = max(len(axis.label(tick)) for tick in axis.ticks()) * _DIGIT + 4
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM

    def x(at_ms: float) -> float:
        return round(left + (at_ms - times[0]) / (times[1] - times[0]) * (right - left), 2)

    def y(value: float) -> float:
        return round(_TOP + (axis.high - value) / (axis.high - axis.low) * (bottom - _TOP), 2)

    for tick in axis.ticks():
        yield Stroke("grid", [(left, y(tick)), (right, y(tick))])
        yield Label("tick", left - 3, y(tick) + 2.4, "end", axis.label(tick))
    for at_ms, text in time_ticks(*times, 5, offset_min):
        yield Stroke("grid", [(x(at_ms), _TOP), (x(at_ms), bottom)])
        place, anchor = _within(x(at_ms), text)
        yield Label("tick", place, bottom + 10, anchor, text)
    yield Stroke("frame", [(left, _TOP), (left, bottom), (right, bottom)])
    for run in chart.series[0].runs():
        dots = [(x(at_ms), y(value)) for at_ms, value in run]
        if len(dots) > 1:
            yield Stroke("line", dots)
        else:
            yield Dot(*dots[0])


def _within(x: float, text: str) -> tuple[float, str]:
    """Where a time below the axis stands, and by which of its ends: in the middle, or at the box's edge."""
    half = len(text) * _DIGIT / 2
    if x + half > WIDTH - _EDGE:
        return WIDTH - _EDGE, "end"
    return (x, "middle") if x - half >= _EDGE else (_EDGE, "start")
