"""The vision worker: a task for each camera, decoders for their streams, and the link to the daemon."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from agent.clock import Clock
from agent.logs import line
from agent.supervisor import Part, State, Supervisor
from agent.vision.link import Link
from agent.vision.tools import Serve, Tools
from agent.vision.watch import Watch
from drivers.cameras.streams.decoders import Decoders
from firmware_profiles.declared import checked

log = logging.getLogger("polegate.cameras")

ALIVE_S = 5.0
CLOCK_S = 1.0
MOST_EARLY = 16
STOP_WITHIN_S = 4.0
THREADS = 2


class Worker:
    """Serves what the daemon says first on the link, until the link ends."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._watches: dict[str, Watch] = {}
        self._early: dict[str, deque[tuple[str, int]]] = {}

    async def run(self) -> None:
        """Until the daemon hangs up."""
        heard = self._link.heard()
        async for words in heard:
            await self._serve(checked(Serve, words), heard)

    async def _serve(self, serve: Serve, heard: Any) -> None:  # noqa: ANN401  the rest of what is heard
        with ThreadPoolExecutor(THREADS, "picture") as executor:
            await self._serve_with(executor, serve, heard)

    async def _serve_with(self, executor: ThreadPoolExecutor, serve: Serve, heard: Any) -> None:  # noqa: ANN401
        async with Decoders() as decoders, asyncio.TaskGroup() as group:
            clock = Clock() if serve.clock == "ntp" else Clock(synced=lambda: True)
            tools = Tools(self._link, decoders, serve, clock, executor)
            supervisor = Supervisor(group, self._part_changed)
            parts = {name: self._part(name, tools) for name in serve.cameras}
            beside = [group.create_task(self._say_alive(decoders)), group.create_task(_follow(clock))]
            await supervisor.reconcile(parts)
            async for words in heard:
                self._hear(tools, words)
            await supervisor.stop(STOP_WITHIN_S)
            for task in beside:
                task.cancel()

    def _part(self, name: str, tools: Tools) -> Part:
        async def run() -> None:
            watch = await asyncio.to_thread(Watch, name, tools.serve.cameras[name], tools)
            self._watches[name] = watch
            for event, at_ms in self._early.pop(name, ()):
                watch.ask(event, at_ms)
            try:
                await watch.run()
            finally:
                del self._watches[name]

        return Part(name, tools.serve.cameras[name], run)

    def _part_changed(self, name: str, state: State, error: str) -> None:
        log.warning(line("camera task", camera=name, state=state, message=error or None))
        self._link.say("part", name, state=state, error=error)

    def _hear(self, tools: Tools, words: Mapping[str, Any]) -> None:
        match words["do"]:
            case "take":
                for name in words["cameras"]:
                    self._take(name, words["event"], words["at_ms"])
            case "power":
                tools.on_battery = words["battery"]
                for watch in self._watches.values():
                    watch.woken()
            case "ask":
                self._answer(words)

    def _take(self, camera: str, event: str, at_ms: int) -> None:
        """A camera whose task begins, or begins anew, is asked as soon as it can be."""
        if watch := self._watches.get(camera):
            watch.ask(event, at_ms)
        else:
            self._early.setdefault(camera, deque(maxlen=MOST_EARLY)).append((event, at_ms))

    def _answer(self, words: Mapping[str, Any]) -> None:
        watch = self._watches.get(words["camera"])
        if watch is None or words["verb"] != "accept":
            error = f"no {words['verb']} of {words['camera']}"
            self._link.say("answer", n=words["n"], error=error)
            return
        watch.accept()
        self._link.say("answer", n=words["n"], error="")

    async def _say_alive(self, decoders: Decoders) -> None:
        while True:
            self._link.say("alive", **await asyncio.to_thread(usage, decoders.pids))
            await asyncio.sleep(ALIVE_S)


async def _follow(clock: Clock) -> None:
    """Time is the daemon's: both trust the clock within a second of the kernel."""
    while True:
        clock.look()
        await asyncio.sleep(CLOCK_S)


def usage(pids: list[int]) -> dict[str, Any]:
    """Memory of the worker and its decoders as their shares of it (PSS), and CPU since the start, s."""
    pss = sum(_pss(pid) for pid in (os.getpid(), *pids))
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime + sum(map(_cpu_s, pids))
    return {"pss_bytes": pss, "cpu_s": round(cpu_s, 2), "decoders": len(pids)}


def _cpu_s(pid: int) -> float:
    """User and system time of a process; 0 where it has gone (proc(5), fields 14 and 15 of stat)."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _pss(pid: int) -> int:
    """Bytes; 0 where the process has gone (proc(5), smaps_rollup)."""
    with contextlib.suppress(OSError):
        for text in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if text.startswith("Pss:"):
                return int(text.split()[1]) * 1024
    return 0
