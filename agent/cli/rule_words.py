"""Rules in words: each setting as people write it, and the values at which a rule changes its mind. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum, IntEnum
from typing import Any, NamedTuple

from agent.amounts import symbol
from agent.cli.chart import Limit
from agent.judge.judgement import RulePlan
from agent.judge.rule_forms import Key, keys_of
from agent.judge.rule_kinds import KINDS, SAME
from firmware_profiles.properties import property_of
from pipelines.events import Source

_SECONDS = {"ms": 0.001, "min": 60.0, "h": 3600.0, "d": 86400.0}
_LINES: dict[str, Mapping[str, str]] = {
    "stage": dict.fromkeys(("warning", "guarantee", "low"), "input"),
    "rise": dict.fromkeys(("warning", "guarantee"), "input"),
    "noise": dict.fromkeys(("day_limit", "night_limit"), "input"),
    "battery": dict.fromkeys(("low", "cut_off", "charged"), "input"),
    "threshold": dict.fromkeys(("above", "below", "outside"), "input"),
    "wind": {
        "mean_warning": "speed", "mean_critical": "speed", "gust_warning": "gust", "gust_critical": "gust",
    },
}  # fmt: skip
"""By kind the keys that are values of a channel, and the key that names this channel."""

_DERIVED = ("change", "slope", "sum")
"""What a threshold rule may take that is no value of its channel."""


class Setting(NamedTuple):
    """One key of a rule, its value with its unit, and whether nobody wrote it."""

    key: str
    text: str
    by_default: bool


def settings_of(rule: RulePlan) -> Iterator[Setting]:
    """In the order of the kind's keys, the channels among them."""
    for key in keys_of(KINDS[rule.kind].settings, rule.kind).values():
        value = _field(rule.settings, key)
        if value is not None and value not in ((), ""):
            yield Setting(key.name, _said(rule, key, value), not key.required and value == key.default)


def lines_of(rule: RulePlan) -> Iterator[tuple[Source, Limit]]:
    """Values of channels at which it changes its mind."""
    settings = rule.settings
    if rule.kind == "waterlogging":
        yield from (
            (settings.source, Limit(f"{rule.name} {band.name}", band.depth_m)) for band in settings.bands
        )
    if rule.kind == "threshold" and settings.take in _DERIVED:
        return
    keys = keys_of(KINDS[rule.kind].settings, rule.kind)
    for name, of in _LINES.get(rule.kind, {}).items():
        source, value = _field(settings, keys[of]), _field(settings, keys[name])
        if source is None or value is None:
            continue
        numbers = value if isinstance(value, tuple) else (value,)
        yield from ((source, Limit(f"{rule.name} {name}", number)) for number in numbers)


def dwell_s(rule: RulePlan) -> float:
    """The longest that it may wait before it tells or clears."""
    keys = keys_of(KINDS[rule.kind].settings, rule.kind).values()
    waits = [
        _SECONDS[key.unit] * _field(rule.settings, key)
        for key in keys
        if key.name.endswith(("_after", "over")) and key.unit in _SECONDS
    ]
    return max(waits, default=0.0)


def unit_of(source: Source) -> str:
    """The UCUM unit of a channel, "" for none."""
    return property_of(source.channel).unit if source.channel else ""


def _field(settings: Any, key: Key) -> Any:  # noqa: ANN401  any kind's
    """Limits stand among the rule's keys, and in a field of their own."""
    if hasattr(settings, key.field):
        return getattr(settings, key.field)
    return getattr(settings.limits, key.field)


def _said(rule: RulePlan, key: Key, value: Any) -> str:  # noqa: ANN401  any setting
    unit = key.unit
    if unit == SAME:
        first = next(
            filter(None, (_first(getattr(rule.settings, each.name)) for each in fields(rule.settings)))
        )
        unit = unit_of(first) + ("/h" if getattr(rule.settings, "take", "") == "slope" else "")
    return _text(rule.kind, value, unit)


def _first(value: Any) -> Source | None:  # noqa: ANN401  any setting
    if isinstance(value, Source):
        return value
    return value[0] if isinstance(value, tuple) and value and isinstance(value[0], Source) else None


def _text(kind: str, value: Any, unit: str) -> str:  # noqa: ANN401, PLR0911  any setting, a return a form
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value, IntEnum) else str(value.value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Source | str):
        return str(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(kind, each, unit)}" for name, each in value.items())
    if is_dataclass(value) and not isinstance(value, type):
        inner = keys_of(type(value), kind).values()
        known = ((key, _field(value, key)) for key in inner)
        return " ".join(
            f"{key.name} {_text(kind, each, key.unit)}" for key, each in known if each is not None
        )
    if isinstance(value, tuple):
        return ", ".join(_text(kind, each, unit) for each in value) or "none"
    return _number(value, unit)


def _number(value: float, unit: str) -> str:
    if unit == "clock":
        return f"{int(value) // 60:02d}:{int(value) % 60:02d}"
    if unit not in _SECONDS:
        return f"{value:g} {symbol(unit)}".rstrip()
    seconds = value * _SECONDS[unit]
    for name, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {name}"
    return f"{seconds:g} s"
