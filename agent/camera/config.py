"""The part of the configuration that says which cameras there are, and what is made of their pictures."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from agent.config_words import HostPort, Name, Secret, Size
from firmware_profiles.declared import Guarded, Limits, Strict, Then, entry
from pipelines import outline

_PART = re.compile(r"[a-z][a-z0-9_]{0,31}")
_CHANNELS = {"motion": "motion_share", "water": "water_share", "staff": "water_level_seen"}
ONVIF_PORT, ONVIF_TLS_PORT = 80, 443


def _url(*schemes: str) -> Then:
    def check(url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"expected {' or '.join(f'{scheme}://host/...' for scheme in schemes)}")
        try:
            parts.port  # noqa: B018  it is read to be checked
        except ValueError:
            raise ValueError("expected a port from 0 to 65535") from None
        return url

    return Then(check)


def _simple(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    outline.check(points)
    return points


def _part(text: str) -> str:
    if not _PART.fullmatch(text):
        raise ValueError("expected lower-case letters, digits and _, a letter first, at most 32 characters")
    return text


Part = Annotated[str, Then(_part)]
Fraction = Annotated[float, Limits(ge=0, le=1)]
Point = tuple[Fraction, Fraction]
Polygon = Annotated[tuple[Point, ...], Limits(min_length=3, max_length=64), Then(_simple)]
Hour = Annotated[int, Limits(ge=0, le=24)]
Seconds = Annotated[float, Limits(gt=0, le=86400)]
HttpUrl = Annotated[str, _url("http", "https")]
RtspUrl = Annotated[str, _url("rtsp")]


class Mark(Strict):
    """A surveyed point of a staff gauge or bank: where it is in the picture, and its level."""

    at: Point = entry(description="[x, y] as fractions of width and height, from the top left")
    level_m: float = entry(description="Above the station's datum")


class Zone(Strict):
    """A part of the picture that is looked at by itself; it gives a channel of its own."""

    kind: Literal["motion", "water", "staff"] = entry(
        description="motion: motion_share; water: water_share; staff: water_level_seen"
    )
    polygon: Polygon = entry(description="[[x, y], ...] as fractions of width and height, from the top left")
    marks: tuple[Mark, ...] = entry(default=(), max_length=4, description="Of a staff: two to four points")

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.kind == "staff") != bool(self.marks):
            raise ValueError("marks: a staff needs two to four of them, other zones have none")
        if self.marks and len({mark.level_m for mark in self.marks}) < 2:
            raise ValueError("marks: expected at least two levels that differ")


class Model(Strict):
    """A network of your own (ONNX) that looks at the pictures, such as for smoke or crowds."""

    file: Path = entry(description="ONNX file")
    labels: Annotated[tuple[Part, ...], Limits(min_length=1, max_length=32)] = entry(
        description="What its outputs mean, in order; each is a channel model_score.MODEL-LABEL"
    )
    width: Annotated[int, Limits(ge=16, le=2048)] = 224
    height: Annotated[int, Limits(ge=16, le=2048)] = 224
    scale: Annotated[float, Limits(gt=0)] = 1 / 255
    mean: tuple[float, float, float] = entry(default=(0.0, 0.0, 0.0), description="Of each colour, 0 to 255")
    red_first: bool = entry(default=True, description="It wants red, green, blue")
    output: Literal["scores", "boxes"] = entry(
        default="scores", description="scores: a number for each label; boxes: rows of boxes, to be counted"
    )
    threshold: float = entry(default=0.5, gt=0, lt=1, description="A box below it is not counted")


class Sending(Strict):
    """Which of a camera's pictures go to the platform, and how large they may be."""

    every_s: Seconds | Literal["never"] = entry(default=3600.0, description="A picture by the clock")
    longest_side: Annotated[int, Limits(ge=160, le=8192)] = 1280
    most_bytes: Annotated[int, Limits(ge=8 * 1024, le=4 * 2**20)] = 160 * 1024
    before_s: float = entry(
        default=10.0, ge=0, le=300, description="Of an event: the picture from so long before it"
    )
    after_s: Annotated[tuple[Annotated[float, Limits(ge=0, le=3600)], ...], Limits(max_length=12)] = entry(
        default=(0.0, 10.0, 30.0), description="Of an event: pictures so long after it"
    )


class Budget(Strict):
    """The most that is sent of one camera; a third of it is kept for events."""

    frames_per_hour: Annotated[int, Limits(ge=1)] = 60
    frames_per_day: Annotated[int, Limits(ge=1)] = 400
    bytes_per_hour: Size = 10 * 2**20
    bytes_per_day: Size = 64 * 2**20


def _digits(text: str) -> str:
    if not re.fullmatch(r"[0-9]{20}", text):
        raise ValueError("expected the 20 digits of GB/T 28181")
    return text


def _day(text: str) -> str:
    try:
        written = not text or date.fromisoformat(text).isoformat() == text
    except ValueError:
        written = False
    if not written:
        raise ValueError("expected a day, YYYY-MM-DD")
    return text


Latitude = Annotated[float, Limits(ge=-90, le=90)]
Longitude = Annotated[float, Limits(ge=-180, le=180)]


