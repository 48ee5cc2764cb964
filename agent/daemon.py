"""One run of the daemon: its parts, its verbs, and who is told of what."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agent import health, inventory, wire
from agent.build import build_bus
from agent.clock import Clock
from agent.control import Answer, Control
from agent.errors import ConfigError
from agent.faults import Faults
from agent.loading import Loaded, load
from agent.logs import line
from agent.notify import Notifier
from agent.plan import BusPlan
from agent.router import Router
from agent.running import Running
from agent.store import Store
from agent.supervisor import Part, State, Supervisor
from agent.uplink.drain import Hold
from agent.uplink.mqtt import MqttUplink, UplinkState
from agent.wire import FaultKind, Leaf
from buffer.envelope import Envelope, Priority
from buffer.errors import OutboxCorrupt, OutboxError
from buffer.recovery import Salvage
from buffer.retention import Loss, Reason
from drivers.bus import DeviceHealth, Outside
from drivers.readings import Sample

log = logging.getLogger("polegate")

STOP_WITHIN_S = 8.0
"""How long the parts have to stop; what they then hold is on disk already."""

LOSS_OVER_S = 60.0
"""An outbox that gave nothing up for this long is no longer evicting."""

TAIL_BACKLOG = 1000
"""Samples kept for a tail that reads slower than they come; beyond it they are left out of the tail."""

UNSYNCED = (
    "the clock is not synchronised: readings wait for it, then go out marked unsynced. "
    'Check NTP (timedatectl) and the RTC battery; a clock kept by other means needs [clock] source = "system"'
)


class Daemon:
    """Serves one configuration, and every later one that leaves station, outbox, clock and control alone."""

    def __init__(self, path: Path, loaded: Loaded, store: Store, clock: Clock, notifier: Notifier) -> None:
        station = loaded.config.station
        self._notifier = notifier
        self._stopping = asyncio.Event()
        self._successor: Loaded | None = None
        self._lost_items = 0
        self._lost_at = 0.0
        self._hold = Hold(loaded.config.clock.hold_s, trusted=clock.trusted)
        self._group = asyncio.TaskGroup()
        router = Router(store, lambda leaf: wire.topic(station.site, station.gateway, leaf), self)
        self._running = Running(
            path=path,
            loaded=loaded,
            loaded_ms=clock.now()[0],
            store=store,
            clock=clock,
            router=router,
            faults=Faults(store.epoch, self._publish_fault, clock.now),
            supervisor=Supervisor(self._group, self._part_changed),
        )

    async def run(self) -> Loaded | None:
        """Until told to stop (None), or until a reload changes what cannot change under way (its outcome)."""
        running = self._running
        control = Control(
            {"status": self._status, "outbox": self._outbox, "reload": self._reload_verb},
            {"tail": self._tail},
        )
        async with control.listening(running.loaded.config.control.socket), self._group as group:
            own = [
                group.create_task(running.router.run(running.heart.pulse("router")), name="router"),
                group.create_task(self._beat(), name="heartbeat"),
            ]
            await running.supervisor.reconcile(self._parts(running.loaded))
            self._tell_serving()
            await self._stopping.wait()
            self._notifier.stopping()
            try:
                async with asyncio.timeout(STOP_WITHIN_S):
                    await running.supervisor.stop()
            finally:
                for task in own:
                    task.cancel()
                await running.router.flush()
        return self._successor

    def unwritten(self) -> list[Envelope]:
        """What could not be written before the end."""
        return self._running.router.unwritten()

    def carry_on(self, envelopes: Sequence[Envelope], salvage: Salvage | None) -> None:
        """Take over from a predecessor: what it could not write, and what was saved of its store."""
        self._running.router.carry_on(envelopes)
        if salvage is None:
            return
        saved = sum(depth.batches for depth in salvage.by_priority.values())
        message = (
            f"the outbox was damaged: {saved} messages were saved, {salvage.damaged_rows} could not be; "
            f"the old file is kept as {salvage.quarantined}. Check the disk (dmesg, smartctl)"
        )
        subject = str(self._running.loaded.config.outbox.path)
        detail = {"saved": saved, "damaged": salvage.damaged_rows, "lost_pages": salvage.lost_pages}
        self._running.faults.once(FaultKind.STORE_RECOVERED, subject, "damaged", message, **detail)

    def stop(self) -> None:
        """Begin a clean stop."""
        self._stopping.set()

    async def reload(self) -> Answer:
        """Read the configuration again: only what changed restarts; one that does not hold is refused."""
        running = self._running
        self._notifier.reloading(time.monotonic_ns() // 1000)
        try:
            loaded = await asyncio.to_thread(load, running.path)
        except ConfigError as error:
            return self._refuse(error)
        running.refused = ""
        running.faults.end(FaultKind.CONFIG_REFUSED, str(running.path))
        if changed := _core_changes(running.loaded, loaded):
            self._successor = loaded
            self._stopping.set()
            return {"started": [], "stopped": [], "restarted": ", ".join(changed)}
        running.loaded, running.loaded_ms = loaded, running.clock.now()[0]
        stopped, started = await running.supervisor.reconcile(self._parts(loaded))
        self._forget_devices()
        log.info(line("reloaded", started=", ".join(started) or None, stopped=", ".join(stopped) or None))
        self._tell_serving()
        return {"started": started, "stopped": stopped, "restarted": ""}

    def _refuse(self, error: ConfigError) -> Answer:
        running = self._running
        running.refused = str(error)
        problems = [str(problem) for problem in error.problems]
        running.faults.begin(FaultKind.CONFIG_REFUSED, str(running.path), "invalid", "; ".join(problems[:3]))
        self._notifier.ready("new configuration refused, the old one runs on")
        return {"ok": False, "error": str(error), "problems": problems}

    def _parts(self, loaded: Loaded) -> dict[str, Part]:
        config, facts = loaded.config, inventory.inventory(loaded.plan)
        parts = [self._bus_part(plan) for plan in loaded.plan.buses]
        parts.append(Part("uplink", (config.uplink, facts), lambda: self._run_uplink(loaded, facts)))
        every_s = config.health.every_s
        parts.append(Part("health", config.health, lambda: health.report(self._running, every_s)))
        return {part.name: part for part in parts}

    def _bus_part(self, plan: BusPlan) -> Part:
        running = self._running

        async def run() -> None:
            promise = running.heart.pulse(plan.name)
            outside = Outside(
                now=running.clock.now, emit=running.router.feed, changed=self._device_changed, promise=promise
            )
            bus = running.buses[plan.name] = build_bus(plan, outside)
            try:
                await bus.run()
            finally:
                running.heart.forget(plan.name)
                running.buses.pop(plan.name, None)

        return Part(plan.name, plan, run)

    async def _run_uplink(self, loaded: Loaded, facts: wire.Inventory) -> None:
        running = self._running
        uplink = running.uplink = MqttUplink(
            loaded.config.uplink,
            loaded.config.station,
            running.store,
            self._hold,
            now=running.clock.now,
            version=version("polegate"),
            inventory=facts,
            changed=self._uplink_changed,
        )
        try:
            await uplink.run(running.heart.pulse("uplink"))
        finally:
            running.heart.forget("uplink")

    async def _beat(self) -> None:
        """Each second: the clock, the watchdog, the status line."""
        running, said, hanging = self._running, "", list[str]()
        period_s = min(1.0, self._notifier.watchdog_s / 3 or 1.0)
        while True:
            await self._follow_clock(running.clock.look())
            self._look_at_losses()
            overdue = running.heart.overdue()
            if overdue != hanging and overdue:
                log.error(line("hanging", parts=", ".join(overdue)))
            if not overdue and self._notifier.watchdog_s:
                self._notifier.alive()
            if (status := health.one_line(running)) != said:
                self._notifier.status(status)
            said, hanging = status, overdue
            await asyncio.sleep(period_s)

    async def _follow_clock(self, moved_ms: int) -> None:
        running = self._running
        if not running.clock.trusted:
            running.faults.begin(FaultKind.CLOCK_UNSYNCED, "clock", "unsynced", UNSYNCED)
        elif (FaultKind.CLOCK_UNSYNCED, "clock") in running.faults.open:
            await running.router.flush()
            await running.store.settle(moved_ms)
            self._hold.release()
            message = f"the clock is trusted now; it was {moved_ms} ms behind the true time"
            running.faults.end(FaultKind.CLOCK_UNSYNCED, "clock", message)
        elif moved_ms:
            message = f"somebody set the clock by {moved_ms} ms; times before and after do not join up"
            running.faults.once(FaultKind.CLOCK_STEPPED, "clock", "stepped", message, step_ms=moved_ms)

    def _forget_devices(self) -> None:
        running = self._running
        for device in running.router.latest.keys() - running.loaded.plan.devices.keys():
            del running.router.latest[device]
        for kind, subject in list(running.faults.open):
            gone = kind is FaultKind.DEVICE_UNREADABLE and subject not in running.loaded.plan.devices
            if gone:
                running.faults.end(kind, subject, "the device was taken out of the configuration")

    def _device_changed(self, device: str, state: DeviceHealth) -> None:
        faults = self._running.faults
        if state.error:
            faults.begin(FaultKind.DEVICE_UNREADABLE, device, state.reason, state.error)
        else:
            faults.end(FaultKind.DEVICE_UNREADABLE, device)

    def _part_changed(self, name: str, state: State, error: str) -> None:
        running = self._running
        if state is State.RUNNING:
            running.faults.end(FaultKind.PART_FAILED, name)
        else:
            running.heart.forget(name)
            running.faults.begin(FaultKind.PART_FAILED, name, state, error)

    def unwritable(self, error: OutboxError | None) -> None:
        """The store refuses a commit, or takes them again; a damaged one is opened anew, and so recovered."""
        running = self._running
        subject = str(running.loaded.config.outbox.path)
        if error is None:
            running.faults.end(FaultKind.STORE_UNWRITABLE, subject)
            return
        running.faults.begin(FaultKind.STORE_UNWRITABLE, subject, type(error).__name__, str(error))
        if isinstance(error, OutboxCorrupt):
            self._successor = running.loaded
            self._stopping.set()

    def lost(self, losses: Sequence[Loss]) -> None:
        """Stored messages were given up; a fault stays open until a minute has passed without."""
        running = self._running
        evicted = [loss for loss in losses if loss.reason is not Reason.EXPIRED]
        if not evicted:
            return
        subject = str(running.loaded.config.outbox.path)
        self._lost_items += sum(loss.lost.items for loss in evicted)
        self._lost_at = time.monotonic()
        message = (
            "the outbox is full: the oldest readings are given up for new ones. "
            "Restore the uplink, or raise outbox.max_size"
        )
        running.faults.begin(FaultKind.STORE_EVICTED, subject, evicted[0].reason, message)

    def _look_at_losses(self) -> None:
        if self._lost_items and time.monotonic() - self._lost_at > LOSS_OVER_S:
            running, items = self._running, self._lost_items
            self._lost_items = 0
            subject = str(running.loaded.config.outbox.path)
            message = f"{items} readings were given up; nothing more for {LOSS_OVER_S:g} s"
            running.faults.end(FaultKind.STORE_EVICTED, subject, message, readings=items)

    def _uplink_changed(self, state: UplinkState) -> None:
        """The platform cannot be told that it cannot be told: this goes to the log alone."""
        url = self._running.loaded.config.uplink.url
        if state.message:
            log.warning(
                line("uplink", url=url, connected=state.connected, reason=state.reason, message=state.message)
            )
        else:
            log.info(line("uplink", url=url, connected=state.connected))

    def _publish_fault(self, body: Mapping[str, Any], at: tuple[int, bool]) -> None:
        self._running.router.tell(Leaf.FAULTS, body, priority=Priority.EVENT, at=at)

    def _tell_serving(self) -> None:
        plan = self._running.loaded.plan
        self._notifier.ready(health.one_line(self._running))
        epoch = self._running.store.epoch
        log.info(line("serving", devices=len(plan.devices), buses=len(plan.buses), epoch=epoch))

    async def _status(self, _request: Mapping[str, Any]) -> Answer:
        return await health.status(self._running)

    async def _outbox(self, request: Mapping[str, Any]) -> Answer:
        figures = await health.outbox(self._running)
        return {**figures, "peek": await health.peek(self._running, int(request.get("peek", 0)))}

    async def _reload_verb(self, _request: Mapping[str, Any]) -> Answer:
        return await self.reload()

    async def _tail(self, request: Mapping[str, Any]) -> AsyncIterator[Answer]:
        plan = self._running.loaded.plan
        wanted = frozenset(request.get("devices") or plan.devices)
        queue: asyncio.Queue[Sample] = asyncio.Queue(TAIL_BACKLOG)

        def watch(sample: Sample) -> None:
            if sample.device in wanted and not queue.full():
                queue.put_nowait(sample)

        yield {"channels": inventory.units(plan, wanted)}
        with self._running.router.watching(watch):
            while True:
                sample = await queue.get()
                readings = [[r.channel, r.value, int(r.quality), r.test] for r in sample.readings]
                yield {
                    "device": sample.device,
                    "at_ms": sample.at_ms,
                    "seq": sample.seq,
                    "readings": readings,
                }


def _core_changes(old: Loaded, new: Loaded) -> list[str]:
    """The sections everything else stands on that differ."""
    return [
        name
        for name in ("station", "outbox", "clock", "control")
        if getattr(old.config, name) != getattr(new.config, name)
    ]
