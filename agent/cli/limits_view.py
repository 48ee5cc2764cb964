"""The limits in force, as a table a channel, in the configuration's keys. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from agent.amounts import symbol
from agent.cli import screen
from agent.cli.proposal_view import written
from agent.cli.screen import BOLD, DIM
from agent.judge.judgement import ChannelPlan
from agent.judge.proposals import table
from firmware_profiles.properties import property_of


def view(plans: Mapping[str, ChannelPlan]) -> Iterator[RenderableType]:
    """What to print, from top to bottom."""
    for n, (name, plan) in enumerate(plans.items()):
        unit = property_of(plan.source.channel).unit
        yield Text.assemble("\n" if n else "", (name, BOLD), (f" {symbol(unit)}", DIM))
        shown = ((key, _text(key, value, unit)) for key, value in facts(plan).items())
        yield Padding(screen.pairs(*shown), (0, 0, 0, 2))


def facts(plan: ChannelPlan) -> dict[str, Any]:
    """Everything this channel is judged by, as plain values; what is switched off is left out."""
    limits = plan.limits
    found: dict[str, Any] = {"sensor": limits.sensor and list(limits.sensor), **dict(table(asdict(limits)))}
    found["seasons"] = [_season(season) for season in limits.climatology]
    found |= {
        "sentinels": list(limits.sentinels),
        "not_flat_from": limits.not_flat_from,
        "rollover": limits.rollover,
        "neighbours": [str(other) for other in plan.neighbours[0]] if plan.neighbours else [],
        "together": [str(other) for other in plan.together[0]] if plan.together else [],
        "unusual": plan.unusual,
        "slow": plan.slow is not None,
        "reread": plan.reread is not None,
    }
    return {key: value for key, value in found.items() if value is not None and value not in ([], False)}


def _season(season: Any) -> dict[str, Any]:  # noqa: ANN401  pipelines.quality.limits.Season
    parts = {"span": season.span, "months": season.months, "hours": season.hours}
    return {key: list(value) for key, value in parts.items() if value is not None}


def _text(key: str, value: Any, unit: str) -> str:  # noqa: ANN401  any of facts
    if value is True:
        return "yes"
    if isinstance(value, str):
        return value
    if key == "seasons":
        return "\n".join(_season_text(season, unit) for season in value)
    if key in ("neighbours", "together"):
        return ", ".join(value)
    if key == "sensor":
        return written("site", value, unit)
    return written(key, value, unit)


def _season_text(season: Mapping[str, Any], unit: str) -> str:
    parts = [written("site", season["span"], unit)]
    parts += [f"{key} {season[key][0]} to {season[key][1]}" for key in ("months", "hours") if key in season]
    return ", ".join(parts)
