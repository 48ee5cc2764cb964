"""The process: opens the store, serves until told to stop, and starts anew when a reload asks for it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

from agent import config
from agent.checking.beginning import Child
from agent.checking.outcome import outcome
from agent.clock import Clock
from agent.daemon import Daemon
from agent.keeping.replacing import settle
from agent.logs import line
from agent.notify import Notifier
from agent.store import Store
from buffer.access import FOLDER_MODE
from buffer.envelope import Envelope
from buffer.errors import OutboxCorrupt
from buffer.recovery import Salvage, recover

log = logging.getLogger("polegate")


async def serve(
    path: Path,
    checking: Child,
    notifier: Notifier,
    told_to_end: Callable[[], None] = lambda: None,
) -> None:
    """Run the daemon until SIGTERM or SIGINT, which `told_to_end` hears of first; SIGHUP reloads.

    `checking` has begun to check the configuration of `path` (agent/checking).

    Raises:
        ConfigError: the configuration does not hold; nothing was started.
        Unchecked: nobody could say so; nothing was started.
        AlreadyRunning: another daemon answers on the control socket.
        OutboxError: the store cannot be opened, or another process writes to it.
    """
    process = _Process(told_to_end)
    unwritten: list[Envelope] = []
    with process.signals():
        loaded = await outcome(checking, process.terminated)
        while loaded and not process.terminated.is_set():
            clock = Clock() if loaded.config.clock.source == "ntp" else Clock(synced=lambda: True)
            log.info(line("starting", version=version("polegate"), pid=os.getpid(), config=path))
            settle(path, loaded.config.outbox.path)
            async with _store(loaded.config.outbox, clock) as (store, salvage):
                daemon = Daemon(path, loaded, store, clock, notifier)
                daemon.carry_on(unwritten, salvage)
                process.serves(daemon)
                loaded = await daemon.run()
                unwritten = daemon.unwritten()
            log.info(line("stopped", unwritten=len(unwritten) or None, again=bool(loaded) or None))


@asynccontextmanager
async def _store(settings: config.Outbox, clock: Clock) -> AsyncIterator[tuple[Store, Salvage | None]]:
    """The store, and what was saved of it if it was damaged: a station goes on with what is left."""
    settings.path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    opened = partial(Store.open, settings.path, max_bytes=settings.max_size, now=clock.now)
    async with AsyncExitStack() as stack:
        try:
            store, salvage = await stack.enter_async_context(opened()), None
        except OutboxCorrupt:
            salvage = await asyncio.to_thread(recover, settings.path)
            store = await stack.enter_async_context(opened())
        yield store, salvage


class _Process:
    """What the process's signals mean, through all the daemons it runs one after another."""

    def __init__(self, told_to_end: Callable[[], None]) -> None:
        self._told_to_end = told_to_end
        self._daemon: Daemon | None = None
        self.terminated = asyncio.Event()
        self._missed_reload = False
        self._reloads: set[asyncio.Task[object]] = set()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT stop, SIGHUP reloads."""
        loop = asyncio.get_running_loop()
        handlers = {signal.SIGTERM: self._stop, signal.SIGINT: self._stop, signal.SIGHUP: self._reload}
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    def serves(self, daemon: Daemon) -> None:
        """The daemon that signals mean from now on; a reload asked for between two of them is made up for."""
        self._daemon = daemon
        if self.terminated.is_set():
            daemon.stop()
        elif self._missed_reload:
            self._reload()

    def _stop(self) -> None:
        self.terminated.set()
        self._told_to_end()
        if self._daemon:
            self._daemon.stop()

    def _reload(self) -> None:
        daemon = self._daemon
        if daemon is None or daemon.stopping:
            self._missed_reload = True
            return
        self._missed_reload = False
        if sum(not each.done() for each in self._reloads) > 1:  # one of them has not begun to read
            return
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(daemon.reload())
        self._reloads.add(task)
        task.add_done_callback(lambda done: self._reloaded(done, daemon))

    def _reloaded(self, task: asyncio.Task[object], daemon: Daemon) -> None:
        """A daemon that was stopping may have turned the reload away: its successor reads once more."""
        self._reloads.discard(task)
        if daemon.stopping and self._daemon is daemon:
            self._missed_reload = True
        elif daemon.stopping:
            self._reload()
