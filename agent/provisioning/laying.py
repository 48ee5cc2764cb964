"""What a kind of station sets, laid beneath what a seed says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from agent.config import Config
from agent.plan import StationPlan
from firmware_profiles.loader import ProfileError, load_station
from firmware_profiles.stations import Station

Tables = dict[str, Any]


def settings(tables: Tables, kind: Station, elsewhere: Mapping[str, Any]) -> Tables:
    """With the kind's settings and the cadence of its gauges, where neither seed nor other files say so."""
    laid = dict(tables)
    for name, table in kind.settings.items():
        said = elsewhere.get(name, {})
        own = laid.get(name, {})
        if isinstance(own, dict) and isinstance(said, Mapping):
            laid[name] = {**{key: value for key, value in table.items() if key not in said}, **own}
    if isinstance(devices := laid.get("devices"), dict):
        laid["devices"] = {name: _paced(name, device, kind) for name, device in devices.items()}
    return {name: table for name, table in laid.items() if table != {} or name in tables}


def _paced(name: str, device: object, kind: Station) -> object:
    expected = kind.expects.get(name)
    if expected is None or expected.every_s is None or not isinstance(device, dict) or "every_s" in device:
        return device
    return {**device, "every_s": expected.every_s}


def judged(tables: Tables, kind: Station, config: Config, plan: StationPlan) -> Tables:
    """With the kind's rules and limits for the channels that are there; what is said already stands."""
    channels = channels_of(plan)
    rules = {name: rule for name, rule in kind.rules_for(channels).items() if name not in config.rules}
    laid = dict(tables)
    if rules:
        laid["rules"] = {**laid.get("rules", {}), **rules}
    for device, limits in kind.limits_for(channels).items():
        fresh = {name: keys for name, keys in limits.items() if name not in config.limits.get(device, {})}
        if fresh:
            said = laid.get("limits", {})
            laid["limits"] = {**said, device: {**said.get(device, {}), **fresh}}
    return laid


def said(tables: Mapping[str, Any], places: Sequence[Path]) -> Tables:
    """Of tables as they were laid what was said by people: without what their kind of station had set."""
    try:
        kind = load_station(str(tables["station"]["kind"]), places)
    except (ProfileError, KeyError, TypeError):
        return dict(tables)
    own = dict(tables)
    for name, table in (*kind.settings.items(), ("rules", kind.rules)):
        own[name] = {key: each for key, each in own.get(name, {}).items() if table.get(key) != each}
    limits = {device: expected.limits for device, expected in kind.expects.items()}
    own["limits"] = {
        device: {name: keys for name, keys in table.items() if limits.get(device, {}).get(name) != keys}
        for device, table in own.get("limits", {}).items()
    }
    own["limits"] = {device: table for device, table in own["limits"].items() if table}
    return {name: table for name, table in own.items() if table}


def channels_of(plan: StationPlan) -> dict[str, tuple[str, ...]]:
    """By device the channels that the configuration makes of it."""
    return {name: device.channels for name, device in plan.devices.items()}


def in_order(tables: Tables) -> Tables:
    """As the configuration's own documents have them; unknown ones at the end, to be told of."""
    known = [each.name for each in fields(Config) if each.name in tables]
    return {name: tables[name] for name in (*known, *(name for name in tables if name not in known))}
