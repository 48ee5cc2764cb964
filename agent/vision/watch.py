"""One camera's task: up the ladder, picture after picture, and up again when it falls."""

from __future__ import annotations

import asyncio
import contextlib
import time

from agent.camera.config import Camera
from agent.vision.choice import Choice
from agent.vision.eye import Eye
from agent.vision.ladder import Change, Ladder, Step
from agent.vision.listening import Listening
from agent.vision.looking import Looking, Seen
from agent.vision.record import Record
from agent.vision.schedule import Plan, Schedule, Window
from agent.vision.sending import HURRIED_S, Sender
from agent.vision.tools import Tools
from drivers.backoff import Backoff
from drivers.errors import DriverError, Unauthorised
from drivers.frames import Frame, Way
from drivers.readings import Quality, Reading
from pipelines.vision.quality.faults import PictureFault

REMEMBER_S = 1800.0
"""Between two writings of what was learned."""

CALM_S = 60.0
"""So long after motion, or an event, pictures come each HURRIED_S."""

LONGEST_REST_S = 30.0
LONGEST_OUT_S = 900.0
"""Between two tries of a password that is refused: each may count towards a lock-out of the account."""

LOOK_S = 5.0
"""How often it is looked, meanwhile, whether there is another password."""

SETTLE_S = 5.0


