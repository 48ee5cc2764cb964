"""A picture within its budget, in few trials."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.vision.encoding import QUALITIES, Encoded, encode, scaled, thumbnail


def scene(width=1280, height=720, detail=1.0, seed=3) -> np.ndarray:
    """Detail at all sizes, as a photograph has."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for octave in range(2, 9):
        noise = rng.normal(
            0,
            2.0**octave * detail ** (octave > 5),
            (height >> (9 - octave) | 1, width >> (9 - octave) | 1, 3),
        )
        picture += cv2.resize(noise[::-1], (width, height), interpolation=cv2.INTER_CUBIC) / octave**2
    return np.clip(picture + 110, 0, 255).astype(np.uint8)


SCENES = [
    scene(detail=0.02),
    scene(detail=0.2),
    scene(seed=5, detail=0.6),
    np.full((720, 1280, 3), 90, np.uint8),
]


def size_of(jpeg: bytes) -> tuple[int, int]:
    height, width = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    return width, height


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(range(len(SCENES))), st.integers(8_000, 400_000))
def test_it_fits_in_three_trials_or_a_few_more(which, most_bytes):
    made = encode(SCENES[which], most_bytes=most_bytes)
    assert len(made.jpeg) <= most_bytes
    assert made.trials <= 5
    assert size_of(made.jpeg) == (made.width, made.height)
    assert QUALITIES[0] <= made.quality <= QUALITIES[1]


def test_most_budgets_take_three_trials_and_use_most_of_what_they_are_given():
    made = [
        (most, encode(each, most_bytes=most)) for each in SCENES for most in (15_000, 40_000, 90_000, 200_000)
    ]
    assert sum(each.trials <= 3 for _, each in made) >= 0.8 * len(made)
    used = [len(each.jpeg) / most for most, each in made if each.quality < QUALITIES[1]]
    assert min(used) > 0.45
    assert sum(used) / len(used) > 0.75


def test_a_generous_budget_takes_one_trial_at_the_best_quality():
    made = encode(SCENES[0], most_bytes=2_000_000)
    assert (made.trials, made.quality, made.width) == (1, 88, 1280)


def test_quality_goes_before_pixels():
    most = len(encode(SCENES[1], most_bytes=9_000_000, quality_range=(50, 50)).jpeg)
    made = encode(SCENES[1], most_bytes=most + 100)
    assert made.width == 1280
    assert made.quality <= 50
    assert len(made.jpeg) > 0.7 * most


def test_below_the_lowest_quality_pixels_go():
    least = len(encode(SCENES[1], most_bytes=9_000_000, quality_range=(35, 35)).jpeg)
    made = encode(SCENES[1], most_bytes=least // 2)
    assert 600 < made.width < 1280
    assert made.width / made.height == pytest.approx(16 / 9, rel=0.01)
    assert made.quality >= 35


def test_a_longest_side_is_kept_and_nothing_is_made_larger():
    assert encode(SCENES[0], most_bytes=9_000_000, longest_side=640).width == 640
    assert encode(SCENES[0], most_bytes=9_000_000, longest_side=4000).width == 1280
    assert scaled(SCENES[0], 2000) is SCENES[0]


def test_an_upright_picture_is_bound_by_its_height():
    upright = np.rot90(SCENES[0]).copy()
    made = encode(upright, most_bytes=9_000_000, longest_side=640)
    assert (made.width, made.height) == (360, 640)


def test_a_thumbnail_fits_in_six_kilobytes():
    for each in SCENES:
        jpeg = thumbnail(each)
        assert len(jpeg) <= 6144
        assert max(size_of(jpeg)) <= 192


def test_a_hopeless_budget_and_a_bad_range_are_refused():
    with pytest.raises(ValueError, match="200 bytes or fewer"):
        encode(SCENES[1], most_bytes=200)
    with pytest.raises(ValueError, match="in order"):
        encode(SCENES[1], most_bytes=20_000, quality_range=(80, 40))


def test_the_same_picture_makes_the_same_bytes():
    one: Encoded = encode(SCENES[2], most_bytes=60_000)
    assert one == encode(SCENES[2].copy(), most_bytes=60_000)
