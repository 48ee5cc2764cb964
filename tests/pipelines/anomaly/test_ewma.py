from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.anomaly.ewma import HIGHEST, Ewma, EwmaSettings


def scores(values, **settings):
    detector = Ewma(EwmaSettings(**settings))
    return [detector.feed(60_000 * at, value) for at, value in enumerate(values)]


def test_the_first_scores_are_by_the_mean_and_deviation_of_all_before():
    found = scores([1.0, 3.0, 1.0, 3.0, 7.0], warm_up=2)
    assert found[:3] == [0.0, 0.0, pytest.approx(1.0)]
    assert found[4] == pytest.approx((7 - 2) / 1)


def test_later_the_newest_value_weighs_as_set():
    detector = Ewma(EwmaSettings(weight=0.5, warm_up=2))
    for at, value in enumerate([0.0, 4.0, 2.0]):
        detector.feed(at, value)
    state = detector.state()
    assert state["mean"] == 0.5 * 2 + 0.5 * 2
    assert state["variance"] == 0.5 * 4


def test_a_still_series_that_moves_scores_highest_and_less_than_a_resolution_does_not():
    assert scores([20.0] * 100 + [20.1])[-1] == HIGHEST
    assert scores([20.0] * 100 + [20.1], resolution=0.1)[-1] == pytest.approx(1.0)


def test_rounding_alone_is_not_unusual():
    assert max(scores([1e9 + 0.1 * 3, 1e9 + 0.3] * 50)) < 1


@given(st.lists(st.floats(-1e12, 1e12), max_size=60), st.sampled_from([0.5, 8.0, -2.0]))
def test_scores_lie_in_their_range_and_do_not_depend_on_the_unit(values, factor):
    found = scores(values)
    assert all(0 <= score <= HIGHEST for score in found)
    if all(value == 0 or abs(value) > 1e-6 for value in values):
        assert scores([factor * value for value in values]) == pytest.approx(found, rel=1e-3, abs=1e-3)


@given(st.lists(st.floats(), max_size=60))
def test_what_is_no_number_or_beyond_all_gauges_is_not_learnt(values):
    detector, plain = Ewma(), Ewma()
    for at, value in enumerate(values):
        if abs(value) < 1e150:
            assert detector.feed(at, value) == plain.feed(at, value)
        else:
            assert detector.feed(at, value) == 0
    assert detector.state() == plain.state()
    assert math.isfinite(detector.state()["variance"])


@pytest.mark.parametrize("bad", [{"weight": 0}, {"weight": 1}, {"warm_up": 1}, {"resolution": -0.1}])
def test_settings_that_make_no_sense_are_refused(bad):
    (key,) = bad
    with pytest.raises(ValueError, match=f"{key}: expected"):
        EwmaSettings(**bad)
