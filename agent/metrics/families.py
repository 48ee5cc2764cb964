"""Every metric there is, from the vitals; docs/operator/metrics.md explains each.

Labels name what the configuration or the kernel names, so there are as many samples as the station has
devices, buses and disks. What gauges measure is not among them: it goes to the platform with its quality
and its own time, which a scrape would lose, and everybody on the machine may read a metric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent.camera.cameras import CameraHealth
from agent.machine.memory import Memory
from agent.machine.power import WORDS
from agent.machine.space import Space
from agent.machine.wear import Disk
from agent.metrics.exposition import Family, Samples, by, one
from agent.uplink.drain import Counters
from agent.vitals import VERSION, BusVitals, DeviceVitals, Vitals
from agent.wire import MAJOR
from buffer.retention import Reason
from pipelines.events import Severity

Metric = Family[Vitals]


def gauge(name: str, help_: str, read: Callable[[Vitals], Samples]) -> Metric:
    """What goes up and down."""
    return Family(f"polegate_{name}", "gauge", help_, read)


def counter(name: str, help_: str, read: Callable[[Vitals], Samples]) -> Metric:
    """What only grows, until what counts it is started anew."""
    return Family(f"polegate_{name}_total", "counter", help_, read)


def _s(at_ms: int | None) -> float | None:
    return None if at_ms is None else at_ms / 1000


def _info(now: Vitals) -> Samples:
    system = now.gateway.system
    facts = {"version": VERSION, "contract": str(MAJOR), "config": now.config, "python": system.python}
    return [({**facts, "os": system.os, "kernel": system.kernel, "board": system.board}, 1)]


def _devices(pick: Callable[[DeviceVitals], float | int | None]) -> Callable[[Vitals], Samples]:
    def read(now: Vitals) -> Samples:
        return [({"device": name, "bus": of.bus}, pick(of)) for name, of in now.devices.items()]

    return read


def _buses(pick: Callable[[BusVitals], float | int | None]) -> Callable[[Vitals], Samples]:
    return lambda now: by("bus", {name: pick(bus) for name, bus in now.buses.items()})


def _uplink(pick: Callable[[Counters], float | int | None]) -> Callable[[Vitals], Samples]:
    return lambda now: one(pick(now.uplink)) if now.uplink else []


def _spool(pick: Callable[[Mapping[str, int]], int]) -> Callable[[Vitals], Samples]:
    return lambda now: one(pick(now.pictures["spool"])) if now.pictures else []


def _parts(now: Vitals) -> Samples:
    return by("part", {name: int(state == "running") for name, state in now.parts.items()})


def _camera_up(now: Vitals) -> Samples:
    return by("camera", {name: int(state == "ok") for name, state in now.camera_states.items()})


def _memory(pick: Callable[[Memory], int]) -> Callable[[Vitals], Samples]:
    return lambda now: one(pick(now.gateway.memory)) if now.gateway.memory else []


def _disks(pick: Callable[[Disk], float | int | None]) -> Callable[[Vitals], Samples]:
    return lambda now: by("disk", {disk.disk: pick(disk) for disk in now.gateway.disks})


def _spaces(pick: Callable[[Space], int]) -> Callable[[Vitals], Samples]:
    return lambda now: by("folder", {name: pick(space) for name, space in now.gateway.spaces.items()})


def _cameras(pick: Callable[[CameraHealth], float | int | None]) -> Callable[[Vitals], Samples]:
    return lambda now: by("camera", {name: pick(health) for name, health in now.cameras.items()})


def _score(health: CameraHealth) -> float | None:
    return None if health.score is None else health.score / 100


def _events(now: Vitals) -> Samples:
    names = [severity.name.lower() for severity in Severity]
    return by("severity", {name: now.events.get(name, 0) for name in names})


def _supply(now: Vitals) -> Samples:
    supply = now.gateway.supply
    return [] if supply is None else by("trouble", {word: int(word in supply) for word in WORDS})


DAEMON: tuple[Metric, ...] = (
    gauge("info", "1; what runs here, in its labels", _info),
    gauge("uptime_seconds", "Since the daemon started", lambda now: one(now.uptime_s)),
    gauge("process_resident_memory_bytes", "Memory of the daemon", lambda now: one(now.process.rss_bytes)),
    counter("process_cpu_seconds", "CPU time the daemon used", lambda now: one(now.process.cpu_s)),
    gauge("part_running", "1: it runs; 0: it is restarting, or rests after too many failures", _parts),
    gauge("config_loaded_timestamp_seconds", "When the configuration in force was read",
          lambda now: one(_s(now.loaded_ms))),
    gauge("config_refused", "1: the configuration on disk does not hold, the one before it runs on",
          lambda now: one(int(now.refused))),
    gauge("faults", "Faults of the station itself that are open", lambda now: one(now.faults)),
    gauge("events", "Events and judged faults that are open", _events),
)  # fmt: skip

FIELD: tuple[Metric, ...] = (
    gauge("device_up", "1: the last poll was answered; 0: it was not, or none was made yet",
          _devices(lambda of: int(of.state == "ok"))),
    counter("device_samples", "Polls, answered or not", _devices(lambda of: of.health.samples)),
    counter("device_incomplete_samples", "Polls that gave nothing, or not all",
            _devices(lambda of: of.health.counts.total())),
    counter("device_missed_polls", "Polls left out because the bus was busy", _devices(lambda of: of.missed)),
    gauge("device_last_sample_timestamp_seconds", "When it last answered",
          _devices(lambda of: _s(of.health.last_ms))),
    gauge("bus_connected", "1: the line or the connection is open", _buses(lambda of: int(of.connected))),
    counter("bus_busy_seconds", "Time spent asking and being answered", _buses(lambda of: of.busy_s)),
    gauge("camera_up", "1: its pictures come as configured and nothing is wrong with them", _camera_up),
    counter("camera_pictures", "Pictures that were looked at", _cameras(lambda of: of.samples)),
    gauge("camera_score_ratio", "Quality of the picture; 1 is faultless", _cameras(_score)),
    gauge("camera_last_picture_timestamp_seconds", "When the last picture was taken",
          _cameras(lambda of: _s(of.last_ms))),
    gauge("camera_worker_resident_memory_bytes", "Memory of the camera worker and its decoders",
          lambda now: one(now.worker.get("rss_bytes"))),
)  # fmt: skip

DELIVERY: tuple[Metric, ...] = (
    gauge("uplink_connected", "1: the broker has accepted the connection",
          lambda now: one(int(now.connected))),
    counter("uplink_published_messages", "Messages handed to the broker", _uplink(lambda of: of.published)),
    counter("uplink_acknowledged_messages", "Messages taken by the broker",
            _uplink(lambda of: of.acknowledged)),
    counter("uplink_repeated_messages", "Messages published again", _uplink(lambda of: of.repeated)),
    counter("uplink_refused_messages", "Messages refused and kept", _uplink(lambda of: of.refused)),
    counter("uplink_rejected_messages", "Messages refused and given up", _uplink(lambda of: of.rejected)),
    counter("uplink_published_bytes", "Payloads handed to the broker", _uplink(lambda of: of.bytes)),
    gauge("uplink_puback_seconds", "How long the broker took to acknowledge the last message",
          _uplink(lambda of: of.puback_s)),
    gauge("outbox_messages", "Messages that wait", lambda now: one(now.outbox["batches"])),
    gauge("outbox_readings", "Readings that wait", lambda now: one(now.outbox["items"])),
    gauge("outbox_bytes", "What the messages take", lambda now: one(now.outbox["bytes"])),
    gauge("outbox_max_bytes", "What the messages may take", lambda now: one(now.outbox["max_bytes"])),
    gauge("outbox_oldest_timestamp_seconds", "When the oldest message that waits was made",
          lambda now: one(_s(now.outbox["oldest_ms"]))),
    counter("outbox_lost", "Readings, or messages without any, that nobody will get, since ever",
            lambda now: by("reason", {reason.value: now.outbox[reason.value] for reason in Reason})),
    counter("outbox_dropped_readings", "Readings lost before they could be written",
            lambda now: one(now.outbox["dropped"])),
    gauge("spool_pictures", "Pictures that wait", _spool(lambda of: of["waiting"])),
    gauge("spool_bytes", "What the pictures take", _spool(lambda of: of["waiting_bytes"])),
    gauge("spool_max_bytes", "What the pictures may take", _spool(lambda of: of["max_bytes"])),
    counter("pictures_delivered", "Pictures the platform has whole",
            lambda now: one(now.pictures.get("delivered"))),
    counter("pictures_lost", "Pictures nobody will get",
            lambda now: one(sum(now.pictures["lost"].values()) if now.pictures else None)),
)  # fmt: skip

GATEWAY: tuple[Metric, ...] = (
    gauge("clock_trusted", "1: the clock has been trusted since the daemon started",
          lambda now: one(int(now.at[1]))),
    gauge("clock_kept", "1: the clock is kept right now", lambda now: one(int(now.kept))),
    counter("clock_steps", "How often a trusted clock was set by a second or more",
            lambda now: one(now.steps)),
    gauge("machine_uptime_seconds", "Since the gateway was started", lambda now: one(now.gateway.uptime_s)),
    gauge("machine_load", "Processes that ran or wanted to, mean of the last minute",
          lambda now: one(now.gateway.load)),
    gauge("machine_memory_bytes", "Memory of the gateway", _memory(lambda of: of.total)),
    gauge("machine_memory_available_bytes", "Memory that is still to be had",
          _memory(lambda of: of.available)),
    gauge("temperature_celsius", "As the kernel knows it", lambda now: by("place", now.gateway.temperatures)),
    gauge("supply_trouble", "1: the board says so, now or (_before) since its start", _supply),
    gauge("disk_life_used_ratio", "Share at most of the life of an eMMC, in tenths; 1.1: more than all",
          _disks(lambda of: of.life_used)),
    gauge("disk_reserve_state", "Reserve blocks of an eMMC. 1: normal; 2: 80 % used; 3: 90 % used",
          _disks(lambda of: of.reserve)),
    counter("disk_written_bytes", "Written since the gateway was started, by all there is",
            _disks(lambda of: of.written)),
    gauge("space_free_bytes", "Left where the outbox and the pictures lie", _spaces(lambda of: of.free)),
    gauge("space_bytes", "All of the file system they lie on", _spaces(lambda of: of.total)),
)  # fmt: skip

FAMILIES: tuple[Metric, ...] = (*DAEMON, *FIELD, *DELIVERY, *GATEWAY)
