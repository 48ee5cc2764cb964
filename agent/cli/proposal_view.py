"""Proposed limits of one channel as a page: what was seen, what is proposed and why, and a plot. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from agent.amounts import many, moment, span, symbol
from agent.cli import texts
from agent.cli.chart import Chart, Limit, Series
from agent.cli.plot import Signs, draw
from agent.cli.screen import BOLD, DIM
from agent.cli.spread import spread
from agent.judge.proposals import KEYS

SPREAD_HEIGHT = 9
PLOT_HEIGHT = 13

UNITS = {
    "gap_s": "s",
    "flat_h": "h",
    "rate_per_min": "{unit}/min",
    "attenuated": "{unit} in {hours} h",
    "unusual": "false alarms a month",
}
"""What stands behind the numbers of a key, where it is not the channel's unit."""

SHOWN = frozenset({*KEYS.values(), "n", "kind"})
"""Of the reasons those that a person needs."""

Facts = Mapping[str, Any]


def page(proposal: Facts, width: int, signs: Signs, series: Series | None = None) -> Iterator[RenderableType]:
    """What to print, from top to bottom; `series` are the values over time, where they are known."""
    unit = symbol(proposal["unit"])
    yield _heading(proposal, unit)
    if not proposal["limits"]:
        yield Text(texts.NOTHING_LEARNED)
    yield from rows(proposal)
    limits = [Limit(name, value) for name, value in site_lines(proposal)]
    if len(proposal["quantiles"]) > 1:
        yield ""
        yield from spread(
            [(share, value) for share, value in proposal["quantiles"]], limits, width, SPREAD_HEIGHT, signs
        )
    if series is not None:
        yield ""
        yield from draw(chart(proposal, series), width, PLOT_HEIGHT, signs)


def rows(proposal: Facts) -> Iterator[Text]:
    """A line a limit: proposed, as it is, how many of the values seen it would flag; below it the reason."""
    unit, n = proposal["unit"], proposal["n"]
    lines = [("limit", "proposed", "now", "would flag")]
    keys = [key for key in dict.fromkeys((*proposal["limits"], *proposal["reasons"])) if key in SHOWN]
    for key in keys:
        limit, now = proposal["limits"].get(key), proposal["now"].get(key)
        flags = proposal["flagged"].get(key) if key in proposal["limits"] else None
        share = "" if flags is None else f"{flags:,}" + (f" ({flags / n:.2%})" if flags else "")
        lines.append((key, written(key, limit, unit), written(key, now, unit), share))
    widths = [max(map(len, column)) + 2 for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        text = "".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        yield Text(text, "" if number else BOLD)
        if number and (reason := proposal["reasons"].get(line[0])):
            yield Text(f"  {reason}", DIM)


def written(key: str, value: Any, unit: str) -> str:  # noqa: ANN401  a number, two, or a table
    """A limit with its unit, "-" for none."""
    if value is None:
        return "-"
    hours = ""
    if isinstance(value, Mapping):
        hours = f"{value['hours']:g}"
        value = [value[name] for name in ("suspect", "fail") if name in value]
    numbers = value if isinstance(value, list | tuple) else [value]
    text = (" to " if key == "site" else ", ").join(f"{number:g}" for number in numbers)
    return f"{text} {UNITS.get(key, '{unit}').format(unit=symbol(unit), hours=hours)}".rstrip()


def site_lines(proposal: Facts) -> list[tuple[str, float]]:
    """The limits that are values of the channel, and so lines in a plot."""
    site: Sequence[float] | None = proposal["limits"].get("site", proposal["now"].get("site"))
    return [] if site is None else [("site low", site[0]), ("site high", site[1])]


def chart(proposal: Facts, series: Series) -> Chart:
    """The values over time with the limits as lines."""
    limits = [Limit(name, value) for name, value in site_lines(proposal)]
    return Chart(series=[series], limits=limits, title=proposal["channel"], unit=symbol(proposal["unit"]))


def _heading(proposal: Facts, unit: str) -> Text:
    lasted = span((proposal["last_ms"] - proposal["first_ms"]) / 1000)
    seen = f"{many(proposal['n'], 'reading')} in {lasted}"
    if proposal["n"]:
        seen += f", from {moment(proposal['first_ms'])} to {moment(proposal['last_ms'])}"
    refused = f"; {proposal['refused']:,} bad ones left out" if proposal["refused"] else ""
    return Text.assemble((proposal["channel"], BOLD), (f" {unit}", DIM), f"\n{seen}{refused}\n")
