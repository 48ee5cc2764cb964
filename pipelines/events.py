"""What the pipelines tell of: faults and happenings, each opened, updated and closed under one id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum, StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple


class Severity(IntEnum):
    """From the consequence for people and property, never from how unusual a number is."""

    INFO = 0
    WATCH = 1
    WARNING = 2
    CRITICAL = 3


class Nature(StrEnum):
    """Which topic an event goes on, so that a flood is not buried by a broken gauge."""

    FAULT = "fault"
    HAPPENING = "happening"


class Phase(StrEnum):
    """Where an event stands."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


class Kind(StrEnum):
    """What an event is about."""

    # Faults: the sensor, its line, its supply.
    SENSOR_STUCK = "sensor_stuck"
    SENSOR_OUT_OF_RANGE = "sensor_out_of_range"
    SENSOR_ERRATIC = "sensor_erratic"
    SENSOR_DRIFTING = "sensor_drifting"
    SENSOR_DISAGREES = "sensor_disagrees"
    READINGS_MISSING = "readings_missing"
    BUS_SILENT = "bus_silent"
    POWER_FAILED = "power_failed"
    BATTERY_LOW = "battery_low"
    BATTERY_WEARING = "battery_wearing"
    BATTERY_NOT_CHARGED = "battery_not_charged"
    DEVICE_UNREADABLE = "device_unreadable"
    CLOCK_UNSYNCED = "clock_unsynced"
    CLOCK_STEPPED = "clock_stepped"
    # Happenings: the river, the air, the street.
    WATER_STAGE = "water_stage"
    WATER_RISE = "water_rise"
    WATER_THRESHOLD_AHEAD = "water_threshold_ahead"
    WATER_RELEASE = "water_release"
    RAIN_INTENSITY = "rain_intensity"
    RAIN_ACCUMULATED = "rain_accumulated"
    WATERLOGGING = "waterlogging"
    AIR_QUALITY = "air_quality"
    NOISE_LIMIT = "noise_limit"
    WIND = "wind"
    DOOR_OPEN = "door_open"
    TILTED = "tilted"
    EMERGENCY_CALL = "emergency_call"
    UNUSUAL = "unusual"
    THRESHOLD = "threshold"


class Source(NamedTuple):
    """One channel of one device; an empty channel means the device, an empty device the station."""

    device: str
    channel: str = ""

    def __str__(self) -> str:
        return ".".join(filter(None, self)) or "station"


class Window(NamedTuple):
    """The stretch of time an event was judged over, ms UTC, and how many readings it had."""

    from_ms: int
    to_ms: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One message about one event.

    `rule` is the rule's name and `version` counts its meaning; `began_ms` is when it began by the readings'
    own time, `at_ms` the time of this message; `value`, `baseline` and `threshold` are in the source's unit;
    `evidence` are the last readings as (ms UTC, value); `detail` holds figures and words by kind;
    `caused_by` is the id of the event that explains this one, "" when it stands for itself; `suppressed`
    counts messages left out since the one before. An event with `pictures` asks the cameras for some.
    `acknowledged` is who has seen it, "" nobody yet; `shelved` says that a person wants to hear less of it.
    """

    id: str
    kind: Kind
    nature: Nature
    rule: str
    version: int
    source: Source
    severity: Severity
    phase: Phase
    began_ms: int
    at_ms: int
    value: float | None = None
    baseline: float | None = None
    threshold: float | None = None
    window: Window | None = None
    evidence: tuple[tuple[int, float], ...] = ()
    detail: Mapping[str, float | str] = field(default_factory=dict)
    caused_by: str = ""
    suppressed: int = 0
    pictures: bool = False
    acknowledged: str = ""
    shelved: bool = False


def event_id(rule: str, source: Source, began_ms: int) -> str:
    """The same event has the same id wherever and however often it is worked out; 16 hex digits."""
    text = f"{rule}|{source.device}|{source.channel}|{began_ms}"
    return blake2b(text.encode(), digest_size=8).hexdigest()


_DEFAULTS = {field.name: field.default for field in fields(Event)}


def as_plain(event: Event) -> dict[str, Any]:
    """The fields that say something, as plain values."""
    found = {name: getattr(event, name) for name in _DEFAULTS}
    kept = {name: value for name, value in found.items() if value != _DEFAULTS[name]}
    kept["source"] = list(event.source)
    if event.window:
        kept["window"] = list(event.window)
    if event.evidence:
        kept["evidence"] = [list(each) for each in event.evidence]
    kept["detail"] = dict(event.detail)
    if not event.detail:
        del kept["detail"]
    return kept


def from_plain(plain: dict[str, Any]) -> Event:
    """The event that `as_plain` was given.

    Raises:
        ValueError, KeyError, TypeError: this is none.
    """
    known = {name: value for name, value in plain.items() if name in _DEFAULTS}
    window = known.get("window")
    return Event(**known | {
        "kind": Kind(plain["kind"]), "nature": Nature(plain["nature"]), "phase": Phase(plain["phase"]),
        "severity": Severity(plain["severity"]), "source": Source(*plain["source"]),
        "window": Window(*window) if window else None,
        "evidence": tuple((int(at), float(value)) for at, value in plain.get("evidence", ())),
    })  # fmt: skip
