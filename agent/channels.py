"""What each channel is judged by: the property table, and the configuration's limits laid over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agent.config import ChannelOverride, Config
from agent.judge.config import ChannelLimits, Report, Windows, offset_min
from agent.judge.judgement import ChannelPlan
from agent.judge.rule_forms import source_of
from agent.plan import Measuring
from firmware_profiles.origins import Keys
from firmware_profiles.points import Point
from firmware_profiles.problems import Problem, did_you_mean
from firmware_profiles.properties import Property, property_of
from pipelines.anomaly.mix import MixSettings
from pipelines.events import Source
from pipelines.quality.across import JumpLimits, NeighbourLimits
from pipelines.quality.limits import Limits, Season, Span
from pipelines.reduction.aggregate import AggregateSettings
from pipelines.reduction.deadband import DeadbandSettings
from pipelines.reduction.forms import Form
from pipelines.water.reread import RereadSettings

HOUR_MS = 3_600_000
LEAST_GAP_MS = 60_000
SLOW_AT = 8.0
"""Score of the slow likelihood that is told of: on rivers 0.7 false alarms a sensor and month (0009)."""

FALSE_ALARMS = {"few": 0.5, "normal": 1.0, "many": 2.0}
"""A sensor and month, by the word in the configuration; off has none."""

FORMS = {"interval": Form.INTERVAL, "counter": Form.COUNTER, "instant": Form.INSTANT}
OWN_FORMS = {
    "wind_direction": Form.DIRECTION, "compass_heading": Form.DIRECTION, "noise_level": Form.LEVEL,
}  # fmt: skip
"""Properties whose values cannot be averaged as numbers."""

NO_NUMBERS = "the channel has no numbers to be judged or summed up; remove this"

Mistake = tuple[Keys, Problem]
UnitOf = Callable[[Source], str]


class Channels:
    """Makes the plan of every channel of numbers; `mistakes` says what of the limits cannot be used."""

    def __init__(self, config: Config, devices: Mapping[str, Measuring], unit_of: UnitOf) -> None:
        self.mistakes: list[Mistake] = []
        self._config = config
        self._devices = devices
        self._unit_of = unit_of
        self._utc_offset_min = offset_min(config.station.utc_offset)

    def plans(self) -> tuple[ChannelPlan, ...]:
        """In the order of devices and channels."""
        self._check_names()
        return tuple(
            plan
            for device in self._devices.values()
            for point in device.points
            if self._is_judged(device, point) and (plan := self._plan(device, point.channel))
        )

    def _check_names(self) -> None:
        for device, tables in self._config.limits.items():
            if device not in self._devices:
                hint = did_you_mean(device, self._devices) or f"there is {', '.join(self._devices)}"
                self._mistake((device,), hint=f"no such device; {hint}")
                continue
            known = self._devices[device].channels
            for channel in tables.keys() - set(known):
                hint = did_you_mean(channel, known) or f"it has {', '.join(known)}"
                self._mistake((device, channel), hint=f"{device} has no such channel; {hint}")

    def _is_judged(self, device: Measuring, point: Point) -> bool:
        """A channel of numbers; of any other nothing can be asked that is asked of numbers."""
        if point.is_numeric:
            return True
        if point.channel in self._config.limits.get(device.name, {}):
            self._mistake((device.name, point.channel), hint=NO_NUMBERS)
        name, override = self._override(device.name, point.channel)
        for key in ("report", "aggregate"):
            if getattr(override, key) is not None:
                self._mistake_of((device.name, "channels", name, key), hint=NO_NUMBERS)
        return False

    def _plan(self, device: Measuring, channel: str) -> ChannelPlan | None:
        source, known = Source(device.name, channel), property_of(channel)
        own = self._config.limits.get(device.name, {}).get(channel, ChannelLimits())
        everywhere = self._config.judgement
        every_ms = round(device.every_s * 1000)
        name, override = self._override(device.name, channel)
        try:
            limits = self._limits(known, own, every_ms)
            near, jumps = self._neighbours(source, own), self._together(source, own)
        except ValueError as error:
            key, _, what = str(error).partition(": ")
            self._mistake((*source, *KEYS.get(key, (key,))), hint=what)
            return None
        self._check_sending((device.name, "channels", name), override, every_ms)
        changes = known.kind == "instant" and known.watched
        unusual = _or(own.unusual, everywhere.unusual)
        shapes = _or(own.shapes, everywhere.shapes)
        return ChannelPlan(
            source=source,
            limits=limits,
            unusual=FALSE_ALARMS.get(unusual) if changes else None,
            slow=MixSettings(ngram=shapes, knn=shapes, threshold=SLOW_AT)
            if changes and _or(own.slow, everywhere.slow)
            else None,
            reread=RereadSettings() if changes and _or(own.reread, everywhere.reread) else None,
            neighbours=near,
            together=jumps,
            deadband=_deadband(override.report) if override.report else None,
            aggregate=self._windows(channel, override.aggregate, every_ms, limits)
            if override.aggregate
            else None,
            sends_raw=override.aggregate is None or override.aggregate.raw,
        )

    def _override(self, device: str, channel: str) -> tuple[str, ChannelOverride]:
        """What the configuration says of this channel, and under which name: its own or its profile's."""
        written = self._config.devices.get(device)
        for name, override in (written.channels if written else {}).items():
            if (override.rename or name) == channel and not override.skip:
                return name, override
        return channel, ChannelOverride()

    def _check_sending(self, path: Keys, override: ChannelOverride, every_ms: int) -> None:
        windows = override.aggregate
        if windows is None:
            return
        if windows.window_s * 1000 < every_ms:
            wanted = f"at least the {every_ms / 1000:g} s between two readings"
            got = str(windows.window_s)
            self._mistake_of((*path, "aggregate", "window_s"), expected=wanted, got=got)
        if override.report is not None and not windows.raw:
            hint = "only its aggregates are sent; set aggregate.raw = true, or remove report"
            self._mistake_of((*path, "report"), hint=hint)

    def _limits(self, known: Property, own: ChannelLimits, every_ms: int) -> Limits:
        """The property's, with what the configuration says of this channel laid over them."""
        weak = own.attenuated
        found: dict[str, Any] = {
            "kind": known.kind,
            "gap_ms": max(3 * every_ms, LEAST_GAP_MS),
            "sensor": known.limits,
            "utc_offset_min": self._utc_offset_min,
        } | known.quality.limits()
        written = {
            "sensor": own.sensor,
            "site": own.site,
            "sentinels": own.sentinels,
            "gap_ms": own.gap_s and round(own.gap_s * 1000),
            "rate_least": own.rate_least,
            "rate_suspect_per_s": own.rate_per_min and own.rate_per_min / 60,
            "flat_eps": own.resolution,
            "not_flat_at": own.not_flat_at,
            "not_flat_from": own.not_flat_from,
            "rollover": own.rollover,
        }
        found |= {key: value for key, value in written.items() if value is not None}
        if weak:
            found["attenuated_window_ms"] = round(weak.hours * HOUR_MS)
            found["attenuated_suspect"], found["attenuated_fail"] = weak.suspect, weak.fail
        if own.spike:
            found["spike_suspect"], found["spike_fail"] = _both(own.spike)
        if own.flat_h:
            suspect_h, fail_h = _both(own.flat_h)
            found["flat_suspect_ms"] = round(suspect_h * HOUR_MS)
            found["flat_fail_ms"] = fail_h and round(fail_h * HOUR_MS)
        if own.site is None:
            found["site"] = _within(found.get("site"), found.get("sensor"))
        seasons = tuple(Season(span=s.span, months=s.months, hours=s.hours) for s in own.seasons)
        return Limits(climatology=seasons, **found)

    def _neighbours(
        self, source: Source, own: ChannelLimits
    ) -> tuple[tuple[Source, ...], NeighbourLimits] | None:
        table = own.neighbours
        if table is None or (others := self._others(source, "neighbours", table.of)) is None:
            return None
        return others, NeighbourLimits(suspect=table.suspect, fail=table.fail)

    def _together(self, source: Source, own: ChannelLimits) -> tuple[tuple[Source, ...], JumpLimits] | None:
        table = own.together
        if table is None or (others := self._others(source, "together", table.of)) is None:
            return None
        return others, JumpLimits(k=table.deviations, floor=table.floor, floors=(0.0,) * len(others))

    def _others(self, source: Source, key: str, written: Sequence[str]) -> tuple[Source, ...] | None:
        found = []
        for n, text in enumerate(written):
            try:
                other = source_of(text)
                unit = self._unit_of(other)
            except ValueError as error:
                self._mistake((*source, key, "of", n), got=f'"{text}"', hint=str(error))
                return None
            if key == "neighbours" and unit != self._unit_of(source):
                wanted = f"a channel in {self._unit_of(source)}, as {source}"
                self._mistake((*source, key, "of", n), expected=wanted, got=f'"{text}" in {unit}')
                return None
            found.append(other)
        return tuple(found)

    def _windows(self, channel: str, windows: Windows, every_ms: int, limits: Limits) -> AggregateSettings:
        kind = property_of(channel).kind
        return AggregateSettings(
            window_ms=windows.window_s * 1000,
            every_ms=min(every_ms, windows.window_s * 1000),
            form=OWN_FORMS.get(channel.partition(".")[0]) or FORMS[kind],
            utc_offset_ms=self._utc_offset_min * 60_000,
            wraps_at=limits.rollover,
        )

    def _mistake(self, path: Keys, *, expected: str = "", got: str = "", hint: str = "") -> None:
        self.mistakes.append((("limits", *path), Problem("", "", expected, got, hint)))

    def _mistake_of(self, path: Keys, *, expected: str = "", got: str = "", hint: str = "") -> None:
        self.mistakes.append((("devices", *path), Problem("", "", expected, got, hint)))


