"""A simulated instrument served by a loop in another thread, for clients that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from drivers.simulation.instrument import SimulatedInstrument
from drivers.simulation.serving import on_pty


@pytest.fixture
def polling() -> Callable[[SimulatedInstrument], AbstractContextManager[Path]]:
    @contextmanager
    def serve(simulated: SimulatedInstrument) -> Iterator[Path]:
        loop, done, ready, where = asyncio.new_event_loop(), asyncio.Event(), threading.Event(), []

        async def run() -> None:
            async with on_pty(simulated) as path:
                where.append(path)
                ready.set()
                await done.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
        thread.start()
        assert ready.wait(5.0)
        try:
            yield where[0]
        finally:
            loop.call_soon_threadsafe(done.set)
            thread.join()
            loop.close()

    return serve
