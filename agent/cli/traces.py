"""The last values of each channel, and their view. Pure: the caller brings time (monotonic s) and height."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from agent.amounts import Shown, many, span, sparkline, value
from agent.cli import screen, texts
from agent.cli.screen import BAD, DIM, GOOD

LENGTH = 40
SHORTEST = 8
"""Values the trend shows at least; with less room it is left out."""

GAP = 2
"""Blanks between columns."""

_HEADINGS = ("channel", "value", "age", "quality")
_Line = tuple[str, str, str, str, str, str]
"""Channel, latest value, age, quality, trend, and the style of the quality."""

_STYLES = {1: GOOD, 2: "", 3: "yellow", 4: BAD, 9: BAD}


@dataclass(slots=True)
class Trace:
    """One channel: its latest reading, when it came, and its last values, None where one was missing."""

    device: str
    channel: str
    unit: str
    decimals: int
    quality: int | None = None
    test: str = ""
    came_s: float = 0.0
    values: deque[Shown] = field(default_factory=lambda: deque(maxlen=LENGTH))


class Traces:
    """All channels of a tail, `{device: {channel: {unit, decimals}}}`, or of those only the `wanted` ones."""

    def __init__(self, channels: Mapping[str, Mapping[str, Any]], wanted: Collection[str] = ()) -> None:
        self.devices = frozenset(channels)
        self.channels = frozenset(channel for facts in channels.values() for channel in facts)
        self._traces = {
            (device, channel): Trace(device, channel, fact["unit"], fact["decimals"])
            for device, facts in channels.items()
            for channel, fact in facts.items()
            if not wanted or channel in wanted
        }

    def find(self, device: str, channel: str) -> Trace | None:
        """The channel's trace, if it is wanted."""
        return self._traces.get((device, channel))

    def text(self, device: str, channel: str, number: Shown) -> str:
        """A value of a wanted channel with its unit."""
        trace = self._traces[device, channel]
        return value(number, trace.unit, trace.decimals)

    def feed(self, sample: Mapping[str, Any], now_s: float) -> None:
        """Take in what one device said."""
        for channel, number, quality, test in sample["readings"]:
            if trace := self.find(sample["device"], channel):
                trace.values.append(number)
                trace.quality, trace.test, trace.came_s = quality, test, now_s

    def view(self, now_s: float, width: int, height: int) -> RenderableType:
        """A row a channel below its device's name, in `width` columns, cut at `height` lines."""
        lines = list(self._lines(now_s))
        room = max(height - 3, 1)
        taken = sum(max(map(len, column)) + GAP for column in zip(_HEADINGS, *lines, strict=False))
        left = min(width - taken, LENGTH)
        trend = left if left >= SHORTEST else 0
        rows = screen.table(*_HEADINGS, "trend" if trend else "", right=("value", "age"))
        for channel, latest, age, quality, values, style in lines[:room]:
            rows.add_row(channel, latest, age, Text(quality, style), values[-trend:] if trend else "")
        if len(lines) <= room:
            return rows
        hidden = texts.TAIL_CUT.format(lines=many(len(lines) - room, "line"))
        return Group(rows, Text(hidden, DIM, no_wrap=True, overflow="ellipsis"))

    def _lines(self, now_s: float) -> Iterator[_Line]:
        for device, traces in groupby(self._traces.values(), key=lambda trace: trace.device):
            yield device, "", "", "", "", ""
            for trace in traces:
                yield _line(trace, now_s)


def _line(trace: Trace, now_s: float) -> _Line:
    name = f"  {trace.channel}"
    if trace.quality is None:
        return name, "-", "", texts.NOT_YET, "", DIM
    latest = value(trace.values[-1], trace.unit, trace.decimals)
    quality = texts.QUALITY[trace.quality] + (f": {trace.test}" if trace.test else "")
    return (
        name,
        latest,
        span(int(now_s - trace.came_s)),
        quality,
        sparkline(trace.values),
        _STYLES[trace.quality],
    )
