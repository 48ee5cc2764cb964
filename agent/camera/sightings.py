"""What the vision worker says, put where it belongs: to the judge, to the platform, into the spool."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from agent.camera.cameras import CameraHealth
from agent.camera.pictures import Picture, Pictures
from agent.faults import Faults
from agent.logs import line
from agent.plan import CameraPlan
from agent.wire import FaultKind, Leaf
from buffer.envelope import Priority
from buffer.errors import OutboxError, OutboxFull
from drivers.readings import Sample

log = logging.getLogger("polegate.cameras")

MOST_FOUND = 64
"""Pictures that wait to be indexed; as many may lie in the spool unclaimed."""

PICTURES = "pictures"
LOST = "pictures are lost, readings are not"

TOP = "changing"
"""The rung on which all is well."""

FAILING = {
    "starting": "camera {camera} is not looked at: {message}",
    "unreachable": "no connection to camera {camera}: {message}",
    "reachable": "camera {camera} does not let us in: {message}",
    "authorised": "camera {camera} gives no pictures: {message}",
    "streaming": "the picture of camera {camera} stands still: {message}",
}
TAMPERED = "camera {camera} reports that somebody covers, turns or sprays it: go and look"

PICTURE_FAULTS = {
    "no_signal": "no picture comes from camera {camera}",
    "black": "the picture of camera {camera} is black: lens covered, lamp out, exposure fixed?",
    "frozen": "the picture of camera {camera} stands still: reboot it (polegate camera reboot {camera})",
    "night_vision": "camera {camera} sees badly by night: check its infrared lamp and filter",
    "over_bright": "the picture of camera {camera} is burnt out: check exposure, or a lamp that dazzles",
    "noise": "the picture of camera {camera} is full of grain: check its cable, its supply, its gain",
    "stripes": "the picture of camera {camera} has stripes: check cable and earthing, else its sensor",
    "moved": "camera {camera} looks elsewhere: aim it, or accept the view (polegate camera accept {camera})",
    "occluded": "something hides much of the view of camera {camera}: leaves, a web, a poster?",
    "defocus": "the picture of camera {camera} is blurred: clean and focus it (polegate camera aim {camera})",
    "colour_cast": "the picture of camera {camera} is tinted: check its white balance and its filter",
    "low_frame_rate": "the stream of camera {camera} brings too few pictures: check its load and its line",
}


class Sightings:
    """Hears the worker. `feed` takes samples; `tell` and `faults` speak to the platform."""

    def __init__(
        self,
        faults: Faults,
        now: Callable[[], tuple[int, bool]],
        feed: Callable[[Sample], None],
        tell: Callable[..., object],
    ) -> None:
        self.plans: Mapping[str, CameraPlan] = {}
        self._faults = faults
        self._now = now
        self._feed = feed
        self._send = tell
        self._found: asyncio.Queue[Picture] = asyncio.Queue(MOST_FOUND)

    def now(self) -> tuple[int, bool]:
        """Ms UTC, and whether the clock is trusted."""
        return self._now()

    def sample(self, sample: Sample) -> None:
        """Values of one picture, or of what the camera tells itself."""
        self._feed(sample)

    def stepped(self, camera: str, health: CameraHealth) -> None:
        """It climbed, or fell."""
        words = FAILING.get(health.step)
        if health.step == TOP or words is None or not health.reason:
            if health.step == TOP:
                self._faults.end(FaultKind.CAMERA_FAILING, camera)
            return
        message = words.format(camera=camera, message=health.message)
        self._faults.begin(FaultKind.CAMERA_FAILING, camera, health.reason, message)

    def graded(self, camera: str, health: CameraHealth) -> None:
        """What is wrong with its picture for good: one fault at a time, the first that explains the rest."""
        lasting = [fault for fault in health.faults if fault != "no_signal"]  # the ladder tells of that
        if not lasting:
            self._faults.end(FaultKind.PICTURE_FAULTY, camera)
            return
        fault = lasting[0]
        message = PICTURE_FAULTS.get(fault, "the picture of camera {camera} has a fault: {fault}")
        self._faults.begin(
            FaultKind.PICTURE_FAULTY, camera, fault, message.format(camera=camera, fault=fault)
        )

    def tampered(self, camera: str, health: CameraHealth) -> None:
        """The camera itself reports that somebody is at it, or no more."""
        if health.tampered:
            message = TAMPERED.format(camera=camera)
            self._faults.begin(FaultKind.CAMERA_TAMPERED, camera, "tamper", message)
        else:
            self._faults.end(FaultKind.CAMERA_TAMPERED, camera)

    def removed(self, camera: str) -> None:
        """It is no longer configured."""
        for kind in (FaultKind.CAMERA_FAILING, FaultKind.PICTURE_FAULTY, FaultKind.CAMERA_TAMPERED):
            self._faults.end(kind, camera, "the camera was taken out of the configuration")

    def recorded(self, camera: str, record: Mapping[str, Any]) -> None:
        """The record of its picture quality is due."""
        at_ms, settled = record["at_ms"], self._now()[1]
        body = {key: value for key, value in record.items() if key not in ("at_ms", "reference", "way")}
        body |= {
            "camera": camera,
            "reference_pictures": record["reference"]["pictures"],
            "way": record["way"],
        }
        if (plan := self.plans.get(camera)) and plan.camera.file.id:
            body["gb28181"] = plan.camera.file.id
        told = {key: value for key, value in body.items() if value not in (None, "", [], {})}
        self._send(Leaf.PICTURE_QUALITY, told, priority=Priority.HEALTH, at=(at_ms, settled))

    def pictured(self, camera: str, picture: Mapping[str, Any]) -> None:
        """A picture lies in the spool."""
        found = Picture(
            id=picture["id"], camera=camera, at_ms=picture["at_ms"], settled=self._now()[1],
            width=picture["width"], height=picture["height"], why=picture["why"], way=picture["way"],
            masked=picture["masked"], event=picture["event"], score=picture["score"],
            faults=tuple(picture["faults"]),
        )  # fmt: skip
        if self._found.full():
            log.warning(line("picture lost", camera=camera, message="too many wait to be indexed"))
            return
        self._found.put_nowait(found)

    async def index(self, pictures: Pictures, promise: Callable[[float], None]) -> None:
        """Take over what lies in the spool, for ever."""
        while True:
            promise(24 * 3600.0)
            picture = await self._found.get()
            promise(60.0)
            try:
                await pictures.add(picture)
                self._faults.end(FaultKind.STORE_UNWRITABLE, PICTURES)
            except OutboxFull as error:
                self._faults.begin(FaultKind.STORE_UNWRITABLE, PICTURES, error.reason, f"{LOST}: {error}")
            except OutboxError as error:
                log.warning(line("picture lost", camera=picture.camera, reason=error.reason, message=error))
