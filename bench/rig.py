"""The real daemon on real Modbus slaves, a real broker behind it and the platform's subscriber."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fakes.mosquitto import Mosquitto
from fakes.platform import Platform
from fakes.station import Station
from fakes.waiting import wait_until

from agent.wire import Leaf
from bench.ledger import Ledger
from bench.peers.modbus_farm import UNIT_ID, ModbusFarm
from bench.peers.thingsboard.stub_platform import BROKER_SETTINGS

PROFILE = """\
title = "Gauge of the bench"
vendor = "bench"
model = "{registers} holding registers"
protocol = "modbus"
confirmed = "single-source"
source = "bench/rig.py"
"""


DRAIN_TIMEOUT_S = 120.0
PUBACK_S = 20.0


@dataclass(slots=True, kw_only=True)
class Rig:
    """All on loopback, in a temporary folder; the daemon is not started yet."""

    broker: Mosquitto
    platform: Platform
    station: Station
    _ledger: Ledger = field(default_factory=Ledger)
    _entered: int = 0

    @property
    def pid(self) -> int:
        """The daemon's process."""
        assert self.station.process is not None
        return self.station.process.pid

    def start(self, *, cpu: int | None = None) -> None:
        """Start the daemon, on one processor if `cpu` names one, and wait until it says READY."""
        self.station.start(prefix=() if cpu is None else ("taskset", "--cpu-list", str(cpu)))

    def samples(self) -> dict[tuple[str, str], int]:
        """How many samples each device of this run of the daemon has given so far, by (boot, device)."""
        status = self.station.ask("status")
        return {(status["epoch"], device["device"]): device["samples"] for device in status["devices"]}

    def ledger(self) -> Ledger:
        """What the platform has received so far."""
        messages = self.platform.messages
        for message in messages[self._entered :]:
            self._ledger.take(message)
        self._entered = len(messages)
        return self._ledger

    def drain(self) -> int:
        """Stop the daemon, let it deliver what is left without any device, stop it; what is then left.

        Raises TimeoutError if a stored message does not arrive.
        """
        assert self.station.stop() == 0, self.station.log()
        left = stored(self.station.outbox).keys()
        self.station.configure("")
        self.station.start()
        wait_until(lambda: left <= self.ledger().contents.keys(), DRAIN_TIMEOUT_S)
        assert self.station.stop() == 0, self.station.log()
        return len(stored(self.station.outbox))


def stored(store: Path) -> dict[str, bytes]:
    """The readings messages in a store, by batch id, without its daemon's help."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as base:
        chosen = "SELECT key, body FROM envelope WHERE topic LIKE ?"
        return dict(base.execute(chosen, (f"%/{Leaf.READINGS}",)).fetchall())


@contextmanager
def rig(
    devices: str, *, registers: int = 1, timeout_s: float = 20.0, persistence: bool = False
) -> Iterator[Rig]:
    """`devices` is the [devices] of the configuration; its instrument "bench" has so many `registers`.

    `timeout_s` is the longest wait for a PUBACK; with `persistence` the broker's queues survive a restart.
    """
    with (
        tempfile.TemporaryDirectory(prefix="polegate-bench-") as name,
        Mosquitto(Path(name) / "broker", settings=BROKER_SETTINGS, persistence=persistence) as broker,
        Platform(broker, topics=("polegate/#",)) as platform,
    ):
        folder, url = Path(name) / "station", f"mqtt://{broker.host}:{broker.port}"
        write_profile(folder / "profiles", registers)
        with Station(folder, url, devices, timeout_s=timeout_s) as station:
            yield Rig(broker=broker, platform=platform, station=station)


@contextmanager
def tcp_rig(
    *,
    devices: int,
    registers: int,
    every_s: float = 1.0,
    spread: float = 0.0,
    timeout_s: float = PUBACK_S,
    persistence: bool = False,
) -> Iterator[Rig]:
    """`devices` gauges of `registers` holding registers each, every one on a TCP connection of its own.

    With a `spread` of 0.1 their intervals go from 0.9 to 1.1 `every_s`: they are not asked together.
    """
    with (
        ModbusFarm(devices=devices, registers=registers) as farm,
        rig(
            fleet(farm, intervals(devices, every_s, spread)),
            registers=registers,
            timeout_s=timeout_s,
            persistence=persistence,
        ) as bench,
    ):
        yield bench


def intervals(devices: int, every_s: float, spread: float) -> list[float]:
    """Seconds between two polls of each device, evenly spread around `every_s`."""
    steps = max(1, devices - 1)
    return [every_s * (1 + spread * (2 * number / steps - 1)) for number in range(devices)]


def fleet(farm: ModbusFarm, every_s: Sequence[float]) -> str:
    """The [devices] of a configuration: one for each host of the farm."""
    return "".join(
        f'[devices.d{number}]\ninstrument = "bench"\ntcp = "{host}:{farm.port}"\n'
        f"unit = {UNIT_ID}\nevery_s = {every_s[number]:.4f}\n"
        for number, host in enumerate(farm.hosts)
    )


def write_profile(directory: Path, registers: int) -> None:
    """The instrument "bench": unsigned 16-bit holding registers 0 to `registers` - 1."""
    points = "".join(
        f'[[points]]\nchannel = "raw.r{address}"\naddress = {address}\n' for address in range(registers)
    )
    file = directory / "instruments" / "bench.toml"
    file.parent.mkdir(parents=True)
    file.write_text(PROFILE.format(registers=registers) + points, encoding="utf-8")


def keep_off(cpu: int) -> None:
    """Leave processor `cpu` to the gateway under test: this process and all it starts use the others."""
    others = os.sched_getaffinity(0) - {cpu}
    if not others:
        raise SystemExit(f"processor {cpu} is the only one here; --cpu needs a second for everything else")
    os.sched_setaffinity(0, others)
