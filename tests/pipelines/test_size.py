"""What the series of a station take while they are judged, and on the disk."""

from __future__ import annotations

import gc
import tracemalloc
from random import Random

import pytest

from agent.judge.judgement import ChannelPlan, JudgementPlan, compose
from drivers.readings import Reading, Sample
from firmware_profiles.properties import property_of
from pipelines.anomaly.mix import MixSettings
from pipelines.events import Source
from pipelines.quality.limits import Limits
from pipelines.reduction.aggregate import AggregateSettings
from pipelines.reduction.deadband import DeadbandSettings
from pipelines.state import encode
from pipelines.water.reread import RereadSettings

T0_MS = 1_790_000_000_000
EVERY_MS = 300_000
DEVICES, CHANNELS = 10, 20
MOST_BYTES = 64 * 1024


def station(*, shapes: bool) -> JudgementPlan:
    """Two hundred series with everything that a channel can have by default, and more."""
    limits = Limits(gap_ms=900_000, **property_of("water_level").quality.limits(), attenuated_window_ms=86_400_000,
                    attenuated_suspect=0.001)  # fmt: skip
    return JudgementPlan(
        channels=tuple(
            ChannelPlan(
                source=Source(f"d{device}", f"water_level.n{channel}"), limits=limits, unusual=1.0,
                slow=MixSettings(ngram=shapes, knn=shapes), reread=RereadSettings(),
                deadband=DeadbandSettings(absolute=0.01),
                aggregate=AggregateSettings(window_ms=3_600_000, every_ms=EVERY_MS),
            )
            for device in range(DEVICES)
            for channel in range(CHANNELS)
        )
    )  # fmt: skip


def samples(rounds: int):
    random = Random(1)
    levels = [2.0] * CHANNELS
    for n in range(rounds):
        levels = [level + random.gauss(0, 0.01) for level in levels]
        readings = tuple(Reading(f"water_level.n{channel}", level) for channel, level in enumerate(levels))
        for device in range(DEVICES):
            yield Sample(f"d{device}", T0_MS + n * EVERY_MS, True, n + 1, readings)


@pytest.mark.parametrize(("shapes", "rounds"), [(False, 150), (True, 100)])
def test_a_series_takes_no_more_than_64_kib(shapes, rounds):
    plan = station(shapes=shapes)
    gc.collect()
    tracemalloc.start()
    judge = compose(plan)
    for sample in samples(rounds):
        judge.feed(sample)
        judge.take()
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken / (DEVICES * CHANNELS) <= MOST_BYTES
    stored = sum(len(encode(stage.state())) for stage in judge.stages.values())
    assert stored / (DEVICES * CHANNELS) <= MOST_BYTES


@pytest.mark.parametrize("shapes", [False, True])
def test_it_takes_no_more_once_its_windows_are_full(shapes):
    judge = compose(JudgementPlan(channels=station(shapes=shapes).channels[:1]))
    sizes = []
    for n, sample in enumerate(each for each in samples(7500) if each.device == "d0"):
        judge.feed(sample)
        judge.take()
        if n in (2499, 4999, 7499):
            sizes.append(sum(len(encode(stage.state())) for stage in judge.stages.values()))
    assert sizes[-1] <= MOST_BYTES
    assert sizes[2] - sizes[1] <= 1024, "but for the days it knows"
