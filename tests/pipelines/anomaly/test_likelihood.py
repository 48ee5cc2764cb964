from __future__ import annotations

import math
import random
from statistics import NormalDist, fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.anomaly.likelihood import Likelihood, LikelihoodSettings
from pipelines.state import decode, encode

SMALL = LikelihoodSettings(newest=3, known=20, warm_up=5)


class Told:
    """A detector whose scores are the values themselves."""

    def feed(self, at_ms, value):
        return value

    def state(self):
        return {}

    def restore(self, state):
        pass


def likelihoods(scores, settings=SMALL):
    detector = Likelihood(Told(), settings)
    return [detector.feed(at, score) for at, score in enumerate(scores)]


def by_definition(scores, settings=SMALL):
    """The same from all the scores so far, in steps of 1/1024, without sums that are carried on."""
    steps = [int(min(score, settings.highest_score) * 1024) for score in scores]
    known = steps[-settings.known :]
    if len(scores) < settings.warm_up:
        return 0.0
    above = fmean(steps[-settings.newest :]) - fmean(known)
    if above <= 0:
        return 0.0
    tail = NormalDist().cdf(-above / math.sqrt(pstdev(known) ** 2 + 1))
    return min(settings.highest, -math.log(tail))


@given(st.lists(st.floats(0, 80), max_size=70))
def test_it_is_the_tail_of_the_newest_mean_under_all_that_are_known(scores):
    for count, found in enumerate(likelihoods(scores), 1):
        assert found == pytest.approx(by_definition(scores[:count]), rel=1e-6, abs=1e-6)


def test_the_sums_are_exact_after_any_number_of_scores():
    chance = random.Random(3)
    scores = [chance.expovariate(1) ** 3 for _ in range(20_000)]
    detector = Likelihood(Told())
    for at, score in enumerate(scores):
        detector.feed(at, score)
    known = [int(min(score, 50) * 1024) for score in scores[-2000:]]
    assert detector._sum == sum(known)
    assert detector._squares == sum(steps * steps for steps in known)
    assert detector._newest_sum == sum(known[-10:])


def test_one_high_score_among_low_ones_is_unlikely_and_many_become_usual():
    found = likelihoods([1.0] * 300 + [30.0] * 2100, LikelihoodSettings())
    assert max(found[:300]) == 0
    assert max(found[300:320]) > 9
    assert max(found[-100:]) == 0


@given(st.lists(st.floats(0, 80), min_size=1, max_size=60), st.data())
def test_it_goes_on_after_a_restart_bit_for_bit(scores, data):
    cut = data.draw(st.integers(0, len(scores)))
    before = Likelihood(Told(), SMALL)
    for at, score in enumerate(scores[:cut]):
        before.feed(at, score)
    after = Likelihood(Told(), SMALL)
    after.restore(decode(encode(before.state())))
    for at, score in enumerate(scores[cut:], cut):
        assert after.feed(at, score) == before.feed(at, score)
    assert encode(after.state()) == encode(before.state())


def test_a_state_does_not_change_when_its_series_goes_on():
    detector = Likelihood(Told(), SMALL)
    for at in range(30):
        detector.feed(at, at % 5)
    state = detector.state()
    stored = encode(state)
    detector.feed(30, 40.0)
    assert encode(state) == stored


def test_a_state_made_by_other_constants_is_refused():
    state = Likelihood(Told(), SMALL).state()
    other = Likelihood(Told(), LikelihoodSettings(newest=4, known=20, warm_up=5))
    with pytest.raises(ValueError, match="made by"):
        other.restore(state)
    short = Likelihood(Told(), SMALL)
    with pytest.raises(ValueError, match="made by"):
        short.restore(state | {"ring": state["ring"][:-1]})


@pytest.mark.parametrize(
    "bad",
    [
        {"newest": 0},
        {"newest": 2000},
        {"warm_up": 9},
        {"warm_up": 2001},
        {"highest_score": 64},
        {"highest": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(bad):
    (key,) = bad
    with pytest.raises(ValueError, match=f"{key}: expected"):
        LikelihoodSettings(**bad)
