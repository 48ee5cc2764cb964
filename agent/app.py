"""The process: opens the store, serves until told to stop, and starts anew when a reload asks for it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

from agent import config
from agent.clock import Clock
from agent.daemon import Daemon
from agent.loading import Loaded, load
from agent.logs import line
from agent.notify import Notifier
from agent.store import Store
from buffer.envelope import Envelope
from buffer.errors import OutboxCorrupt
from buffer.recovery import Salvage, recover

log = logging.getLogger("polegate")


async def serve(path: Path, notifier: Notifier) -> None:
    """Run the daemon until SIGTERM or SIGINT; SIGHUP reloads.

    Raises:
        ConfigError: the configuration does not hold; nothing was started.
        AlreadyRunning: another daemon answers on the control socket.
        OutboxError: the store cannot be opened, or another process writes to it.
    """
    loaded: Loaded | None = load(path)
    unwritten: list[Envelope] = []
    while loaded:
        clock = Clock() if loaded.config.clock.source == "ntp" else Clock(synced=lambda: True)
        log.info(line("starting", version=version("polegate"), pid=os.getpid(), config=path))
        async with _store(loaded.config.outbox, clock) as (store, salvage):
            daemon = Daemon(path, loaded, store, clock, notifier)
            daemon.carry_on(unwritten, salvage)
            with _signals(daemon):
                loaded = await daemon.run()
            unwritten = daemon.unwritten()
        log.info(line("stopped", unwritten=len(unwritten) or None, again=bool(loaded) or None))


@asynccontextmanager
async def _store(settings: config.Outbox, clock: Clock) -> AsyncIterator[tuple[Store, Salvage | None]]:
    """The store, and what was saved of it if it was damaged: a station goes on with what is left."""
    settings.path.parent.mkdir(parents=True, exist_ok=True)
    opened = partial(Store.open, settings.path, max_bytes=settings.max_size, now=clock.now)
    async with AsyncExitStack() as stack:
        try:
            store, salvage = await stack.enter_async_context(opened()), None
        except OutboxCorrupt:
            salvage = await asyncio.to_thread(recover, settings.path)
            store = await stack.enter_async_context(opened())
        yield store, salvage


@contextmanager
def _signals(daemon: Daemon) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[object]] = set()

    def reload() -> None:
        task: asyncio.Task[object] = loop.create_task(daemon.reload(), name="reload")
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    handlers = {signal.SIGTERM: daemon.stop, signal.SIGINT: daemon.stop, signal.SIGHUP: reload}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
