"""The health message of a gateway on a pole, made as the daemon makes it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.health_message import message
from agent.machine.gateway import Gateway
from agent.machine.memory import Memory
from agent.machine.space import Space
from agent.machine.system import System
from agent.machine.wear import Disk
from agent.uplink.drain import Counters
from agent.vitals import BusVitals, DeviceVitals, Process, Vitals
from drivers.bus import DeviceHealth

MIB = 2**20
GATEWAY = Gateway(
    system=System(
        python="3.11.2", os="Debian GNU/Linux 12 (bookworm)", kernel="6.1.0-28-arm64 aarch64",
        board="Raspberry Pi Compute Module 4 Rev 1.1", reset=(),
    ),
    uptime_s=172_805.0, load=0.12, memory=Memory(1915 * MIB, 1622 * MIB), temperatures={"cpu-thermal": 48.3},
    supply=["under_voltage_before"],
    disks=[Disk(disk="mmcblk0", name="DG4032", life=(2, 1), reserve=1, written=1_410_236_416)],
    spaces={
        "outbox": Space(place=Path("/var/lib/polegate"), free=21_474_836_480, total=30_064_771_072,
                        inodes=1_800_000, read_only=False),
    },
)  # fmt: skip
BUS = "/dev/rs485-1"
AT_MS = 1_795_420_800_123


def _answering(samples: int) -> DeviceHealth:
    return DeviceHealth(samples=samples, last_ms=AT_MS - 800)


SILENT = DeviceHealth(samples=1440, reason="timeout", counts=Counter(timeout=212))
VITALS = Vitals(
    at=(AT_MS, True), kept=True, source="ntp", steps=0, step_ms=0, config="5f2d8a31",
    refused=False, loaded_ms=1_795_334_395_000, uptime_s=86_405.0,
    process=Process(rss_bytes=48_234_496, cpu_s=803.2), gateway=GATEWAY,
    parts={f"bus {BUS}": "running", "uplink": "running", "health": "running"},
    buses={BUS: BusVitals(connected=True, busy_s=4147.4)},
    devices={
        "level": DeviceVitals(bus=BUS, state="ok", health=_answering(17_281), missed=0),
        "weather": DeviceVitals(bus=BUS, state="ok", health=_answering(8640), missed=2),
        "rain": DeviceVitals(bus=BUS, state="timeout", health=SILENT, missed=0),
    },
    cameras={}, camera_states={},
    uplink=Counters(published=86_911, acknowledged=86_908, repeated=12, bytes=14_774_870, puback_s=0.0412),
    connected=True,
    outbox={"batches": 3, "items": 120, "bytes": 6120, "max_bytes": 512 * MIB, "oldest_ms": 1_795_420_798_911,
            "expired": 0, "evicted": 0, "rejected": 0, "damaged": 0, "dead_letters": 0, "dropped": 0},
    pictures={}, worker={}, events={"warning": 1, "watch": 2}, faults=1,
)  # fmt: skip


def healthy() -> dict[str, Any]:
    """A minute after another message."""
    before = replace(VITALS, uptime_s=86_345.0, buses={BUS: BusVitals(connected=True, busy_s=4144.5)})
    return message(VITALS, before)
