"""From what the judge says to messages for the platform: which topic, which priority, which words."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple

from agent.event_texts import message
from agent.wire import Leaf
from buffer.envelope import Priority
from firmware_profiles.properties import property_of
from pipelines.events import Event, Kind, Nature, Phase, Severity, Source
from pipelines.lane import Revision
from pipelines.reduction.aggregate import Row

UNITLESS = ("", 2)

OWN_UNITS = {
    Kind.AIR_QUALITY: ("1", 0), Kind.RAIN_ACCUMULATED: ("mm", 1), Kind.RAIN_INTENSITY: ("mm/h", 1),
    Kind.WATER_RISE: ("m/h", 2),
}  # fmt: skip
"""Of figures that are not in the unit of what the event is about."""


class Message(NamedTuple):
    """A body whose times count from `at_ms`, and how it travels."""

    leaf: Leaf
    priority: Priority
    at_ms: int
    body: dict[str, Any]


def told(event: Event, config: str) -> Message:
    """An event as it goes out; `config` is the revision of the configuration it was judged by."""
    is_fault = event.nature is Nature.FAULT
    alarming = event.severity >= Severity.WARNING and not is_fault and not event.shelved
    body = facts(event, config)
    if is_fault:
        body["reason"] = str(event.detail.get("test", event.kind))
    leaf = Leaf.FAULTS if is_fault else Leaf.EVENTS
    return Message(leaf, Priority.ALARM if alarming else Priority.EVENT, event.at_ms, body)


def facts(event: Event, config: str) -> dict[str, Any]:
    """The fields that faults and events share, times in ms after the event's own."""
    unit, decimals = unit_of_figures(event)
    at_ms = event.at_ms
    body: dict[str, Any] = {
        "id": event.id,
        "kind": event.kind,
        "subject": str(event.source),
        "state": event.phase,
        "severity": event.severity.name.lower(),
        "message": message(event, unit, decimals),
        "began": min(0, event.began_ms - at_ms),
        "lasted_ms": max(0, at_ms - event.began_ms) if event.phase is Phase.CLOSED else None,
        "caused_by": event.caused_by,
        "detail": dict(event.detail),
        "rule": event.rule,
        "version": event.version,
        "config": config,
        "unit": unit,
        "value": event.value,
        "baseline": event.baseline,
        "threshold": event.threshold,
        "evidence": [[each_ms - at_ms, value] for each_ms, value in event.evidence],
        "suppressed": event.suppressed or None,
        "acknowledged": event.acknowledged,
        "shelved": event.shelved,
        "pictures": event.pictures,
    }
    if window := event.window:
        body["window"] = {"begin": window.from_ms - at_ms, "end": window.to_ms - at_ms, "n": window.n}
    return {key: value for key, value in body.items() if _says_something(value)}


def _says_something(value: object) -> bool:
    return value is not None and value is not False and value not in ("", [], {})


def unit_of(source: Source) -> tuple[str, int]:
    """UCUM unit and sensible decimals; none for what is no channel."""
    if not source.channel:
        return UNITLESS
    known = property_of(source.channel)
    return known.unit, known.decimals


def unit_of_figures(event: Event) -> tuple[str, int]:
    """UCUM unit and sensible decimals of an event's value, baseline and threshold."""
    unit, decimals = OWN_UNITS.get(event.kind) or unit_of(event.source)
    is_slope = event.kind is Kind.THRESHOLD and event.detail.get("take") == "slope"
    return (f"{unit}/h", decimals) if is_slope else (unit, decimals)


def shown(event: Event, lead_ms: int) -> dict[str, Any]:
    """An event as the command line is shown it; times in ms UTC."""
    unit, decimals = unit_of_figures(event)
    window = event.window
    return {
        "id": event.id,
        "kind": event.kind,
        "nature": event.nature,
        "rule": event.rule,
        "version": event.version,
        "subject": str(event.source),
        "severity": event.severity.name.lower(),
        "phase": event.phase,
        "began_ms": event.began_ms - lead_ms,
        "at_ms": event.at_ms - lead_ms,
        "value": event.value,
        "baseline": event.baseline,
        "threshold": event.threshold,
        "unit": unit,
        "decimals": decimals,
        "evidence_unit": unit_of(event.source)[0],
        "window": window and [window.from_ms - lead_ms, window.to_ms - lead_ms, window.n],
        "evidence": [[at_ms - lead_ms, value] for at_ms, value in event.evidence],
        "detail": dict(event.detail),
        "caused_by": event.caused_by,
        "suppressed": event.suppressed,
        "acknowledged": event.acknowledged,
        "shelved": event.shelved,
        "message": message(event, unit, decimals),
    }


def revised(revisions: Iterable[tuple[Revision, int]], at_ms: int) -> Message:
    """Later words on values, each with the seq of the row it is about."""
    body = [
        {
            "device": each.source.device,
            "seq": seq,
            "channel": each.source.channel,
            "quality": int(each.quality),
            "test": each.test,
            "why": each.why,
        }
        for each, seq in revisions
    ]
    return Message(Leaf.REVISIONS, Priority.READINGS, at_ms, {"revisions": body})


def aggregated(rows: Iterable[tuple[Source, Row]]) -> Message:
    """Finished windows, a block a channel and length."""
    ordered = sorted(rows, key=lambda each: (each[0], each[1].end_ms - each[1].begin_ms, each[1].begin_ms))
    at_ms = max(row.end_ms for _, row in ordered)
    blocks = [
        {
            "device": source.device,
            "channel": source.channel,
            "window_s": length_ms // 1000,
            "rows": [_row(row, at_ms) for _, row in group],
        }
        for (source, length_ms), group in groupby(ordered, key=lambda each: (each[0], _length_ms(each[1])))
    ]
    return Message(Leaf.AGGREGATES, Priority.READINGS, at_ms, {"channels": blocks})


def _length_ms(row: Row) -> int:
    return row.end_ms - row.begin_ms


def _row(row: Row, at_ms: int) -> list[float | int | str | None]:
    return [
        row.begin_ms - at_ms, int(row.quality), row.test, row.expected, row.good, row.not_evaluated,
        row.suspect, row.bad, row.missing, row.min, row.max, row.mean, row.last, row.total,
    ]  # fmt: skip
