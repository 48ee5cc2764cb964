"""Prove an instrument's frame description on the frames its profile brings."""

from __future__ import annotations

from drivers.readings import Reading
from drivers.serialframes.fields import compile_fields
from drivers.serialframes.framing import Framer
from drivers.vectors import Outcome, compare
from firmware_profiles.schema import FrameInstrument, FrameVector


def check_vectors(instrument: FrameInstrument) -> list[Outcome]:
    """One outcome a vector: its bytes framed and decoded as from the wire.

    `expect` names every value the bytes give: one more is as wrong as one less.
    """
    return [_check(instrument, vector) for vector in instrument.vectors]


def _check(instrument: FrameInstrument, vector: FrameVector) -> Outcome:
    try:
        data = bytes.fromhex(vector.hex) + vector.text.encode("latin-1")
    except ValueError as error:
        return Outcome(name=vector.name, ok=False, detail=f"not bytes: {error}")
    framer = Framer(instrument.frames)
    frames = framer.feed(data)
    left = framer.drop()
    if vector.refuse:
        detail = f"accepted {frames[0].hex(' ')}" if frames else f"refused {left.hex(' ')}"
        return Outcome(name=vector.name, ok=bool(left) and not frames, detail=detail)
    if not frames or framer.garbled:
        return Outcome(name=vector.name, ok=False, detail=f"not only valid frames: {data.hex(' ')}")
    decode = compile_fields(instrument.frames, instrument.points)
    found = {reading.channel: reading for frame in frames for reading in decode(frame)}
    return _compare(vector, found)


def _compare(vector: FrameVector, found: dict[str, Reading]) -> Outcome:
    valued = (reading for reading in found.values() if reading.value is not None)
    surplus = [f"{r.channel} = {r.value}" for r in valued if r.channel not in vector.expect]
    if surplus:
        return Outcome(name=vector.name, ok=False, detail=f"not in expect: {', '.join(surplus)}")
    return compare(vector.name, vector.expect, found.values())
