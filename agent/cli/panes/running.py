"""The live view from its first to its last line: what is asked, what is typed, and what ends it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import deque
from pathlib import Path

from agent.amounts import size
from agent.cli.panes.asking import rounds, samples
from agent.cli.panes.layout import draw
from agent.cli.panes.station import HELD, Facts, Look, Station
from agent.cli.panes.terminal import Terminal
from agent.cli.panes.view import View, keys


async def run(socket: Path, every_s: float) -> int:
    """Until q or a signal; the exit code."""
    with Terminal() as terminal:
        live = Live(terminal)
        live.attend()
        async with asyncio.TaskGroup() as group:
            asking = [
                group.create_task(rounds(socket, every_s, live.look, live.lost), name="rounds"),
                group.create_task(samples(socket, every_s, live.begin, live.sample), name="samples"),
            ]
            await live.show()
            for task in asking:
                task.cancel()
    return live.code


class Live:
    """Draws whenever a round comes, a key is pressed, or the window changes."""

    def __init__(self, terminal: Terminal) -> None:
        self.code = 0
        self._terminal = terminal
        self._station = Station()
        self._view = View()
        self._news = asyncio.Event()
        self._held: deque[Facts] = deque(maxlen=HELD)
        self._spent: deque[tuple[float, int]] = deque()
        self._clock = asyncio.get_running_loop().time

    def attend(self) -> None:
        """Hear the keyboard, the window and those who want it to end."""
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin.fileno(), self._typed)
        loop.add_signal_handler(signal.SIGWINCH, self._resized)
        loop.add_signal_handler(signal.SIGTSTP, self._stopped)
        loop.add_signal_handler(signal.SIGINT, self._end, 0)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end, 128 + number)

    async def show(self) -> None:
        """Until the end."""
        while not self._view.done:
            self._draw()
            self._news.clear()
            await self._news.wait()

    def look(self, look: Look) -> None:
        """A round came."""
        if not self._view.paused:
            self._station.look(look)
            self._news.set()

    def lost(self, why: str) -> None:
        """No round came."""
        self._station.down = why
        self._news.set()

    def begin(self) -> None:
        """The daemon tells its last samples anew."""
        self._held.clear()
        self._station.begin()

    def sample(self, item: Facts) -> None:
        """One came; it is shown with the next round."""
        (self._held.append if self._view.paused else self._station.sample)(item)

    def _draw(self) -> None:
        width, height = self._terminal.size
        self._terminal.draw(draw(self._station, self._view, width, height, self._speed()))

    def _speed(self) -> str:
        """What the view costs the line, over the last ten seconds or more."""
        now_s = self._clock()
        self._spent.append((now_s, self._terminal.sent))
        while len(self._spent) > 2 and now_s - self._spent[1][0] >= 10:
            self._spent.popleft()
        then_s, before = self._spent[0]
        took_s = now_s - then_s
        return f"{size(round((self._terminal.sent - before) / took_s))}/s" if took_s >= 5 else ""

    def _typed(self) -> None:
        typed = self._terminal.typed()
        if not typed:
            self._end(0)
        for key in keys(typed):
            self._view.press(key)
        if not self._view.paused:
            while self._held:
                self._station.sample(self._held.popleft())
        self._news.set()

    def _resized(self) -> None:
        self._terminal.forget()
        self._news.set()

    def _stopped(self) -> None:
        self._terminal.stop()
        self._news.set()

    def _end(self, code: int) -> None:
        self.code, self._view.done = code, True
        self._news.set()
