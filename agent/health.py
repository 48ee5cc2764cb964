"""How the agent is doing, for the operator (status), for systemd (one line) and for the platform (health)."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from agent import backlog
from agent.health_message import message
from agent.plan import BusPlan
from agent.running import Running
from agent.uplink.mqtt import MqttUplink
from agent.vitals import VERSION, Observer, Vitals, outbox, process, state_of
from agent.wire import FaultKind, Leaf
from buffer.envelope import Priority
from drivers.bus import Bus, DeviceHealth
from drivers.readings import Sample
from firmware_profiles.properties import property_of

EXPIRES_MS = 600_000
"""Health older than this interests nobody."""

STATION = {
    FaultKind.STORE_UNWRITABLE,
    FaultKind.STORE_EVICTED,
    FaultKind.CLOCK_UNSYNCED,
    FaultKind.CONFIG_REFUSED,
}
"""Faults that no device, camera or uplink has told already."""


def one_line(running: Running) -> str:
    """For systemctl status: devices by state, the uplink, and what ails the station itself."""
    states = Counter(device_states(running).values())
    devices = ", ".join(f"{count} {state}" for state, count in states.most_common()) or "no devices"
    cameras = Counter(running.watching.states().values())
    if cameras:
        devices += "; cameras: " + ", ".join(f"{count} {state}" for state, count in cameras.most_common())
    uplink = _uplink(running.uplink)
    told = [f"uplink {uplink['state']}", uplink.get("error", "")]
    ails = [fault.message for fault in running.faults.open.values() if fault.kind in STATION]
    return "; ".join([devices, ": ".join(filter(None, told)), *ails])


def device_states(running: Running) -> dict[str, str]:
    """Each device: ok, starting, or the reason it cannot be read."""
    return {
        device.name: state_of(_health(running, device.name))
        for bus in running.loaded.plan.buses
        for device in bus.devices
    }


async def status(running: Running) -> dict[str, Any]:
    """The whole picture, as docs/operator/cli.md shows it."""
    config, measuring = running.loaded.config, running.loaded.plan.measuring
    now_ms, trusted = running.clock.now()
    return {
        "version": VERSION,
        "epoch": running.store.epoch,
        "pid": os.getpid(),
        "uptime_s": round(time.monotonic() - running.began_s),
        "now_ms": now_ms,
        "station": {key: getattr(config.station, key) for key in ("site", "gateway", "title")},
        "clock": {"trusted": trusted, "source": config.clock.source},
        "uplink": {"url": config.uplink.url, **_uplink(running.uplink)},
        "outbox": await outbox(running),
        "parts": running.supervisor.describe(),
        "devices": [
            _device(running, bus, index)
            for bus in running.loaded.plan.buses
            for index in range(len(bus.devices))
        ],
        "cameras": [
            camera | {"values": _values(plan.channels, running.router.latest.get(plan.name))}
            for camera in running.watching.status()
            if (plan := measuring.get(camera["camera"]))
        ],
        "pictures": await running.watching.pictures.figures() if running.watching.pictures else {},
        "worker": running.watching.process(),
        "faults": [
            {
                "kind": f.kind,
                "subject": f.subject,
                "reason": f.reason,
                "message": f.message,
                "began_ms": f.began[0],
            }
            for f in running.faults.open.values()
        ],
        "events": running.judging.figures(),
        "process": asdict(process()),
        "config": {
            "files": [str(file) for file in running.loaded.files],
            "loaded_ms": running.loaded_ms,
            "refused": running.refused,
        },
    }


async def peek(running: Running, limit: int) -> list[dict[str, Any]]:
    """The first messages that wait, in the order of delivery."""
    return backlog.shown(await running.store.peek(limit)) if limit else []


async def report(running: Running, every_s: float) -> None:
    """Put a health message on its way every so often, for ever."""
    observer = Observer(running)
    before: Vitals | None = None
    while True:
        now = await observer.vitals()
        body, expires_ms = message(now, before), now.at[0] + EXPIRES_MS
        running.router.tell(Leaf.HEALTH, body, priority=Priority.HEALTH, at=now.at, expires_ms=expires_ms)
        before = now
        await asyncio.sleep(every_s)


def _uplink(uplink: MqttUplink | None) -> dict[str, Any]:
    if uplink is None:
        return {"state": "connecting"}
    state, counters = uplink.state, uplink.counters
    return {
        "state": "connected" if state.connected else "disconnected",
        "since_ms": state.since_ms,
        "error": state.message,
        **asdict(counters),
    }


def _health(running: Running, device: str) -> DeviceHealth:
    return running.devices.get(device, DeviceHealth())


def _device(running: Running, bus: BusPlan, index: int) -> dict[str, Any]:
    device = bus.devices[index]
    health = _health(running, device.name)
    served = running.buses.get(bus.name)
    return {
        "device": device.name,
        "title": device.title,
        "bus": str(bus.endpoint),
        "state": state_of(health),
        "error": health.error,
        "every_s": device.timing.every_s,
        "samples": health.samples,
        "missed": served.missed.get(device.name, 0) if isinstance(served, Bus) else 0,
        "last_ms": health.last_ms,
        "counts": dict(health.counts),
        "values": _values(device.channels, running.router.latest.get(device.name)),
    }


def _values(channels: Iterable[str], sample: Sample | None) -> list[dict[str, Any]]:
    found = {reading.channel: reading for reading in sample.readings} if sample else {}
    rows = []
    for channel in channels:
        known = property_of(channel)
        row: dict[str, Any] = {"channel": channel, "unit": known.unit, "decimals": known.decimals}
        reading = found.get(channel)
        if reading:
            row |= {"value": reading.value, "quality": int(reading.quality), "test": reading.test}
        else:
            row |= {"value": None, "quality": 9, "test": "not_read_yet"}
        rows.append(row)
    return rows
