"""The last samples of each device, for who begins to look: kept small, and whole again when asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from dataclasses import dataclass

from drivers.readings import Quality, Reading, Sample, Value

MOST_SAMPLES = 60
MOST_READINGS = 1200
"""Of a device; of one with many channels fewer samples are kept."""

Judged = tuple[tuple[str, Quality, str], ...]


@dataclass(slots=True)
class _Line:
    """One device; `judged` is mostly the same from sample to sample, and then it is one object."""

    samples: deque[tuple[int, bool, int, tuple[Value | None, ...], Judged]]
    judged: Judged = ()


class Before:
    """About 32 bytes a reading, where a Sample takes 120."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def add(self, sample: Sample) -> None:
        """The latest of its device."""
        line = self._lines.get(sample.device)
        if line is None:
            most = min(MOST_SAMPLES, max(MOST_READINGS // max(len(sample.readings), 1), 1))
            line = self._lines[sample.device] = _Line(deque(maxlen=most))
        judged = tuple((each.channel, each.quality, each.test) for each in sample.readings)
        if judged != line.judged:
            line.judged = judged
        values = tuple(each.value for each in sample.readings)
        line.samples.append((sample.at_ms, sample.settled, sample.seq, values, line.judged))

    def of(self, devices: Container[str]) -> list[Sample]:
        """Those of these devices, in the order of their time."""
        found = [
            Sample(device, at_ms, settled, seq, tuple(map(_reading, judged, values)))
            for device, line in self._lines.items()
            if device in devices
            for at_ms, settled, seq, values, judged in line.samples
        ]
        return sorted(found, key=lambda sample: sample.at_ms)

    def forget(self, device: str) -> None:
        """It is no longer there."""
        self._lines.pop(device, None)


def _reading(judged: tuple[str, Quality, str], value: Value | None) -> Reading:
    channel, quality, test = judged
    return Reading(channel, value, quality, test)
