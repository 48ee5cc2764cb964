"""The process: opens the store, serves until told to stop, and starts anew when a reload asks for it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from agent.clock import Clock
from agent.daemon import Daemon
from agent.loading import Loaded, load
from agent.logs import line
from agent.notify import Notifier
from agent.store import Store

log = logging.getLogger("polegate")


async def serve(path: Path, notifier: Notifier) -> None:
    """Run the daemon until SIGTERM or SIGINT; SIGHUP reloads.

    Raises:
        ConfigError: the configuration does not hold; nothing was started.
        AlreadyRunning: another daemon holds the outbox or the socket.
    """
    loaded: Loaded | None = load(path)
    while loaded:
        config = loaded.config
        clock = Clock() if config.clock.source == "ntp" else Clock(synced=lambda: True)
        log.info(line("starting", version=version("polegate"), pid=os.getpid(), config=path))
        async with Store.open(config.outbox.path, max_bytes=config.outbox.max_size) as store:
            daemon = Daemon(path, loaded, store, clock, notifier)
            with _signals(daemon):
                loaded = await daemon.run()
        log.info(line("stopped", successor=bool(loaded) or None))


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
