"""Minutes of the running station: its samples, the last before among them, and rounds of what it says."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agent.cli.exits import Exit, Failed
from agent.cli.panes.asking import rounds, samples
from agent.cli.panes.station import Facts, Look

EVERY_S = 1.0


@dataclass(slots=True)
class Collected:
    """In the order they came; `ended` when a person did not want to wait any longer."""

    looks: list[Look] = field(default_factory=list)
    samples: list[Facts] = field(default_factory=list)
    ended: bool = False

    @property
    def status(self) -> Facts:
        """The latest."""
        return self.looks[-1].status

    @property
    def pubacks_s(self) -> list[float]:
        """Each round trip to the broker that was seen; the same figure twice in a row is one."""
        seen: list[tuple[int, float]] = []
        for look in self.looks:
            uplink = look.status["uplink"]
            took, count = uplink.get("puback_s"), uplink.get("acknowledged", 0)
            if took is not None and uplink["state"] == "connected" and (not seen or seen[-1][0] != count):
                seen.append((count, took))
        return [took for _, took in seen]


async def collect(socket: Path, for_s: float, told: Callable[[float], None]) -> Collected:
    """For so long, or until Ctrl-C; `told` is called with the seconds that have passed.

    Raises:
        Failed: NOT_RUNNING, the daemon does not answer, or no longer.
    """
    found, end = Collected(), asyncio.Event()
    lost: list[str] = []
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    def look(each: Look) -> None:
        found.looks.append(each)
        told(each.at_s - began_s)
        if found.ended or (each.at_s - began_s >= for_s and found.samples):
            end.set()

    def gone(why: str) -> None:
        lost.append(why)
        end.set()

    def ended() -> None:
        found.ended = True  # with the next answer, or the first
        if found.looks:
            end.set()

    loop.add_signal_handler(signal.SIGINT, ended)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(rounds(socket, EVERY_S, look, gone), name="rounds"),
            group.create_task(
                samples(socket, EVERY_S, found.samples.clear, found.samples.append), name="samples"
            ),
        ]
        await end.wait()
        for task in tasks:
            task.cancel()
    loop.remove_signal_handler(signal.SIGINT)
    if lost:
        raise Failed(lost[0], Exit.NOT_RUNNING)
    return found
