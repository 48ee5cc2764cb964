"""Cameras as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from agent.amounts import ago, many, span, value
from agent.camera import gb28181
from agent.camera.config import Camera
from agent.camera.file import CameraRecord
from agent.cli import screen, texts
from agent.cli.cameras import texts as camera_texts
from agent.cli.cameras.known import Known
from firmware_profiles.properties import property_of

_STYLES = {"changing": screen.GOOD, "streaming": screen.BUSY, "starting": screen.BUSY, "": screen.DIM}


def list_view(known: Known) -> Iterator[RenderableType]:
    """A row a camera."""
    right = ("last picture", "score")
    rows = screen.table("camera", "step", "way", *right, "what is wrong", right=right, whole=("step", *right))
    for name, camera in known.cameras.items():
        rows.add_row(*_cells(known, name, camera))
    yield rows


def _cells(known: Known, name: str, camera: Camera) -> list[Text]:
    status = known.of(name)
    step = status.get("step") or ""
    title = Text.assemble(name, (f"\n{camera.title}" if camera.title else "", screen.DIM))
    score = status.get("score")
    last = ago(status.get("last_ms"), known.now_ms) if status else "-"
    wrong = [status.get("message") or "", ", ".join(status.get("faults") or ())]
    return [
        title,
        Text(step or "-", screen.BAD if status.get("reason") else _STYLES.get(step, screen.BAD)),
        Text(status.get("way") or camera.way),
        Text(last),
        Text("-" if score is None else str(score)),
        Text("\n".join(filter(None, wrong))),
    ]


def file_view(file: CameraRecord) -> Iterator[RenderableType]:
    """The whole file of a camera."""
    yield Text(f"{file.identity.camera}: {file.identity.title}", screen.BOLD)
    yield screen.pairs(
        ("id", _id(file)), *_place(file), *_ownership(file), *_maker(file), *_network(file), *_stream(file),
        *_looked_at(file), *_state(file), *_quality(file.quality),
    )  # fmt: skip
    yield ""
    rows = screen.table("channel", "what it is", "value", "quality", right=("value",), whole=("value",))
    for each in file.channels:
        decimals = property_of(each.channel).decimals
        quality = texts.QUALITY[each.quality] if each.quality else ""
        rows.add_row(each.channel, each.title, value(each.value, each.unit, decimals), quality)
    yield rows


def _id(file: CameraRecord) -> str:
    if file.identity.id is None:
        return "none; set file.id, 20 digits of GB/T 28181"
    parts = gb28181.parse(file.identity.id).parts
    lines = [f"{part.digits:>6}  {part.name}: {_meaning(part)}" for part in parts]
    return "\n".join([file.identity.id, *lines, *file.identity.doubts])


def _meaning(part: gb28181.Part) -> str:
    meaning = part.meaning or "in no table"
    return meaning if part.confirmed or not part.meaning else f"{meaning}; unconfirmed"


def _place(file: CameraRecord) -> list[tuple[str, str]]:
    place = file.place
    where = f"{place.latitude:.6f}, {place.longitude:.6f} (WGS 84)" if _both(file) else ""
    looks = [
        f"{place.height_m:g} m above the ground" if place.height_m is not None else "",
        f"looks to {place.azimuth_deg:g}°" if place.azimuth_deg is not None else "",
        f"sees {place.view_deg:g}° wide" if place.view_deg is not None else "",
    ]
    return [
        ("place", ", ".join(filter(None, [where, *looks]))),
        ("scene", place.scene),
        ("installed", " ".join(filter(None, [place.installed, f"({place.photo})" if place.photo else ""]))),
    ]


def _both(file: CameraRecord) -> bool:
    return file.place.latitude is not None and file.place.longitude is not None


def _ownership(file: CameraRecord) -> list[tuple[str, str]]:
    whose = file.ownership
    return [("owner", whose.owner), ("shared with", whose.sharing), ("note", whose.note)]


def _maker(file: CameraRecord) -> list[tuple[str, str]]:
    maker = file.maker
    return [
        ("maker", f"{maker.manufacturer} {maker.model}".strip()),
        ("firmware", maker.firmware),
        ("serial", maker.serial),
    ]


def _network(file: CameraRecord) -> list[tuple[str, str]]:
    network = file.network
    how = "HTTPS" if network.https else "HTTP"
    unchecked = ", certificate not checked" if not network.verified else ""
    host = ", ".join(filter(None, [network.host, f"{how}{unchecked}", network.mac, network.description]))
    return [("network", host), ("snapshot", network.snapshot), ("stream", network.stream)]


def _stream(file: CameraRecord) -> list[tuple[str, str]]:
    used = file.imaging
    if not used.profile:
        return []
    size = f"{used.width}x{used.height}" if used.width else ""
    rate = f"{used.fps:g} pictures a second" if used.fps else ""
    can = [
        word for word, has in (("PTZ", used.ptz), ("imaging", used.imaging), ("events", used.events)) if has
    ]
    offset = used.clock_offset_ms
    return [
        ("profile", ", ".join(filter(None, [used.profile, used.codec.upper(), size, rate]))),
        ("can", ", ".join(can)),
        ("clock", "" if offset is None else clock(offset)),
    ]


def clock(offset_ms: int) -> str:
    """How far a camera's clock is off."""
    if abs(offset_ms) < 2000:
        return "right"
    return f"{span(round(abs(offset_ms) / 1000))} {'ahead' if offset_ms > 0 else 'behind'}"


def _looked_at(file: CameraRecord) -> list[tuple[str, str]]:
    seen = file.sampling
    zones = ", ".join(f"{name} ({kind})" for name, kind in seen.zones.items())
    why = f": {seen.why}" if seen.why else ""
    return [
        ("way", f"{seen.way}, every {span(seen.every_s)}{why}"),
        ("masks", many(seen.masks, "mask") if seen.masks else ""),
        ("zones", zones),
    ]


def _state(file: CameraRecord) -> list[tuple[str, RenderableType]]:
    state = file.state
    if not state.step:
        return []
    said = state.message or camera_texts.STEPS.get(state.step, "")
    step = Text.assemble((state.step, _STYLES.get(state.step, screen.BAD)), f": {said}" if said else "")
    return [("step", step), ("last picture", state.last_picture or "never")]


def _quality(record: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if not record:
        return []
    faults = [f"{each['fault']}: {each['reason']}" for each in record.get("faults", ())]
    learning = ["still learning what is usual"] if record.get("learning") else []
    return [("picture", "\n".join([f"score {record['score']}", *learning, *faults]))]


def mask_view(camera: Camera) -> Iterator[RenderableType]:
    """Masks and zones as figures."""
    rows = screen.table("number", "points: x,y from the top left, 0 to 1", right=("number",))
    for number, mask in enumerate(camera.masks, 1):
        rows.add_row(str(number), points(mask))
    if camera.masks:
        yield rows
    if camera.zones:
        zones = screen.table("zone", "kind", "points")
        for name, zone in camera.zones.items():
            zones.add_row(name, zone.kind, points(zone.polygon))
        yield zones


def points(polygon: Sequence[tuple[float, float]]) -> str:
    """As `mask --add` takes them."""
    return " ".join(f"{x:g},{y:g}" for x, y in polygon)
