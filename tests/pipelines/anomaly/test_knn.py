from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.anomaly.ewma import HIGHEST
from pipelines.anomaly.knn import Knn, KnnSettings
from pipelines.state import decode, encode


def wave(at):
    return 5 + math.sin(2 * math.pi * at / 24)


def run(values, **settings):
    detector = Knn(KnnSettings(**settings))
    return [detector.feed(at, value) for at, value in enumerate(values)], detector


def test_a_shape_never_seen_is_far_from_all_and_a_usual_one_is_not():
    noise = random.Random(1)
    usual = [wave(at) + noise.gauss(0, 0.05) for at in range(1200)]
    found, detector = run(usual)
    assert max(found[-200:]) < 3
    high = [detector.feed(1200 + at, 2 + wave(1200 + at)) for at in range(12)]
    assert max(high) > 5


def test_by_hand_the_nearest_two_of_three():
    """Shapes of one value, kept a reading late and compared each reading."""
    settings = {"points": 1, "shapes": 3, "keep_each": 1, "judge_each": 1, "nearest": 2, "warm_up": 1}
    _, detector = run([9.0, 0.0, 1.0, 5.0, 8.0], **settings)
    before = detector.state()
    assert list(before["shapes"]) == [0.0, 1.0, 5.0]
    assert (before["compared"], before["mean"]) == (1, ((8 - 1) + (8 - 0)) / 2)
    distance = ((2 - 1) + (2 - 0)) / 2
    detector.feed(5, 2.0)
    after = detector.state()
    assert (after["mean"], list(after["shapes"])) == ((7.5 + distance) / 2, [8.0, 1.0, 5.0])
    assert after["score"] == pytest.approx(distance / 7.5, rel=1e-4)


def test_no_shape_shares_a_value_with_the_one_it_is_compared_to():
    _, detector = run([float(at) for at in range(200)])
    newest = set(detector._recent[-12:])
    assert all(newest.isdisjoint(shape) for shape in detector._shapes)


@given(st.lists(st.floats(), max_size=120), st.integers(0, 120))
def test_it_is_bounded_and_goes_on_after_a_restart_bit_for_bit(values, cut):
    settings = {"points": 3, "shapes": 5, "keep_each": 2, "judge_each": 3, "nearest": 2, "warm_up": 1}
    found, before = run(values[:cut], **settings)
    after = Knn(KnnSettings(**settings))
    after.restore(decode(encode(before.state())))
    for at, value in enumerate(values[cut:], cut):
        found.append(before.feed(at, value))
        assert after.feed(at, value) == found[-1]
    assert encode(after.state()) == encode(before.state())
    assert all(0 <= score <= HIGHEST for score in found)
    assert len(before._shapes) <= 5
    assert len(before._recent) <= 6


def test_restored_shapes_that_overlap_share_their_numbers():
    _, before = run([at + 0.5 for at in range(1000)])
    after = Knn()
    after.restore(decode(encode(before.state())))
    assert len({id(value) for shape in after._shapes for value in shape}) <= 75 * 6 + 6


@pytest.mark.parametrize(
    ("key", "value"),
    [("points", 0), ("shapes", 101), ("keep_each", 0), ("judge_each", 0), ("nearest", 76), ("warm_up", 0),
     ("weight", 0), ("resolution", -1)],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(key, value):
    with pytest.raises(ValueError, match=f"{key}: expected"):
        KnnSettings(**{key: value})
