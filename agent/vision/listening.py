"""What a camera tells itself, motion and tampering, over a connection of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from agent.camera.config import Camera
from agent.vision.eye import Eye
from agent.vision.tools import Tools
from drivers.backoff import Backoff
from drivers.cameras.access import Credentials
from drivers.cameras.onvif.envelope import NAMESPACES
from drivers.cameras.onvif.events import LEAVING_S, Alarms, Place
from drivers.cameras.onvif.happenings import Happening
from drivers.errors import DriverError, Unauthorised

EVENTS = NAMESPACES["tev"]
AGAIN_S, LONGEST_AGAIN_S = 5.0, 300.0
LOCKED_OUT_S = 900.0
"""Until credentials that were refused are tried again, unless the pictures get in with them before."""

LOOK_S = 60.0
"""How often it is looked whether the password has changed."""


class Listening:
    """`heard(kind, active)` is told of "motion" and "tamper": whether any source of it is active now.

    It begins with the first `signed_in`, and begins anew with a later one where it ails, or with another
    password. The place it has at the camera goes with it; at the end it is given back.
    """

    def __init__(self, name: str, camera: Camera, tools: Tools, heard: Callable[[str, bool], None]) -> None:
        self._tools = tools
        self._heard = heard
        self._eye = Eye(name, camera, tools.decoders, tools.now)
        self._signed_in = asyncio.Event()
        self._going: dict[str, set[tuple[str, str]]] = {}
        self._alarms: Alarms | None = None
        self._left: Place | None = None
        """At the camera, that could not be given back yet."""

    @property
    def hears(self) -> bool:
        """Whether the camera would tell us now; else the last word may be old."""
        alarms = self._alarms
        return alarms is not None and alarms.is_subscribed and not alarms.reason

    def signed_in(self) -> None:
        """The camera has just accepted our credentials."""
        self._signed_in.set()

    async def run(self) -> None:
        """For ever: what fails is waited out."""
        waits = Backoff(AGAIN_S, LONGEST_AGAIN_S)
        await self._signed_in.wait()
        try:
            while True:
                self._signed_in.clear()
                try:
                    await self._connected(waits)
                except Unauthorised:
                    await self._wait(LOCKED_OUT_S)
                except DriverError:
                    await self._wait(next(waits))
        finally:
            await self._give_back()

    async def _give_back(self) -> None:
        """What is left, with the password of now."""
        if self._left is None:
            return
        with contextlib.suppress(DriverError, TimeoutError):
            async with asyncio.timeout(LEAVING_S), self._eye.dial(self._eye.credentials()) as onvif:
                await Alarms(onvif, "", self._tools.now, left=self._left).leave()

    async def _connected(self, waits: Backoff) -> None:
        """Until another connection would do better."""
        credentials = self._eye.credentials()
        async with self._eye.dial(credentials) as onvif:
            facts = await onvif.connect()
            waits.reset()
            if facts.has_events:
                service = facts.services[EVENTS]
                await self._follow(Alarms(onvif, service, self._tools.now, left=self._left), credentials)
            else:
                await self._signed_in.wait()

    async def _follow(self, alarms: Alarms, credentials: Credentials | None) -> None:
        self._going = {"motion": set(), "tamper": set()}
        self._alarms = alarms
        try:
            async with asyncio.TaskGroup() as group:
                following = group.create_task(alarms.run(self._happened))
                while True:
                    signed_in = await self._wait(LOOK_S)
                    if (signed_in and alarms.reason) or self._has_changed(credentials):
                        following.cancel()
                        return
        finally:
            self._alarms, self._left = None, alarms.left

    def _has_changed(self, credentials: Credentials | None) -> bool:
        with contextlib.suppress(DriverError):
            return self._eye.credentials() != credentials
        return False

    async def _wait(self, seconds: float) -> bool:
        """For `signed_in`; whether it came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._signed_in.wait()
        came = self._signed_in.is_set()
        self._signed_in.clear()
        return came

    def _happened(self, happening: Happening) -> None:
        going = self._going.get(happening.kind)
        if going is None or happening.active is None:
            return
        (going.add if happening.active else going.discard)((happening.topic, happening.source))
        self._heard(happening.kind, bool(going))
