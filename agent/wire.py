"""The wire contract with the platform: topics, payloads, and the header every stored message is sealed with.

A body is stored without absolute times; all its times count from the envelope's `at_ms`, so that a wrong
clock can be put right while the message waits. The header is put before it at the moment of sending.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from typing import Any

import orjson

from agent.health_payload import Health
from agent.payloads import (
    Aggregates,
    ChannelFacts,
    DeviceFacts,
    Event,
    Fault,
    FaultKind,
    Header,
    Inventory,
    Picture,
    PictureQuality,
    Readings,
    Reply,
    Revisions,
    Status,
)
from buffer.envelope import Envelope
from drivers.readings import Quality, Reading, Sample, Value
from firmware_profiles.declared import Strict

__all__ = [
    "LIVE_WITHIN_MS",
    "MAJOR",
    "MESSAGES",
    "Aggregates",
    "ChannelFacts",
    "DeviceFacts",
    "Event",
    "Fault",
    "FaultKind",
    "Header",
    "Health",
    "Inventory",
    "Leaf",
    "Picture",
    "PictureQuality",
    "Readings",
    "Reply",
    "Revisions",
    "Status",
    "encode",
    "encode_readings",
    "piece_topic",
    "rfc3339",
    "seal",
    "topic",
]

MAJOR = 1
LIVE_WITHIN_MS = 10_000
"""A message sent later than this after its time is backfill."""


class Leaf(StrEnum):
    """Last level of a topic: polegate/1/{site}/{gateway}/{leaf}."""

    READINGS = "readings"
    AGGREGATES = "aggregates"
    REVISIONS = "revisions"
    EVENTS = "events"
    FAULTS = "faults"
    HEALTH = "health"
    STATUS = "status"
    INVENTORY = "inventory"
    REPLIES = "replies"
    FRAMES = "frames"
    PICTURE_QUALITY = "picture_quality"


def topic(site: str, gateway: str, leaf: Leaf) -> str:
    """The full topic of one kind of message."""
    return f"polegate/{MAJOR}/{site}/{gateway}/{leaf}"


def piece_topic(frames: str, picture: str, offset: int) -> str:
    """Where the bytes of a picture from `offset` on go; `frames` is the topic of its manifest."""
    return f"{frames}/{picture}/{offset}"


MESSAGES: dict[Leaf, type[Strict]] = {
    Leaf.READINGS: Readings,
    Leaf.AGGREGATES: Aggregates,
    Leaf.REVISIONS: Revisions,
    Leaf.EVENTS: Event,
    Leaf.FAULTS: Fault,
    Leaf.HEALTH: Health,
    Leaf.STATUS: Status,
    Leaf.INVENTORY: Inventory,
    Leaf.REPLIES: Reply,
    Leaf.FRAMES: Picture,
    Leaf.PICTURE_QUALITY: PictureQuality,
}


def rfc3339(at_ms: int) -> str:
    """2026-11-23T08:00:00.123Z."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def seal(envelope: Envelope, now_ms: int) -> bytes:
    """The message as it goes out: the header of this moment, then the stored body."""
    late = now_ms - envelope.at_ms > LIVE_WITHIN_MS
    header = {
        "batch": envelope.key,
        "at": rfc3339(envelope.at_ms),
        "sent": rfc3339(now_ms),
        "delivery": "backfill" if late else "live",
        "clock": "synced" if envelope.settled else "unsynced",
    }
    return orjson.dumps(header)[:-1] + b"," + envelope.body[1:]


def encode_readings(samples: Sequence[Sample], at_ms: int) -> bytes:
    """The body of a readings message: columns by device, times in ms after `at_ms`."""
    ordered = sorted(samples, key=lambda sample: sample.device)
    return orjson.dumps({"devices": list(_device_blocks(ordered, at_ms))})


def _device_blocks(samples: Iterable[Sample], at_ms: int) -> Iterator[dict[str, Any]]:
    for (device, channels), group in groupby(samples, key=_layout):
        same = list(group)
        usual = _usual(same)
        rows: list[list[Value | None]] = []
        flags: list[dict[str, Any]] = []
        for sample in same:
            if any(r.quality is not usual for r in sample.readings):
                flags += _flags(len(rows), sample.readings, usual)
            rows.append([sample.seq, sample.at_ms - at_ms, *[r.value for r in sample.readings]])
        block: dict[str, Any] = {"device": device, "channels": channels, "rows": rows, "quality": int(usual)}
        if flags:
            block["flags"] = flags
        yield block


def _usual(samples: Sequence[Sample]) -> Quality:
    """GOOD if anything is, else NOT_EVALUATED: what needs no flag."""
    good = any(reading.quality is Quality.GOOD for sample in samples for reading in sample.readings)
    return Quality.GOOD if good else Quality.NOT_EVALUATED


def _layout(sample: Sample) -> tuple[str, tuple[str, ...]]:
    return sample.device, tuple([reading.channel for reading in sample.readings])


def _flags(row: int, readings: Sequence[Reading], usual: Quality) -> list[dict[str, Any]]:
    if len({(r.quality, r.test) for r in readings}) == 1:
        return [{"row": row, "quality": int(readings[0].quality), "test": readings[0].test}]
    return [
        {"row": row, "channel": r.channel, "quality": int(r.quality), "test": r.test}
        for r in readings
        if r.quality is not usual
    ]


def encode(body: Mapping[str, Any] | Strict) -> bytes:
    """The body of any other message; what is None in a table is left out."""
    return orjson.dumps(body, default=_known, option=orjson.OPT_PASSTHROUGH_DATACLASS)


def _known(table: Strict) -> dict[str, Any]:
    return {name: value for name, value in vars(table).items() if value is not None}
