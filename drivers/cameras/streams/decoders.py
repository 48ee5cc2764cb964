"""Pictures of RTSP streams, decoded by a few child processes that may hang, crash or be ended at any time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Self

from drivers.cameras.access import Credentials
from drivers.cameras.streams.pool import Grabbed, Job, Pool
from drivers.cameras.streams.process import PROGRAM
from drivers.cameras.streams.target import Target, silent
from drivers.errors import LinkTimeout

__all__ = ["Decoders", "Grabbed", "HeldStream"]

CLOSE_S = 1.0
"""The longest wait for a camera to be hung up on; the decoder goes on with it."""


class HeldStream:
    """A stream that stays open; it survives the end of its decoder, not the end of its connection."""

    def __init__(self, pool: Pool, job: Job) -> None:
        self._pool = pool
        self._job = job

    async def take(self, within_s: float) -> Grabbed:
        """The newest key frame that was not taken yet, else the next one.

        Raises:
            LinkTimeout: none came in time, or the stream is silent.
            LinkClosed, Refused, Unauthorised, Garbled: why the stream has ended; it must be held anew.
        """
        self._pool.ask(self._job, within_s)
        return await _picture(self._pool, self._job, within_s)


class Decoders:
    """At most `processes` decoder processes of `jobs` streams each; started when needed, ended when idle.

    Who finds no place waits in line. A process that is stuck, or crashes, delays only the one who waits for
    the stream that did it: held streams move to another process.
    """

    def __init__(
        self, *, processes: int = 3, jobs: int = 16, idle_s: float = 60.0, program: Sequence[str] = PROGRAM
    ) -> None:
        self._pool = Pool(processes, jobs, idle_s, program)

    @property
    def pids(self) -> list[int]:
        """Of the processes that run."""
        return self._pool.pids

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up on all cameras and end all processes."""
        await self._pool.shut()

    async def grab(self, url: str, credentials: Credentials | None, timeout_s: float) -> Grabbed:
        """Connect, take one key frame, hang up.

        Raises:
            BadConfig: no RTSP address.
            LinkTimeout: no picture in time.
            LinkClosed: no connection, or the camera hung up.
            Unauthorised, Refused: the camera says so; `code` is its RTSP status.
            Garbled: no video that can be decoded.
        """
        job = Job(Target.of(url, credentials), False, timeout_s, time.monotonic() + timeout_s)
        try:
            self._pool.place(job)
            return await _picture(self._pool, job, timeout_s)
        finally:
            self._pool.drop(job)

    @asynccontextmanager
    async def hold(
        self, url: str, credentials: Credentials | None, timeout_s: float
    ) -> AsyncIterator[HeldStream]:
        """A stream held open, of which only the pictures taken are decoded.

        `timeout_s` is the time for the connection, and the longest silence after it. Raises like `grab`.
        """
        job = Job(Target.of(url, credentials), True, timeout_s, time.monotonic() + timeout_s)
        try:
            self._pool.place(job)
            await _wait(self._pool, job, timeout_s)
            yield HeldStream(self._pool, job)
        finally:
            self._pool.drop(job)
            if job.process is not None:
                await _at_most(job.ended, CLOSE_S)


async def _picture(pool: Pool, job: Job, wait_s: float) -> Grabbed:
    picture = await _wait(pool, job, wait_s)
    assert picture is not None  # noqa: S101  for the type checker
    return picture


async def _wait(pool: Pool, job: Job, wait_s: float) -> Grabbed | None:
    if job.failed is not None:
        raise job.failed.with_traceback(None)
    job.answer = asyncio.get_running_loop().create_future()
    try:
        async with asyncio.timeout(wait_s):
            return await job.answer
    except TimeoutError:
        if job.process is None:
            raise LinkTimeout(f"{job.target}: {_NO_PLACE} within {wait_s:g} s") from None
        pool.suspect(job.process)
        raise silent(job.target, wait_s) from None
    finally:
        job.answer = None


async def _at_most(event: asyncio.Event, wait_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await event.wait()


_NO_PLACE = "no decoder had a place; fewer held streams, longer periods, or snapshots would make room"
