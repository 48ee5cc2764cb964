"""One set of readings per interval from a gauge that sets the pace. Pure: the caller brings the time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from drivers.readings import Quality, Reading

JITTER = 0.1
"""Share of an interval a set may come early: a gauge with the interval as its own period is never in step."""


class Gathering:
    """Merges what several frames say into sets of one reading a channel, in the order of `channels`.

    A reading counts for `fresh_s`. A set is ready when the interval is over and every channel is fresh; when
    one stays away for `fresh_s` longer, the set goes without it, MISSING "not_received". No reading is handed
    on twice.
    """

    def __init__(self, channels: Sequence[str], every_s: float, fresh_s: float, due: float) -> None:
        self._channels = channels
        self._every_s = every_s
        self._fresh_s = fresh_s
        self._due = due
        self._latest: dict[str, tuple[float, Reading]] = {}

    def add(self, readings: Iterable[Reading], now: float) -> list[Reading] | None:
        """Take what a frame said at `now` (monotonic s); a set if one is ready."""
        self._latest.update((reading.channel, (now, reading)) for reading in readings)
        if now < self._due - JITTER * self._every_s:
            return None
        fresh = {name: reading for name, (at, reading) in self._latest.items() if now - at <= self._fresh_s}
        if len(fresh) < len(self._channels) and now < self._due + self._fresh_s:
            return None
        self._latest.clear()
        self._due = (self._due if now < self._due + self._every_s else now) + self._every_s
        return complete(self._channels, fresh, "not_received")


def complete(channels: Iterable[str], found: dict[str, Reading], test: str) -> list[Reading]:
    """One reading a channel; those not found are MISSING for the reason `test`."""
    return [found.get(name) or Reading(name, None, Quality.MISSING, test) for name in channels]
