"""The screen as an SVG file that needs nothing from elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from scripts.demonstration.screen import Screen
from scripts.demonstration.story import Story

WIDTH, HEIGHT = 96, 32
# 12.2 px a column (rich) over the 0.602 em of DejaVu Sans Mono are 20.26 px: it fits without textLength, too.
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{
        font-family: "DejaVu Sans Mono", "Liberation Mono", Menlo, Consolas, monospace;
        font-size: 20.26px;
        line-height: {line_height}px;
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
    <g class="{unique_id}-matrix" xml:space="preserve">
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
    """When the first round is nearly over: everything has been seen."""
    return story.plugged > 0
