"""The cameras of one run of the daemon: the worker, what it says, and where pictures wait."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from agent import wire
from agent.camera.cameras import CameraHealth, Cameras
from agent.camera.pictures import Pictures
from agent.camera.sightings import TOP, Sightings
from agent.heart import Heart
from agent.loaded import Loaded
from agent.logs import line
from agent.router import Router
from agent.store import Store
from agent.supervisor import Part
from agent.telling import Message
from agent.wire import Leaf
from buffer.errors import OutboxError
from firmware_profiles.declared import plain

log = logging.getLogger("polegate.cameras")

MOST_FILES = 20_000
RECENT_S = 60.0
"""Pictures of an event are still worth asking for."""

ON_BATTERY = frozenset({"power_failed", "battery_low"})
"""Kinds of events during which pictures are taken more seldom."""


class Watching:
    """Outlives the worker; `pictures` is None where there are no cameras, or no room to keep pictures."""

    def __init__(self, sightings: Sightings, heart: Heart) -> None:
        self.pictures: Pictures | None = None
        self.health: dict[str, CameraHealth] = {}
        self._sightings = sightings
        self._heart = heart
        self._cameras: Cameras | None = None
        self._powerless: set[str] = set()
        self._takes: deque[tuple[float, tuple[str, int, str]]] = deque(maxlen=64)
        """What pictures were asked for, and when: a worker that is started anew is asked again."""

    @asynccontextmanager
    async def open(self, loaded: Loaded, store: Store, router: Router) -> AsyncIterator[None]:
        """With the spool open where there are cameras, or were; one that fails costs pictures only."""
        async with AsyncExitStack() as stack:
            if loaded.plan.cameras or loaded.config.pictures.path.exists():
                self.pictures = await self._spool(stack, loaded, store, router)
            yield
        self.pictures = None

    async def _spool(
        self, stack: AsyncExitStack, loaded: Loaded, store: Store, router: Router
    ) -> Pictures | None:
        station, settings = loaded.config.station, loaded.config.pictures
        opening = Pictures.open(
            settings.path, store, router,
            topic=wire.topic(station.site, station.gateway, Leaf.FRAMES),
            max_bytes=settings.max_size, max_files=MOST_FILES, unwritten=router.unwritten(),
        )  # fmt: skip
        try:
            return await stack.enter_async_context(opening)
        except OutboxError as error:
            said = line("no pictures", path=settings.path, reason=error.reason, message=error)
            log.warning(said)
            return None

    def parts(self, loaded: Loaded) -> list[Part]:
        """The worker, and the taking over of pictures."""
        plan, config = loaded.plan, loaded.config
        self._sightings.plans = {camera.name: camera for camera in plan.cameras}
        settings = {
            "site": config.station.site,
            "gateway": config.station.gateway,
            "utc_offset": config.station.utc_offset,
            "clock": config.clock.source,
            "pictures": str(config.pictures.path),
            "quality_every_s": config.pictures.quality_every_s,
            "cameras": {camera.name: plain(camera.camera) for camera in plan.cameras},
        }

        async def watch() -> None:
            self._cameras = Cameras(plan.cameras, settings, self._sightings, self.health)
            self._cameras.power(on_battery=bool(self._powerless))
            recent_s = time.monotonic() - RECENT_S
            asked = [take for asked_s, take in self._takes if asked_s > recent_s]
            await self._kept("cameras", partial(self._cameras.run, asked=asked))

        parts = [Part("cameras", (plan.cameras, config.pictures), watch)] if plan.cameras else []
        if pictures := self.pictures:
            parts.append(Part("pictures", config.pictures, lambda: self._kept("pictures", pictures.run)))
            index = partial(self._sightings.index, pictures)
            parts.append(Part("picture index", config.pictures, lambda: self._kept("picture index", index)))
        return parts

    def recall(self, events: Iterable[Mapping[str, Any]]) -> None:
        """What was open when the daemon stopped, before anything new is told."""
        self._powerless = {event["id"] for event in events if event["kind"] in ON_BATTERY}

    def told(self, message: Message) -> None:
        """An event goes out: it may want pictures, or say that the station runs on its battery."""
        body = message.body
        if body["kind"] in ON_BATTERY:
            (self._powerless.discard if body["state"] == "closed" else self._powerless.add)(body["id"])
        if self._cameras is None:
            return
        self._cameras.power(on_battery=bool(self._powerless))
        if body.get("pictures") and body["state"] in ("opened", "updated"):
            device = str(body["subject"]).partition(".")[0]
            take = body["id"], message.at_ms, "" if device == "station" else device
            self._takes.append((time.monotonic(), take))
            self._cameras.take(*take)

    def forget(self, loaded: Loaded) -> None:
        """Cameras that are no longer configured."""
        for name in self.health.keys() - {camera.name for camera in loaded.plan.cameras}:
            del self.health[name]
            self._sightings.removed(name)

    async def accept(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Control verb: what a camera sees now is right."""
        name = str(request.get("camera", ""))
        if self._cameras is None or name not in self.health:
            raise ValueError(f"no camera {name}; there is {', '.join(sorted(self.health)) or 'none'}")
        await self._cameras.ask("accept", name)
        return {"camera": name}

    def status(self) -> list[dict[str, Any]]:
        """What is known of each camera, by name."""
        return [_shown(name, health) for name, health in sorted(self.health.items())]

    def states(self) -> dict[str, str]:
        """Each camera: ok, starting, or the reason it does not do."""
        return {name: _state(health) for name, health in sorted(self.health.items())}

    def process(self) -> dict[str, Any]:
        """Memory and CPU of the worker and its decoders; empty while none runs."""
        return self._cameras.process if self._cameras else {}

    async def _kept(self, name: str, run: Callable[[Callable[[float], None]], Any]) -> None:
        try:
            await run(self._heart.pulse(name))
        finally:
            self._heart.forget(name)


def _state(health: CameraHealth) -> str:
    if health.step == "starting":
        return health.reason or "starting"
    if health.step != TOP:
        return health.reason or health.step
    return health.faults[0] if health.faults else "ok"


def _shown(name: str, health: CameraHealth) -> dict[str, Any]:
    return {
        "camera": name, "state": _state(health), "step": health.step, "reason": health.reason,
        "message": health.message, "since_ms": health.since_ms, "way": health.way, "why": health.why,
        "last_ms": health.last_ms, "samples": health.samples, "score": health.score,
        "faults": list(health.faults), "reasons": health.reasons, "tampered": health.tampered,
        "record": health.record, "facts": health.facts, "figures": health.figures,
    }  # fmt: skip
