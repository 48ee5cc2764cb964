"""Many light gateways in one process: the real store and the real uplink each; made-up readings.

Runs as a child of bench/fleet. A line of JSON on standard output each time a gateway's connection changes;
SIGTERM ends the readings, waits until all stores are empty, and prints what was sent.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import uvloop

from firmware_profiles.declared import checked

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agent import wire
from agent.config import FLEET_SPREAD_S, Station, Uplink
from agent.store import Store
from agent.uplink.drain import Hold
from agent.uplink.mqtt import MqttUplink, UplinkState
from buffer.envelope import Envelope, Priority
from drivers import backoff
from drivers.readings import Quality, Reading, Sample
from firmware_profiles.properties import property_of

HEALTH_S = 60.0
MAX_STORE_BYTES = 64 * 2**20
DRAIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What stands on a pole or at a river: devices with their channels, and how often they are read."""

    every_s: float
    devices: dict[str, tuple[str, ...]]


POLE = Kind(
    10.0,
    {
        "weather": ("air_temperature", "relative_humidity", "air_pressure", "wind_speed", "wind_direction"),
        "air": ("pm2_5", "pm10", "noise_level", "illuminance"),
    },
)
RIVER = Kind(
    60.0,
    {"level": ("water_level", "water_temperature"), "rain": ("rainfall_total",), "flow": ("water_velocity",)},
)


class Gateway:
    """One station: puts messages into its store, as the router does, and lets its uplink deliver them."""

    def __init__(self, number: int, options: Namespace, tell: Callable[..., None]) -> None:
        self.name = f"gateway-{number:04d}"
        self.kind = RIVER if number % 10 < options.rivers_of_ten else POLE
        self.seq = 0
        self._options = options
        self._tell = tell
        self._path = Path(options.directory) / f"{self.name}.db"
        settings = {
            "url": options.url,
            "spread_s": options.spread,
            "ca": options.ca,
            "certificate": options.certificate,
            "key": {"file": options.key} if options.key else None,
        }
        self._settings = checked(Uplink, settings)
        self._station = Station(site="bench", gateway=self.name)
        self.store: Store
        self.uplink: MqttUplink

    async def open(self, resources: AsyncExitStack) -> None:
        """Its store, on disk."""
        self.store = await resources.enter_async_context(
            Store.open(self._path, max_bytes=MAX_STORE_BYTES, now=now)
        )
        self.uplink = MqttUplink(
            self._settings, self._station, self.store, Hold(0.0, trusted=True),
            now=now, version="bench", inventory=self._inventory(), changed=self._changed,
        )  # fmt: skip

    async def deliver(self, after_s: float) -> None:
        """Begin after so many seconds, and go on for ever."""
        await asyncio.sleep(after_s)
        await self.uplink.run(lambda _: None)

    async def read(self) -> None:
        """A message of readings each period, at a phase of its own, and health each minute."""
        every_s = self._options.every or self.kind.every_s
        await asyncio.sleep(random.uniform(0, every_s))
        due_s = time.monotonic()
        health_s = due_s + random.uniform(0, HEALTH_S)
        while True:
            await self._put(wire.Leaf.READINGS, Priority.READINGS, self._samples())
            if time.monotonic() >= health_s:
                health_s += HEALTH_S
                await self._put(wire.Leaf.HEALTH, Priority.HEALTH, wire.encode(HEALTH))
            due_s += every_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    async def empty(self) -> None:
        """Wait until everything put was acknowledged."""
        while (await self.store.stats()).stored.batches:
            await self.store.flush()
            await asyncio.sleep(0.2)

    async def _put(self, leaf: wire.Leaf, priority: Priority, body: bytes) -> None:
        envelope = Envelope(
            key=self.store.next_key(), topic=wire.topic("bench", self.name, leaf), priority=priority,
            at_ms=now()[0], settled=True, items=1, expires_ms=None, body=body,
        )  # fmt: skip
        await self.store.put([envelope])

    def _samples(self) -> bytes:
        at_ms, _ = now()
        self.seq += 1
        samples = [
            Sample(
                device=device, at_ms=at_ms, settled=True, seq=self.seq,
                readings=tuple(
                    Reading(channel, round(random.uniform(0, 100), 2), Quality.GOOD) for channel in channels
                ),
            )
            for device, channels in self.kind.devices.items()
        ]  # fmt: skip
        return wire.encode_readings(samples, at_ms)

    def _inventory(self) -> wire.Inventory:
        devices = {
            device: wire.DeviceFacts(
                instrument="custom",
                title=device,
                every_s=self.kind.every_s,
                channels={name: _facts(name) for name in channels},
            )
            for device, channels in self.kind.devices.items()
        }
        return wire.Inventory(version="bench", devices=devices)

    def _changed(self, state: UplinkState) -> None:
        self._tell(gateway=self.name, connected=state.connected, reason=state.reason)


EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "platform" / "examples"
HEADER = ("batch", "at", "sent", "delivery", "clock")
HEALTH = {
    key: value
    for key, value in json.loads((EXAMPLES / "health.json").read_text(encoding="utf-8")).items()
    if key not in HEADER
}


def _facts(name: str) -> wire.ChannelFacts:
    known = property_of(name)
    return wire.ChannelFacts(title=known.title, unit=known.unit, kind=known.kind)


def now() -> tuple[int, bool]:
    return time.time_ns() // 1_000_000, True


async def totals(gateways: list[Gateway]) -> dict[str, int]:
    """Of the gateways of this process."""
    counters = [gateway.uplink.counters for gateway in gateways]
    return {
        "acknowledged": sum(each.acknowledged for each in counters),
        "repeated": sum(each.repeated for each in counters),
        "left": sum([(await gateway.store.stats()).stored.batches for gateway in gateways]),
    }


def tell(**facts: object) -> None:
    print(json.dumps({"at_ms": now()[0], **facts}), flush=True)


class Lockstep:
    """In place of random: every wait is the longest, as without jitter."""

    @staticmethod
    def uniform(_least: float, most: float) -> float:
        return most


async def run(options: Namespace) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    gateways = [Gateway(number, options, tell) for number in numbers(options)]
    async with AsyncExitStack() as resources:
        for gateway in gateways:
            await gateway.open(resources)
        tell(ready=len(gateways))
        delivering = [
            asyncio.create_task(gateway.deliver(random.uniform(0, options.ramp_s))) for gateway in gateways
        ]
        reading = [asyncio.create_task(gateway.read()) for gateway in gateways]
        await stop.wait()
        await _end(reading)
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await asyncio.gather(*(gateway.empty() for gateway in gateways))
        sent = await totals(gateways)
        await _end(delivering)
        tell(sent=sent)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def numbers(options: Namespace) -> Iterator[int]:
    yield from range(options.first, options.first + options.gateways)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--gateways", type=int, required=True)
    parser.add_argument("--rivers-of-ten", type=int, default=3)
    parser.add_argument("--every", type=float, default=0.0)
    parser.add_argument("--ramp-s", type=float, default=10.0)
    parser.add_argument("--spread", type=float, default=FLEET_SPREAD_S)
    parser.add_argument("--ca", type=Path)
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--lockstep", action="store_true")
    options = parser.parse_args()
    if options.lockstep:
        options.spread = 0.0
        backoff.random = Lockstep  # type: ignore[attr-defined, assignment]
    uvloop.run(run(options))


if __name__ == "__main__":
    main()
