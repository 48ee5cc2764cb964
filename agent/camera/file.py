"""The camera's file, one device one file: what is configured, what it says itself, how good it sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from agent.camera import gb28181
from agent.camera.config import Camera
from agent.config import Station
from drivers.cameras.access import shown_url
from firmware_profiles.declared import Strict, entry, schema_of
from firmware_profiles.properties import property_of

VERSION = 1

Facts = Mapping[str, Any]


class Identity(Strict):
    """Which camera this is."""

    site: str
    gateway: str
    camera: str = entry(description="Its name in the configuration; the device of its readings")
    title: str
    id: str | None = entry(description="20 digits, GB/T 28181")
    civil_code: str | None = entry(description="The region in the id, GB/T 2260")
    doubts: tuple[str, ...] = entry(description="What speaks against the id")


class Place(Strict):
    """Where it is and where it looks."""

    latitude: float | None = entry(description="WGS 84, degrees")
    longitude: float | None = entry(description="WGS 84, degrees")
    height_m: float | None = entry(description="Above the ground")
    azimuth_deg: float | None = entry(description="Clockwise from true north")
    view_deg: float | None = entry(description="Horizontal field of view")
    scene: str
    installed: str = entry(description="YYYY-MM-DD, or empty")
    photo: str | None = entry(description="File of the installation's photograph")


class Ownership(Strict):
    """Whose it is and who may see its pictures."""

    owner: str
    sharing: str
    note: str


class Maker(Strict):
    """What the camera says of itself; empty where it was not asked or does not say."""

    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    hardware: str = ""


class Network(Strict):
    """How it is reached; addresses are without user and password."""

    description: str
    host: str
    https: bool
    verified: bool = entry(description="Its certificate is checked; true without TLS, too")
    mac: str | None
    snapshot: str
    stream: str


class Imaging(Strict):
    """Its stream that is used, and what it can do; 0 or empty where it does not say."""

    profile: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    media: int = entry(default=0, description="Version of its ONVIF media service, 0: none")
    ptz: bool = False
    imaging: bool = False
    events: bool = False
    clock_offset_ms: int | None = entry(default=None, description="Its clock ahead of the gateway's")


class Sampling(Strict):
    """How it is looked at."""

    way: str = entry(description="In use, or as configured while the daemon does not say")
    why: str
    every_s: float
    masks: int = entry(description="Parts of the picture that are blacked out before anything is stored")
    zones: dict[str, str] = entry(description="Name to kind")


class State(Strict):
    """How it stood when the file was made; `step` is empty where no daemon was asked."""

    step: str
    reason: str
    message: str
    since: str | None = entry(description="RFC 3339")
    last_picture: str | None = entry(description="RFC 3339")
    faults: tuple[str, ...] = entry(description="Of the picture, those that last")


class Channel(Strict):
    """One number that its pictures give."""

    channel: str
    title: str
    unit: str = entry(description="UCUM")
    value: float | None
    quality: int | None = entry(description="1 good, 2 not evaluated, 3 suspect, 4 bad, 9 missing")


class CameraRecord(Strict):
    """One device, one file."""

    version: int = VERSION
    made: str = entry(description="RFC 3339")
    identity: Identity
    place: Place
    ownership: Ownership
    maker: Maker
    network: Network
    imaging: Imaging
    sampling: Sampling
    state: State
    quality: dict[str, Any] | None = entry(description="The last record of its picture quality")
    channels: tuple[Channel, ...]


def build(station: Station, name: str, camera: Camera, status: Facts, made_ms: int) -> CameraRecord:
    """The file of a camera. `status` is its item in the daemon's status, or what a probe found under `facts`.

    An empty `status` gives a file from the configuration alone.
    """
    facts: Facts = status.get("facts") or {}
    return CameraRecord(
        made=instant(made_ms) or "",
        identity=_identity(station, name, camera),
        place=_place(camera),
        ownership=Ownership(owner=camera.file.owner, sharing=camera.file.sharing, note=camera.file.note),
        maker=Maker(**{each.name: str(facts.get(each.name) or "") for each in fields(Maker)}),
        network=_network(camera, facts),
        imaging=_imaging(facts),
        sampling=_sampling(camera, status),
        state=_state(status),
        quality=status.get("record") or None,
        channels=tuple(_channels(camera.channels, status)),
    )


def json_schema() -> dict[str, Any]:
    """JSON Schema of the camera's file."""
    schema = schema_of(CameraRecord, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "polegate camera"}


def instant(at_ms: int | None) -> str | None:
    """RFC 3339 with milliseconds, UTC."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _identity(station: Station, name: str, camera: Camera) -> Identity:
    known = gb28181.parse(camera.file.id) if camera.file.id else None
    return Identity(
        site=station.site,
        gateway=station.gateway,
        camera=name,
        title=camera.title or name,
        id=known.text if known else None,
        civil_code=known.region if known else None,
        doubts=gb28181.doubts(known) if known else (),
    )


def _place(camera: Camera) -> Place:
    known = {each.name: getattr(camera.file, each.name) for each in fields(Place)}
    return Place(**known | {"photo": str(camera.file.photo) if camera.file.photo else None})


def _network(camera: Camera, facts: Facts) -> Network:
    snapshot, stream = (
        shown_url(str(facts.get(key) or given or ""))
        for key, given in (("snapshot", camera.snapshot), ("stream", camera.stream))
    )
    host = camera.host or urlsplit(camera.snapshot or camera.stream or "").hostname or ""
    return Network(
        description=camera.file.network, host=host, https=camera.https, verified=camera.verify,
        mac=facts.get("mac"), snapshot=snapshot, stream=stream,
    )  # fmt: skip


def _imaging(facts: Facts) -> Imaging:
    profiles = facts.get("profiles") or ()
    used: Facts = next((each for each in profiles if each["token"] == facts.get("profile")), {})
    return Imaging(
        profile=str(facts.get("profile") or ""),
        **{key: used[key] for key in ("codec", "width", "height", "fps") if key in used},
        media=facts.get("media") or 0,
        ptz=bool(facts.get("has_ptz")),
        imaging=bool(facts.get("has_imaging")),
        events=bool(facts.get("has_events")),
        clock_offset_ms=facts.get("clock_offset_ms"),
    )


def _sampling(camera: Camera, status: Facts) -> Sampling:
    return Sampling(
        way=status.get("way") or camera.way,
        why=status.get("why") or "",
        every_s=camera.every_s,
        masks=len(camera.masks),
        zones={name: zone.kind for name, zone in camera.zones.items()},
    )


def _state(status: Facts) -> State:
    return State(
        step=status.get("step") or "",
        reason=status.get("reason") or "",
        message=status.get("message") or "",
        since=instant(status.get("since_ms")),
        last_picture=instant(status.get("last_ms")),
        faults=tuple(status.get("faults") or ()),
    )


def _channels(names: Sequence[str], status: Facts) -> list[Channel]:
    known = {each["channel"]: each for each in status.get("values") or ()}
    score = {"value": status.get("score"), "quality": None}
    found = []
    for name in names:
        meaning, reading = property_of(name), known.get(name, score if name == "picture_score" else {})
        found.append(
            Channel(
                channel=name,
                title=meaning.title,
                unit=meaning.unit,
                value=reading.get("value"),
                quality=reading.get("quality"),
            )
        )
    return found
