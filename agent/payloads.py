"""The payloads of the wire contract as models: JSON Schemas and the tables of the docs come from them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from drivers.readings import Quality
from pipelines.events import Kind


class Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


Timestamp = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", description="RFC 3339, UTC, ms")
]
Milliseconds = Annotated[int, Field(ge=0)]


class Header(Payload):
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


class Flag(Payload):
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


AggregateRow = Annotated[
    list[float | int | str | None],
    Field(min_length=14, max_length=14),
    WithJsonSchema(
        {
            "type": "array",
            "minItems": 14,
            "maxItems": 14,
            "prefixItems": [{"type": "integer"}, {"type": "integer"}, {"type": "string"}],
            "items": {"type": ["number", "null"]},
        }
    ),
]


class DeviceReadings(Payload):
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


class Revised(Payload):
    """A later word on the quality of one value."""

    device: str = Field(description="As in readings")
    seq: int = Field(ge=1, description="Of the row, in the epoch named in `batch`")
    channel: str = Field(description="As in readings")
    quality: Quality = Field(description="What holds from now on for that value")
    test: str = Field(description="The check that decided; empty when nothing speaks against the value")
    why: str = Field(description="successor, reread_confirmed, reread_withdrawn or beside_others")


class Revisions(Header):
    """Topic revisions: values published as suspect at once, and what later readings said of them."""

    revisions: list[Revised] = Field(min_length=1, description="In the order they were found")


class ChannelAggregates(Payload):
    """The finished windows of one channel, a row each."""

    device: str = Field(description="As in readings")
    channel: str = Field(description="As in readings")
    window_s: int = Field(ge=1, description="Length of a window; it begins at a multiple of it, local time")
    rows: list[AggregateRow] = Field(
        min_length=1,
        description="[ms of its beginning after `at`, quality, test, readings expected, then how many"
        " were good, not evaluated, suspect, bad, missing, then minimum, maximum, mean, last, total]; total"
        " is the sum of an interval quantity or what a counter grew by; mean of a direction is that of the"
        " vectors, of a level that of the energy; null where a quantity has none",
    )


class Aggregates(Header):
    """Topic aggregates: channels that are sent by window."""

    channels: list[ChannelAggregates] = Field(min_length=1, description="In the order they were finished")


class Span(Payload):
    """A stretch of time, ms after `at`, and the readings in it."""

    begin: int = Field(description="ms after `at`")
    end: int = Field(description="ms after `at`")
    n: Milliseconds = Field(description="Readings in it")


class Occurrence(Header):
    """What faults and events have in common."""

    id: str = Field(description="The same in all messages about it; 16 hex digits for what was judged")
    subject: str = Field(description="device.channel, device, part, port, file or station")
    state: Literal["opened", "updated", "closed", "once"] = Field(
        description="opened again under the same id: the reason has changed; once: it is over already"
    )
    severity: Literal["info", "watch", "warning", "critical"] = Field(
        description="From the consequence, never from how unusual a number is"
    )
    message: str = Field(description="For a person: what happened and what to do next")
    began: int = Field(default=0, description="When it began, ms after `at`: 0 or negative")
    lasted_ms: Milliseconds | None = Field(default=None, description="On closing: how long it was open")
    caused_by: str | None = Field(default=None, description="Id of the event or fault that explains this one")
    detail: dict[str, float | int | str] = Field(default={}, description="Figures and words, by kind")
    rule: str | None = Field(default=None, description="Name of the rule that tells of it")
    version: int | None = Field(default=None, description="Of the rule's meaning")
    config: str | None = Field(default=None, description="Revision of the configuration it was judged by")
    unit: str | None = Field(default=None, description="UCUM, of value, baseline and threshold")
    value: float | None = Field(default=None, description="What was measured")
    baseline: float | None = Field(default=None, description="What would have been usual")
    threshold: float | None = Field(default=None, description="The limit that was passed")
    window: Span | None = Field(default=None, description="The time it was judged over")
    evidence: list[tuple[int, float]] = Field(
        default=[], description="Last readings, in the channel's own unit: [ms after `at`, value]"
    )
    suppressed: int = Field(default=0, description="Messages of this rule left out since the last one told")
    acknowledged: str | None = Field(default=None, description="Who has seen it")
    shelved: bool = Field(default=False, description="A person put this rule aside for a time")
    pictures: bool = Field(default=False, description="Pictures of the site are asked for under this id")


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
    CAMERA_FAILING = "camera_failing"
    CAMERA_TAMPERED = "camera_tampered"
    PICTURE_FAULTY = "picture_faulty"


class Fault(Occurrence):
    """Topic faults: something at the station opened or closed."""

    kind: FaultKind | Kind = Field(description="What is wrong")
    reason: str = Field(
        description="Short name, e.g. timeout, garbled, disk_full, or the check that found it"
    )


class Event(Occurrence):
    """Topic events: something happens in the river, the air or the street."""

    kind: Kind = Field(description="What happens")


class Picture(Header):
    """Topic frames: a picture, taken at `at`, that follows in pieces; or the word that it will not come."""

    id: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="SHA-256 of its bytes; the pieces carry it in their topic"
    )
    camera: str = Field(description="Its name in the gateway's configuration")
    state: Literal["announced", "lost"] = Field(
        description="announced: its pieces follow; lost: no more of them come, forget it if it is not whole"
    )
    reason: Literal["evicted", "damaged", "too_large", "refused"] | None = Field(
        default=None,
        description="Why it is lost: evicted, the gateway had no room for it; damaged, its file is not what"
        " was stored; too_large, refused: the broker takes no piece of it",
    )
    mime: str | None = Field(
        default=None, description="image/jpeg; always where it is announced, as the next four"
    )
    bytes: int | None = Field(default=None, ge=1, description="Length of the whole")
    piece_bytes: int | None = Field(
        default=None, ge=1, description="Of each piece but the last, unless split on the way"
    )
    why: Literal["scheduled", "event", "requested", "quality"] | None = Field(
        default=None, description="What it was taken for"
    )
    way: str | None = Field(default=None, description="How it was taken: snapshot, connect or hold")
    width: int | None = Field(default=None, description="Pixels")
    height: int | None = Field(default=None, description="Pixels")
    event: str | None = Field(default=None, description="Id of the event it was taken for")
    masked: bool | None = Field(default=None, description="Whether privacy masks are burnt in")
    score: float | None = Field(
        default=None, ge=0, le=100, description="Quality of the picture: 100 is faultless"
    )
    faults: list[str] | None = Field(
        default=None, description="What is wrong with the picture, the worst first"
    )


class PictureFault(Payload):
    """Something that is wrong with a camera's pictures."""

    fault: str = Field(description="Short name, e.g. defocus, moved_view, no_signal")
    strength: float = Field(ge=0, description="1 at the threshold, 2 where twice as far from the usual")
    since: int = Field(description="When it was first seen, ms after `at`: 0 or less")
    reason: str = Field(description="For a person: what was measured, and what is usual")
    lasting: bool = Field(description="Whether it has lasted; one picture alone proves little")


