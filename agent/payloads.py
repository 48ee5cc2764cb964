"""The payloads of the wire contract as tables: JSON Schemas and the tables of the docs come from them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from drivers.readings import Quality
from firmware_profiles.declared import Limits, Shown, Strict, entry
from pipelines.events import Kind

Timestamp = Annotated[str, Limits(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
Milliseconds = Annotated[int, Limits(ge=0)]


class Header(Strict):
    """What stands before every stored message."""

    batch: str = entry(
        description="Deduplication key {store}.{boot}-{sequence}: a repeat carries the same one"
    )
    at: Timestamp = entry(description="The time all relative times of the message count from")
    sent: Timestamp = entry(description="When this copy was handed to the broker")
    delivery: Literal["live", "backfill"] = entry(description="backfill: sent more than 10 s after `at`")
    clock: Literal["synced", "unsynced"] = entry(
        description="unsynced: the gateway's clock was not trusted when `at` was taken, and never came to be"
    )


class Flag(Strict):
    """A quality other than the device's; without `channel` it holds for the whole row."""

    row: int = entry(ge=0, description="Index into `rows`")
    channel: str | None = entry(default=None, description="Absent: every channel of the row")
    quality: Quality = entry(description="QARTOD: 1 good, 2 not evaluated, 3 suspect, 4 bad, 9 missing")
    test: str = entry(description="The check that decided, or the reason nothing was read; may be empty")


