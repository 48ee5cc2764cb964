"""Recognising a gauge that talks by itself, or answers in frames of its own. Pure but for the listening."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drivers.errors import DriverError, LinkTimeout
from drivers.links import Link
from drivers.readings import Quality, Reading
from drivers.serialframes.driver import FrameUnit
from drivers.serialframes.fields import compile_fields
from drivers.serialframes.framing import Framer
from firmware_profiles.points import LineSettings, Timing
from firmware_profiles.schema import FrameInstrument

MOST_HEARD = 8192


@dataclass(frozen=True, slots=True)
class Overheard:
    """A profile whose frames were heard: how many, the share of the bytes they took, what they said."""

    profile: str
    frames: int
    share: float
    checksum: bool
    readings: tuple[Reading, ...]


async def listen(link: Link, wait_s: float) -> bytes:
    """The bytes that come unasked within `wait_s`.

    Raises:
        LinkClosed: the link is gone.
    """
    heard, deadline = b"", time.monotonic() + wait_s
    while len(heard) < MOST_HEARD:
        try:
            heard += await link.receive(max(0.0, deadline - time.monotonic()))
        except LinkTimeout:
            break
    return heard


def overheard(data: bytes, profiles: Mapping[str, FrameInstrument]) -> list[Overheard]:
    """The profiles that find frames of theirs in the bytes, those that explain most of them first."""
    found = [one for name, each in profiles.items() if (one := _find(name, each, data))]
    return sorted(found, key=lambda one: (-len(_valued(one)), -one.share))


async def asked(link: Link, name: str, profile: FrameInstrument) -> Overheard | None:
    """What a gauge that answers in frames says to its profile's own requests; None if nothing.

    Raises:
        LinkClosed: the link is gone.
    """
    timing = Timing(timeout_s=min(profile.timing.timeout_s, 1.0))
    unit = FrameUnit(name, profile, profile.points, timing)
    try:
        await unit.probe(link)
        readings = await unit.read(link)
    except DriverError as error:
        if error.reason == "closed":
            raise
        return None
    return Overheard(name, len(profile.frames.requests), 1.0, bool(profile.frames.checksum), tuple(readings))


def lines_of(profiles: Iterable[FrameInstrument]) -> list[LineSettings]:
    """Their factory lines, each once."""
    return list(dict.fromkeys(each.line for each in profiles))


def _find(name: str, profile: FrameInstrument, data: bytes) -> Overheard | None:
    frames = Framer(profile.frames).feed(data)
    decode = compile_fields(profile.frames, profile.points)
    latest = {reading.channel: reading for frame in frames for reading in decode(frame)}
    size = sum(map(len, frames))
    is_readable = any(reading.quality is not Quality.BAD for reading in latest.values())
    if not is_readable or size * 2 < len(data):
        return None
    readings = tuple(latest.values())
    return Overheard(name, len(frames), size / len(data), bool(profile.frames.checksum), readings)


def _valued(one: Overheard) -> list[Reading]:
    return [reading for reading in one.readings if reading.value is not None]
