"""What bench/fleet makes of what it saw: how the gateways came back, and whether all arrived. Pure."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fakes.platform import Message

from agent.cli.chart import Chart, Mark, Series
from bench.table import Figure, percentile
from pipelines.events import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The broker went away and came back; `connects` are those until `until_ms`; all ms UTC, in order.

    `broker_cpu_s` is what the broker used from its start to `until_ms`.
    """

    away_ms: int
    back_ms: int
    until_ms: int
    connects: Sequence[int]
    broker_cpu_s: float

    @property
    def seconds(self) -> float:
        """How long there was no broker."""
        return (self.back_ms - self.away_ms) / 1000


def storm(outage: Outage, gateways: int, messages: Iterable[Message]) -> dict[str, Figure]:
    """How they came back, in seconds after the broker did."""
    since_s = [(at_ms - outage.back_ms) / 1000 for at_ms in outage.connects]
    return {
        "outage, s": round(outage.seconds, 1),
        "half back, s": round(percentile(since_s, 50), 1),
        "95 % back, s": round(percentile(since_s, 95), 1),
        "all back, s": round(since_s[-1], 1),
        "connects/s": busiest(since_s),
        "more than once": len(since_s) - gateways,
        "broker CPU, ms each": round(outage.broker_cpu_s / len(since_s) * 1000, 2),
        "backlog through, s": round(through_s(outage, messages), 1),
    }


def busiest(since_s: Sequence[float]) -> int:
    """The most of them within any second; they are in order."""
    return max(bisect_left(since_s, first + 1.0, number) - number for number, first in enumerate(since_s))


def through_s(outage: Outage, messages: Iterable[Message]) -> float:
    """After the broker's return, the last message that was sent late."""
    late = [
        message.arrived_ms
        for message in messages
        if outage.back_ms <= message.arrived_ms <= outage.until_ms
        and b'"delivery":"backfill"' in message.payload[:300]
    ]
    return (max(late, default=outage.back_ms) - outage.back_ms) / 1000


def account(messages: Iterable[Message], sent: Mapping[str, int]) -> dict[str, Figure]:
    """What was sent against what arrived; `status` and `inventory` have no batch."""
    keys = Counter(
        json.loads(message.payload)["batch"]
        for message in messages
        if message.payload.startswith(b'{"batch":')
    )
    return {
        "messages acknowledged": sent["acknowledged"],
        "messages left in the stores": sent["left"],
        "different ones at the platform": len(keys),
        "acknowledged and not at the platform": sent["acknowledged"] - len(keys),
        "sent again by gateways": sent["repeated"],
        "repeats at the platform": sum(keys.values()) - len(keys),
    }


def delay_ms(message: Message) -> float:
    """From the header's `sent` to the platform: the broker's part."""
    sent = json.loads(message.payload).get("sent")
    return message.arrived_ms - datetime.fromisoformat(sent).timestamp() * 1000 if sent else 0.0


def chart(outages: Mapping[str, Outage], gateways: int) -> Chart:
    """Connections a second around one outage, in each of these ways, as if the broker came back together."""
    first = next(iter(outages.values()))
    until_ms = max(each.until_ms - each.back_ms for each in outages.values()) + first.back_ms
    series = []
    for name, each in outages.items():
        second = Counter((at_ms - each.back_ms + first.back_ms) // 1000 for at_ms in each.connects)
        seconds = range(first.away_ms // 1000, until_ms // 1000 + 1)
        series.append(Series(name, [(s * 1000 + 500, float(second[s])) for s in seconds]))
    return Chart(
        series=series,
        marks=[Mark("no broker", first.away_ms, first.back_ms, Severity.WARNING)],
        title=f"{gateways} gateways come back after {first.seconds:.0f} s without a broker",
        unit="connections each second",
    )
