from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.anomaly.ngram import Ngram, NgramSettings

CUTS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


def run(values, **settings):
    detector = Ngram(NgramSettings(**settings))
    return [detector.feed(at, value) for at, value in enumerate(values)], detector


def test_a_pattern_becomes_certain_and_a_break_in_it_surprises():
    found, detector = run([0.0, 1.0, 0.0, 5.0] * 300)
    assert max(found[-100:]) < 0.05
    assert detector.feed(1200, 5.0) > 5


def test_by_hand_the_first_three():
    """Bands 0, 7 (no deviation yet), 3: an eighth is what is expected where nothing was seen."""
    found, _ = run([-1.0, 1.0, -1.0], order=1, warm_up=2)
    alone = (0 + 1 / 8) / (1 + 1)
    after_band_0 = (0 + alone) / (1 + 1)
    assert found[:2] == [0, pytest.approx(-math.log(after_band_0))]
    alone = (0 + 1 / 8) / (2 + 1)
    after_band_7 = (0 + alone) / (0 + 1)
    assert found[2] == pytest.approx(-math.log(after_band_7))


def test_without_any_pattern_a_value_surprises_by_how_rare_its_band_is():
    chance = random.Random(5)
    found, _ = run([chance.gauss(0, 1) for _ in range(30_000)])
    entropy = 1.65
    assert sum(found[-5000:]) / 5000 == pytest.approx(entropy, abs=0.15)


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, 9.0, -7.0]), max_size=300), st.integers(2, 9))
def test_totals_are_the_sums_of_their_counts_and_never_more_than_set(values, most):
    _, detector = run(values, most=most, weight=0.1)
    for row, total in enumerate(detector._totals):
        assert total == sum(detector._counts[8 * row : 8 * row + 8]) <= most + 1


def test_a_habit_given_up_is_forgotten():
    chance = random.Random(7)
    old = [chance.choice([0.0, 1.0]) for _ in range(2000)]
    found, _ = run(old + [0.0, 0.0, 1.0, 1.0] * 700, most=50)
    assert max(found[-100:]) < 0.2


@given(st.lists(st.floats(), max_size=80))
def test_scores_are_finite_and_not_below_zero(values):
    found, _ = run(values, warm_up=2)
    assert all(0 <= score < 30 for score in found)


def test_less_than_the_resolution_is_no_other_band():
    chance = random.Random(2)
    jitter = [20 + chance.choice([0.001, -0.001]) for _ in range(2000)]
    detector = Ngram(NgramSettings(resolution=1.0))
    for at, value in enumerate(jitter):
        detector.feed(at, value)
    assert detector.feed(2000, 25.0) > 5


@pytest.mark.parametrize(
    "bad",
    [{"order": 0}, {"order": 5}, {"weight": 1}, {"cuts": CUTS[:-1]}, {"cuts": CUTS[::-1]}, {"most": 1},
     {"most": 256}, {"warm_up": 1}, {"resolution": -1}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(bad):
    (key,) = bad
    with pytest.raises(ValueError, match=f"{key}: expected"):
        NgramSettings(**bad)
