"""The page of metrics, made at most once a second however often it is asked for."""

from __future__ import annotations

import asyncio
import time
from typing import NoReturn

from agent.metrics.exposition import text
from agent.metrics.families import FAMILIES
from agent.metrics.server import serve
from agent.vitals import Observer

FRESH_S = 1.0


async def show(listen: str, observer: Observer) -> NoReturn:
    """Show what `observer` sees on `listen`, for ever; raises as `serve`."""
    await serve(listen, Page(observer))


class Page:
    """Of one run of the daemon."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._turn = asyncio.Lock()
        self._made_s = -FRESH_S
        self._text = ""

    async def __call__(self) -> str:
        """At most FRESH_S old.

        Raises:
            OutboxError: the store cannot be read.
        """
        async with self._turn:
            if time.monotonic() - self._made_s >= FRESH_S:
                self._text = text(FAMILIES, await self._observer.vitals())
                self._made_s = time.monotonic()
            return self._text
