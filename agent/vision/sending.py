"""Which of one camera's pictures go to the platform: by the clock, and for events; masked, within budgets."""

from __future__ import annotations

import base64
import logging
import math
import time
from collections import deque
from typing import Any

from agent.camera.config import Camera
from agent.logs import line
from agent.vision.budget import Allowance, Allowances, Budget
from agent.vision.ring import MOST_EVENTS, Keep, Picture, Ring, Wanted
from agent.vision.tools import Tools
from buffer.contents import deposit
from buffer.errors import OutboxError
from drivers.cameras.snapshot import decode
from drivers.errors import Garbled
from drivers.frames import Frame
from pipelines.state import State
from pipelines.vision import encoding, exif, masking
from pipelines.vision.quality.faults import Grade
from pipelines.vision.scene.zones import Polygon

log = logging.getLogger("polegate.cameras")

RESERVED = 1 / 3
"""Of a budget: what only events may use."""

RING_BYTES = 2 * 2**20
RING_QUALITY = (60, 88)
MOST_IN_RING = 16
HURRIED_S = 10.0
"""Between two pictures while something is up."""

ASKED_WITHIN_S = 3.0
"""From an event until its pictures are asked for: a beat of the judge, and the next picture."""

CAPTION_BYTES = 1024
LEAST_BYTES = 7 * 1024


class Sender:
    """Keeps the last pictures in memory, and leaves in the spool those that are to be sent."""

    def __init__(self, name: str, camera: Camera, tools: Tools, masks: tuple[Polygon, ...]) -> None:
        self._name = name
        self._camera = camera
        self._tools = tools
        self._masks = masks
        send, budget = camera.send, camera.budget
        span_s = send.before_s + ASKED_WITHIN_S
        most = min(MOST_IN_RING, math.ceil(span_s / min(camera.every_s, HURRIED_S)) + 2)
        self._ring = Ring(most, RING_BYTES, apart_s=span_s / (most - 2))
        before = (-send.before_s,) if send.before_s else ()
        self._wanted = Wanted(self._ring, (*before, *send.after_s))
        self._budget = Budget(
            Allowances(
                hour=Allowance(frames=budget.frames_per_hour, octets=budget.bytes_per_hour),
                day=Allowance(frames=budget.frames_per_day, octets=budget.bytes_per_day),
                reserved=RESERVED,
            ),
            tools.now,
            time.monotonic,
        )
        self._grades: deque[tuple[Grade, str]] = deque(maxlen=MOST_IN_RING)
        self._asked: deque[tuple[str, int]] = deque(maxlen=MOST_EVENTS)
        self._sent_s: float | None = None
        self.sent = 0
        self.failed = ""

    def ask(self, event: str, at_ms: int) -> None:
        """An event wants pictures; those of the ring are sent with the next picture that comes."""
        self._asked.append((event, at_ms))

    def due_ms(self) -> int | None:
        """When the next picture is wanted for an event, ms UTC."""
        return self._tools.now() if self._asked else self._wanted.due()

    async def consider(self, frame: Frame, grade: Grade) -> None:
        """A picture came: send it, or one before it, if somebody wants it."""
        if (encoded := frame.jpeg) is None:
            encoded = await self._tools.work(self._encoded, frame)
        picture = Picture(frame.at_ms, encoded)
        self._grades.append((grade, str(frame.way)))
        self._ring.add(picture)
        kept = [keep for event, at_ms in self._asked for keep in self._wanted.ask(event, at_ms)]
        self._asked.clear()
        if offered := self._wanted.offer(picture):
            kept.append(offered)
        self._wanted.give_up(frame.at_ms)
        for keep in kept:
            await self._send_for_events(keep)
        if self._is_due() and not self._budget.refusal():
            self._sent_s = time.monotonic()
            await self._send(picture, "scheduled", None)

    def thumbnail(self, frame: Frame) -> str:
        """A small masked JPEG, base64."""
        return base64.b64encode(encoding.thumbnail(masking.burn(frame.pixels, self._masks))).decode()

    def figures(self) -> dict[str, Any]:
        """For status."""
        return {
            "sent": self.sent,
            "refused": self._budget.refused + self._budget.refused_events,
            "missed": self._wanted.missed,
            "spent": self._budget.spent(),
            "failed": self.failed,
        }

    def state(self) -> State:
        return {"budget": self._budget.state()}

    def restore(self, state: State) -> None:
        self._budget.restore(state["budget"])

    def _is_due(self) -> bool:
        every_s = self._camera.send.every_s
        if every_s == "never":
            return False
        return self._sent_s is None or time.monotonic() - self._sent_s >= every_s

    async def _send_for_events(self, keep: Keep) -> None:
        for event in keep.events:
            if not self._budget.refusal(event=True):
                await self._send(keep.picture, "event", event)

    async def _send(self, picture: Picture, why: str, event: str | None) -> None:
        grade, way = self._grade_of(picture.at_ms)
        try:
            told = await self._tools.work(self._leave, picture, why, event)
        except (OutboxError, Garbled, ValueError) as error:
            if str(error) != self.failed:
                log.warning(line("picture lost", camera=self._name, message=error))
            self.failed = str(error)
            return
        self.failed = ""
        self.sent += 1
        self._budget.spend(told["bytes"], event=event is not None)
        faults = [str(each.fault) for each in grade.faults] if grade else []
        score = grade.score if grade else None
        self._tools.link.say("picture", self._name, **told, way=way, score=score, faults=faults)

    def _leave(self, picture: Picture, why: str, event: str | None) -> dict[str, Any]:
        """Masked, made to fit, captioned, in the spool; 30 ms of CPU."""
        room = self._budget.room(event=event is not None)
        most = int(max(LEAST_BYTES, min(self._camera.send.most_bytes, room) - CAPTION_BYTES))
        pixels = masking.burn(
            encoding.scaled(decode(picture.encoded), self._camera.send.longest_side), self._masks
        )
        made = encoding.encode(pixels, most_bytes=most)
        stored = deposit(
            self._tools.serve.pictures, exif.write(made.jpeg, self._caption(picture.at_ms, event))
        )
        return {
            "id": stored.hash, "bytes": stored.size, "at_ms": picture.at_ms, "width": made.width,
            "height": made.height, "why": why, "event": event, "masked": bool(self._masks),
        }  # fmt: skip

    def _caption(self, at_ms: int, event: str | None) -> exif.Caption:
        camera, serve = self._camera, self._tools.serve
        file = camera.file
        position = None
        if file.latitude is not None and file.longitude is not None:
            position = exif.Position(file.latitude, file.longitude, None, file.azimuth_deg)
        comment = {
            "site": serve.site, "gateway": serve.gateway, "camera": self._name, "event": event,
            "id": file.id, "masked": bool(self._masks),
        }  # fmt: skip
        return exif.Caption(
            at_ms=at_ms,
            description=camera.title or self._name,
            position=position,
            comment={key: value for key, value in comment.items() if value is not None},
        )

    def _encoded(self, frame: Frame) -> bytes:
        """For the ring, which a snapshot enters as it came."""
        side, most = self._camera.send.longest_side, 4 * self._camera.send.most_bytes
        made = encoding.encode(frame.pixels, most_bytes=most, longest_side=side, quality_range=RING_QUALITY)
        return made.jpeg

    def _grade_of(self, at_ms: int) -> tuple[Grade | None, str]:
        for grade, way in self._grades:
            if grade.at_ms == at_ms:
                return grade, way
        return None, ""
