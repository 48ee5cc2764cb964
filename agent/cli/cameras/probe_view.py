"""What a probe found, for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from agent.amounts import many, size, span
from agent.cli import screen
from agent.cli.cameras import texts as camera_texts
from agent.cli.cameras.advice import told
from agent.cli.cameras.view import clock

if TYPE_CHECKING:
    from agent.camera.config import Camera
    from agent.cli.cameras.probing import Probing, Step

SKEWED_MS = 5000
"""The usual window of cameras for the time of a signature."""


def step_line(step: Step, camera: Camera, name: str, *, configured: bool) -> str:
    """`reachable    yes  12 ms`, or no and why and what to look at."""
    line = f"{step.name:<11} {'yes' if step.ok else 'no':<4} {span(step.took_s)}"
    if step.ok:
        return line
    return f"{line}\n{told(step.reason, step.message, camera, name, configured=configured)}"


def probe_view(probing: Probing, name: str) -> Iterator[RenderableType]:
    """All but the steps, which were told as they were climbed; `name` is for what to do next."""
    facts = probing.facts
    if not facts:
        return
    yield ""
    yield screen.pairs(
        ("maker", f"{facts.get('manufacturer', '')} {facts.get('model', '')}".strip()),
        ("firmware", facts.get("firmware", "")),
        ("serial", facts.get("serial", "")),
        ("MAC", facts.get("mac") or ""),
        ("clock", _clock(facts, name)),
        ("media", f"ONVIF media {facts['media']}" if facts.get("media") else ""),
        ("network", _network(probing.extra.get("network", {}))),
        ("snapshot", facts.get("snapshot", "")),
        ("stream", facts.get("stream", "")),
        ("PTZ", _ptz(facts, probing.extra)),
        ("imaging", _imaging(probing.extra.get("imaging", {}))),
        ("events", _yes(facts, "has_events")),
        *((f"by {way}", _picture(found)) for way, found in probing.ways.items()),
        ("way", _way(probing)),
    )
    if profiles := facts.get("profiles"):
        yield ""
        yield _profiles(profiles, facts.get("profile", ""))


def _profiles(profiles: list[Mapping[str, Any]], used: str) -> RenderableType:
    rows = screen.table("profile", "name", "codec", "size", "fps", "", right=("fps",), whole=("size",))
    for each in profiles:
        dimensions = f"{each['width']}x{each['height']}" if each["width"] else "-"
        marks = ["used"] * (each["token"] == used) + ["PTZ"] * bool(each["has_ptz"])
        rate = f"{each['fps']:g}" if each["fps"] else "-"
        rows.add_row(each["token"], each["name"], each["codec"] or "-", dimensions, rate, ", ".join(marks))
    return rows


def _clock(facts: Mapping[str, Any], name: str) -> str:
    offset_ms = facts.get("clock_offset_ms")
    if offset_ms is None:
        return ""
    by = "kept by a time server" if facts.get("clock_by_ntp") else "set by hand"
    skewed = f"\n{camera_texts.SKEWED.format(name=name)}" if abs(offset_ms) >= SKEWED_MS else ""
    return f"{clock(offset_ms)}, {by}{skewed}"


def _network(network: Mapping[str, Any]) -> str:
    if "error" in network:
        return str(network["error"])
    parts = [", ".join((*network.get("ipv4", ()), *network.get("ipv6", ())))]
    parts += [f"{word} {', '.join(network[key])}" for key, word in (("dns", "DNS"), ("ntp", "NTP"))
              if network.get(key)]  # fmt: skip
    return "; ".join(filter(None, parts))


def _ptz(facts: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    presets = extra.get("presets")
    if isinstance(presets, list):
        return f"yes, {many(len(presets), 'preset')}"
    return _yes(facts, "has_ptz")


def _imaging(settings: Mapping[str, Any]) -> str:
    if "error" in settings:
        return str(settings["error"])
    numbers = {key: f"{value:g}" if isinstance(value, float) else value for key, value in settings.items()}
    return ", ".join(f"{key} {value}" for key, value in numbers.items() if value is not None)


def _yes(facts: Mapping[str, Any], key: str) -> str:
    return "" if key not in facts else "yes" if facts[key] else "no"


def _picture(found: Mapping[str, Any]) -> str:
    if "error" in found:
        return str(found["error"])
    octets = size(found["bytes"]) if found["bytes"] else ""
    rate = f"{found['fps']:.3g} pictures a second" if found["fps"] else ""
    parts = [f"{found['width']}x{found['height']}", octets, rate, f"in {span(found['took_s'])}"]
    return ", ".join(filter(None, parts))


def _way(probing: Probing) -> str:
    if not probing.way:
        return ""
    return f"{probing.way}: {probing.why}; {span(probing.cpu_s_per_hour)} of CPU an hour"
