"""The demonstration on a terminal of 80 by 24 or more: the telemetry as the platform sees it."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from statistics import fmean

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agent.amounts import ago, many, sparkline, value
from firmware_profiles.properties import property_of
from scripts.demonstration import stations
from scripts.demonstration.gateway import Gateway
from scripts.demonstration.platform import Channel
from scripts.demonstration.site import Site
from scripts.demonstration.story import ACTS, Story

POLE_ROWS = (
    ("wind", "wind_speed"), ("wind", "wind_direction"), ("weather", "noise_level"), ("weather", "pm2_5"),
    ("weather", "pm10"), ("weather", "air_temperature"), ("weather", "relative_humidity"),
    ("weather", "air_pressure"), ("weather", "illuminance"), ("mains", "active_power"), ("mains", "voltage"),
    ("mains", "energy_import"),
)  # fmt: skip
RIVER_ROWS = (("level", "water_level"), ("rain", "rainfall_total"), ("level", "water_temperature"))
TITLE = "polegate: a lamp pole, a river station and their platform"
LEAST_WIDTH, LEAST_HEIGHT = 80, 23
STALE_MS = 3000
SPAN_MS = 60_000
"""What a line of values shows at least, up to now."""
STEP_MS = 1500
"""No step is shorter: each holds a value of a gauge read every second."""
STEPS = " ▁▂▃▄▅▆▇█"
FULL = 100
"""Waiting readings that fill the bar of an outbox, until there are more."""
GOOD, BAD, BUSY, DIM = "green", "bold red", "yellow", "dim"


def fits(console: Console) -> bool:
    """Whether this is a terminal that can draw it: large enough, and with a cursor that moves."""
    large = console.width >= LEAST_WIDTH and console.height >= LEAST_HEIGHT
    return large and console.is_terminal and not console.is_dumb_terminal


class Screen:
    """A picture of the site as it is when it is drawn."""

    def __init__(self, site: Site, story: Story) -> None:
        self._site = site
        self._story = story
        self._waiting: defaultdict[str, deque[tuple[int, float]]] = defaultdict(lambda: deque(maxlen=600))

    def look(self) -> None:
        """Remember how full the outboxes are; call it twice a second."""
        for gateway in self._site.gateways:
            self._waiting[gateway.name].append((time.time_ns() // 1_000_000, gateway.waiting))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, options.height or console.height
        left = max(45, width * 11 // 20)
        layout, middle, right = Layout(), Layout(size=14), Layout()
        right.split_column(Layout(self._river(width - left - 4), size=8), Layout(self._platform()))
        middle.split_row(Layout(self._pole(left - 4), size=left), right)
        parts = [Layout(self._title(), size=4), middle, Layout(self._gateways(width - 4), size=4)]
        if height > 26:
            parts.append(Layout(self._happenings(height - 25)))
        layout.split_column(*parts, Layout(self._hint(), size=1))
        yield from console.render(layout, options.update(height=min(height, 23) if height <= 26 else height))

    def _title(self) -> Panel:
        story = self._story
        acts = Text("  ").join(
            Text(f"{'▶' if i == story.act else ' '} {act}", "bold" if i == story.act else DIM)
            for i, act in enumerate(ACTS)
        )
        line = Text(story.line, BAD if story.act in (1, 3) else GOOD, no_wrap=True, overflow="ellipsis")
        hour = self._site.field.nature.hour
        clock = f"simulated time {int(hour):02d}:{int(hour % 1 * 60):02d}; Ctrl-C ends"
        return _panel(
            Text("\n").join([acts, line]),
            TITLE,
            subtitle=clock,
        )

    def _pole(self, width: int) -> Panel:
        rows = Table.grid(padding=(0, 1), expand=True)
        rows.add_column(style=DIM, no_wrap=True, width=17)
        rows.add_column(justify="right", no_wrap=True, width=12)
        rows.add_column(style="cyan", no_wrap=True)
        for device, name in POLE_ROWS:
            channel = self._channel(stations.LAMP_POLE, device, name)
            rows.add_row(name, _value(channel, name), _course(channel, width - 32))
        return _panel(rows, *self._heard(stations.LAMP_POLE))

    def _river(self, width: int) -> Panel:
        lines = Table.grid(expand=True)
        for device, name in RIVER_ROWS:
            channel = self._channel(stations.RIVER, device, name)
            head = Table.grid(expand=True)
            head.add_column(style=DIM, no_wrap=True)
            head.add_column(justify="right", no_wrap=True)
            head.add_row(name, _value(channel, name))
            lines.add_row(head)
            lines.add_row(Text(_course(channel, width), "blue", no_wrap=True))
        return _panel(lines, *self._heard(stations.RIVER))

    def _platform(self) -> Panel:
        platform = self._site.platform
        messages = sum(platform.messages.values())
        holes, faults = platform.ledger.holes(), len(platform.open_faults)
        events = platform.open_events
        over = len(platform.closed_faults) + len(platform.events) - len(events)
        lines = [
            Text(f"{platform.per_second(time.time_ns() // 1_000_000):.1f} messages/s, {messages:,} in all"),
            Text(f"{many(platform.readings, 'reading')}, {platform.backfilled:,} late"),
            Text.assemble(
                f"{many(platform.repeats, 'repeat')} dropped, ", (many(holes, "hole"), BAD if holes else GOOD)
            ),
            Text.assemble(
                "open: ",
                (many(faults, "fault"), BAD if faults else GOOD),
                ", ",
                (many(len(events), "event"), BUSY if events else GOOD),
                f"; {over} over",
            ),
        ]
        return _panel(Text("\n").join(lines), "the platform")

    def _gateways(self, width: int) -> Panel:
        rows = Table.grid(padding=(0, 1), expand=True)
        rows.add_column(no_wrap=True, width=11)
        rows.add_column(no_wrap=True, width=14)
        rows.add_column(justify="right", no_wrap=True, width=20)
        rows.add_column(style=BUSY, no_wrap=True)
        for gateway in self._site.gateways:
            waiting = Text(f"{many(gateway.waiting, 'reading')} on disk", DIM if gateway.connected else BUSY)
            rows.add_row(gateway.name, _uplink(gateway), waiting, self._outbox(gateway.name, width - 48))
        return _panel(rows, "the gateways: uplink and outbox")

    def _outbox(self, gateway: str, width: int) -> str:
        counts = [max(step, default=0.0) for step in _steps(self._waiting[gateway], width)]
        full = max([FULL, *counts])
        return "".join(STEPS[math.ceil(count / full * (len(STEPS) - 1))] for count in counts)

    def _happenings(self, lines: int) -> Panel:
        seen = list(self._site.platform.happenings)[-lines:]
        text = Text("\n").join(Text(line, no_wrap=True, overflow="ellipsis") for line in seen)
        return _panel(text, "what the platform was told")

    def _hint(self) -> Text:
        command = f".venv/bin/polegate --socket {self._site.river.place.socket} status"
        return Text(command, DIM, no_wrap=True, overflow="ellipsis", justify="center")

    def _channel(self, gateway: str, device: str, name: str) -> Channel:
        return self._site.platform.gateways[gateway].channels[device, name]

    def _heard(self, name: str) -> tuple[str, str]:
        """Title and border: whether the platform's picture of the station is fresh."""
        known = self._site.platform.gateways[name]
        latest_ms = max((channel.latest_ms for channel in known.channels.values()), default=0)
        now_ms = time.time_ns() // 1_000_000
        if not latest_ms:
            return f"{name}: not heard yet", DIM
        if now_ms - latest_ms > STALE_MS:
            return f"{name}: last heard {ago(latest_ms, now_ms)}", "red"
        return name, "green"


