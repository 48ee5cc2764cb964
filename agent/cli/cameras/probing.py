"""A camera asked for everything, up the ladder, step by step, with what each step took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from agent.camera.config import Camera
from agent.cli.cameras.eye import looking
from agent.vision.choice import Choice, Offer
from drivers.errors import BadConfig, DriverError
from drivers.frames import Way

if TYPE_CHECKING:
    from agent.vision.eye import Eye
    from drivers.frames import Frame

STEPS = ("reachable", "authorised", "streaming", "changing")
LOOK_S = 6.0
"""A live picture differs from the one before within this, if only by the noise of its sensor."""

BETWEEN_S = 0.5
SECONDS_OF_CPU = {Way.SNAPSHOT: 0.02, Way.CONNECT: 0.09}
"""A picture, measured at 1080p; a stream held open costs HELD_S each second instead."""

HELD_S = 0.0143


@dataclass(frozen=True, slots=True)
class Step:
    """One rung: reached, in so many seconds, or not and why."""

    name: str
    ok: bool
    took_s: float
    reason: str = ""
    message: str = ""


@dataclass(slots=True)
class Probing:
    """What was found. `ways` are the pictures taken by way: size, bytes, seconds; or the error.

    `extra` are network, imaging and presets; what the camera does not tell is left out. `way` is what
    polegate would use, `why`, and `cpu_s_per_hour` what that would cost on this gateway.
    """

    steps: list[Step] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    ways: dict[str, dict[str, Any]] = field(default_factory=dict)
    way: str = ""
    why: str = ""
    cpu_s_per_hour: float = 0.0
    unfit: BadConfig | None = None
    """It has no such profile."""

    @property
    def ok(self) -> bool:
        """Whether pictures come; that they change is for the daemon to watch."""
        return sum(step.ok for step in self.steps) >= STEPS.index("streaming") + 1

    def facts_of_all(self) -> dict[str, Any]:
        """For a program."""
        told = asdict(replace(self, unfit=None))
        del told["unfit"]
        return told


async def probe(name: str, camera: Camera, tell: Callable[[Step], None]) -> Probing:
    """Up the ladder until a step fails; `tell` has each as it is done.

    Raises:
        BadConfig: the password or the certificate cannot be read; the camera was not asked.
    """
    probing = Probing()

    async def climb(step: str, work: Awaitable[None]) -> bool:
        began_s = time.monotonic()
        try:
            await work
        except (DriverError, Still) as error:
            done = Step(
                step, ok=False, took_s=time.monotonic() - began_s, reason=error.reason, message=str(error)
            )
        else:
            done = Step(step, ok=True, took_s=time.monotonic() - began_s)
        probing.steps.append(done)
        tell(done)
        return done.ok

    async with looking(name, camera) as eye:
        eye.credentials()
        eye.trust.context()
        if await climb("reachable", eye.reach()) and await climb("authorised", _sign_in(eye, probing)):
            probing.facts = dict(eye.facts)
            await _ask_more(eye, probing)
            if await climb("streaming", _look(eye, probing, camera.way)):
                _choose(name, camera, eye, probing)
                await climb("changing", _compare(eye, Way(probing.way)))
    return probing


async def _sign_in(eye: Eye, probing: Probing) -> None:
    """A profile that the camera has not is no matter of who asks: the next step fails of it."""
    try:
        await eye.connect()
    except BadConfig as error:
        if not str(error).startswith(f"cameras.{eye.name}.profile:"):
            raise
        probing.unfit = error


async def _ask_more(eye: Eye, probing: Probing) -> None:
    """What not every camera tells; none of it is needed."""
    if eye.onvif is None:
        return
    asked: dict[str, Callable[[], Awaitable[Any]]] = {"network": eye.onvif.network}
    if probing.facts.get("has_imaging"):
        asked["imaging"] = eye.onvif.imaging
    if probing.facts.get("has_ptz"):
        asked["presets"] = eye.onvif.presets
    for name, ask in asked.items():
        async with _put_up_with(probing.extra, name):
            answer = await ask()
            probing.extra[name] = [asdict(each) for each in answer] if name == "presets" else asdict(answer)


@asynccontextmanager
async def _put_up_with(found: dict[str, Any], name: str) -> AsyncIterator[None]:
    try:
        yield
    except DriverError as error:
        found[name] = {"error": str(error)}


async def _look(eye: Eye, probing: Probing, wanted: str) -> None:
    """A picture by each way there is; of a stream by the one that is wanted.

    Raises:
        DriverError: of the way that is wanted, or of the last if none works.
    """
    if probing.unfit is not None:
        raise probing.unfit
    stream = Way.HOLD if wanted == Way.HOLD else Way.CONNECT
    failed: dict[str, DriverError] = {}
    for way, has in ((Way.SNAPSHOT, eye.offer.snapshot), (stream, eye.offer.stream)):
        if not has and way != wanted:
            continue
        began_s = time.monotonic()
        try:
            frame = await eye.take(way)
        except DriverError as error:
            failed[way] = error
            probing.ways[way] = {"error": str(error)}
            continue
        probing.ways[way] = {
            "width": frame.width, "height": frame.height, "bytes": len(frame.jpeg or b"") or None,
            "took_s": round(time.monotonic() - began_s, 3), "fps": frame.fps or None,
        }  # fmt: skip
    if wanted in failed:
        raise failed[wanted]
    if failed and len(failed) == len(probing.ways):
        raise failed.popitem()[1]


def _choose(name: str, camera: Camera, eye: Eye, probing: Probing) -> None:
    works = {way for way, found in probing.ways.items() if "error" not in found}
    wanted = None if camera.way == "auto" else Way(camera.way)
    offer = Offer(snapshot=Way.SNAPSHOT in works, stream=bool(works & {Way.CONNECT, Way.HOLD}))
    way, why = Choice(name, wanted, time.monotonic).choose(offer, camera.every_s)
    if eye.offer.snapshot and not offer.snapshot:
        why = f"its snapshots fail; {why}"
    probing.way, probing.why = str(way), why
    pictures = 3600 / camera.every_s
    probing.cpu_s_per_hour = HELD_S * 3600 if way is Way.HOLD else SECONDS_OF_CPU[way] * pictures


async def _compare(eye: Eye, way: Way) -> None:
    """Pictures until one differs; of a stream, key frames that follow each other.

    Raises:
        Still: none does within LOOK_S.
        DriverError: none comes.
    """
    taking = Way.SNAPSHOT if way is Way.SNAPSHOT else Way.HOLD
    first = await eye.take(taking)
    until_s = time.monotonic() + LOOK_S
    while time.monotonic() < until_s:
        await asyncio.sleep(BETWEEN_S)
        if _differ(first, await eye.take(taking)):
            return
    raise Still(f"the picture stayed the same for {LOOK_S:g} s, to the pixel: is it a live one?")


class Still(Exception):
    """Pictures come, and are always the same."""

    reason = "frozen"


def _differ(one: Frame, other: Frame) -> bool:
    if one.pixels.shape != other.pixels.shape:
        return True
    return bool((one.pixels != other.pixels).any())
