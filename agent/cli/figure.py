"""Charts as one SVG file: whole in itself, readable on white and on black. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from agent.cli.chart import Axis, Chart, Mark, period, time_ticks, value_axis

WIDTH, HEIGHT = 960, 300
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 34, 34
LANE = 20
MOST_LANES = 12

_STYLE = """
svg { background: var(--paper); color: var(--ink); font: 12px system-ui, sans-serif;
  --paper: #fff; --ink: #222; --faint: #8a8a8a; --grid: #e4e4e4; --limit: #b35c00;
  --info: #2a6fb0; --watch: #a07800; --warning: #c05600; --critical: #c4162a;
  --s0: #00738a; --s1: #9b3fa3; --s2: #2e7d32; --s3: #a07800; --s4: #3b5bb5 }
@media (prefers-color-scheme: dark) { svg {
  --paper: #16181b; --ink: #e6e6e6; --faint: #8f959c; --grid: #2c3036; --limit: #ffae57;
  --info: #7cb8f2; --watch: #e5c04a; --warning: #ff9a3d; --critical: #ff6b6b;
  --s0: #4fc3d9; --s1: #d98be0; --s2: #7fcf85; --s3: #e5c04a; --s4: #92aaff } }
text { fill: currentColor } .head { font-weight: 600 } .faint { fill: var(--faint) }
.grid { stroke: var(--grid) } .frame { stroke: var(--faint); fill: none }
.limit { stroke: var(--limit); stroke-dasharray: 5 4 } .name { fill: var(--limit) }
.line { fill: none; stroke-width: 1.5; stroke-linejoin: round }
"""


def figure(charts: Sequence[Chart]) -> str:
    """An SVG document: the charts, one below the other."""
    parts: list[str] = []
    top = 0
    for chart in charts:
        drawn, height = _chart(chart)
        parts += [f'<g transform="translate(0 {top})" role="img">', *drawn, "</g>"]
        top += height
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}">'
    )
    return "\n".join([head, f"<style>{_STYLE}</style>", *parts, "</svg>", ""])


def _chart(chart: Chart) -> tuple[list[str], int]:
    """Its elements, and its height."""
    times, values = chart.times(), chart.values()
    if times is None or values is None:
        return [_text(LEFT, 22, f"{chart.title}: nothing to draw", "head")], TOP
    lanes = list(_lanes(chart.marks, times))
    top = TOP + LANE * (max((lane for _, lane in lanes), default=-1) + 1)
    frame = _Frame(times, value_axis(*values, 7), top)
    parts = [f"<title>{escape(chart.title)}</title>", *_titles(chart, times)]
    parts += [element for mark, lane in lanes for element in frame.mark(mark, TOP + LANE * lane)]
    parts += [*frame.grid(chart.offset_min), *frame.limits(chart)]
    for number, series in enumerate(chart.series):
        parts += [frame.line(run, number % 5) for run in series.runs()]
    return parts, top + HEIGHT + BOTTOM


def _titles(chart: Chart, times: tuple[int, int]) -> Iterator[str]:
    unit = f" ({chart.unit})" if chart.unit else ""
    yield _text(LEFT, 22, f"{chart.title}{unit}", "head")
    yield _text(WIDTH - RIGHT, 22, period(*times, chart.offset_min), "faint", "end")
    if len(chart.series) > 1:
        for number, series in enumerate(chart.series):
            at = f'x="{WIDTH - RIGHT + 10}" y="{22 + 15 * number}"'
            yield f'<text {at} style="fill: var(--s{number % 5})">{escape(series.name)}</text>'


class _Frame:
    """Where times and values are on the paper."""

    def __init__(self, times: tuple[int, int], axis: Axis, top: int) -> None:
        self.times, self.axis, self.top = times, axis, top

    def x(self, at_ms: int) -> float:
        from_ms, to_ms = self.times
        return round(LEFT + (at_ms - from_ms) / (to_ms - from_ms) * (WIDTH - LEFT - RIGHT), 2)

    def y(self, value: float) -> float:
        share = (self.axis.high - value) / (self.axis.high - self.axis.low)
        return round(self.top + share * HEIGHT, 2)

    def grid(self, offset_min: int) -> Iterator[str]:
        right, bottom = WIDTH - RIGHT, self.top + HEIGHT
        for tick in self.axis.ticks():
            y = self.y(tick)
            yield f'<path class="grid" d="M{LEFT} {y}H{right}"/>'
            yield _text(LEFT - 8, y + 4, self.axis.label(tick), "faint", "end")
        for at_ms, label in time_ticks(*self.times, 10, offset_min):
            x = self.x(at_ms)
            yield f'<path class="grid" d="M{x} {self.top}V{bottom}"/>'
            yield _text(x, bottom + 18, label, "faint", "middle")
        yield f'<path class="frame" d="M{LEFT} {self.top}V{bottom}H{right}"/>'

    def limits(self, chart: Chart) -> Iterator[str]:
        right = WIDTH - RIGHT
        taken = self.top - 12.0
        for limit in sorted(chart.limits, key=lambda each: -each.value):
            if not self.axis.low <= limit.value <= self.axis.high:
                arrow, y = (
                    ("↑", self.top + 4.0) if limit.value > self.axis.high else ("↓", self.top + HEIGHT - 4.0)
                )
                name = f"{arrow} {limit.name} {limit.value:g}"
            else:
                y, name = self.y(limit.value), limit.name
                yield f'<path class="limit" d="M{LEFT} {y}H{right}"/>'
            taken = max(y + 4, taken + 14)
            yield _text(right + 8, taken, name, "name")

    def line(self, run: Sequence[tuple[int, float]], colour: int) -> str:
        """A line through these values; a dot for one that stands alone."""
        dots = [(self.x(at_ms), self.y(value)) for at_ms, value in run]
        if len(dots) == 1:
            return f'<circle cx="{dots[0][0]}" cy="{dots[0][1]}" r="1.8" style="fill: var(--s{colour})"/>'
        points = " ".join(f"{x},{y}" for x, y in dots)
        return f'<polyline class="line" style="stroke: var(--s{colour})" points="{points}"/>'

    def mark(self, mark: Mark, y: int) -> Iterator[str]:
        """Its line with its name, and its time shaded in the plot."""
        left, right = self.x(mark.from_ms), self.x(self.times[1] if mark.to_ms is None else mark.to_ms)
        colour = f"var(--{mark.severity.name.lower()})"
        width = max(right - left, 2.0)
        box = f'x="{left}" width="{width:.2f}" style="fill: {colour}"'
        yield f'<rect {box} y="{y + 2}" height="4" rx="2"/>'
        yield f'<rect {box} y="{self.top}" height="{HEIGHT}" opacity="0.08"/>'
        x, side = (left, "start") if left < WIDTH / 2 else (left + width, "end")
        at = f'x="{x}" y="{y + 17}" text-anchor="{side}"'
        yield f'<text {at} style="fill: {colour}">{escape(mark.name)}</text>'


def _lanes(marks: Sequence[Mark], times: tuple[int, int]) -> Iterator[tuple[Mark, int]]:
    """Each mark with its line: the first that is free for as long as its bar and its name, 7 px a letter."""
    ms_each = (times[1] - times[0]) / (WIDTH - LEFT - RIGHT)
    free: list[list[tuple[float, float]]] = []
    for mark in sorted(marks, key=lambda each: each.from_ms)[: 20 * MOST_LANES]:
        end = times[1] if mark.to_ms is None else mark.to_ms
        name = (len(mark.name) + 2) * 7 * ms_each
        early = mark.from_ms - times[0] < (times[1] - times[0]) / 2
        span = (
            (mark.from_ms, max(end, mark.from_ms + name)) if early else (min(mark.from_ms, end - name), end)
        )
        lane = next(
            (n for n, used in enumerate(free) if all(span[1] < a or b < span[0] for a, b in used)), len(free)
        )
        if lane < MOST_LANES:
            free.extend([[]] * (lane == len(free)))
            free[lane] = [*free[lane], span]
            yield mark, lane


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" class="{style}" text-anchor="{anchor}">{escape(text)}</text>'