def _panel(inside: Text | Table, title: str, style: str = "none", subtitle: str | None = None) -> Panel:
    return Panel(
        inside, title=Text(title, "bold"), subtitle=subtitle, subtitle_align="right", border_style=style,
        box=box.ROUNDED, title_align="left",
    )  # fmt: skip


def _uplink(gateway: Gateway) -> Text:
    if not gateway.status:
        return Text("no daemon", BAD)
    return Text("connected", GOOD) if gateway.connected else Text("no broker", BAD)


def _value(channel: Channel, name: str) -> Text:
    known = property_of(name)
    return Text(
        value(channel.latest, known.unit, known.decimals), "bold" if channel.latest is not None else BAD
    )


def _course(channel: Channel, width: int) -> str:
    """The last minute or more, a mean for each step; a dot where the platform knows nothing."""
    numbers = [(at_ms, value) for at_ms, value in channel.values if not isinstance(value, str)]
    return sparkline([fmean(step) if step else None for step in _steps(numbers, width)])


def _steps(numbers: Iterable[tuple[int, float]], width: int) -> list[list[float]]:
    """The numbers in steps up to now, SPAN_MS or more in `width` of them; none before the first number."""
    step_ms = max(SPAN_MS // width, STEP_MS)
    end = (time.time_ns() // 1_000_000 - STEP_MS) // step_ms
    steps: defaultdict[int, list[float]] = defaultdict(list)
    for at_ms, number in numbers:
        steps[at_ms // step_ms].append(number)
    first = max(min(steps, default=end + 1), end - width + 1)
    return [steps[i] for i in range(first, end + 1)]
