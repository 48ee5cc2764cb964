"""What holds for every detector, and for their mixes."""

from __future__ import annotations

import math
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.anomaly.ewma import Ewma, EwmaSettings
from pipelines.anomaly.holt_winters import HoltWinters, HoltWintersSettings
from pipelines.anomaly.knn import Knn, KnnSettings
from pipelines.anomaly.likelihood import Likelihood
from pipelines.anomaly.mix import Mix, MixSettings, mix
from pipelines.anomaly.ngram import Ngram, NgramSettings
from pipelines.state import decode, encode

FOUR = MixSettings(ngram=True, knn=True)
MAKERS = {
    "ewma": Ewma,
    "holt_winters": HoltWinters,
    "ngram": Ngram,
    "knn": Knn,
    "likelihood": lambda: Likelihood(Ewma()),
    "default": mix,
    "four": lambda: mix(FOUR),
}
OTHERS = {
    "ewma": lambda: Ewma(EwmaSettings(weight=0.1)),
    "holt_winters": lambda: HoltWinters(HoltWintersSettings(parts_of_day=24)),
    "ngram": lambda: Ngram(NgramSettings(order=2)),
    "knn": lambda: Knn(KnnSettings(points=6)),
    "likelihood": lambda: Likelihood(Ewma(EwmaSettings(weight=0.1))),
    "default": lambda: mix(FOUR),
    "four": lambda: mix(MixSettings(ngram=True, knn=True, resolution=0.5)),
}


def series(seed, count):
    """A daily wave with noise, steps, flat stretches and spikes; some times are missing."""
    chance = random.Random(seed)
    at_ms, step = 1_790_000_000_000, 0.0
    for _ in range(count):
        at_ms += 300_000 * (1 if chance.random() > 0.01 else chance.randrange(2, 500))
        if chance.random() < 0.002:
            step += chance.gauss(0, 10)
        spike = 100 if chance.random() < 0.002 else 0
        yield at_ms, round(20 + step + 5 * math.sin(at_ms / 13_750_000) + chance.gauss(0, 0.2) + spike, 2)


@pytest.fixture(params=MAKERS)
def kind(request):
    return request.param


@given(seed=st.integers(0, 2**32), cut=st.integers(0, 700))
@settings(max_examples=8, deadline=None)
def test_it_goes_on_after_a_restart_bit_for_bit(seed, cut):
    readings = list(series(seed, 700))
    for make in MAKERS.values():
        before = make()
        for at_ms, value in readings[:cut]:
            before.feed(at_ms, value)
        after = make()
        after.restore(decode(encode(before.state())))
        for at_ms, value in readings[cut:]:
            assert after.feed(at_ms, value) == before.feed(at_ms, value)
        assert encode(after.state()) == encode(before.state())


def test_after_a_long_time_too(kind):
    before, after = MAKERS[kind](), MAKERS[kind]()
    readings = list(series(11, 5500))
    for at_ms, value in readings[:4321]:
        before.feed(at_ms, value)
    after.restore(decode(encode(before.state())))
    found = [(before.feed(*reading), after.feed(*reading)) for reading in readings[4321:]]
    assert all(one == other for one, other in found)
    assert max(one for one, _ in found) > 0


def test_a_score_does_not_depend_on_what_comes_later_nor_on_other_series(kind):
    readings = list(series(5, 900))
    alone = MAKERS[kind]()
    scores = [alone.feed(*reading) for reading in readings]
    one, other = MAKERS[kind](), MAKERS[kind]()
    beginning = []
    for at_ms, value in readings[:600]:
        beginning.append(one.feed(at_ms, value))
        other.feed(at_ms, -1000 * value)
    assert beginning == scores[:600]


def test_a_state_is_a_copy(kind):
    detector = MAKERS[kind]()
    readings = list(series(6, 800))
    for reading in readings[:700]:
        detector.feed(*reading)
    state = detector.state()
    stored = encode(state)
    for reading in readings[700:]:
        detector.feed(*reading)
    assert encode(state) == stored != encode(detector.state())


def test_a_state_of_other_settings_is_refused_and_changes_nothing(kind):
    detector, other = MAKERS[kind](), OTHERS[kind]()
    for reading in series(7, 300):
        detector.feed(*reading)
        other.feed(*reading)
    before = encode(detector.state())
    with pytest.raises(ValueError, match="state: expected one"):
        detector.restore(decode(encode(other.state())))
    with pytest.raises((ValueError, KeyError, TypeError)):
        detector.restore({})
    assert encode(detector.state()) == before


@pytest.mark.parametrize(("chosen", "most_kib"), [(MixSettings(), 16), (FOUR, 44)])
def test_memory_is_bounded_also_after_a_restart(chosen, most_kib):
    def held():
        return tracemalloc.get_traced_memory()[0] / 1024 - empty

    mix(chosen)
    tracemalloc.start()
    empty = tracemalloc.get_traced_memory()[0] / 1024
    detector = mix(chosen)
    for at_ms, value in series(8, 4000):
        detector.feed(at_ms, value)
    once = held()
    for at_ms, value in series(8, 4000):
        detector.feed(at_ms + 4_000_000_000_000, value)
    twice = held()
    stored = encode(detector.state())
    del detector
    detector = mix(chosen)
    detector.restore(decode(stored))
    again = held() - len(stored) / 1024
    tracemalloc.stop()
    assert max(once, twice, again) < most_kib
    assert twice < once + 1
    assert len(stored) < 32 * 1024


def test_a_mix_is_the_mean_of_its_parts():
    parts = [Likelihood(Ewma()), Likelihood(HoltWinters()), Likelihood(Ngram()), Likelihood(Knn())]
    together = mix(FOUR)
    found = 0.0
    for at_ms, value in series(9, 1500):
        apart = [part.feed(at_ms, value) for part in parts]
        score = together.feed(at_ms, value)
        assert score == pytest.approx(sum(apart) / 4)
        found = max(found, score)
    assert found > FOUR.threshold


def test_a_step_is_over_the_threshold_soon_and_quiet_noise_is_not():
    chance = random.Random(4)
    detector = mix()
    quiet = [detector.feed(300_000 * at, chance.gauss(10, 1)) for at in range(3000)]
    assert max(quiet[500:]) < MixSettings().threshold
    loud = [detector.feed(300_000 * (3000 + at), chance.gauss(18, 1)) for at in range(10)]
    assert max(loud) > MixSettings().threshold


def test_nothing_is_scored_before_a_hundred_readings():
    detector = mix(FOUR)
    assert {detector.feed(*reading) for reading in series(10, 99)} == {0.0}


def test_a_refused_state_leaves_no_part_restored():
    detector, other = Mix([Ewma(), HoltWinters()]), Mix([Ewma(), Ewma()])
    for reading in series(12, 50):
        other.feed(*reading)
    new = detector.state()
    with pytest.raises((ValueError, KeyError)):
        detector.restore(other.state())
    assert detector.state() == new


@pytest.mark.parametrize("bad", [{"threshold": 0}, {"threshold": 12.5}, {"rest": -1}])
def test_settings_that_make_no_sense_are_refused(bad):
    (key,) = bad
    with pytest.raises(ValueError, match=f"{key}: expected"):
        MixSettings(**bad)
