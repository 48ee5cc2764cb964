"""The owner of one physical link: asks its units one at a time, when they are due, and survives the line."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from drivers.backoff import Backoff
from drivers.endpoints import Endpoint, TcpEndpoint
from drivers.errors import DriverError, Garbled, LinkClosed, LinkTimeout
from drivers.links import Link, open_link
from drivers.protocol import Driver, Listener, Unit
from drivers.readings import Quality, Reading, Sample
from drivers.schedule import Schedule

Now = Callable[[], tuple[int, bool]]
"""Wall time in ms UTC, and whether the clock is trusted."""

SLACK_S = 60.0
"""Beyond the longest poll: opening and closing a link, and a busy machine."""

_SAID = frozenset({"not_installed", "empty", "invalid"})
"""Why a value is missing when the device itself says that there is none."""


@dataclass(slots=True)
class DeviceHealth:
    """How a device is doing: counters since the daemon started, and the last error, "" while it answers.

    `counts` has, by reason, the samples that are missing or lack a part.
    """

    samples: int = 0
    last_ms: int | None = None
    error: str = ""
    reason: str = ""
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(kw_only=True)
class Outside:
    """What a bus needs from outside: the time, where samples go, and who hears of a change of health.

    `changed(device, health)` is called once when a device stops answering and once when it is back;
    `promise(within_s)` says that the bus will be heard of again within that time, or else hangs. `health`,
    by device, outlives the buses: a bus started anew goes on counting and knows what was told.
    """

    now: Now
    emit: Callable[[Sample], None]
    changed: Callable[[str, DeviceHealth], None]
    promise: Callable[[float], None]
    health: dict[str, DeviceHealth] = field(default_factory=dict)


class Bus:
    """One link and the units that share it."""

    def __init__(self, endpoint: Endpoint, units: Sequence[Unit], outside: Outside) -> None:
        self.endpoint = endpoint
        self.units = {unit.device: unit for unit in units}
        self.health = {device: outside.health.setdefault(device, DeviceHealth()) for device in self.units}
        self.connected = False
        self.busy_s = 0.0
        """Spent on asking and being answered."""
        self._outside = outside
        self._schedule = Schedule({u.device: u.timing.every_s for u in units}, time.monotonic())
        self._hastened = asyncio.Event()

    @property
    def missed(self) -> dict[str, int]:
        """Polls skipped because the bus was busy, by device."""
        return {device: slot.missed for device, slot in self._schedule.slots.items()}

    def is_offline(self, device: str) -> bool:
        """Whether the device is only probed at present."""
        return self._schedule.slots[device].offline

    def hasten(self, device: str, every_s: float, times: int) -> None:
        """Read a unit `times` more, `every_s` apart, besides its regular polls."""
        self._schedule.hasten(device, time.monotonic(), every_s, times)
        self._hastened.set()

    async def run(self) -> None:
        """Serve the units for ever, reopening the link when it fails; after a failure they warm up."""
        waits, cold = Backoff(), True
        while True:
            try:
                async with open_link(self.endpoint) as link:
                    self.connected = True
                    if cold:
                        self._warm_up()
                    cold = False
                    await self._serve(link, waits)
            except LinkClosed as error:
                self.connected, cold = False, True
                self._all_missing(error)
                await _rest(self._outside, waits)

    async def _serve(self, link: Link, waits: Backoff) -> None:
        """Ask whoever is due, until the link is to be opened anew although nothing was missed by it.

        A TCP peer may hang up between polls at will, and the session of one that is silent may hang.
        """
        is_tcp = isinstance(self.endpoint, TcpEndpoint)
        while True:
            device, due = self._schedule.next()
            unit, wait = self.units[device], due - time.monotonic()
            self._outside.promise(max(wait, 0.0) + unit.longest_s(self.endpoint.char_s) + SLACK_S)
            if wait > 0 and await self._hastened_within(wait):
                continue
            if is_tcp and link.lost:
                return
            await self._poll(unit, link)
            waits.reset()
            if is_tcp and self._schedule.all_offline:
                return

    async def _hastened_within(self, wait_s: float) -> bool:
        """Wait, but for a unit that is to be asked sooner."""
        self._hastened.clear()
        try:
            async with asyncio.timeout(wait_s):
                await self._hastened.wait()
        except TimeoutError:
            return False
        return True

    async def _poll(self, unit: Unit, link: Link) -> None:
        schedule, device, began = self._schedule, unit.device, time.monotonic()
        try:
            if schedule.slots[device].offline:
                await unit.probe(link)
            readings = await unit.read(link)
        except LinkClosed:
            raise
        except DriverError as error:
            now = time.monotonic()
            if isinstance(error, LinkTimeout | Garbled):
                schedule.silent(device, now, now - began)
            else:
                schedule.answered(device, now)
            self._emit(unit, missing(unit, error), error)
        else:
            schedule.answered(device, time.monotonic())
            self._emit(unit, readings, None)
        finally:
            self.busy_s += time.monotonic() - began

    def _warm_up(self) -> None:
        for device, unit in self.units.items():
            if unit.timing.warm_up_s:
                self._schedule.postpone(device, time.monotonic() + unit.timing.warm_up_s)

    def _all_missing(self, error: LinkClosed) -> None:
        """The link is down: every unit that was due has a sample that says so."""
        now = time.monotonic()
        for device, unit in self.units.items():
            if self._schedule.slots[device].due <= now:
                self._schedule.answered(device, now)
                self._emit(unit, missing(unit, error), error)

    def _emit(self, unit: Unit, readings: Sequence[Reading], error: DriverError | None) -> None:
        publish(self._outside, unit, self.health[unit.device], readings, error)


class ListeningPost:
    """One link with one gauge that pushes on it."""

    def __init__(self, endpoint: Endpoint, listener: Listener, outside: Outside) -> None:
        self.endpoint = endpoint
        self.listener = listener
        self.health = {listener.device: outside.health.setdefault(listener.device, DeviceHealth())}
        self.connected = False
        self._outside = outside

    async def run(self) -> None:
        """Listen for ever, reopening the link when it fails."""
        listener, timing, waits = self.listener, self.listener.timing, Backoff()
        health = self.health[listener.device]
        while True:
            try:
                async with open_link(self.endpoint) as link:
                    self.connected = True
                    self._outside.promise(timing.warm_up_s + timing.timeout_s + SLACK_S)
                    async for readings in listener.stream(link):
                        waits.reset()
                        self._outside.promise(timing.every_s + timing.timeout_s + SLACK_S)
                        publish(self._outside, listener, health, readings, None)
            except DriverError as error:
                self.connected = False
                publish(self._outside, listener, health, missing(listener, error), error)
                await _rest(self._outside, waits)


async def _rest(outside: Outside, waits: Backoff) -> None:
    wait_s = next(waits)
    outside.promise(wait_s + SLACK_S)
    await asyncio.sleep(wait_s)


def missing(driver: Driver, error: DriverError) -> list[Reading]:
    """A sample that says why there is none."""
    return [Reading(channel, None, Quality.MISSING, error.reason) for channel in driver.channels]


def publish(
    outside: Outside,
    driver: Driver,
    health: DeviceHealth,
    readings: Sequence[Reading],
    error: DriverError | None,
) -> None:
    """Stamp the readings, count them, hand them on, and tell of a change of health."""
    at_ms, settled = outside.now()
    health.samples += 1
    reason = error.reason if error else ""
    if error:
        health.counts[reason] += 1
    else:
        health.last_ms = at_ms
        health.counts.update({r.test for r in readings if r.quality is Quality.MISSING} - _SAID)
    outside.emit(Sample(driver.device, at_ms, settled, health.samples, tuple(readings)))
    health.error = str(error) if error else ""
    if reason != health.reason:
        health.reason = reason
        outside.changed(driver.device, health)