class Watch:
    """`name` and `camera` as configured. `run` ends only by being cancelled."""

    def __init__(self, name: str, camera: Camera, tools: Tools) -> None:
        self.name = name
        self.camera = camera
        self._tools = tools
        self._ladder = Ladder(tools.now, time.monotonic)
        self._choice = Choice(name, None if camera.way == "auto" else Way(camera.way), time.monotonic)
        windows = [Window(start * 60, end * 60 % (24 * 60)) for start, end in camera.hours]
        plan = Plan(
            every_s=camera.every_s, battery_every_s=max(camera.every_s, camera.on_battery_every_s),
            windows=windows,
        )  # fmt: skip
        self._schedule = Schedule(name, plan, time.monotonic())
        self._looking = Looking(camera)
        self._sender = Sender(name, camera, tools, self._looking.masks)
        self._record = Record()
        self._wake = asyncio.Event()
        self._listening = Listening(name, camera, tools, self._heard)
        self._told: dict[str, bool] = {}
        """Motion and tampering, as it told itself last."""
        self._accepting = False
        self._pictures = 0
        self._same_since_ms = 0
        self._has_told = False
        """Whether there was a record of its quality since the start."""
        self._told_s = self._kept_s = self._counted_s = time.monotonic()
        self._recall()

    async def run(self) -> None:
        """Watch the camera, and listen to what it tells itself."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(), name=f"{self.name} pictures")
                group.create_task(self._settle(), name=f"{self.name} ladder")
                if self.camera.events and self.camera.host:
                    group.create_task(self._listening.run(), name=f"{self.name} events")
        finally:
            self._remember()

    def ask(self, event: str, at_ms: int) -> None:
        """An event of the station wants pictures."""
        self._sender.ask(event, at_ms)
        self._schedule.hasten(time.monotonic(), HURRIED_S, max((0.0, *self.camera.send.after_s)))
        self._wake.set()

    def accept(self) -> None:
        """A person says that what is seen now is right; the next picture is taken at once."""
        self._accepting = True
        self._schedule.hasten(time.monotonic(), HURRIED_S, 0.0)
        self._wake.set()

    def woken(self) -> None:
        """Something that decides when a picture is due has changed."""
        self._say_figures()
        self._wake.set()

    async def _watch(self) -> None:
        waits, refusals = Backoff(2.0, LONGEST_REST_S), Backoff(2.0, LONGEST_OUT_S)
        while True:
            is_refused = False
            async with Eye(self.name, self.camera, self._tools.decoders, self._tools.now) as eye:
                try:
                    await self._climb(eye)
                    await self._look_on(eye, waits, refusals)
                except DriverError as error:
                    is_refused = isinstance(error, Unauthorised)
                    self._miss(error)
            self._say_figures()
            if is_refused:
                await self._stay_out(eye, next(refusals))
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(next(waits)):
                    await self._woken()

    async def _stay_out(self, eye: Eye, wait_s: float) -> None:
        """Until it is time, or there is another password; an event does not shorten it."""
        until_s = time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0 and not eye.has_new_password:
            await asyncio.sleep(min(left_s, LOOK_S))

    async def _climb(self, eye: Eye) -> None:
        try:
            await eye.reach()
        except DriverError as error:
            self._fell(Step.UNREACHABLE, error)
            raise
        self._tell(self._ladder.reached(Step.REACHABLE))
        try:
            await eye.connect()
        except DriverError as error:
            self._fell(Step.REACHABLE, error)
            raise
        if self.camera.host is not None:  # what is not ONVIF asks for the password with the picture
            self._tell(self._ladder.reached(Step.AUTHORISED))
        self._tools.link.say("facts", self.name, facts=eye.facts)
        self._listening.signed_in()

    async def _look_on(self, eye: Eye, *waits: Backoff) -> None:
        """Picture after picture, until one does not come."""
        retried = True  # after a reconnection the next picture is not waited for
        while True:
            if not retried:
                await self._until_due()
            retried = False
            await self._look(eye)
            for each in waits:
                each.reset()

    async def _look(self, eye: Eye) -> None:
        """One picture; its 6 MB are let go of before the next is waited for."""
        way, why = self._choice.choose(eye.offer, self._period_s)
        if way is not Way.HOLD:
            await eye.let_go()
        self._way, self._why = str(way), why
        try:
            frame = await eye.take(way)
        except DriverError as error:
            self._choice.failed(way, error.reason)
            self._fell(Step.REACHABLE if isinstance(error, Unauthorised) else Step.AUTHORISED, error)
            raise
        self._choice.worked(way)
        self._schedule.taken(time.monotonic())
        await self._see(frame)
        await self._probe(eye, way)

    async def _see(self, frame: Frame) -> None:
        minute = self._tools.minute_of_day(frame.at_ms)
        if self._accepting:
            self._accepting = False
            await self._tools.work(self._looking.accept, frame)
        seen = await self._tools.work(self._looking.see, frame, minute)
        if any(found.fault is PictureFault.FROZEN for found in seen.grade.faults):
            self._tell(self._ladder.unchanged(self._same_since_ms or frame.at_ms))
        else:
            self._same_since_ms = frame.at_ms
            self._tell(self._ladder.reached(Step.CHANGING if self._pictures else Step.STREAMING))
        self._pictures += 1
        self._say_sample(frame.at_ms, seen)
        await self._sender.consider(frame, seen.grade)
        thumbnail = await self._tools.work(self._sender.thumbnail, frame) if self._take_in(seen) else ""
        if thumbnail:
            self._say_record(thumbnail)
        self._say_figures()
        if time.monotonic() - self._kept_s >= REMEMBER_S:
            self._remember()

    def _miss(self, error: DriverError) -> None:
        """A turn without a picture counts once, however often it was tried."""
        now_s, at_ms = time.monotonic(), self._tools.now()
        if self._turn_s(now_s) > now_s:
            return
        self._schedule.taken(now_s)
        seen = self._looking.missed(at_ms, error.reason, str(error))
        self._say_sample(at_ms, seen)
        if self._take_in(seen):
            self._say_record("")

    def _take_in(self, seen: Seen) -> bool:
        """Into the record; whether it is to be told now."""
        changed = self._record.add(seen.grade)
        grade = seen.grade
        self._tools.link.say(
            "graded", self.name, score=grade.score, at_ms=grade.at_ms, learning=grade.learning,
            faults=[str(fault) for fault in grade.open],
            reasons={str(each.fault): each.reason for each in grade.faults},
        )  # fmt: skip
        due = time.monotonic() - self._told_s >= self._tools.serve.quality_every_s
        return changed or due or not self._has_told

    async def _probe(self, eye: Eye, way: Way) -> None:
        """Snapshots cannot show damage of the stream: look at it now and then."""
        due_s = self._choice.probe_due_s(way, eye.offer)
        if due_s is None or due_s > time.monotonic():
            return
        self._choice.probed()
        try:
            frame = await eye.take(Way.CONNECT)
        except DriverError as error:
            self._stream = f"{error.reason}: {error}"
        else:
            self._stream = (
                f"{frame.width} x {frame.height}, {frame.fps:.0f} a second, {frame.damaged} damaged"
            )

    def _heard(self, kind: str, active: bool) -> None:
        """What the camera tells itself; motion and tampering bring pictures sooner."""
        if active != self._told.get(kind):
            self._told[kind] = active
            if kind == "tamper":
                self._tools.link.say("tampered", self.name, active=active)
            else:
                value = ["motion_told", int(active), int(Quality.GOOD), ""]
                self._tools.link.say("sample", self.name, at_ms=self._tools.now(), values=[value])
        if active:
            self._schedule.hasten(time.monotonic(), HURRIED_S, CALM_S)
            self._wake.set()

    async def _settle(self) -> None:
        """What is told late is told when its time has come; and time is counted, up or not."""
        while True:
            await asyncio.sleep(SETTLE_S)
            self._tell(self._ladder.settle())
            now_s = time.monotonic()
            self._record.passed(now_s - self._counted_s, up=self._ladder.step is Step.CHANGING)
            self._counted_s = now_s

    def _fell(self, step: Step, error: DriverError) -> None:
        self._tell(self._ladder.fell(step, error.reason, str(error)))

    def _tell(self, change: Change | None) -> None:
        if change is not None:
            self._tools.link.say(
                "step", self.name, step=change.step.name.lower(),
                reason=change.reason, message=change.message, at_ms=change.at_ms,
            )  # fmt: skip

    @property
    def _period_s(self) -> float:
        return self._schedule.plan.period_s(on_battery=self._tools.on_battery)

    def _turn_s(self, now_s: float) -> float:
        minute = self._tools.minute_of_day(self._tools.now())
        return self._schedule.due(now_s, minute=minute, on_battery=self._tools.on_battery)

    def _due_s(self, now_s: float) -> float:
        """Its turn, or sooner where an event wants a picture."""
        due_s = self._turn_s(now_s)
        wanted_ms = self._sender.due_ms()
        return due_s if wanted_ms is None else min(due_s, now_s + (wanted_ms - self._tools.now()) / 1000)

    async def _until_due(self) -> None:
        while (wait_s := self._due_s(time.monotonic()) - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(wait_s, LONGEST_REST_S)):
                    await self._woken()

    async def _woken(self) -> None:
        await self._wake.wait()
        self._wake.clear()

    def _say_sample(self, at_ms: int, seen: Seen) -> None:
        readings = list(seen.readings)
        if "motion_told" in self.camera.channels:
            lacking = readings[0] if readings[0].quality is Quality.MISSING else None
            readings.append(lacking._replace(channel="motion_told") if lacking else self._motion())
        self._tools.link.say("sample", self.name, at_ms=at_ms, values=[list(each) for each in readings])

    def _motion(self) -> Reading:
        """Whether the camera tells of motion; nothing while it could not tell us."""
        if not self._listening.hears:
            return Reading("motion_told", None, Quality.MISSING, "no_events")
        return Reading("motion_told", int(self._told.get("motion", False)), Quality.GOOD)

    def _say_record(self, thumbnail: str) -> None:
        if record := self._record.take():
            self._told_s, self._has_told = time.monotonic(), True
            self._tools.link.say("record", self.name, record=record, thumbnail=thumbnail, way=self._way)

    def _say_figures(self) -> None:
        self._tools.link.say(
            "figures", self.name, way=self._way, why=self._why, every_s=self._period_s,
            stream=self._stream, pictures=self._pictures, **self._sender.figures(),
        )  # fmt: skip

    def _recall(self) -> None:
        self._way, self._why, self._stream = "", "", ""
        state = self._tools.remembered(self.name)
        if state is None:
            return
        with contextlib.suppress(ValueError, KeyError, TypeError):
            self._sender.restore(state["sender"])
        try:
            self._looking.restore(state["looking"])
        except (ValueError, KeyError, TypeError):
            self._remember()  # what is masked now must not stay on disk

    def _remember(self) -> None:
        self._kept_s = time.monotonic()
        state = {"looking": self._looking.state(), "sender": self._sender.state()}
        self._tools.remember(self.name, state)
