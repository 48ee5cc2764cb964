"""What happens in the demonstration, act by act. Each act waits for what it shows, up to a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from agent.amounts import many
from scripts.demonstration.errors import DemonstrationFailed
from scripts.demonstration.gateway import Farewell
from scripts.demonstration.site import Site

ACTS = ("gauges alive", "broker away", "backlog", "unplugged", "plugged in")
GAUGES = 5
POLL_S = 0.05
ON_THE_WAY_MS = 2500
"""A reading is gathered, written, sent and received in about a second."""
LAST_WORDS_S = 0.6
"""After the gauges are out: for the last samples to be told of, and the status to be looked at again."""
REPORT_S = 4.0


class Enough(Exception):
    """The spectator has seen enough."""


class Story:
    """`act` is the index of the act that goes on, `line` what happens in it; `tell` hears each line once.

    `unplugged` and `plugged` count how often the platform has heard of it, `floods` how many it was told of
    with their end. `scale` stretches the pauses.
    """

    def __init__(self, site: Site, tell: Callable[[str], None], *, scale: float = 1.0) -> None:
        self.act = 0
        self.line = ""
        self.rounds = 0
        self.unplugged = 0
        self.plugged = 0
        self.floods = 0
        self.enough = asyncio.Event()
        self._site = site
        self._tell = tell
        self._scale = scale

    async def run(self) -> None:
        """All acts once.

        Raises:
            Enough: `enough` was set.
            DemonstrationFailed: something that had to happen did not.
        """
        await self.alive()
        await self._broker_away()
        await self._backlog()
        await self._unplug()
        await self._plug()
        self.rounds += 1

    async def begin(self) -> None:
        """Start the daemons."""
        self._say("the gateways start: two daemons, five gauges", act=0)
        for gateway in self._site.gateways:
            await gateway.start()

    async def end(self) -> list[Farewell]:
        """Put everything right, take the gauges out, wait until the platform has it all, stop the daemons."""
        site = self._site
        self.enough.clear()
        self._say("the end: the gauges are taken out, the gateways deliver what they still hold")
        site.field.rain.plugged = True
        await site.broker.start()
        for gateway in site.gateways:
            await gateway.take_gauges_out()
        await asyncio.sleep(LAST_WORDS_S)
        if not await self._wait(self._nothing_left, 20):
            self._say("not everything has arrived; the verification says what")
        return [await gateway.leave() for gateway in site.gateways]

    async def alive(self) -> None:
        """The first act: every gauge is heard of."""
        if not self.rounds:
            await self._until(self._all_heard, 20, "every gauge to be heard of at the platform")
        self._say("every gauge is heard; the platform has each reading within a second", act=0)
        await self._pause(6)

    async def _broker_away(self) -> None:
        site = self._site
        self._say("the broker goes away: readings wait on the gateways' disks", act=1)
        await site.broker.stop()
        await self._until(lambda: not any(g.connected for g in site.gateways), 15, "the gateways to notice")
        await self._pause(4, report=True)
        site.river.kill()
        self._say("the river's daemon is killed (SIGKILL) in the middle of the outage")
        await self._pause(1.5)
        await site.river.start()
        self._say("the river's daemon is up again: what was on its disk is still there")
        await self._pause(5, report=True)

    async def _backlog(self) -> None:
        site = self._site
        waiting = site.waiting
        await site.broker.start()
        self._say(f"the broker is back; {many(waiting, 'reading')} wait for the gateways' next try", act=2)
        await self._until(self._pole_delivered, 60, "the lamp pole to deliver its backlog")
        repeats = site.platform.repeats
        site.pole.kill()
        self._say("the pole's daemon is killed before it has noted what was acknowledged")
        await site.pole.start()
        await self._until(self._all_delivered, 60, "the gateways to deliver their backlog")
        self._say(f"it sent {many(site.platform.repeats - repeats, 'message')} again; the batch id told")
        await self._pause(3)
        holes = many(site.platform.ledger.holes(), "hole")
        self._say(f"all delivered: {many(site.platform.backfilled, 'reading')} came late, {holes}")
        await self._pause(3)
        if floods := site.platform.open_floods:
            self._say(f"the flood was told as well: {floods[-1].message}")
            await self._pause(2)

    async def _unplug(self) -> None:
        site = self._site
        site.field.rain.plugged = False
        self._say("somebody unplugs the rain gauge; the level gauge on the same bus goes on", act=3)
        await self._until(self._rain_fault, 15, "the fault of the rain gauge to be opened")
        self.unplugged += 1
        self._say("the platform knows: a fault is open, the level still comes each second")
        await self._pause(3)

    async def _plug(self) -> None:
        site = self._site
        site.field.rain.plugged = True
        self._say("the rain gauge is plugged in again; its gateway will probe it soon", act=4)
        await self._until(lambda: not self._rain_fault(), 40, "the fault of the rain gauge to be closed")
        self.plugged += 1
        self._say("the fault is closed, the rain gauge reads on where its counter stands")
        await self._pause(2)
        await self._until(lambda: self._site.platform.floods_over > self.floods, 60, "the end of the flood")
        self.floods = self._site.platform.floods_over
        self._say("the flood is over: one event from its beginning to its end, through outage and kill")
        await self._pause(2)

    def _all_heard(self) -> bool:
        gateways = self._site.platform.gateways
        heard = {(name, device) for name, known in gateways.items() for device, _ in known.channels}
        return len(heard) == GAUGES

    def _rain_fault(self) -> bool:
        return any(fault.subject == "rain" for fault in self._site.platform.open_faults)

    def _pole_delivered(self) -> bool:
        pole, now_ms = self._site.pole, time.time_ns() // 1_000_000
        return pole.connected and not self._site.platform.ledger.behind(now_ms - ON_THE_WAY_MS, pole.name)

    def _all_delivered(self) -> bool:
        """Everything has arrived but what was read a moment ago."""
        site, recent_ms = self._site, time.time_ns() // 1_000_000 - ON_THE_WAY_MS
        return all(g.connected for g in site.gateways) and not site.platform.ledger.behind(recent_ms)

    def _nothing_left(self) -> bool:
        site = self._site
        return all(g.idle for g in site.gateways) and not site.platform.ledger.on_the_way()

    def _say(self, line: str, *, act: int | None = None) -> None:
        self.act = self.act if act is None else act
        self.line = line
        self._tell(line)

    async def _pause(self, seconds: float, *, report: bool = False) -> None:
        """Let the spectator look; with `report` tell of the outboxes meanwhile."""
        until_s = time.monotonic() + seconds * self._scale
        report_s = time.monotonic() + REPORT_S
        while time.monotonic() < until_s:
            await self._rest()
            if report and time.monotonic() >= report_s:
                report_s += REPORT_S
                held = ", ".join(f"{g.name} {many(g.waiting, 'reading')}" for g in self._site.gateways)
                self._tell(f"waiting on disk: {held}")

    async def _until(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        if not await self._wait(condition, within_s):
            raise DemonstrationFailed(f"waited {within_s:g} s in vain for {what}")

    async def _wait(self, condition: Callable[[], bool], within_s: float) -> bool:
        give_up_s = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > give_up_s:
                return False
            await self._rest()
        return True

    async def _rest(self) -> None:
        if self.enough.is_set():
            raise Enough
        await asyncio.sleep(POLL_S)