class Graded(Payload):
    """A stretch of time and what became of the pictures in it."""

    begin: int = Field(description="ms after `at`")
    end: int = Field(description="ms after `at`")
    pictures: int = Field(ge=0, description="How many were graded")
    bad: int = Field(ge=0, description="How many of them had a fault")
    available: float = Field(
        ge=0, le=1, description="Share of the time in which its pictures came and changed"
    )


class PictureQuality(Header):
    """Topic picture_quality: how good a camera's pictures are, for the record of image quality."""

    camera: str = Field(description="Its name in the gateway's configuration")
    gb28181: str | None = Field(
        default=None, pattern=r"^\d{20}$", description="Its id of GB/T 28181, 20 digits"
    )
    score: float | None = Field(
        default=None, ge=0, le=100, description="100 is faultless; absent: no picture could be graded"
    )
    faults: list[PictureFault] = Field(
        default=[], description="What is wrong, the worst first; absent: nothing"
    )
    figures: dict[str, float] = Field(default={}, description="What was measured, by name, e.g. sharpness")
    learning: bool = Field(description="The reference is not complete yet: only gross faults are told")
    way: str | None = Field(default=None, description="How its pictures are taken: snapshot, connect or hold")
    reference_pictures: int | None = Field(
        default=None, ge=0, description="How many pictures of this hour and light it was compared with"
    )
    thumbnail: str | None = Field(
        default=None,
        max_length=8192,
        description="The last picture graded, a small JPEG of at most 6 KiB, base64",
    )
    period: Graded = Field(description="What the record speaks of")


class Status(Payload):
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


class ChannelFacts(Payload):
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
    deadband: float | None = Field(
        default=None, description="Rows leave the channel out while it stays within this of the last one sent"
    )
    at_least_s: float | None = Field(default=None, description="It is sent at least so often all the same")
    window_s: int | None = Field(default=None, description="It is sent as aggregates of this window")


class DeviceFacts(Payload):
    """What a device is."""

    instrument: str = Field(description="Profile id, or custom")
    title: str = Field(description="For a person")
    every_s: float = Field(description="Between two samples, s")
    channels: dict[str, ChannelFacts] = Field(description="By name, as in readings")


class Inventory(Payload):
    """Topic inventory, retained: sent on every connection, so that readings need not repeat it."""

    version: str = Field(description="Of polegate")
    devices: dict[str, DeviceFacts] = Field(description="By name, as in readings")