KEYS: dict[str, Keys] = {
    "gap_ms": ("gap_s",), "rate_suspect_per_s": ("rate_per_min",), "flat_eps": ("resolution",),
    "climatology.span": ("seasons",), "climatology.months": ("seasons",), "climatology.hours": ("seasons",),
    "spike_suspect": ("spike",), "spike_fail": ("spike",), "flat_suspect_ms": ("flat_h",),
    "flat_fail_ms": ("flat_h",), "attenuated_suspect": ("attenuated",), "attenuated_fail": ("attenuated",),
    "attenuated_window_ms": ("attenuated",), "suspect": ("neighbours",), "fail": ("neighbours", "fail"),
    "k": ("together", "deviations"), "floor": ("together", "floor"),
}  # fmt: skip
"""The key behind a field of the settings that refuses."""


def _within(site: Span | None, sensor: Span | None) -> Span | None:
    """A usual limit gives way to what the instrument can report."""
    if site is None or sensor is None:
        return site
    low, high = max(sensor[0], site[0]), min(sensor[1], site[1])
    return (low, high) if low < high else None


def _deadband(report: Report) -> DeadbandSettings:
    return DeadbandSettings(
        absolute=report.deadband, percent=report.percent, at_least_ms=round(report.at_least_s * 1000)
    )


def _or(own: Any, usual: Any) -> Any:  # noqa: ANN401  whatever the two are
    return usual if own is None else own


def _both(limit: float | tuple[float, float]) -> tuple[float, float | None]:
    """Suspect, and bad where it is given."""
    return limit if isinstance(limit, tuple) else (limit, None)
