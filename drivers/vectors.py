"""What a test vector of an instrument profile showed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drivers.readings import Reading, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One vector's result; `detail` says what came out, or what was expected instead."""

    name: str
    ok: bool
    detail: str


def compare(name: str, expect: Mapping[str, Value], readings: Iterable[Reading]) -> Outcome:
    """Whether each expected channel came out; floats agree to 1 part in 1e6."""
    got = {reading.channel: reading.value for reading in readings}
    wrong = [
        f"{channel}: expected {want!r}, got {got.get(channel)!r}"
        for channel, want in expect.items()
        if not _equal(want, got.get(channel))
    ]
    shown = ", ".join(f"{channel} = {got[channel]}" for channel in expect if channel in got)
    return Outcome(name=name, ok=not wrong, detail="; ".join(wrong) or shown)


def _equal(want: Value, got: Value | None) -> bool:
    if isinstance(want, int | float) and isinstance(got, int | float):
        return math.isclose(want, got, rel_tol=1e-6, abs_tol=1e-9)
    return want == got
