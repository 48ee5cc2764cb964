"""What recordings teach: a learner and a trail for each wanted channel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agent.cli.chart import Series
from agent.cli.trail import Trail
from agent.judge.learning import shown
from agent.judge.proposals import in_keys
from agent.recording import Recording
from drivers.readings import Sample
from firmware_profiles.properties import property_of
from pipelines.events import Source
from pipelines.quality.learning import Learner
from pipelines.quality.limits import Limits

PROGRESS_EVERY = 2000
"""Samples between two words on how far it is."""

Progress = Callable[[Path, float], object]
"""Is told the file and how much of it is read, 0 to 1."""


class Lesson(NamedTuple):
    """One channel's proposal as plain values, and its values over time where they are known."""

    proposal: Mapping[str, Any]
    series: Series | None


class _Pupil:
    """Learns one channel; what does not come in the order of time is left out."""

    __slots__ = ("last_ms", "learner", "limits", "trail")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.learner, self.trail = Learner(limits), Trail()
        self.last_ms = -1

    def feed(self, at_ms: int, value: object) -> None:
        if at_ms <= self.last_ms or isinstance(value, str | bool):
            return
        self.last_ms = at_ms
        number = float(value) if isinstance(value, int | float) else None
        self.learner.feed(at_ms, number)
        self.trail.add(at_ms, number)


def learn(
    files: Sequence[Path], wanted: Collection[str], known: Mapping[Source, Limits], progress: Progress
) -> tuple[list[Lesson], set[str]]:
    """A lesson for each wanted channel of the files, for all channels of numbers if none is named.

    Also the channels that the files have. `known` are the limits that are in force.

    Raises:
        BadRecording, OSError: a file cannot be read.
    """
    pupils: dict[Source, _Pupil | None] = {}
    for sample in _samples(files, progress):
        for reading in sample.readings:
            source = Source(sample.device, reading.channel)
            if source not in pupils:
                pupils[source] = _pupil(source, wanted, known)
            if (pupil := pupils[source]) is not None:
                pupil.feed(sample.at_ms, reading.value)
    lessons = [
        Lesson(_told(source, pupil), pupil.trail.series(str(source)))
        for source, pupil in pupils.items()
        if pupil is not None and pupil.last_ms >= 0
    ]
    return lessons, set(map(str, pupils))


def _told(source: Source, pupil: _Pupil) -> Mapping[str, Any]:
    return in_keys(shown(source, pupil.limits, pupil.learner.propose()), pupil.limits)


def _pupil(source: Source, wanted: Collection[str], known: Mapping[Source, Limits]) -> _Pupil | None:
    if wanted and str(source) not in wanted:
        return None
    limits = known.get(source) or usual(source.channel)
    return None if limits is None else _Pupil(limits)


def usual(channel: str) -> Limits | None:
    """What holds for the property at any site; None for a channel that is no known property."""
    try:
        found = property_of(channel)
    except KeyError:
        return None
    return Limits(kind=found.kind, sensor=found.limits, **found.quality.limits())


def _samples(files: Sequence[Path], progress: Progress) -> Iterator[Sample]:
    for file in files:
        with Recording(file) as recording:
            for number, sample in enumerate(recording.samples()):
                if number % PROGRESS_EVERY == 0:
                    progress(file, recording.share)
                yield sample
        progress(file, 1.0)
