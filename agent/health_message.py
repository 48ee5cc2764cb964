"""The health message's body from the vitals: what is not known is left out, nothing is null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.machine.gateway import Gateway
from agent.machine.wear import Disk
from agent.vitals import VERSION, Vitals

RESERVES = {1: "normal", 2: "warning", 3: "urgent"}
"""PRE_EOL_INFO of an eMMC: under 80 %, under 90 %, 90 % and more of its reserve blocks are used."""


def message(now: Vitals, before: Vitals | None = None) -> dict[str, Any]:
    """`before` is what the last message was made from: a bus's load is that of the time since."""
    return _known(
        version=VERSION,
        config=now.config,
        uptime_s=round(now.uptime_s),
        rss_bytes=now.process.rss_bytes,
        cpu_s=now.process.cpu_s,
        worker_rss_bytes=now.worker.get("rss_bytes"),
        software=_software(now.gateway),
        machine=_machine(now.gateway),
        disks={disk.disk: _disk(disk) for disk in now.gateway.disks} or None,
        space={
            name: {"free_bytes": found.free, "total_bytes": found.total}
            for name, found in now.gateway.spaces.items()
        },
        timekeeping=_timekeeping(now),
        parts=now.parts,
        buses=_buses(now, before) or None,
        devices={name: device.state for name, device in now.devices.items()},
        cameras=now.camera_states or None,
        uplink=_uplink(now),
        outbox={key: value for key, value in now.outbox.items() if isinstance(value, int)},
        pictures=_pictures(now.pictures) or None,
        events=now.events,
    )


def _software(gateway: Gateway) -> dict[str, Any]:
    system = gateway.system
    return _known(python=system.python, os=system.os or None, kernel=system.kernel)


def _machine(gateway: Gateway) -> dict[str, Any]:
    memory = gateway.memory
    return _known(
        board=gateway.system.board or None,
        uptime_s=round(gateway.uptime_s),
        load=round(gateway.load, 2),
        memory_bytes=memory and memory.total,
        available_bytes=memory and memory.available,
        celsius={name: round(celsius, 1) for name, celsius in gateway.temperatures.items()} or None,
        supply=gateway.supply,
        reset=gateway.system.reset,
    )


def _disk(disk: Disk) -> dict[str, Any]:
    return _known(
        model=None if disk.name == "?" else disk.name,
        life_used=disk.life_used,
        reserve=RESERVES.get(disk.reserve or 0),
        written_bytes=disk.written,
    )


def _timekeeping(now: Vitals) -> dict[str, Any]:
    return _known(
        source=now.source,
        trusted=now.at[1],
        kept=now.kept,
        steps=now.steps,
        step_ms=now.step_ms if now.steps else None,
    )


def _buses(now: Vitals, before: Vitals | None) -> dict[str, Any]:
    found = {}
    for name, bus in now.buses.items():
        own = [device for device in now.devices.values() if device.bus == name]
        found[name] = _known(
            connected=bus.connected,
            load=_load(name, now, before),
            samples=sum(device.health.samples for device in own),
            incomplete=sum(device.health.counts.total() for device in own),
            missed=sum(device.missed for device in own),
        )
    return found


def _load(name: str, now: Vitals, before: Vitals | None) -> float | None:
    """Share of the time since; a bus that was started anew has counted from 0 again."""
    busy_s = now.buses[name].busy_s
    if busy_s is None:
        return None
    known = before.buses.get(name) if before else None
    began_s = before.uptime_s if before and known else 0.0
    spent_s = busy_s - (known.busy_s or 0.0 if known else 0.0)
    if spent_s < 0:
        spent_s = busy_s
    return round(min(spent_s / max(now.uptime_s - began_s, 0.001), 1.0), 3)


def _uplink(now: Vitals) -> dict[str, Any] | None:
    """The counters; the state is in `status`, and in that the message came."""
    counters = now.uplink
    if counters is None:
        return None
    return _known(
        published=counters.published,
        acknowledged=counters.acknowledged,
        repeated=counters.repeated,
        refused=counters.refused,
        rejected=counters.rejected,
        bytes=counters.bytes,
        puback_s=counters.puback_s,
    )


def _pictures(figures: Mapping[str, Any]) -> dict[str, int]:
    if not figures:
        return {}
    spool = figures["spool"]
    return {
        "waiting": spool["waiting"],
        "waiting_bytes": spool["waiting_bytes"],
        "delivered": figures["delivered"],
        "lost": sum(figures["lost"].values()),
        "evicted": spool["evicted"],
    }


def _known(**fields: Any) -> dict[str, Any]:  # noqa: ANN401  of a message
    return {name: value for name, value in fields.items() if value is not None}