class CameraFile(Strict):
    """What belongs in the camera's file besides what it says of itself: one device, one file."""

    id: Annotated[str, Then(_digits)] | None = entry(
        default=None, description="20 digits, GB/T 28181-2022 annex E"
    )
    latitude: Latitude | None = entry(default=None, description="WGS 84, degrees")
    longitude: Longitude | None = entry(default=None, description="WGS 84, degrees")
    height_m: float | None = entry(default=None, ge=0, le=500, description="Above the ground")
    azimuth_deg: float | None = entry(
        default=None, ge=0, lt=360, description="Where it looks, clockwise from true north"
    )
    view_deg: float | None = entry(default=None, gt=0, le=360, description="Horizontal field of view")
    scene: Literal["", "river", "bank", "road", "underpass", "bridge", "gate", "square", "other"] = ""
    owner: str = ""
    sharing: Literal["", "open", "government", "department", "none"] = entry(
        default="", description="Who may be shown its pictures"
    )
    network: str = entry(default="", description="Which network it is in, in your own words")
    installed: Annotated[str, Then(_day)] = entry(default="", description="YYYY-MM-DD")
    photo: Path | None = entry(default=None, description="Photograph of the installation")
    note: str = ""


class Camera(Guarded):
    """One camera: how it is reached, how often it is looked at, what is made of its pictures."""

    title: str = ""
    host: HostPort | None = entry(default=None, description="Its ONVIF service, host[:port]")
    https: bool = False
    username: str | None = None
    password: Secret | None = None
    verify: bool = entry(default=True, description="Check its certificate; false: anybody may pose as it")
    ca: Path | None = entry(default=None, description="Its certificate, or that of who signed it (PEM)")
    profile: str | None = entry(default=None, description="Media profile; default: the least of 640 pixels")
    snapshot: HttpUrl | None = entry(default=None, description="Address of a JPEG; default: as ONVIF says")
    stream: RtspUrl | None = entry(default=None, description="Address of the stream; default: as ONVIF says")
    way: Literal["auto", "snapshot", "connect", "hold"] = entry(
        default="auto", description="How pictures are taken; auto: the cheapest that does"
    )
    every_s: Annotated[float, Limits(ge=0.5, le=86400)] = 60.0
    on_battery_every_s: Annotated[float, Limits(ge=0.5, le=86400)] = 600.0
    hours: tuple[tuple[Hour, Hour], ...] = entry(
        default=(), description="From and to, local time; [20, 6] goes past midnight; default: always"
    )
    events: bool = entry(default=True, description="Listen to what it tells itself: motion, tampering")
    watches: tuple[Name, ...] = entry(
        default=(), description="Devices whose alarms ask for its pictures; default: all of the station"
    )
    send: Sending = Sending()
    budget: Budget = Budget()
    masks: Annotated[tuple[Polygon, ...], Limits(max_length=32)] = entry(
        default=(), description="Covered before anything is stored"
    )
    zones: dict[Part, Zone] = entry(default_factory=dict, max_length=16)
    models: dict[Part, Model] = entry(default_factory=dict, max_length=4)
    file: CameraFile = CameraFile()

    @classmethod
    def guard(cls, keys: object) -> None:
        """Said of the whole table, so that the secret itself is not repeated."""
        if not isinstance(keys, dict):
            return
        if isinstance(keys.get("password"), str):
            raise ValueError(  # noqa: TRY004  a table is refused by ValueErrors only
                'password: expected { file = "/path" } or { credential = "name" }, not the secret'
            )
        for key in ("host", "snapshot", "stream"):
            if "@" in str(keys.get(key, "")).partition("?")[0]:
                raise ValueError(f"{key}: put the user name in username and the password's place in password")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.host is None and self.snapshot is None and self.stream is None:
            raise ValueError('expected host = "address" for ONVIF, or the address of a snapshot or a stream')
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together; one of them is missing")
        if self.https and self.host is None:
            raise ValueError("https: it is of ONVIF, which needs host")
        if self.way == "snapshot" and self.host is None and self.snapshot is None:
            raise ValueError('way: "snapshot" needs host or snapshot')
        if self.way in ("connect", "hold") and self.host is None and self.stream is None:
            raise ValueError(f'way: "{self.way}" needs host or stream')

    @property
    def pictured(self) -> tuple[str, ...]:
        """Channels that each picture has a value of."""
        zones = [
            channel
            for name, zone in self.zones.items()
            for channel in (self.channel_of(name), f"{self.channel_of(name)}_uncertainty")
            if zone.kind == "staff" or not channel.endswith("_uncertainty")
        ]
        models = [
            f"model_score.{name}-{label}" for name, model in self.models.items() for label in model.labels
        ]
        return ("picture_score", *zones, *models)

    @property
    def channels(self) -> tuple[str, ...]:
        """What it tells in numbers, as channels of a device: of its pictures, and of itself."""
        return (*self.pictured, "motion_told") if self.events and self.host else self.pictured

    def channel_of(self, zone: str) -> str:
        """The channel that a zone's value is of."""
        return f"{_CHANNELS[self.zones[zone].kind]}.{zone}"


class Pictures(Strict):
    """Where pictures wait for the platform, and how much may wait; and how often their quality is told."""

    path: Path = Path("/var/lib/polegate/pictures")
    max_size: Size = 256 * 2**20
    quality_every_s: float = entry(
        default=3600.0,
        ge=10,
        le=86400,
        description="Between two quality records of a camera; a change is told at once",
    )
