"""The worker's parts without the daemon: a link whose other end the test reads, and shared tools."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from agent.clock import Clock
from agent.vision.link import LONGEST_LINE, Link
from agent.vision.tools import Serve, Tools
from drivers.cameras.streams.decoders import Decoders
from firmware_profiles.declared import checked


class Daemon:
    """The other end of a link: `said` is what came over it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.said: list[dict[str, Any]] = []

    def order(self, **words: object) -> None:
        self.writer.write(orjson.dumps(words) + b"\n")

    async def hear(self) -> None:
        """For as long as the link lives."""
        while line := await self._reader.readline():
            self.said.append(orjson.loads(line))

    def of(self, what: str) -> list[dict[str, Any]]:
        return [each for each in self.said if each["say"] == what]


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[Link, Daemon]]:
    """Both ends."""
    ours, theirs = socket.socketpair()
    link = await Link.open(theirs.detach())
    daemon = Daemon(*await asyncio.open_connection(sock=ours, limit=LONGEST_LINE))
    hearing = asyncio.create_task(daemon.hear())
    try:
        yield link, daemon
    finally:
        await link.close()
        await hearing
        daemon.writer.close()


def serve(folder: Path, **cameras: Any) -> dict[str, Any]:
    """The first words of a daemon."""
    return {
        "do": "serve", "site": "river", "gateway": "gw-1", "utc_offset": "+08:00", "clock": "system",
        "pictures": str(folder), "quality_every_s": 3600.0, "battery": False, "cameras": cameras,
    }  # fmt: skip


@pytest.fixture
async def link() -> AsyncIterator[tuple[Link, Daemon]]:
    async with linked() as both:
        yield both


@pytest.fixture
async def daemon(link: tuple[Link, Daemon]) -> Daemon:
    return link[1]


@pytest.fixture
async def tools(link: tuple[Link, Daemon], tmp_path: Path) -> AsyncIterator[Tools]:
    (tmp_path / "pictures" / "incoming").mkdir(parents=True)
    with ThreadPoolExecutor(2) as threads:
        async with Decoders() as decoders:
            served = checked(Serve, serve(tmp_path / "pictures"))
            yield Tools(link[0], decoders, served, Clock(synced=lambda: True), threads)


@pytest.fixture
def served() -> Callable[..., dict[str, Any]]:
    return serve
