"""Plays readings to a rule as the judge would."""

from __future__ import annotations

import pytest

from drivers.readings import Quality
from pipelines.state import decode, encode

TICK_MS = 10_000


def play(make, readings, until_ms, *, from_ms=None, ahead_ms=None, restart_at=None, tick_ms=TICK_MS):
    """Events of a rule made by `make`, fed (source, at_ms, value[, quality]).

    `ahead_ms` lets a source run ahead of the ticks; before the tick `restart_at` the rule is made anew from
    its stored state.
    """
    rule, events, ahead = make(), [], ahead_ms or {}
    waiting = sorted(readings, key=lambda each: each[1] - ahead.get(each[0], 0))
    start_ms = min(each[1] for each in readings) if from_ms is None else from_ms
    now_ms = start_ms // tick_ms * tick_ms
    place, ticks = 0, 0
    while now_ms <= until_ms:
        while place < len(waiting) and waiting[place][1] - ahead.get(waiting[place][0], 0) <= now_ms:
            source, at_ms, value, *quality = waiting[place]
            events += rule.feed(source, at_ms, value, *(quality or [Quality.GOOD]))
            place += 1
        if ticks == restart_at:
            stored = encode(rule.state())
            rule = make()
            rule.restore(decode(stored))
        events += rule.tick(now_ms)
        now_ms += tick_ms
        ticks += 1
    return events


@pytest.fixture(name="play", scope="session")
def play_fixture():
    return play
