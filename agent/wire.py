"""The wire contract with the platform: topics, payloads, and the header every stored message is sealed with.

A body is stored without absolute times; all its times count from the envelope's `at_ms`, so that a wrong
clock can be put right while the message waits. The header is put before it at the moment of sending.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from buffer.envelope import Envelope
from drivers.readings import Quality, Reading, Sample, Value

MAJOR = 1
LIVE_WITHIN_MS = 10_000
"""A message sent later than this after its time is backfill."""


class Leaf(StrEnum):
    """Last level of a topic: polegate/1/{site}/{gateway}/{leaf}."""

    READINGS = "readings"
    FAULTS = "faults"
    HEALTH = "health"
    STATUS = "status"
    INVENTORY = "inventory"
    REPLIES = "replies"


def topic(site: str, gateway: str, leaf: Leaf) -> str:
    """The full topic of one kind of message."""
    return f"polegate/{MAJOR}/{site}/{gateway}/{leaf}"


class _Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Timestamp = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", description="RFC 3339, UTC, ms")
]
Milliseconds = Annotated[int, Field(ge=0)]


class Header(_Payload):
    """What stands before every stored message."""

    batch: str = Field(
        description="Deduplication key {store}.{boot}-{sequence}: a repeat carries the same one"
    )
    at: Timestamp = Field(description="The time all relative times of the message count from")
    sent: Timestamp = Field(description="When this copy was handed to the broker")
    delivery: Literal["live", "backfill"] = Field(description="backfill: sent more than 10 s after `at`")
    clock: Literal["synced", "unsynced"] = Field(
        description="unsynced: the gateway's clock was not trusted when `at` was taken, and never came to be"
    )


class Flag(_Payload):
    """A quality other than the device's; without `channel` it holds for the whole row."""

    row: int = Field(ge=0, description="Index into `rows`")
    channel: str | None = Field(default=None, description="Absent: every channel of the row")
    quality: Quality = Field(description="QARTOD: 1 good, 2 not evaluated, 3 suspect, 4 bad, 9 missing")
    test: str = Field(description="The check that decided, or the reason nothing was read; may be empty")


Row = Annotated[
    list[float | int | str | bool | None],
    Field(min_length=3),
    WithJsonSchema(
        {
            "type": "array",
            "minItems": 3,
            "prefixItems": [{"type": "integer", "minimum": 1}, {"type": "integer"}],
            "items": {"type": ["number", "string", "boolean", "null"]},
        }
    ),
]


class DeviceReadings(_Payload):
    """The samples of one device, a row each."""

    device: str = Field(description="Its name in the gateway's configuration, and in the inventory")
    channels: list[str] = Field(
        min_length=1, description="property or property.qualifier; units in the inventory"
    )
    rows: list[Row] = Field(
        min_length=1,
        description="[seq, ms after `at`, value of each channel in order]; seq counts the device's samples"
        " since the boot named in `batch`: a hole is a loss",
    )
    quality: Quality = Field(description="The quality of every value no flag names")
    flags: list[Flag] = Field(default=[], description="Absent when there is none")


class Readings(Header):
    """Topic readings."""

    devices: list[DeviceReadings] = Field(
        min_length=1, description="A device whose channels changed on the way has more than one block"
    )


class FaultKind(StrEnum):
    """What can be wrong with the station itself."""

    DEVICE_UNREADABLE = "device_unreadable"
    STORE_EVICTED = "store_evicted"
    STORE_UNWRITABLE = "store_unwritable"
    STORE_RECOVERED = "store_recovered"
    CLOCK_UNSYNCED = "clock_unsynced"
    CLOCK_STEPPED = "clock_stepped"
    PART_FAILED = "part_failed"
    CONFIG_REFUSED = "config_refused"


class Fault(Header):
    """Topic faults: something at the station opened or closed."""

    id: str = Field(description="The same in the opening and the closing message")
    kind: FaultKind = Field(description="What is wrong")
    subject: str = Field(description="The device, part, port or file it is about")
    state: Literal["opened", "closed", "once"] = Field(
        description="opened again under the same id: the reason has changed; once: it is over already"
    )
    reason: str = Field(description="Short name, e.g. timeout, garbled, closed, refused, disk_full")
    message: str = Field(description="For a person: what happened and what to do next")
    lasted_ms: Milliseconds | None = Field(default=None, description="On closing: how long it was open")
    detail: dict[str, float | int | str] = Field(default={}, description="Figures, by kind of fault")


