"""The sight of a configured camera: whatever gives pictures fastest, connected anew when it was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from agent.cli.aim import texts
from agent.cli.aim.sight import Position
from agent.vision.eye import Eye
from drivers.cameras.onvif.camera import OnvifCamera
from drivers.errors import BadConfig, DriverError, Garbled, Refused, Unauthorised
from drivers.frames import Frame, Way

LOCKOUT_S = 60.0
"""After a refused password: cameras lock out whoever tries again and again."""


class EyeSight:
    """A Sight, and a Turning where the camera has motors."""

    def __init__(self, eye: Eye) -> None:
        self._eye = eye
        self._way: Way | None = None
        self._connecting = asyncio.Lock()
        self._refused: Unauthorised | None = None
        self._refused_s = 0.0

    async def look(self) -> Frame:
        """A picture by snapshot, or of the stream, which is held open.

        Raises:
            DriverError: there is none; the next look connects anew.
        """
        way = await self._connected()
        try:
            return await self._eye.take(way)
        except (Refused, Garbled) as error:
            if isinstance(error, Unauthorised) or way is not Way.SNAPSHOT or not self._may_stream:
                self._lost(error)
                raise
        except DriverError as error:
            self._lost(error)
            raise
        self._way = Way.HOLD
        return await self._eye.take(self._way)

    async def presets(self) -> Sequence[Position]:
        """What it remembers."""
        return await (await self._motors()).presets()

    async def goto(self, token: str) -> None:
        """Start to turn to a preset."""
        await (await self._motors()).goto(token)

    async def move(self, *, pan: float, tilt: float, zoom: float, for_s: float) -> None:
        """Turn at these speeds, -1 to 1, and stop after `for_s`."""
        await (await self._motors()).move(pan, tilt, zoom, for_s=for_s)

    async def _motors(self) -> OnvifCamera:
        await self._connected()
        if self._eye.onvif is None:
            raise BadConfig(texts.NO_MOTORS)
        return self._eye.onvif

    async def _connected(self) -> Way:
        async with self._connecting:
            if self._refused and time.monotonic() < self._refused_s + LOCKOUT_S:
                raise self._refused
            if self._way is None:
                try:
                    await self._eye.connect()
                except DriverError as error:
                    self._lost(error)
                    raise
                self._way = self._choice()
            return self._way

    def _choice(self) -> Way:
        """A snapshot where that may be had; a stream held open is as fast as its key frames come."""
        snapshots = self._eye.offer.snapshot and self._eye.camera.way in ("auto", "snapshot")
        return Way.SNAPSHOT if snapshots else Way.HOLD

    @property
    def _may_stream(self) -> bool:
        return self._eye.offer.stream and self._eye.camera.way != "snapshot"

    def _lost(self, error: DriverError) -> None:
        self._way = None
        self._refused = error if isinstance(error, Unauthorised) else None
        self._refused_s = time.monotonic()
