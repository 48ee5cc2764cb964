"""The checklist: pass or fail, decided by facts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from agent.amounts import listed, many, span
from agent.cli import signoff_texts as say
from agent.cli.checks.findings import Finding, Verdict, fail, ok, unknown, warn
from agent.cli.sheet.content import Camera, Channel
from agent.cli.sheet.signal import Signal

OLDEST_S = 300
"""A reading that has waited longer is not on its way."""

MOST_MISSING = 0.02
"""Share of samples; a line that loses more has something wrong with it."""

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the checks look at. `missing` is what the station's kind wants and nothing measures."""

    status: Facts
    channels: Sequence[Channel]
    cameras: Sequence[Camera]
    signal: Signal
    pubacks_s: Sequence[float]
    kind: str
    missing: Sequence[str]
    has_position: bool
    doctor: Sequence[Finding]


def checks(seen: Evidence) -> Iterator[Finding]:
    """In the order of the sheet."""
    yield from _station(seen)
    for device in seen.status["devices"]:
        yield from _device(device["device"], [c for c in seen.channels if c.device == device["device"]])
    for camera in seen.cameras:
        yield _camera(camera, seen.status)
    yield from _clock(seen.status["clock"])
    yield from _uplink(seen.status["uplink"], seen.pubacks_s)
    yield _outbox(seen.status)
    yield _signal(seen.signal)
    yield from _doctor(seen.doctor)


def _station(seen: Evidence) -> Iterator[Finding]:
    if not seen.kind:
        yield unknown(say.EXPECTED_NO_KIND)
    for title in seen.missing:
        yield fail(say.EXPECTED_BAD.format(kind=seen.kind, title=title), "", "polegate device add")
    if seen.kind and not seen.missing:
        yield ok(say.EXPECTED_OK.format(kind=seen.kind))
    yield ok(say.POSITION_OK) if seen.has_position else warn(say.POSITION_BAD, "", "")
    resting = [name for name, part in seen.status["parts"].items() if part["state"] != "running"]
    if resting:
        yield fail(f"{listed(resting)}: {seen.status['parts'][resting[0]]['error']}", "", "polegate status")
    else:
        yield ok(say.DAEMON_OK)
    faults = len(seen.status["faults"])
    if faults:
        yield fail(say.FAULTS_BAD.format(faults=many(faults, "fault")), "", "polegate status")
    else:
        yield ok(say.FAULTS_OK)


def _device(device: str, channels: Sequence[Channel]) -> Iterator[Finding]:
    samples = max((channel.samples for channel in channels), default=0)
    missing = max((channel.missing for channel in channels), default=0)
    if not samples:
        yield fail(say.DEVICE_NONE.format(device=device), "", f"polegate read {device}")
        return
    if missing:
        why = listed(dict.fromkeys(test for channel in channels for test in channel.tests))
        said = say.DEVICE_BAD.format(device=device, missing=missing, samples=many(samples, "sample"), why=why)
        do = f"polegate read {device} --raw"
        yield fail(said, "", do) if missing > MOST_MISSING * samples else warn(said, "", do)
    else:
        yield ok(say.DEVICE_OK.format(device=device, samples=many(samples, "sample")))
    doubted = [channel for channel in channels if channel.suspect or channel.bad]
    if not doubted:
        yield ok(say.QUALITY_OK.format(device=device))
        return
    said = "; ".join(_doubt(channel) for channel in doubted)
    yield Finding(
        Verdict.FAIL if any(channel.bad for channel in doubted) else Verdict.WARN,
        say.QUALITY_BAD.format(device=device, channels=said),
    )


def _doubt(channel: Channel) -> str:
    """`water_level 3 suspect (spike)`."""
    counts = [f"{count} {name}" for name in ("suspect", "bad") if (count := getattr(channel, name))]
    return f"{channel.channel} {listed(counts)} ({', '.join(channel.tests)})"


def _camera(camera: Camera, status: Facts) -> Finding:
    known = next((each for each in status["cameras"] if each["camera"] == camera.camera), None)
    if known is None or known["state"] != "ok":
        why = (known["message"] or ", ".join(known["faults"]) or known["state"]) if known else "not served"
        return fail(
            say.CAMERA_BAD.format(camera=camera.camera, why=why), "", f"polegate camera probe {camera.camera}"
        )
    if not camera.jpeg:
        return warn(say.CAMERA_BAD.format(camera=camera.camera, why=camera.note), "", "")
    return ok(say.CAMERA_OK.format(camera=camera.camera, score=camera.score))


def _clock(clock: Facts) -> Iterator[Finding]:
    yield ok(say.CLOCK_OK) if clock["trusted"] else fail(say.CLOCK_BAD, "", "polegate doctor --only clock")


def _uplink(uplink: Facts, pubacks_s: Sequence[float]) -> Iterator[Finding]:
    if uplink["state"] != "connected":
        said = say.UPLINK_BAD.format(error=uplink.get("error") or uplink["state"])
        yield fail(said, "", "polegate doctor --only broker")
        return
    yield ok(say.UPLINK_OK)
    if not pubacks_s:
        yield fail(say.PUBACK_BAD, "", "polegate outbox")
        return
    took = median(pubacks_s)
    if took > say.PUBACK_SLOW_S:
        yield warn(say.PUBACK_SLOW.format(took=span(took)), "", "")
    else:
        yield ok(say.PUBACK_OK.format(took=span(took)))


def _outbox(status: Facts) -> Finding:
    oldest_ms = status["outbox"]["oldest_ms"]
    waits_s = 0.0 if oldest_ms is None else (status["now_ms"] - oldest_ms) / 1000
    if waits_s > OLDEST_S:
        return fail(say.OUTBOX_BAD.format(age=span(waits_s)), "", "polegate outbox")
    return ok(say.OUTBOX_OK)


def _signal(signal: Signal) -> Finding:
    if signal.weak is None:
        return unknown(say.SIGNAL_UNKNOWN.format(text=signal.text))
    return (
        warn(say.SIGNAL_WEAK.format(text=signal.text), "", "")
        if signal.weak
        else ok(say.SIGNAL_OK.format(text=signal.text))
    )


def _doctor(found: Sequence[Finding]) -> Iterator[Finding]:
    """What it finds wrong is the sheet's own; of the rest it is told how much there is."""
    wrong = [each for each in found if each.verdict is Verdict.FAIL]
    look = [each for each in found if each.verdict is Verdict.WARN]
    for each in (*wrong, *look):
        yield Finding(each.verdict, say.DOCTOR_BAD.format(found=each.found), each.why, each.do)
    if not wrong:
        counts = Counter(each.verdict for each in found)
        yield ok(f"{say.DOCTOR_OK} ({counts[Verdict.OK]} checks passed)")
