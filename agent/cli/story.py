"""Stories to play to a rule: `16 m, 30 min 17.2 m, 2 h 16 m`, or one that follows from its limits. Pure."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from agent.quantities import duration_s, quantity
from drivers.readings import Reading, Sample
from pipelines.events import Source

BEGIN_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: a story tells nothing of dates."""

_PART = re.compile(r"\s*((?:\d+\.?\d*|\.\d+)\s*(?:ms|s|min|h|d))\s+(.+)")


class Turn(NamedTuple):
    """A value at a time, s since the story's begin; between two the values go straight."""

    at_s: float
    value: float


def read(text: str, unit: str) -> list[Turn]:
    """A value, then how long it takes to the next one and which that is.

    Raises:
        ValueError: says which part cannot be read, and how it should look.
    """
    first, *rest = text.split(",")
    turns = [Turn(0.0, quantity(first, unit))]
    for part in rest:
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f'expected a time and a value such as "30 min 17.2 m", got "{part.strip()}"')
        turns.append(Turn(turns[-1].at_s + duration_s(match[1]), quantity(match[2], unit)))
    if len(turns) == 1:
        raise ValueError(f'expected a value and what comes of it such as "16 m, 30 min 17.2 m", got "{text}"')
    return turns


def through(limits: Sequence[float], dwell_s: float) -> list[Turn]:
    """From below all limits over them and back, with time for every dwell: up 1 h, down 1 h."""
    low, high = min(limits), max(limits)
    room = 0.25 * (high - low) or 0.1 * abs(high) or 1.0
    rest_s = max(2 * dwell_s, 1800.0) + 1800.0
    below, above = low - room, high + room
    times = (0.0, rest_s, rest_s + 3600, 2 * rest_s + 3600, 2 * rest_s + 7200, 3 * rest_s + 7200)
    return list(map(Turn, times, (below, below, above, above, below, below)))


def samples(stories: Mapping[Source, Sequence[Turn]], every_s: Mapping[str, float]) -> Iterator[Sample]:
    """The readings of all stories, `every_s` by device, in the order of their time."""
    streams = [_stream(source, turns, every_s[source.device]) for source, turns in stories.items()]
    for seq, (at_ms, source, value) in enumerate(heapq.merge(*streams), start=1):
        yield Sample(source.device, at_ms, True, seq, (Reading(source.channel, value),))


def _stream(source: Source, turns: Sequence[Turn], every_s: float) -> Iterator[tuple[int, Source, float]]:
    step, number = max(every_s, 0.001), 0
    for (from_s, begin), (to_s, end) in pairwise(turns):
        while number * step < to_s:
            share = (number * step - from_s) / (to_s - from_s) if to_s > from_s else 1.0
            yield BEGIN_MS + round(number * step * 1000), source, round(begin + share * (end - begin), 6)
            number += 1
    yield BEGIN_MS + round(number * step * 1000), source, turns[-1].value
