"""How the gateway and the daemon on it are doing at one moment: what health tells and what metrics show."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agent import backlog
from agent.camera.cameras import CameraHealth
from agent.machine.files import Files
from agent.machine.gateway import Gateway, look
from agent.machine.system import System, system
from agent.plan import BusPlan
from agent.running import Running
from agent.uplink.drain import Counters
from drivers.bus import Bus, DeviceHealth

VERSION = version("polegate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Resident memory and CPU seconds of the daemon, without its children."""

    rss_bytes: int
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceVitals:
    """`missed` are polls that were skipped because the bus was busy; `bus` is its port or address."""

    bus: str
    state: str
    health: DeviceHealth
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BusVitals:
    """Of what was counted since its part was started; `busy_s` is None where gauges push of their own."""

    connected: bool
    busy_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """`at` is the time it was taken, and whether the clock was trusted; all else as in its own place."""

    at: tuple[int, bool]
    kept: bool
    source: str
    steps: int
    step_ms: int
    config: str
    refused: bool
    loaded_ms: int
    uptime_s: float
    process: Process
    gateway: Gateway
    parts: Mapping[str, str]
    buses: Mapping[str, BusVitals]
    devices: Mapping[str, DeviceVitals]
    cameras: Mapping[str, CameraHealth]
    camera_states: Mapping[str, str]
    uplink: Counters | None
    connected: bool
    outbox: Mapping[str, Any]
    pictures: Mapping[str, Any]
    worker: Mapping[str, Any]
    events: Mapping[str, int]
    faults: int


class Observer:
    """Takes the vitals of one run; what does not change while the gateway is up it looks at once."""

    def __init__(self, running: Running, files: Files | None = None) -> None:
        self._running = running
        self._files = files or Files()
        self._system: System | None = None

    async def vitals(self) -> Vitals:
        """Of now.

        Raises:
            OutboxError: the store cannot be read.
        """
        running, loaded = self._running, self._running.loaded
        uplink, watching = running.uplink, running.watching
        return Vitals(
            at=running.clock.now(),
            kept=running.clock.kept,
            source=loaded.config.clock.source,
            steps=running.steps,
            step_ms=running.step_ms,
            config=loaded.revision,
            refused=bool(running.refused),
            loaded_ms=running.loaded_ms,
            uptime_s=time.monotonic() - running.began_s,
            process=process(),
            gateway=await asyncio.to_thread(self._look),
            parts={name: part["state"] for name, part in running.supervisor.describe().items()},
            buses={str(plan.endpoint): _bus(running, plan) for plan in loaded.plan.buses},
            devices=_devices(running),
            cameras=dict(watching.health),
            camera_states=watching.states(),
            uplink=uplink.counters if uplink else None,
            connected=bool(uplink and uplink.state.connected),
            outbox=await outbox(running),
            pictures=await watching.pictures.figures() if watching.pictures else {},
            worker=watching.process(),
            events=running.judging.by_severity(),
            faults=len(running.faults.open),
        )

    def _look(self) -> Gateway:
        config = self._running.loaded.config
        self._system = self._system or system(self._files)
        folders = {"outbox": config.outbox.path.parent}
        if self._running.watching.pictures:
            folders["pictures"] = config.pictures.path
        return look(self._files, self._system, folders)


async def outbox(running: Running) -> dict[str, Any]:
    """What waits, against its bound, and what was lost ever."""
    stats = await running.store.stats()
    held = backlog.figures(stats, running.loaded.config.outbox.max_size)
    return {**held, "dropped": running.router.dropped}


def process() -> Process:
    """From getrusage(2) and /proc/self/statm."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    cpu_s = round(used.ru_utime + used.ru_stime, 2)
    return Process(rss_bytes=pages * os.sysconf("SC_PAGESIZE"), cpu_s=cpu_s)


def state_of(health: DeviceHealth) -> str:
    """Ok, starting, or the reason the device cannot be read."""
    if not health.samples:
        return "starting"
    return health.reason or "ok"


def _bus(running: Running, plan: BusPlan) -> BusVitals:
    served = running.buses.get(plan.name)
    busy_s = served.busy_s if isinstance(served, Bus) else None
    return BusVitals(connected=bool(served and served.connected), busy_s=busy_s)


def _devices(running: Running) -> dict[str, DeviceVitals]:
    found = {}
    for plan in running.loaded.plan.buses:
        served = running.buses.get(plan.name)
        missed = served.missed if isinstance(served, Bus) else {}
        for device in plan.devices:
            health = running.devices.get(device.name, DeviceHealth())
            found[device.name] = DeviceVitals(
                bus=str(plan.endpoint),
                state=state_of(health),
                health=health,
                missed=missed.get(device.name, 0),
            )
    return found
