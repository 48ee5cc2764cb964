"""Buses, by what the daemon says of their devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.amounts import many
from agent.cli import doctor_texts as say
from agent.cli import texts
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown


def check(case: Case) -> Iterator[Finding]:
    """Each bus, then each device on it that fails."""
    if not case.status:
        yield unknown(say.NO_DAEMON)
        return
    buses: dict[str, list[Mapping[str, Any]]] = {}
    for device in case.status["devices"]:
        buses.setdefault(str(device["bus"]), []).append(device)
    if not buses:
        yield ok(say.NO_DEVICES)
    for bus, devices in buses.items():
        yield from judge(bus, devices)


def judge(bus: str, devices: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """All silent together is the line's fault, one of several is its own."""
    failing = [device for device in devices if device["state"] not in ("ok", "starting")]
    fresh = sum(device["state"] == "starting" for device in devices)
    good = len(devices) - len(failing) - fresh
    starting = say.BUS_STARTING.format(count=fresh) if fresh else ""
    if not failing:
        yield ok(say.BUS_OK.format(bus=bus, count=good, starting=starting))
        return
    if len(failing) == len(devices) > 1:
        found = say.BUS_SILENT.format(bus=bus, count=many(len(devices), "device"))
        yield fail(found, say.BUS_WHY, say.BUS_SILENT_DO)
    else:
        found = say.BUS_FAILING.format(bus=bus, ok=good, failing=len(failing), starting=starting)
        yield fail(found, say.BUS_WHY, f"Look at them one by one: polegate read {failing[0]['device']} --raw")
    for device in failing:
        found = say.BUS_DEVICE.format(device=device["device"], error=device["error"])
        yield fail(found, "", texts.DEVICE_ADVICE.get(device["state"], texts.ELSE))
