"""What the control socket shows to who looks on: samples as they come, the last before, how busy a bus is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from agent import inventory
from agent.control import Answer, Stream, Verb
from agent.running import Running
from drivers.bus import Bus
from drivers.readings import Sample

TAIL_BACKLOG = 1000
"""Samples kept for a tail that reads slower than they come; beyond it they are left out of the tail."""


def streams(running: Running) -> dict[str, Stream]:
    """The control socket's streaming verbs."""

    async def tail(request: Mapping[str, Any]) -> AsyncIterator[Answer]:
        plan = running.loaded.plan
        wanted = frozenset(request.get("devices") or plan.measuring)
        queue: asyncio.Queue[Sample] = asyncio.Queue(TAIL_BACKLOG)

        def watch(sample: Sample) -> None:
            if sample.device in wanted and not queue.full():
                queue.put_nowait(sample)

        with running.router.watching(watch):
            first: dict[str, Any] = {"channels": inventory.units(plan, wanted)}
            before = running.router.before.of(wanted) if request.get("before") is True else None
            yield first if before is None else {**first, "before": len(before)}
            for sample in before or ():
                yield _shown(sample)
            while True:
                yield _shown(await queue.get())

    return {"tail": tail}


def verbs(running: Running) -> dict[str, Verb]:
    """The control socket's verb for buses."""

    async def buses(_request: Mapping[str, Any]) -> Answer:
        return {
            "monotonic_s": round(time.monotonic(), 3),
            "buses": [_bus(running, plan.name, str(plan.endpoint)) for plan in running.loaded.plan.buses],
        }

    return {"buses": buses}


def _bus(running: Running, name: str, endpoint: str) -> dict[str, Any]:
    """`busy_s` counts from the last start of the bus; None where nothing is asked, the gauge pushes."""
    served = running.buses.get(name)
    return {
        "bus": endpoint,
        "open": served.connected if served else False,
        "busy_s": round(served.busy_s, 3) if isinstance(served, Bus) else None,
    }


def _shown(sample: Sample) -> dict[str, Any]:
    readings = [[r.channel, r.value, int(r.quality), r.test] for r in sample.readings]
    return {"device": sample.device, "at_ms": sample.at_ms, "seq": sample.seq, "readings": readings}
