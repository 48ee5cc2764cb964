"""The daemon's side of the vision worker: keeps the process, hears what it says, asks it for pictures."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Protocol

import orjson

from agent.logs import line
from agent.plan import CameraPlan
from drivers.readings import Quality, Reading, Sample

log = logging.getLogger("polegate.cameras")

LONGEST_LINE = 1 << 20
SILENT_S = 30.0
"""The worker says something each five seconds; one that has said nothing for so long hangs."""

OURS_MS = 60_000
"""What the worker says is seconds old: a time further off is by a clock that one of us did not trust yet."""

OURS_OF_PICTURE_MS = 600_000
"""Of a picture, that may have waited in memory for its event."""

STOP_WITHIN_S = 5.0
PACKAGES = ("aiohttp", "av", "cv2", "lxml", "numpy")
MISSING = (
    "cameras are configured, but the part that serves them is not installed (no {packages}): "
    "see docs/operator/installing.md; the gauges are served all the same"
)
ANSWER_WITHIN_S = 30.0
WORKER = "worker"
"""The reason where nobody looks at a camera."""


LEAN = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "1048576"}
"""mallopt(3): a picture's megabytes go back to the system as soon as it has been looked at."""


class WorkerFailed(Exception):
    """The vision worker ended or hangs; it is started anew."""


@dataclass(slots=True)
class CameraHealth:
    """What is known of one camera, for status and health; kept while the worker comes and goes.

    `step` is the highest rung of the ladder it stands on, with the reason it stands no higher; `way` how
    its pictures are taken and `why` so; `faults` what is wrong with the picture, after persistence.
    """

    step: str = "starting"
    reason: str = ""
    message: str = ""
    since_ms: int | None = None
    way: str = ""
    why: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    samples: int = 0
    last_ms: int | None = None
    score: int | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    tampered: bool = False
    figures: dict[str, Any] = field(default_factory=dict)


class Hearing(Protocol):
    """Who hears what the worker says."""

    def now(self) -> tuple[int, bool]: ...
    def sample(self, sample: Sample) -> None: ...
    def stepped(self, camera: str, health: CameraHealth) -> None: ...
    def graded(self, camera: str, health: CameraHealth) -> None: ...
    def tampered(self, camera: str, health: CameraHealth) -> None: ...
    def recorded(self, camera: str, record: Mapping[str, Any]) -> None: ...
    def pictured(self, camera: str, picture: Mapping[str, Any]) -> None: ...


