"""Keeps the parts running: each restarts on its own; one that cannot run is set aside, the rest go on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from agent.logs import line
from drivers.backoff import Backoff

log = logging.getLogger("polegate.supervisor")

RESTARTS = 5
WITHIN_S = 60.0
LEAVE_WITHIN_S = 10.0
"""How long a reload waits for a part it replaces; one that hangs longer is left behind."""

STEADY_S = 10.0
"""A part that has run this long after a failure has recovered."""

PARKED_S = 900.0
"""How long a part rests that failed RESTARTS times within WITHIN_S; then it is tried again."""


class State(StrEnum):
    """What a part is doing."""

    RUNNING = "running"
    RESTARTING = "restarting"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Part:
    """Something to keep running. Two parts with equal `settings` are the same: a reload leaves it alone."""

    name: str
    settings: object
    run: Callable[[], Awaitable[None]]


@dataclass(slots=True)
class _Running:
    part: Part
    task: asyncio.Task[None] | None = None
    state: State = State.RUNNING
    error: str = ""
    failures: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS))


class Supervisor:
    """Runs parts inside one TaskGroup; `changed(name, state, error)` is told each change of state."""

    def __init__(self, group: asyncio.TaskGroup, changed: Callable[[str, State, str], None]) -> None:
        self._group = group
        self._changed = changed
        self._parts: dict[str, _Running] = {}

    def describe(self) -> dict[str, dict[str, str]]:
        """State and last error of each part."""
        return {name: {"state": r.state, "error": r.error} for name, r in self._parts.items()}

    async def reconcile(self, parts: Mapping[str, Part]) -> tuple[list[str], list[str]]:
        """Stop what is gone or changed, start what is new, changed or parked; names (stopped, started)."""
        stopped = [
            n for n, r in self._parts.items() if n not in parts or parts[n].settings != r.part.settings
        ]
        parked = [n for n, r in self._parts.items() if r.state is State.PARKED and n not in stopped]
        leaving = [name for name in (*stopped, *parked) if self._parts[name].state is not State.RUNNING]
        await self._stop([*stopped, *parked], LEAVE_WITHIN_S)
        for name in leaving:
            self._changed(name, State.RUNNING, "")
        started = [name for name in parts if name not in self._parts]
        for name in started:
            self._start(parts[name])
        return stopped, started

    async def stop(self, within_s: float | None = None) -> list[str]:
        """Stop every part; the names of those that have not stopped in time."""
        return await self._stop(list(self._parts), within_s)

    def _start(self, part: Part) -> None:
        running = self._parts[part.name] = _Running(part)
        running.task = self._group.create_task(self._keep(running), name=part.name)

    async def _stop(self, names: list[str], within_s: float | None = None) -> list[str]:
        tasks = {task: name for name in names if (task := self._parts.pop(name).task)}
        for task in tasks:
            task.cancel()
        if not tasks:
            return []
        _, hanging = await asyncio.wait(tasks, timeout=within_s)
        return [tasks[task] for task in hanging]

    async def _keep(self, running: _Running) -> None:
        """The only broad except of the project: whatever a part dies of, the others go on."""
        waits = Backoff()
        while True:
            began = time.monotonic()
            recovered = asyncio.get_running_loop().call_later(
                STEADY_S, self._enter, running, State.RUNNING, ""
            )
            try:
                await running.part.run()
                error = "ended by itself"
            except Exception as failure:
                first = _first(failure)
                error = f"{type(first).__name__}: {first}"
                log.debug(line("traceback", part=running.part.name), exc_info=failure)
            finally:
                recovered.cancel()
            now = time.monotonic()
            if now - began > WITHIN_S:
                waits.reset()
            running.failures.append(now)
            full = len(running.failures) == RESTARTS and now - running.failures[0] <= WITHIN_S
            self._enter(running, State.PARKED if full else State.RESTARTING, error)
            await asyncio.sleep(PARKED_S if full else next(waits))

    def _enter(self, running: _Running, state: State, error: str) -> None:
        if (state, error) != (running.state, running.error):
            running.state, running.error = state, error
            self._changed(running.part.name, state, error)


def _first(failure: BaseException) -> BaseException:
    """What a group of errors began with."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
