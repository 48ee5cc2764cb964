"""The same samples give the same words: again, in any order between devices, and over a restart."""

from __future__ import annotations

from collections import Counter
from itertools import zip_longest
from random import Random

import orjson
from cases.station import plan, samples, shuffled
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agent.judge.judgement import compose
from drivers.readings import Sample
from pipelines.events import as_plain
from pipelines.judge import LATE_MS, TICK_MS, Judge
from pipelines.state import decode, encode

PLAN = plan()
SLOW = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)  # fmt: skip
"""A smaller seed is no simpler series."""
SEEDS = st.integers(0, 2**32)


class Said:
    """What a judge has said, as bytes."""

    def __init__(self) -> None:
        self.judged: list[bytes] = []
        self.by_device: dict[str, list[bytes]] = {}
        self.words: list[bytes] = []
        self.events: list[dict] = []

    def take(self, judge: Judge) -> None:
        out = judge.take()
        assert not out.raised
        for event in out.events:
            self.events.append(as_plain(event))
            self.words.append(_bytes(["event", as_plain(event)]))
        self.words += [_bytes(["revision", each]) for each in out.revisions]
        self.words += [_bytes(["row", source, row]) for source, row in out.rows]
        self.words += [_bytes(["doubtful", sorted(out.doubtful)])] if out.doubtful else []

    def feed(self, judge: Judge, sample: Sample) -> None:
        whole, sent = judge.feed(sample)
        self.judged.append(_bytes([whole, sent]))
        self.by_device.setdefault(sample.device, []).append(_bytes(whole))
        self.take(judge)


def _bytes(value: object) -> bytes:
    return orjson.dumps(value, default=tuple)


def _differences(first: list[bytes], second: list[bytes]) -> list[tuple[bytes, ...]]:
    """The first of them, so that a failure can be read."""
    return [pair for pair in zip_longest(first, second, fillvalue=b"") if pair[0] != pair[1]][:2]


def _run(found: list[Sample], cuts: set[int] = frozenset()) -> Said:
    judge, said = compose(PLAN), Said()
    for n, sample in enumerate(found):
        if n in cuts:
            judge = _restarted(judge)
        said.feed(judge, sample)
    judge.advance(max(sample.at_ms for sample in found) + LATE_MS + TICK_MS + 1)
    said.take(judge)
    return said


def _restarted(judge: Judge) -> Judge:
    states = {name: encode(stage.state()) for name, stage in judge.stages.items()}
    fresh = compose(PLAN)
    for name, stage in fresh.stages.items():
        stage.restore(decode(states[name]))
    assert {name: encode(stage.state()) for name, stage in fresh.stages.items()} == states
    fresh.close_orphans(0)
    assert not fresh.take().events, "each open event is remembered by whoever opened it"
    return fresh


@SLOW
@given(SEEDS, st.floats(0.0, 0.1))
def test_the_same_samples_give_the_same_bytes(seed, trouble):
    found = samples(Random(seed), trouble=trouble)
    first, second = _run(found), _run(found)
    assert not _differences(first.judged, second.judged)
    assert not _differences(first.words, second.words)


@SLOW
@given(SEEDS, st.floats(0.0, 0.1), SEEDS, st.sampled_from((0, 40 * 60_000, 12 * 3_600_000, 11_700_000)))
def test_the_order_between_devices_changes_nothing(seed, trouble, order, pause_ms):
    found = samples(Random(seed), trouble=trouble, pause_ms=pause_ms)
    first, second = _run(found), _run(shuffled(found, Random(order)))
    for device, judged in first.by_device.items():
        assert not _differences(judged, second.by_device[device])
    assert not _differences(sorted(first.words), sorted(second.words))


@SLOW
@given(SEEDS, st.floats(0.0, 0.1), st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=4))
def test_a_restart_at_any_place_changes_nothing(seed, trouble, places):
    found = samples(Random(seed), trouble=trouble)
    cuts = {int(place * len(found)) for place in places}
    first, second = _run(found), _run(found, cuts)
    assert not _differences(first.judged, second.judged)
    assert not _differences(first.words, second.words)


def test_the_made_up_station_has_much_to_tell():
    rules: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for seed in range(6):
        said = _run(samples(Random(seed), hours=4.0, trouble=0.02))
        rules.update(event["rule"].partition(".")[0] for event in said.events)
        words.update(orjson.loads(word)[0] for word in said.words)
    assert words.keys() == {"event", "revision", "row", "doubtful"}
    assert {rule.name for rule in PLAN.rules} - rules.keys() == set()
