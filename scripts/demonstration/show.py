"""The demonstration from beginning to end, in the form that the terminal allows."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from fakes.children import ChildError, MissingPackage
from rich.console import Console
from rich.live import Live

from scripts.demonstration import picture, report
from scripts.demonstration.errors import DemonstrationFailed
from scripts.demonstration.screen import Screen, fits
from scripts.demonstration.site import Site
from scripts.demonstration.story import Enough, Story
from scripts.demonstration.verdict import verify

REDRAW_S = 0.5
INTERRUPTED = 130
LEISURE = 1.7
"""How much longer a spectator is shown things than a machine."""
LONGEST_SOCKET = 107
"""Bytes in the path of a Unix socket (sockaddr_un.sun_path without its closing zero)."""

EXPECTED = (DemonstrationFailed, MissingPackage, ChildError, OSError)


def run(*, once: bool, picture_file: Path | None) -> int:
    """The exit code: 0 when everything was verified."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace", line_buffering=True)
    try:
        with TemporaryDirectory(prefix="polegate-demo-") as folder:
            logging.basicConfig(filename=f"{folder}/demonstration.log", level=logging.WARNING)
            return asyncio.run(Show(Path(folder), once=once, picture_file=picture_file).run())
    except EXPECTED as failure:
        return _failed([failure])
    except ExceptionGroup as group:
        expected, surprising = group.split(EXPECTED)
        if surprising or expected is None:
            raise
        return _failed(expected.exceptions)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED


class Show:
    """One demonstration in one folder."""

    def __init__(self, folder: Path, *, once: bool, picture_file: Path | None) -> None:
        if len(os.fsencode(folder / "lamp-pole-7.sock")) > LONGEST_SOCKET:
            raise DemonstrationFailed(
                f"{folder} is too long for a socket's path: run TMPDIR=/tmp scripts/demo"
            )
        self._folder = folder
        self._once = once
        self._picture_file = picture_file
        self._began_s = time.monotonic()
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._live = fits(self._console) and not once and picture_file is None
        self._interrupted = False

    async def run(self) -> int:
        """Everything; the exit code."""
        async with Site.opened(self._folder, lambda told: self._tell(f"  platform: {told}")) as site:
            story = Story(site, self._tell, scale=LEISURE if self._live else 1.0)
            with self._signals(story):
                async with self._drawn(Screen(site, story), story):
                    failure = await self._play(story)
                    farewells = await story.end()
            checks = verify(site.platform, farewells, site.field.shown(), story.unplugged, story.floods)
            holds = report.close(self._console, site.platform.ledger, checks)
        if failure:
            self._console.print(f"The story broke off: {failure}")
            return 1
        if self._once and self._interrupted:
            return INTERRUPTED
        return 0 if holds else 1

    async def _play(self, story: Story) -> DemonstrationFailed | None:
        """The story, until it is over or enough; what broke it off."""
        try:
            await story.begin()
            await story.run()
            while not self._once:
                await story.run()
        except Enough:
            return None
        except DemonstrationFailed as failure:
            return failure
        return None

    def _tell(self, line: str) -> None:
        if not self._live:
            self._console.print(f"{time.monotonic() - self._began_s:5.1f} s  {line}", soft_wrap=True)

    @asynccontextmanager
    async def _drawn(self, screen: Screen, story: Story) -> AsyncIterator[None]:
        """The screen redrawn all the time, be it only for a picture."""
        with ExitStack() as stack:
            live = None
            if self._live:
                live = stack.enter_context(Live(console=self._console, auto_refresh=False, screen=True))
            async with asyncio.TaskGroup() as group:
                redrawing = group.create_task(self._redraw(screen, story, live), name="redraw")
                yield
                redrawing.cancel()

    async def _redraw(self, screen: Screen, story: Story, live: Live | None) -> None:
        while True:
            screen.look()
            if live:
                live.update(screen, refresh=True)
            if self._picture_file and picture.worth_it(story):
                picture.draw(screen, self._picture_file)
                self._tell(f"{self._picture_file} is drawn")
                self._picture_file = None
                story.enough.set()
            await asyncio.sleep(REDRAW_S)

    @contextmanager
    def _signals(self, story: Story) -> Iterator[None]:
        """The first Ctrl-C or SIGTERM ends the story in order, the second and SIGHUP at once."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def enough() -> None:
            if self._interrupted and task:
                task.cancel()
            self._interrupted = True
            story.enough.set()
            self._tell("ending; once more, and it ends without delivering and verifying")

        def at_once() -> None:
            if task:
                task.cancel()

        handlers = {signal.SIGINT: enough, signal.SIGTERM: enough, signal.SIGHUP: at_once}
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)


def _failed(failures: Sequence[BaseException]) -> int:
    for failure in failures:
        if isinstance(failure, BaseExceptionGroup):
            _failed(failure.exceptions)
        else:
            print(f"demo: {failure}", file=sys.stderr)
    return 1