Row = Annotated[
    list[float | int | str | bool | None],
    Limits(min_length=3),
    Shown(
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
    Limits(min_length=14, max_length=14),
    Shown(
        {
            "type": "array",
            "minItems": 14,
            "maxItems": 14,
            "prefixItems": [{"type": "integer"}, {"type": "integer"}, {"type": "string"}],
            "items": {"type": ["number", "null"]},
        }
    ),
]


class DeviceReadings(Strict):
    """The samples of one device, a row each."""

    device: str = entry(description="Its name in the gateway's configuration, and in the inventory")
    channels: list[str] = entry(
        min_length=1, description="property or property.qualifier; units in the inventory"
    )
    rows: list[Row] = entry(
        min_length=1,
        description="[seq, ms after `at`, value of each channel in order]; seq counts the device's samples"
        " since the boot named in `batch`: a hole is a loss",
    )
    quality: Quality = entry(description="The quality of every value no flag names")
    flags: list[Flag] = entry(default_factory=list, description="Absent when there is none")


class Readings(Header):
    """Topic readings."""

    devices: list[DeviceReadings] = entry(
        min_length=1, description="A device whose channels changed on the way has more than one block"
    )


class Revised(Strict):
    """A later word on the quality of one value."""

    device: str = entry(description="As in readings")
    seq: int = entry(ge=1, description="Of the row, in the epoch named in `batch`")
    channel: str = entry(description="As in readings")
    quality: Quality = entry(description="What holds from now on for that value")
    test: str = entry(description="The check that decided; empty when nothing speaks against the value")
    why: str = entry(description="successor, reread_confirmed, reread_withdrawn or beside_others")


class Revisions(Header):
    """Topic revisions: values published as suspect at once, and what later readings said of them."""

    revisions: list[Revised] = entry(min_length=1, description="In the order they were found")


class ChannelAggregates(Strict):
    """The finished windows of one channel, a row each."""

    device: str = entry(description="As in readings")
    channel: str = entry(description="As in readings")
    window_s: int = entry(ge=1, description="Length of a window; it begins at a multiple of it, local time")
    rows: list[AggregateRow] = entry(
        min_length=1,
        description="[ms of its beginning after `at`, quality, test, readings expected, then how many"
        " were good, not evaluated, suspect, bad, missing, then minimum, maximum, mean, last, total]; total"
        " is the sum of an interval quantity or what a counter grew by; mean of a direction is that of the"
        " vectors, of a level that of the energy; null where a quantity has none",
    )


class Aggregates(Header):
    """Topic aggregates: channels that are sent by window."""

    channels: list[ChannelAggregates] = entry(min_length=1, description="In the order they were finished")


class Span(Strict):
    """A stretch of time, ms after `at`, and the readings in it."""

    begin: int = entry(description="ms after `at`")
    end: int = entry(description="ms after `at`")
    n: Milliseconds = entry(description="Readings in it")


class Occurrence(Header):
    """What faults and events have in common."""

    id: str = entry(description="The same in all messages about it; 16 hex digits for what was judged")
    subject: str = entry(description="device.channel, device, part, port, file or station")
    state: Literal["opened", "updated", "closed", "once"] = entry(
        description="opened again under the same id: the reason has changed; once: it is over already"
    )
    severity: Literal["info", "watch", "warning", "critical"] = entry(
        description="From the consequence, never from how unusual a number is"
    )
    message: str = entry(description="For a person: what happened and what to do next")
    began: int = entry(default=0, description="When it began, ms after `at`: 0 or negative")
    lasted_ms: Milliseconds | None = entry(default=None, description="On closing: how long it was open")
    caused_by: str | None = entry(default=None, description="Id of the event or fault that explains this one")
    detail: dict[str, float | int | str] = entry(
        default_factory=dict, description="Figures and words, by kind"
    )
    rule: str | None = entry(default=None, description="Name of the rule that tells of it")
    version: int | None = entry(default=None, description="Of the rule's meaning")
    config: str | None = entry(default=None, description="Revision of the configuration it was judged by")
    unit: str | None = entry(default=None, description="UCUM, of value, baseline and threshold")
    value: float | None = entry(default=None, description="What was measured")
    baseline: float | None = entry(default=None, description="What would have been usual")
    threshold: float | None = entry(default=None, description="The limit that was passed")
    window: Span | None = entry(default=None, description="The time it was judged over")
    evidence: list[tuple[int, float]] = entry(
        default_factory=list, description="Last readings, in the channel's own unit: [ms after `at`, value]"
    )
    suppressed: int = entry(default=0, description="Messages of this rule left out since the last one told")
    acknowledged: str | None = entry(default=None, description="Who has seen it")
    shelved: bool = entry(default=False, description="A person put this rule aside for a time")
    pictures: bool = entry(default=False, description="Pictures of the site are asked for under this id")


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

    kind: FaultKind | Kind = entry(description="What is wrong")
    reason: str = entry(
        description="Short name, e.g. timeout, garbled, disk_full, or the check that found it"
    )


class Event(Occurrence):
    """Topic events: something happens in the river, the air or the street."""

    kind: Kind = entry(description="What happens")


class Picture(Header):
    """Topic frames: a picture, taken at `at`, that follows in pieces; or the word that it will not come."""

    id: str = entry(
        pattern=r"^[0-9a-f]{64}$", description="SHA-256 of its bytes; the pieces carry it in their topic"
    )
    camera: str = entry(description="Its name in the gateway's configuration")
    state: Literal["announced", "lost"] = entry(
        description="announced: its pieces follow; lost: no more of them come, forget it if it is not whole"
    )
    reason: Literal["evicted", "damaged", "too_large", "refused"] | None = entry(
        default=None,
        description="Why it is lost: evicted, the gateway had no room for it; damaged, its file is not what"
        " was stored; too_large, refused: the broker takes no piece of it",
    )
    mime: str | None = entry(
        default=None, description="image/jpeg; always where it is announced, as the next four"
    )
    bytes: int | None = entry(default=None, ge=1, description="Length of the whole")
    piece_bytes: int | None = entry(
        default=None, ge=1, description="Of each piece but the last, unless split on the way"
    )
    why: Literal["scheduled", "event", "requested", "quality"] | None = entry(
        default=None, description="What it was taken for"
    )
    way: str | None = entry(default=None, description="How it was taken: snapshot, connect or hold")
    width: int | None = entry(default=None, description="Pixels")
    height: int | None = entry(default=None, description="Pixels")
    event: str | None = entry(default=None, description="Id of the event it was taken for")
    masked: bool | None = entry(default=None, description="Whether privacy masks are burnt in")
    score: float | None = entry(
        default=None, ge=0, le=100, description="Quality of the picture: 100 is faultless"
    )
    faults: list[str] | None = entry(
        default=None, description="What is wrong with the picture, the worst first"
    )


class PictureFault(Strict):
    """Something that is wrong with a camera's pictures."""

    fault: str = entry(description="Short name, e.g. defocus, moved_view, no_signal")
    strength: float = entry(ge=0, description="1 at the threshold, 2 where twice as far from the usual")
    since: int = entry(description="When it was first seen, ms after `at`: 0 or less")
    reason: str = entry(description="For a person: what was measured, and what is usual")
    lasting: bool = entry(description="Whether it has lasted; one picture alone proves little")


class Graded(Strict):
    """A stretch of time and what became of the pictures in it."""

    begin: int = entry(description="ms after `at`")
    end: int = entry(description="ms after `at`")
    pictures: int = entry(ge=0, description="How many were graded")
    bad: int = entry(ge=0, description="How many of them had a fault")
    available: float = entry(
        ge=0, le=1, description="Share of the time in which its pictures came and changed"
    )


class PictureQuality(Header):
    """Topic picture_quality: how good a camera's pictures are, for the record of image quality."""

    camera: str = entry(description="Its name in the gateway's configuration")
    gb28181: str | None = entry(
        default=None, pattern=r"^\d{20}$", description="Its id of GB/T 28181, 20 digits"
    )
    score: float | None = entry(
        default=None, ge=0, le=100, description="100 is faultless; absent: no picture could be graded"
    )
    faults: list[PictureFault] = entry(
        default_factory=list, description="What is wrong, the worst first; absent: nothing"
    )
    figures: dict[str, float] = entry(
        default_factory=dict, description="What was measured, by name, e.g. sharpness"
    )
    learning: bool = entry(description="The reference is not complete yet: only gross faults are told")
    way: str | None = entry(default=None, description="How its pictures are taken: snapshot, connect or hold")
    reference_pictures: int | None = entry(
        default=None, ge=0, description="How many pictures of this hour and light it was compared with"
    )
    thumbnail: str | None = entry(
        default=None,
        max_length=8192,
        description="The last picture graded, a small JPEG of at most 6 KiB, base64",
    )
    period: Graded = entry(description="What the record speaks of")


class Status(Strict):
    """Topic status, retained; the broker itself publishes `offline` as the last will."""

    state: Literal["online", "offline"] = entry(description="Whether the gateway is connected")
    reason: Literal["connected", "stopped", "connection_lost"] = entry(
        description="stopped: the daemon took its leave; connection_lost: the last will speaks for it"
    )
    version: str = entry(description="Of polegate")
    epoch: str = entry(description="{store}.{boot}: what batch ids of this run begin with")
    at: Timestamp = entry(description="When the connection this speaks of was made or left")
    clock: Literal["synced", "unsynced"] = entry(description="Whether the clock was trusted at `at`")


class Reply(Header):
    """Topic replies: what became of a command, said once for each time it came."""

    id: str = entry(description='The command\'s; "" where it could not be read')
    verb: str = entry(description='The command\'s; "" where it could not be read')
    by: str = entry(description='The command\'s; "" where it could not be read')
    state: Literal["done", "refused"] = entry(description="refused: nothing was done")
    reason: str = entry(description='Short name of why it was refused, e.g. expired; "" when done')
    message: str = entry(description="For a person: what was done, or what to do next")


class ChannelFacts(Strict):
    """What a channel's numbers mean."""

    title: str = entry(description="For a person")
    unit: str = entry(description="UCUM, case-sensitive")
    kind: Literal["instant", "interval", "counter"] = entry(
        description="instant: holds at its time; interval: of the time since the sample before;"
        " counter: only grows, but for a new start"
    )
    cf: str | None = entry(default=None, description="CF standard name")
    sl651: str | None = entry(default=None, description="SL 651-2014 element guide, hex")
    hj212: str | None = entry(default=None, description="HJ 212 factor code")
    weighting: Literal["A"] | None = entry(default=None, description="Of a sound level")
    deadband: float | None = entry(
        default=None, description="Rows leave the channel out while it stays within this of the last one sent"
    )
    at_least_s: float | None = entry(default=None, description="It is sent at least so often all the same")
    window_s: int | None = entry(default=None, description="It is sent as aggregates of this window")


class DeviceFacts(Strict):
    """What a device is."""

    instrument: str = entry(description="Profile id, or custom")
    title: str = entry(description="For a person")
    every_s: float = entry(description="Between two samples, s")
    channels: dict[str, ChannelFacts] = entry(description="By name, as in readings")


class Inventory(Strict):
    """Topic inventory, retained: sent on every connection, so that readings need not repeat it."""

    version: str = entry(description="Of polegate")
    devices: dict[str, DeviceFacts] = entry(description="By name, as in readings")
