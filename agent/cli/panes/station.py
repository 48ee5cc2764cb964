"""What is known of the running station, and how it changes. Pure: the caller brings answers and time (s)."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.amounts import Shown

TREND = 240
"""Values of a channel that are kept: as many as a wide window has columns for."""

HELD = 1000
"""Samples that wait while the view stands still."""

RATES_S = 60.0
"""Rates are over the last minute."""

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rates:
    """Over the last minute, or as long as is known; None where it cannot be told, as from one round alone."""

    cpu: float | None
    """Of one processor, 0 to 1."""
    worker_cpu: float | None
    sent_per_min: float | None
    bytes_per_s: float | None
    waiting_per_min: float | None
    """Readings by which the outbox grows."""
    loads: Mapping[str, float | None]
    """By bus, of its time."""


@dataclass(frozen=True, slots=True)
class Look:
    """One round of answers, and when it was had."""

    at_s: float
    status: Facts
    events: Facts
    buses: Facts


@dataclass(slots=True)
class Station:
    """`down` says why there is no answer now; `looks` are those of the last minute, the latest last."""

    down: str = ""
    looks: deque[Look] = field(default_factory=deque)
    trends: dict[tuple[str, str], deque[Shown]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=TREND))
    )

    @property
    def now(self) -> Look | None:
        """The latest round."""
        return self.looks[-1] if self.looks else None

    def look(self, look: Look) -> None:
        """Take in a round; a daemon that was started anew counts from 0 again."""
        if self.now and self.now.status["epoch"] != look.status["epoch"]:
            self.looks.clear()
        self.down = ""
        self.looks.append(look)
        while len(self.looks) > 2 and look.at_s - self.looks[1].at_s >= RATES_S:
            self.looks.popleft()

    def begin(self) -> None:
        """The samples that follow come from before: a daemon's own memory is whole."""
        self.trends.clear()

    def sample(self, item: Facts) -> None:
        """Take in what one device said."""
        for channel, number, _, _ in item["readings"]:
            self.trends[item["device"], channel].append(number)

    def rates(self) -> Rates:
        """From the oldest round kept to the latest.

        Raises:
            IndexError: there is none yet.
        """
        first, last = self.looks[0], self.looks[-1]
        if first is last:
            return Rates(None, None, None, None, None, {bus["bus"]: None for bus in last.buses["buses"]})
        took_s = max(last.at_s - first.at_s, 0.1)
        status, before = last.status, first.status
        return Rates(
            cpu=_grown(status, before, "process", "cpu_s") / took_s,
            worker_cpu=_worker(status, before, took_s),
            sent_per_min=60 * _grown(status, before, "uplink", "acknowledged") / took_s,
            bytes_per_s=_grown(status, before, "uplink", "bytes") / took_s,
            waiting_per_min=60 * _grown(status, before, "outbox", "items") / took_s,
            loads=_loads(last, first, took_s),
        )

    def facts(self) -> dict[str, Any]:
        """For programs."""
        if self.down or self.now is None:
            return {"down": self.down}
        rates = self.rates()
        return {
            "status": self.now.status,
            "events": self.now.events,
            "buses": [{**bus, "load": _rounded(rates.loads[bus["bus"]])} for bus in self.now.buses["buses"]],
            "rates": {
                "cpu": _rounded(rates.cpu),
                "worker_cpu": _rounded(rates.worker_cpu),
                "sent_per_min": _rounded(rates.sent_per_min),
                "bytes_per_s": _rounded(rates.bytes_per_s),
                "waiting_per_min": _rounded(rates.waiting_per_min),
            },
            "trends": self._trends(),
        }

    def _trends(self) -> dict[str, dict[str, list[Shown]]]:
        """By device and channel."""
        found: dict[str, dict[str, list[Shown]]] = defaultdict(dict)
        for (device, channel), values in self.trends.items():
            found[device][channel] = list(values)
        return found


def _grown(status: Facts, before: Facts, part: str, key: str) -> float:
    return float(status[part].get(key, 0)) - float(before[part].get(key, 0))


def _worker(status: Facts, before: Facts, took_s: float) -> float | None:
    """A worker that was started meanwhile counts from 0."""
    if not status["worker"] or not before["worker"]:
        return None
    return max(_grown(status, before, "worker", "cpu_s"), 0.0) / took_s


def _loads(last: Look, first: Look, took_s: float) -> dict[str, float | None]:
    before = {bus["bus"]: bus["busy_s"] or 0.0 for bus in first.buses["buses"]}
    found: dict[str, float | None] = {}
    for bus in last.buses["buses"]:
        spent_s = None if bus["busy_s"] is None else bus["busy_s"] - before.get(bus["bus"], 0.0)
        found[bus["bus"]] = None if spent_s is None or spent_s < 0 else min(spent_s / took_s, 1.0)
    return found


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
