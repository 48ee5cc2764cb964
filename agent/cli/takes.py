"""Reading one device on its own link, a number of times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from agent.build import build_unit
from agent.cli.wiretap import Heard, Wiretap
from agent.plan import DevicePlan
from drivers.errors import DriverError, LinkClosed
from drivers.links import open_link
from drivers.readings import Reading
from drivers.serialframes.driver import FrameListener
from firmware_profiles.schema import FrameInstrument

PAUSE_S = 1.0
"""Between two readings of a device that is asked; one that pushes sets the pace itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One try: how long it took, what was read or why nothing, and what passed over the line."""

    took_s: float
    readings: Sequence[Reading] = ()
    error: DriverError | None = None
    heard: tuple[Heard, ...] = ()


async def takes(device: DevicePlan, times: int) -> AsyncGenerator[Take]:
    """So many tries, the link opened anew where it was lost; fewer if it cannot be opened."""
    done = 0
    while done < times:
        began = time.monotonic()
        try:
            async with (
                open_link(device.endpoint) as link,
                aclosing(_on_link(device, Wiretap(link), times - done)) as tries,
            ):
                async for take in tries:
                    done += 1
                    yield take
        except LinkClosed as error:
            yield Take(took_s=time.monotonic() - began, error=error)
            return


async def _on_link(device: DevicePlan, tap: Wiretap, times: int) -> AsyncGenerator[Take]:
    """Tries until the link is lost, or the stream of a device that pushes has broken."""
    if device.listens:
        pause_s = 0.0
    else:
        pause_s = PAUSE_S
        await asyncio.sleep(device.timing.warm_up_s)
    read = _reader(device, tap)
    for number in range(times):
        await asyncio.sleep(pause_s if number else 0.0)
        if tap.lost:
            return
        take = await _take(read, tap)
        yield take
        if take.error and device.listens:
            return


def _reader(device: DevicePlan, tap: Wiretap) -> Callable[[], Awaitable[Sequence[Reading]]]:
    if device.listens and isinstance(device.instrument, FrameInstrument):
        listener = FrameListener(device.name, device.instrument, device.instrument.points, device.timing)
        return aiter(listener.stream(tap)).__anext__
    unit = build_unit(device)
    return lambda: unit.read(tap)


async def _take(read: Callable[[], Awaitable[Sequence[Reading]]], tap: Wiretap) -> Take:
    tap.heard.clear()
    began = time.monotonic()
    readings: Sequence[Reading] = ()
    failure: DriverError | None = None
    try:
        readings = await read()
    except DriverError as error:
        failure = error
    took_s = time.monotonic() - began
    return Take(took_s=took_s, readings=readings, error=failure, heard=tuple(tap.heard))
