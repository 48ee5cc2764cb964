"""The rules of a configuration: each table read by its kind, every mistake by its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from agent.judge.judgement import RulePlan
from agent.judge.rule_forms import Path, Reader, Unreadable, source_of
from agent.judge.rule_kinds import KINDS
from agent.plan import Measuring
from firmware_profiles.origins import Keys
from firmware_profiles.problems import Problem, did_you_mean
from firmware_profiles.properties import property_of
from pipelines.events import Source
from pipelines.judge import SENSOR
from pipelines.water.rainfall import Measure

Mistake = tuple[Keys, Problem]


OWN = (SENSOR, "bus_silent", "station")
"""Names of the rules that every station has."""


class RuleBook:
    """Reads `[rules]` against the devices there are."""

    def __init__(self, devices: Mapping[str, Measuring], utc_offset_min: int) -> None:
        self.mistakes: list[Mistake] = []
        self._devices = devices
        self._utc_offset_min = utc_offset_min

    def read(self, tables: Mapping[str, Mapping[str, Any]]) -> tuple[RulePlan, ...]:
        """The rules that can be used; `mistakes` says what is wrong with the others."""
        return tuple(plan for name, table in tables.items() if (plan := self._rule(name, table)))

    def _rule(self, name: str, table: Mapping[str, Any]) -> RulePlan | None:
        if name in OWN:
            self._mistake((name,), hint="the agent's own rules have this name; choose another")
            return None
        kind = table.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            got = f'"{kind}"' if kind is not None else ""
            hint = did_you_mean(str(kind), KINDS) if kind is not None else ""
            self._mistake((name, "kind"), expected=f"one of {', '.join(KINDS)}", got=got, hint=hint)
            return None
        keys = {key: value for key, value in table.items() if key != "kind"}
        try:
            settings = Reader(kind, self.unit_of).settings(keys, self._given(name, kind, keys))
        except Unreadable as error:
            self._mistake((name, *error.path), expected=error.expected, got=error.got, hint=error.hint)
            return None
        return RulePlan(name, kind, self._measured(settings))

    def unit_of(self, source: Source) -> str:
        """The UCUM unit of a channel.

        Raises:
            ValueError: the station has no such channel; says which it has.
        """
        device = self._devices.get(source.device)
        if device is None:
            near = did_you_mean(source.device, self._devices) or f"there is {', '.join(self._devices)}"
            raise ValueError(f'no device "{source.device}"; {near}')
        if source.channel not in device.channels:
            known = did_you_mean(source.channel, device.channels) or f"it has {', '.join(device.channels)}"
            raise ValueError(f'{source.device} has no channel "{source.channel}"; {known}')
        return property_of(source.channel).unit

    def _given(self, name: str, kind: str, keys: Mapping[str, Any]) -> dict[str, Any]:
        """What follows from elsewhere: its name, the station's time, how often a rain gauge is read."""
        own = {each.name for each in fields(KINDS[kind].settings)}
        given: dict[str, Any] = {"name": name}
        if "utc_offset_min" in own:
            given["utc_offset_min"] = self._utc_offset_min
        if "interval_ms" in own and (device := self._device_of(keys.get("input"))):
            given["interval_ms"] = round(device.every_s * 1000)
        return given

    def _device_of(self, written: object) -> Measuring | None:
        try:
            return self._devices.get(source_of(written).device)
        except ValueError:
            return None

    def _measured(self, settings: Any) -> Any:  # noqa: ANN401  any kind's settings
        """What a rain gauge's number means follows from its property."""
        if hasattr(settings, "measure"):
            return replace(settings, measure=measure_of(settings.source))
        if hasattr(settings, "rains"):
            rains = tuple(replace(each, measure=measure_of(each.source)) for each in settings.rains)
            return replace(settings, rains=rains)
        return settings

    def _mistake(self, path: Path, *, expected: str = "", got: str = "", hint: str = "") -> None:
        self.mistakes.append((("rules", *path), Problem("", "", expected, got, hint)))


def measure_of(source: Source) -> Measure:
    """Of an interval, a total or an intensity."""
    known = property_of(source.channel)
    if known.unit == "mm/h":
        return Measure.INTENSITY
    return Measure.TOTAL if known.kind == "counter" else Measure.INTERVAL
