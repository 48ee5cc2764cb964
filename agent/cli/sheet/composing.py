"""From what was gathered to the sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from agent.amounts import many, moment, size, span
from agent.cli import signoff_texts as say
from agent.cli import texts
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding
from agent.cli.sheet.checklist import Evidence, checks
from agent.cli.sheet.collecting import Collected
from agent.cli.sheet.content import Camera, Instrument, Sheet, Signature
from agent.cli.sheet.signal import signal
from agent.cli.sheet.summing import channels
from agent.inventory import units
from agent.judge.config import offset_min
from agent.loaded import Loaded
from agent.machine.files import Files
from agent.machine.system import system
from agent.plan import DevicePlan
from drivers.endpoints import SerialEndpoint
from firmware_profiles.loader import ProfileError, load_board, load_station
from firmware_profiles.properties import property_of

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a person has given."""

    serials: Mapping[str, str]
    remarks: Sequence[str]
    signatures: Sequence[Signature]


def compose(
    case: Case, loaded: Loaded, seen: Collected, *, cameras: Sequence[Camera],
    doctor: Sequence[Finding], written: Written,
) -> Sheet:  # fmt: skip
    """The sheet of a station whose daemon answered."""
    status, plan, config = seen.status, loaded.plan, loaded.config
    line = signal(case.machine)
    now_ms = status["now_ms"]
    begin_ms = seen.looks[0].status["now_ms"] if len(seen.looks) > 1 else _first_ms(seen, now_ms)
    titles = {name: property_of(name).title for device in plan.devices.values() for name in device.channels}
    summed = tuple(channels(units(plan, plan.devices), titles, seen.samples, begin_ms))
    kind, missing = _expected(loaded)
    evidence = Evidence(
        status=status, channels=summed, cameras=cameras, signal=line, pubacks_s=seen.pubacks_s, kind=kind,
        missing=missing, has_position=None not in (config.station.latitude, config.station.longitude),
        doctor=doctor,
    )  # fmt: skip
    return Sheet(
        made_ms=now_ms, offset_min=offset_min(config.station.utc_offset), version=status["version"],
        station={key: text for key, text in _station(case, loaded, status) if text},
        instruments=tuple(_instruments(loaded, status, written.serials)),
        channels=summed, window=(begin_ms, now_ms), cameras=tuple(cameras),
        connection={"clock": _clock(status), "signal": line.text, **dict(_broker(status, seen.pubacks_s))},
        checks=tuple(checks(evidence)), open=tuple(_open(seen)), remarks=tuple(written.remarks),
        signatures=tuple(written.signatures),
    )  # fmt: skip


def _first_ms(seen: Collected, now_ms: int) -> int:
    """Where nothing was waited for, all that the daemon still knows counts."""
    return min((int(item["at_ms"]) for item in seen.samples), default=now_ms)


def _expected(loaded: Loaded) -> tuple[str, list[str]]:
    """The title of the station's kind, and what it needs and has not."""
    kind = loaded.config.station.kind
    if not kind:
        return "", []
    try:
        profile = load_station(kind, (loaded.files[0].parent / "profiles",))
    except ProfileError:
        return kind, []
    measured = {name: each.channels for name, each in loaded.plan.measuring.items()}
    missing = profile.missing(measured).values()
    return profile.title.lower(), [each.title.lower() for each in missing if each.required]


def _station(case: Case, loaded: Loaded, status: Facts) -> Iterator[tuple[str, str]]:
    station, known = loaded.config.station, system(Files(case.machine.root))
    places = (loaded.files[0].parent / "profiles",)
    try:
        board = load_board(station.board, places).title
    except ProfileError:
        board = station.board
    yield "title", station.title
    yield "site", station.site
    yield "gateway", station.gateway
    yield "kind", _expected(loaded)[0]
    if station.latitude is not None and station.longitude is not None:
        yield "position", f"{station.latitude:.5f}, {station.longitude:.5f}"
    yield "utc_offset", f"UTC{station.utc_offset}"
    yield "board", board
    yield "hardware", known.board
    yield "system", known.os
    yield "kernel", known.kernel
    yield "polegate", status["version"]
    yield (
        "uptime",
        f"{span(status['uptime_s'])}, since {moment(status['now_ms'] - 1000 * status['uptime_s'])}",
    )


def _instruments(loaded: Loaded, status: Facts, serials: Mapping[str, str]) -> Iterator[Instrument]:
    told = {each["device"]: each["values"] for each in status["devices"]}
    for plan in loaded.plan.devices.values():
        texts_told = [v["value"] for v in told.get(plan.name, ()) if v["channel"].partition(".")[0] == "text"]
        yield Instrument(
            device=plan.name,
            title=plan.title if plan.title != plan.name else "",
            profile=plan.profile or "own register map",
            model=f"{plan.instrument.vendor} {plan.instrument.model}".strip(),
            bus=_bus(plan),
            unit=str(plan.unit) if plan.instrument.protocol == "modbus" else "",
            every_s=plan.every_s,
            serial=serials.get(plan.name) or next((str(each) for each in texts_told if each), ""),
        )


def _bus(plan: DevicePlan) -> str:
    """`/dev/ttyS1 9600 8N1`, `10.0.0.7:502 tcp`."""
    endpoint = plan.endpoint
    if isinstance(endpoint, SerialEndpoint):
        line = endpoint.line
        return f"{endpoint} {line.baud} {line.data_bits}{line.parity}{line.stop_bits}"
    return f"{endpoint} {plan.framing}"


def _clock(status: Facts) -> str:
    clock = status["clock"]
    return texts.CLOCK_TRUSTED[clock["source"]] if clock["trusted"] else texts.CLOCK_UNTRUSTED


def _broker(status: Facts, pubacks_s: Sequence[float]) -> Iterator[tuple[str, str]]:
    uplink = status["uplink"]
    yield "broker", uplink["url"]
    yield "tls", say.TLS[uplink["url"].startswith("mqtts:")]
    since = uplink.get("since_ms")
    state = uplink["state"]
    yield "connected", f"{state} for {span((status['now_ms'] - since) / 1000)}" if since else state
    if pubacks_s:
        least, most = span(min(pubacks_s)), span(max(pubacks_s))
        took = say.PUBACK.format(median=span(median(pubacks_s)), count=len(pubacks_s), least=least, most=most)
    else:
        took = say.PUBACK_NONE
    yield "puback", took
    held = status["outbox"]
    yield "outbox", f"{many(held['items'], 'reading')}, {size(held['bytes'])} of {size(held['max_bytes'])}"


def _open(seen: Collected) -> Iterator[str]:
    """Open faults, then open events."""
    for fault in seen.status["faults"]:
        yield f"{fault['kind']} {fault['subject']}, since {moment(fault['began_ms'])}: {fault['message']}"
    for event in seen.looks[-1].events["open"]:
        since = moment(event["began_ms"])
        yield f"{event['severity']} {event['kind']} {event['subject']}, since {since}: {event['message']}"
