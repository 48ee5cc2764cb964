"""The screen as an SVG file that needs nothing from elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from scripts.demonstration.screen import Screen
from scripts.demonstration.story import Story

WIDTH, HEIGHT = 96, 32
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{
        font-family: "DejaVu Sans Mono", "Liberation Mono", Menlo, Consolas, monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
        font-variant-east-asian: full-width;
    }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def draw(screen: Screen, file: Path) -> None:
    """Write the screen as it is now."""
    console = Console(
        record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor",
        width=WIDTH, height=HEIGHT, highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    console.print(screen)
    console.save_svg(str(file), title="scripts/demo", theme=MONOKAI, code_format=FORMAT, unique_id="demo")


def worth_it(story: Story) -> bool:
    """In the outage, when the outboxes have grown for a while."""
    return story.act == 2 and story.line.startswith("all")
