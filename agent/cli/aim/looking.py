"""One look at a time, however many tabs are open."""

from __future__ import annotations

import asyncio
import time

from agent.cli.aim import texts
from agent.cli.aim.sight import Sight
from drivers.errors import DriverError, LinkTimeout
from drivers.frames import Frame

LOOK_S = 25.0
"""The longest a look may take: signing in, opening a stream, waiting for its key frame."""

LEAST_GAP_S = 0.35
"""Between the beginnings of two looks; a camera has other clients, too."""


class Looking:
    """Gives each that asks a picture begun after it asked, or one that others waited for as well."""

    def __init__(self, sight: Sight, camera: str) -> None:
        self._sight = sight
        self._camera = camera
        self._turn = asyncio.Lock()
        self._frame: Frame | None = None
        self._error: DriverError | None = None
        self._began_s = self._ended_s = 0.0

    async def look(self) -> Frame:
        """A picture as it is now.

        Raises:
            DriverError: there is none, or not within 25 s.
        """
        asked_s = time.monotonic()
        async with self._turn:
            if self._ended_s < asked_s:
                await self._look()
        if self._error is not None:
            raise self._error
        assert self._frame is not None  # noqa: S101  a look gives one of the two
        return self._frame

    async def _look(self) -> None:
        await asyncio.sleep(max(0.0, self._began_s + LEAST_GAP_S - time.monotonic()))
        self._began_s = time.monotonic()
        try:
            async with asyncio.timeout(LOOK_S):
                self._frame = await self._sight.look()
            self._error = None
        except DriverError as error:
            self._error = error
        except TimeoutError:
            said = f"{self._camera}: {texts.LOOK_TIMEOUT.format(seconds=LOOK_S)}"
            self._error = LinkTimeout(said)
        self._ended_s = time.monotonic()
