"""One run of the daemon: its parts, its verbs, and who is told of what."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agent import events, health, inventory, onlookers, wire
from agent.build import build_bus
from agent.camera.sightings import Sightings
from agent.camera.watching import Watching
from agent.checking.outcome import read_again
from agent.clock import Clock
from agent.commands import Commands
from agent.control import Answer, Control
from agent.errors import ConfigError
from agent.faults import Faults, OpenFault
from agent.heart import Heart
from agent.incidents import Incidents
from agent.judge.judging import Judging, Surroundings
from agent.loaded import Loaded
from agent.logs import line
from agent.notify import Notifier
from agent.plan import BusPlan
from agent.router import Router
from agent.running import Running
from agent.store import Store
from agent.supervisor import Part, State, Supervisor
from agent.telling import Message
from agent.uplink.drain import Hold
from agent.uplink.mqtt import MqttUplink
from agent.vitals import Observer, outbox
from agent.wire import FaultKind, Leaf
from buffer.envelope import Envelope, Priority
from buffer.errors import OutboxError
from buffer.recovery import Salvage
from drivers.bus import Bus, Outside

log = logging.getLogger("polegate")

STOP_WITHIN_S = 8.0
"""How long the parts have to stop; what they then hold is on disk already."""

MOST_PEEKED = 1000
"""Messages shown at most: their bodies are in memory meanwhile."""


class Daemon:
    """Serves one configuration, and every later one that leaves station, outbox, clock and control alone."""

    def __init__(self, path: Path, loaded: Loaded, store: Store, clock: Clock, notifier: Notifier) -> None:
        station = loaded.config.station
        self._notifier = notifier
        self._serving = asyncio.Event()
        self._stopping = asyncio.Event()
        self._terminated = False
        self._changing = (
            asyncio.Lock()
        )  # held by a reload and by the end, so that neither cuts into the other
        self._successor: Loaded | None = None
        self._settled = clock.trusted
        self._behind_ms = 0
        self._hold = Hold(loaded.config.clock.hold_s, trusted=clock.trusted)
        self._group = asyncio.TaskGroup()
        faults = Faults(store.epoch, self._publish_fault, clock.now, heard=self._fault_heard)
        self._incidents = Incidents(faults, loaded.config.outbox.path, damaged=self._start_anew)
        router = Router(store, lambda leaf: wire.topic(station.site, station.gateway, leaf), self._incidents)
        self._commands = Commands(events.performers(lambda: self._running.judging), clock.now)
        around = Surroundings(
            now=clock.now,
            show=router.show,
            send=router.feed,
            tell=self._tell,
            hasten=self._hasten,
            explained=faults.explained,
            keep=router.keep,
        )
        plan, others = loaded.plan.judgement, {"commands": self._commands}
        heart = Heart()
        router.memory = judging = Judging(plan, loaded.revision, around, others)
        sightings = Sightings(faults, clock.now, judging.feed, router.tell)
        self._running = Running(
            path=path,
            loaded=loaded,
            loaded_ms=clock.now()[0],
            store=store,
            clock=clock,
            router=router,
            faults=faults,
            judging=judging,
            supervisor=Supervisor(self._group, self._part_changed),
            watching=Watching(sightings, heart),
            heart=heart,
        )

    async def run(self) -> Loaded | None:
        """Until told to stop (None), or until a reload changes what cannot change under way (its outcome)."""
        running = self._running
        control = Control(
            {
                "status": self._status,
                "outbox": self._outbox,
                "reload": self._reload_verb,
                **events.verbs(running),
                **events.lessons(running),
                **onlookers.verbs(running),
                "accept": running.watching.accept,
            },
            onlookers.streams(running),
        )
        running.judging.remember(await running.store.remembered())
        running.watching.recall(running.judging.events()["open"])
        async with (
            control.listening(running.loaded.config.control.socket),
            running.watching.open(running.loaded, running.store, running.router),
            self._group as group,
        ):
            group.create_task(running.router.run(running.heart.pulse("router")), name="router")
            beat = group.create_task(self._beat(), name="heartbeat")
            await running.supervisor.reconcile(self._parts(running.loaded))
            self._tell_serving()
            self._serving.set()
            await self._stopping.wait()
            async with self._changing:
                await self._wind_up(beat)
        return self._successor

    async def _wind_up(self, beat: asyncio.Task[None]) -> None:
        if self._successor is None:
            self._notifier.stopping()
        hanging = await self._running.supervisor.stop(STOP_WITHIN_S)
        beat.cancel()
        self._running.router.finish()
        if hanging:
            log.error(
                line("hanging", parts=", ".join(hanging), message="given up; the process ends without them")
            )
            await self._running.router.flush()
            os._exit(1)

    def unwritten(self) -> list[Envelope]:
        """What could not be written before the end."""
        return self._running.router.unwritten()

    def carry_on(self, envelopes: Sequence[Envelope], salvage: Salvage | None) -> None:
        """Take over from a predecessor: what it could not write, and what was saved of its store."""
        self._running.router.carry_on(envelopes)
        if salvage:
            self._incidents.recovered(salvage)

    def stop(self) -> None:
        """Begin a clean stop, whatever else was under way."""
        self._terminated = True
        self._end(None)

    @property
    def stopping(self) -> bool:
        """Whether it takes no reload any more."""
        return self._stopping.is_set()

    def _end(self, successor: Loaded | None) -> None:
        self._successor = None if self._terminated else successor
        self._stopping.set()

    async def reload(self) -> Answer:
        """Read the configuration again: only what changed restarts; one that does not hold is refused."""
        await self._serving.wait()  # before it there are no parts yet that could be changed
        async with self._changing:
            if self.stopping:
                return _turned_away()
            self._notifier.reloading(time.monotonic_ns() // 1000)
            try:
                loaded = await read_again(self._running.path, self._stopping)
            except ConfigError as error:
                return self._refuse(error)
            return await self._accept(loaded) if loaded else _turned_away()

    async def _accept(self, loaded: Loaded) -> Answer:
        running = self._running
        running.refused = ""
        self._incidents.config_accepted(running.path)
        if changed := _core_changes(running.loaded, loaded):
            self._end(loaded)
            return {"started": [], "stopped": [], "restarted": ", ".join(changed)}
        stopped, started = await running.supervisor.reconcile(self._parts(loaded))
        running.loaded, running.loaded_ms = loaded, running.clock.now()[0]
        judged = running.judging.plan != loaded.plan.judgement
        running.judging.reload(loaded.plan.judgement, loaded.revision)
        self._forget_devices()
        log.info(line("reloaded", started=", ".join(started) or None, stopped=", ".join(stopped) or None))
        self._tell_serving()
        return {"started": started, "stopped": stopped, "restarted": "", "judged": judged}

    def _refuse(self, error: ConfigError) -> Answer:
        running = self._running
        running.refused = str(error)
        problems = [str(problem) for problem in error.problems]
        self._incidents.config_refused(running.path, error)
        self._notifier.ready("new configuration refused, the old one runs on")
        return {"ok": False, "error": str(error), "problems": problems}

    def _parts(self, loaded: Loaded) -> dict[str, Part]:
        config, facts = loaded.config, inventory.inventory(loaded.plan)
        parts = [self._bus_part(plan) for plan in loaded.plan.buses]
        parts.append(Part("uplink", (config.uplink, facts), lambda: self._run_uplink(loaded, facts)))
        every_s = config.health.every_s
        parts += self._running.watching.parts(loaded)
        parts.append(Part("health", config.health, lambda: health.report(self._running, every_s)))
        if listen := config.metrics.listen:
            parts.append(Part("metrics", config.metrics, lambda: self._run_metrics(listen)))
        return {part.name: part for part in parts}

    def _bus_part(self, plan: BusPlan) -> Part:
        running = self._running

        async def run() -> None:
            promise = running.heart.pulse(plan.name)
            outside = Outside(
                now=running.clock.now,
                emit=running.judging.feed,
                changed=self._incidents.device_changed,
                promise=promise,
                health=running.devices,
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
            changed=lambda state: self._incidents.uplink_changed(loaded.config.uplink.url, state),
            received=self._command,
            pictures=running.watching.pictures,
        )
        try:
            await uplink.run(running.heart.pulse("uplink"))
        except OutboxError as error:
            self._incidents.unwritable(error)
            raise
        finally:
            running.heart.forget("uplink")

    async def _run_metrics(self, listen: str) -> None:
        """Off by default: its code is in memory where it is asked for."""
        metrics = importlib.import_module("agent.metrics.page")
        await metrics.show(listen, Observer(self._running))

    async def _beat(self) -> None:
        """Each second: the clock, the watchdog, the status line."""
        running, said, hanging = self._running, "", list[str]()
        period_s = min(1.0, self._notifier.watchdog_s / 3 or 1.0)
        while True:
            await self._follow_clock(running.clock.look())
            self._incidents.look_at_losses()
            running.judging.tick()
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
            self._incidents.clock_untrusted()
        elif not self._settled:
            await self._settle(moved_ms)
        else:
            self._incidents.clock_kept(kept=running.clock.kept)
            if moved_ms:
                running.steps, running.step_ms = running.steps + 1, moved_ms
                self._incidents.clock_stepped(moved_ms)

    async def _settle(self, moved_ms: int) -> None:
        """Put right what was stamped before; should the disk refuse, try again with the next beat."""
        self._behind_ms += moved_ms
        try:
            await self._running.router.flush()
            await self._running.store.settle(self._behind_ms)
        except OutboxError as error:
            self._incidents.unwritable(error)
            return
        self._hold.release()
        self._settled = True
        self._incidents.clock_trusted(self._behind_ms)

    def _forget_devices(self) -> None:
        running = self._running
        running.watching.forget(running.loaded)
        known = running.loaded.plan.measuring
        for device in running.router.latest.keys() - known.keys():
            running.router.forget(device)
        for kind, subject in list(running.faults.open):
            if kind is FaultKind.DEVICE_UNREADABLE and subject not in known:
                self._incidents.device_removed(subject)
                running.devices[subject].reason = ""

    def _part_changed(self, name: str, state: State, error: str) -> None:
        if state is not State.RUNNING:
            self._running.heart.forget(name)
        self._incidents.part_changed(name, state, error)

    def _start_anew(self) -> None:
        """Opening a damaged store anew recovers it."""
        self._end(self._running.loaded)

    def _publish_fault(self, body: Mapping[str, Any], at: tuple[int, bool]) -> None:
        self._running.router.tell(Leaf.FAULTS, body, priority=Priority.EVENT, at=at)

    def _fault_heard(self, fault: OpenFault, state: str) -> None:
        self._running.judging.note(fault, state)

    def _tell(self, message: Message, settled: bool) -> None:
        at = message.at_ms, settled
        self._running.router.tell(message.leaf, message.body, priority=message.priority, at=at)
        self._running.watching.told(message)

    def _hasten(self, device: str, every_s: float, times: int) -> None:
        for bus in self._running.buses.values():
            if isinstance(bus, Bus) and device in bus.units:
                bus.hasten(device, every_s, times)

    def _command(self, topic: str, payload: bytes, retained: bool) -> None:
        performed = self._commands.performed
        reply = self._commands.receive(topic, payload, retained=retained)
        if self._commands.performed != performed:
            self._running.judging.touched("commands")
        at = self._running.clock.now()
        self._running.router.tell(Leaf.REPLIES, reply, priority=Priority.EVENT, at=at)

    def _tell_serving(self) -> None:
        plan = self._running.loaded.plan
        self._notifier.ready(health.one_line(self._running))
        epoch = self._running.store.epoch
        log.info(line("serving", devices=len(plan.devices), buses=len(plan.buses), epoch=epoch))

    async def _status(self, _request: Mapping[str, Any]) -> Answer:
        return await health.status(self._running)

    async def _outbox(self, request: Mapping[str, Any]) -> Answer:
        figures = await outbox(self._running)
        limit = min(max(0, int(request.get("peek", 0))), MOST_PEEKED)
        return {**figures, "peek": await health.peek(self._running, limit)}

    async def _reload_verb(self, _request: Mapping[str, Any]) -> Answer:
        return await self.reload()


def _turned_away() -> Answer:
    return {"ok": False, "error": "the daemon is stopping", "problems": []}


def _core_changes(old: Loaded, new: Loaded) -> list[str]:
    """The sections everything else stands on that differ; the spool is opened with the first camera."""
    changed = [
        name
        for name in ("station", "outbox", "clock", "control", "pictures")
        if getattr(old.config, name) != getattr(new.config, name)
    ]
    return changed + ["cameras"] * (bool(old.plan.cameras) != bool(new.plan.cameras))
