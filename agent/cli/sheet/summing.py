"""Samples summed up by channel: how many came, how good they were, from where to where they went. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.amounts import Shown, value
from agent.cli.sheet.content import Channel
from drivers.readings import Quality

Item = Mapping[str, Any]
Rows = Sequence[tuple[Any, ...]]


def channels(
    names: Mapping[str, Mapping[str, Item]], titles: Mapping[str, str], samples: Sequence[Item], begin_ms: int
) -> Iterator[Channel]:
    """In the order of `names`, {device: {channel: {unit, decimals}}}; counted from `begin_ms` on."""
    for device, known in names.items():
        mine = [item for item in samples if item["device"] == device]
        for channel, shown in known.items():
            rows: Rows = [
                (item["at_ms"], *each) for item in mine for each in item["readings"] if each[0] == channel
            ]
            yield _channel((device, channel, titles.get(channel, channel)), shown, rows, begin_ms)


def _channel(named: tuple[str, str, str], shown: Item, rows: Rows, begin_ms: int) -> Channel:
    counted = [row for row in rows if row[0] >= begin_ms] or list(rows[-1:])
    qualities = Counter(row[3] for row in counted)
    numbers = [row[2] for row in counted if _is_number(row[2])]

    def text(number: Shown) -> str:
        return value(number, shown["unit"], shown["decimals"])

    return Channel(
        device=named[0],
        channel=named[1],
        title=named[2],
        unit=shown["unit"],
        decimals=shown["decimals"],
        last=text(counted[-1][2] if counted else None),
        low=text(min(numbers, default=None)),
        high=text(max(numbers, default=None)),
        samples=len(counted),
        good=qualities[Quality.GOOD],
        unchecked=qualities[Quality.NOT_EVALUATED],
        suspect=qualities[Quality.SUSPECT],
        bad=qualities[Quality.BAD],
        missing=qualities[Quality.MISSING],
        tests=dict(Counter(row[4] for row in counted if row[4] and row[3] > Quality.NOT_EVALUATED)),
        points=tuple((row[0], float(row[2]) if _is_number(row[2]) else None) for row in rows)
        if any(_is_number(row[2]) for row in rows)
        else (),
    )


def _is_number(number: Shown) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool)