class Health(Header):
    """Topic health: how the agent itself is doing."""

    version: str = Field(description="Of polegate")
    uptime_s: int = Field(description="Since the daemon started, s")
    rss_bytes: int = Field(description="Resident memory of the daemon")
    cpu_s: float = Field(description="CPU time the daemon has used since it started, s")
    parts: dict[str, str] = Field(description="Part -> running, restarting or parked")
    devices: dict[str, str] = Field(description="Device -> ok, starting, or the reason it cannot be read")
    outbox: dict[str, int] = Field(
        description="batches, items, bytes waiting; evicted, expired, rejected since ever"
    )


class Status(_Payload):
    """Topic status, retained; the broker itself publishes `offline` as the last will."""

    state: Literal["online", "offline"] = Field(description="Whether the gateway is connected")
    reason: Literal["connected", "stopped", "connection_lost"] = Field(
        description="stopped: the daemon took its leave; connection_lost: the last will speaks for it"
    )
    version: str = Field(description="Of polegate")
    epoch: str = Field(description="{store}.{boot}: what batch ids of this run begin with")
    at: Timestamp = Field(description="When the connection this speaks of was made or left")
    clock: Literal["synced", "unsynced"] = Field(description="Whether the clock was trusted at `at`")


class Reply(Header):
    """Topic replies: what became of a command, said once for each time it came."""

    id: str = Field(description='The command\'s; "" where it could not be read')
    verb: str = Field(description='The command\'s; "" where it could not be read')
    by: str = Field(description='The command\'s; "" where it could not be read')
    state: Literal["done", "refused"] = Field(description="refused: nothing was done")
    reason: str = Field(description='Short name of why it was refused, e.g. expired; "" when done')
    message: str = Field(description="For a person: what was done, or what to do next")


class ChannelFacts(_Payload):
    """What a channel's numbers mean."""

    title: str = Field(description="For a person")
    unit: str = Field(description="UCUM, case-sensitive")
    kind: Literal["instant", "interval", "counter"] = Field(
        description="instant: holds at its time; interval: of the time since the sample before;"
        " counter: only grows, but for a new start"
    )
    cf: str | None = Field(default=None, description="CF standard name")
    sl651: str | None = Field(default=None, description="SL 651-2014 element guide, hex")
    hj212: str | None = Field(default=None, description="HJ 212 factor code")
    weighting: Literal["A"] | None = Field(default=None, description="Of a sound level")


class DeviceFacts(_Payload):
    """What a device is."""

    instrument: str = Field(description="Profile id, or custom")
    title: str = Field(description="For a person")
    every_s: float = Field(description="Between two samples, s")
    channels: dict[str, ChannelFacts] = Field(description="By name, as in readings")


class Inventory(_Payload):
    """Topic inventory, retained: sent on every connection, so that readings need not repeat it."""

    version: str = Field(description="Of polegate")
    devices: dict[str, DeviceFacts] = Field(description="By name, as in readings")


MESSAGES: dict[Leaf, type[_Payload]] = {
    Leaf.READINGS: Readings,
    Leaf.FAULTS: Fault,
    Leaf.HEALTH: Health,
    Leaf.STATUS: Status,
    Leaf.INVENTORY: Inventory,
    Leaf.REPLIES: Reply,
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
        rows: list[list[Value | None]] = []
        flags: list[dict[str, Any]] = []
        usual = Quality.NOT_EVALUATED
        for sample in group:
            if any(r.quality is not usual for r in sample.readings):
                flags += _flags(len(rows), sample.readings, usual)
            rows.append([sample.seq, sample.at_ms - at_ms, *[r.value for r in sample.readings]])
        block: dict[str, Any] = {"device": device, "channels": channels, "rows": rows, "quality": int(usual)}
        if flags:
            block["flags"] = flags
        yield block


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


def encode(body: Mapping[str, Any]) -> bytes:
    """The body of any other message."""
    return orjson.dumps(body)