class Cameras:
    """The vision worker of one configuration."""

    def __init__(
        self,
        plans: Sequence[CameraPlan],
        settings: Mapping[str, Any],
        hearing: Hearing,
        health: dict[str, CameraHealth],
    ) -> None:
        self.process: dict[str, Any] = {}
        """Memory and CPU of the worker and its decoders, as it last said."""
        self._plans = {plan.name: plan for plan in plans}
        self._settings = dict(settings)
        self._hearing = hearing
        self._health = health
        self._link: asyncio.StreamWriter | None = None
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self._on_battery = False

    async def run(self, promise: Callable[[float], None], asked: Sequence[tuple[str, int, str]] = ()) -> None:
        """Serve until cancelled; `asked` are what `take` was called with while no worker could hear it.

        Raises:
            WorkerFailed: it ended by itself, or was ended because it hung.
        """
        for name in self._plans:
            self._health.setdefault(name, CameraHealth())
        try:
            await self._serve(promise, asked)
        except WorkerFailed as error:
            for name in self._plans:
                self._unserved(self._health[name], WORKER, str(error))
            raise

    async def _serve(self, promise: Callable[[float], None], asked: Sequence[tuple[str, int, str]]) -> None:
        if missing := [package for package in PACKAGES if find_spec(package) is None]:
            raise WorkerFailed(MISSING.format(packages=", ".join(missing)))
        async with _worker() as (process, reader, link):
            self._link = link
            self._say({"do": "serve", **self._settings, "battery": self._on_battery})
            for health in self._health.values():
                if health.reason == WORKER:
                    health.reason = health.message = ""
            for event, at_ms, device in asked:
                self.take(event, at_ms, device)
            try:
                await self._listen(process, reader, promise)
            finally:
                self._link = None
                for future in self._asked.values():
                    future.cancel()
                self._asked.clear()

    def take(self, event: str, at_ms: int, device: str) -> None:
        """An event asks for pictures of the cameras that watch its device."""
        cameras = [
            name
            for name, plan in self._plans.items()
            if not device or not plan.camera.watches or device in plan.camera.watches
        ]
        if cameras:
            self._say({"do": "take", "event": event, "at_ms": at_ms, "cameras": cameras})

    def power(self, *, on_battery: bool) -> None:
        """The supply has failed, or is back."""
        if on_battery != self._on_battery:
            self._on_battery = on_battery
            self._say({"do": "power", "battery": on_battery})

    async def ask(self, verb: str, camera: str, **arguments: object) -> dict[str, Any]:
        """What the worker answers.

        Raises:
            ValueError: it refuses, does not answer, or does not run.
        """
        if self._link is None:
            raise ValueError("the vision worker is not running; see polegate status")
        self._number += 1
        future = asyncio.get_running_loop().create_future()
        self._asked[self._number] = future
        self._say({"do": "ask", "n": self._number, "verb": verb, "camera": camera, **arguments})
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                answer: dict[str, Any] = await future
        except (TimeoutError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and not future.cancelled():
                raise
            raise ValueError(f"the vision worker gave no answer about {camera}") from None
        finally:
            self._asked.pop(self._number, None)
        if refusal := answer.get("error"):
            raise ValueError(refusal)
        return answer

    def _say(self, words: Mapping[str, Any]) -> None:
        if self._link is not None:
            self._link.write(orjson.dumps(words, option=orjson.OPT_APPEND_NEWLINE))

    async def _listen(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        promise: Callable[[float], None],
    ) -> None:
        while True:
            promise(SILENT_S + 60.0)
            try:
                async with asyncio.timeout(SILENT_S):
                    said = await reader.readline()
            except TimeoutError:
                raise WorkerFailed(
                    f"the vision worker (pid {process.pid}) hangs; it is started anew"
                ) from None
            except ValueError:
                raise WorkerFailed("the vision worker said more than a line can hold") from None
            except ConnectionError:
                said = b""
            if not said.endswith(b"\n"):
                raise WorkerFailed(await _ended(process))
            self._hear(orjson.loads(said))

    def _hear(self, words: dict[str, Any]) -> None:
        kind = words.pop("say")
        if kind == "alive":
            self.process = words
        elif kind == "answer":
            if (future := self._asked.get(words["n"])) and not future.done():
                future.set_result(words)
        elif (health := self._health.get(words["camera"])) is not None:
            getattr(self, f"_{kind}")(words.pop("camera"), health, words)

    def _unserved(self, health: CameraHealth, reason: str, message: str) -> None:
        """Nobody looks at the camera."""
        health.step, health.reason, health.message = "starting", reason, message
        health.since_ms = self._hearing.now()[0]

    def _step(self, camera: str, health: CameraHealth, words: dict[str, Any]) -> None:
        health.step, health.reason = words["step"], words["reason"]
        health.message = words["message"] if health.reason else ""
        health.since_ms = words["at_ms"]
        self._hearing.stepped(camera, health)

    def _facts(self, _camera: str, health: CameraHealth, words: dict[str, Any]) -> None:
        health.facts = words["facts"]

    def _figures(self, _camera: str, health: CameraHealth, words: dict[str, Any]) -> None:
        health.way, health.why = words.pop("way"), words.pop("why")
        health.figures = words

    def _sample(self, camera: str, health: CameraHealth, words: dict[str, Any]) -> None:
        health.samples += 1
        at_ms, settled = self._timed(words["at_ms"], OURS_MS)
        readings = tuple(Reading(ch, value, Quality(q), test) for ch, value, q, test in words["values"])
        if any(each.channel == "picture_score" and each.value is not None for each in readings):
            health.last_ms = at_ms
        self._hearing.sample(Sample(camera, at_ms, settled, health.samples, readings))

    def _graded(self, camera: str, health: CameraHealth, words: dict[str, Any]) -> None:
        health.faults, health.reasons = tuple(words["faults"]), words["reasons"]
        health.score = None if "no_signal" in health.reasons else words["score"]
        self._hearing.graded(camera, health)

    def _record(self, camera: str, health: CameraHealth, words: dict[str, Any]) -> None:
        at_ms, _ = self._timed(words["record"]["at_ms"], OURS_MS)
        beside = {"at_ms": at_ms, "thumbnail": words["thumbnail"], "way": words["way"]}
        health.record = words["record"] | beside
        self._hearing.recorded(camera, health.record)

    def _part(self, camera: str, health: CameraHealth, words: dict[str, Any]) -> None:
        if words["error"]:
            self._unserved(health, "failed", f"its task failed ({words['state']}): {words['error']}")
            self._hearing.stepped(camera, health)
        elif health.reason == "failed":
            health.reason = health.message = ""

    def _tampered(self, camera: str, health: CameraHealth, words: dict[str, Any]) -> None:
        health.tampered = words["active"]
        self._hearing.tampered(camera, health)

    def _picture(self, camera: str, _health: CameraHealth, words: dict[str, Any]) -> None:
        at_ms, _ = self._timed(words["at_ms"], OURS_OF_PICTURE_MS)
        self._hearing.pictured(camera, words | {"at_ms": at_ms})

    def _timed(self, at_ms: int, within_ms: int) -> tuple[int, bool]:
        """A time of the worker's by our clock, which it goes by about a second later; and whether it is true.

        A time far back would count as a clock put back, and end what is known of all gauges.
        """
        now_ms, settled = self._hearing.now()
        return at_ms if abs(now_ms - at_ms) <= within_ms else now_ms, settled


@asynccontextmanager
async def _worker() -> AsyncIterator[
    tuple[asyncio.subprocess.Process, asyncio.StreamReader, asyncio.StreamWriter]
]:
    """The child process and both directions of its link; at the end it is asked to go, then made to."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent.vision", "--link", str(theirs.fileno()),
            pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
            env=os.environ | LEAN,
        )  # fmt: skip
    reader, writer = await asyncio.open_connection(sock=ours, limit=LONGEST_LINE)
    log.info(line("vision worker", pid=process.pid))
    try:
        yield process, reader, writer
    finally:
        writer.close()  # the end of its link tells it to go
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await process.wait()
    except TimeoutError:
        log.warning(line("vision worker hangs", pid=process.pid, message="ended by force"))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its decoders, too, should any be left
        await process.wait()


async def _ended(process: asyncio.subprocess.Process) -> str:
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            code = await process.wait()
    except TimeoutError:
        return f"the vision worker (pid {process.pid}) closed its link and hangs"
    if code < 0:
        return f"the vision worker was ended by {signal.Signals(-code).name}; it is started anew"
    return f"the vision worker ended with code {code}; its last words are in the log. It is started anew"
