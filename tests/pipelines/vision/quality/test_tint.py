"""How much redder and bluer a picture is than those before: by the middle of its tiles."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.state import decode, encode
from pipelines.vision.quality.features import features
from pipelines.vision.quality.tint import LAID, Tints


def picture(blue, green, red):
    return np.full((360, 640, 3), (blue, green, red), np.uint8)


@pytest.fixture
def known():
    tints = Tints()
    for _ in range(LAID):
        tints.learn(features(picture(60, 100, 140)))
    return tints


def test_a_cast_is_told_in_octaves_by_channel(known):
    told = known.beside(features(picture(60, 100, 140)))
    assert told.middle == pytest.approx((0, 0), abs=0.001)
    assert told.against(0, 0, 1, 1) == pytest.approx(0, abs=0.001)
    bluer = known.beside(features(picture(132, 100, 140)))
    assert bluer.middle == pytest.approx((0, 1), abs=0.001)
    assert bluer.against(0, 0, 1, 1) == pytest.approx(1, abs=0.001)
    assert bluer.against(0, 1, 1, 1) == pytest.approx(0, abs=0.001)


def test_who_passes_by_in_red_does_not_tint_the_picture(known):
    passed = picture(60, 100, 140)
    passed[100:360, 200:440] = (10, 10, 250)
    assert known.beside(features(passed)).middle == pytest.approx((0, 0), abs=0.001)


def test_colours_that_fade_all_alike_are_no_cast(known):
    faded = known.beside(features(picture(96, 120, 142)))
    assert faded.against(0, 0, 1, 1) > 0.3
    assert faded.against(0, 0, 0.2, 1) < 0.1


def test_what_is_dark_or_burnt_out_tells_nothing(known):
    for grey in (0, 255):
        assert known.beside(features(picture(grey, grey, grey))) is None
    half = picture(60, 100, 140)
    half[:, 240:] = 0
    assert known.beside(features(half)).middle == pytest.approx((0, 0), abs=0.001)


def test_what_was_laid_down_stays_and_tiles_that_were_dark_follow():
    tints = Tints()
    half = picture(60, 100, 140)
    half[:, :320] = 0
    for _ in range(LAID):
        tints.learn(features(half))
    later = picture(132, 100, 140)
    tints.learn(features(later))
    told = tints.beside(features(later))
    assert told.against(0, 1, 1, 1) == pytest.approx(0.5, abs=0.5)
    assert np.isnan(tints.tiles).sum() == 0
    assert tints.tiles[1, :, :8] == pytest.approx(tints.tiles[1, :, 8:] + 1, abs=0.001)


def test_it_is_kept_over_a_restart(known):
    again = Tints()
    again.restore(decode(encode(known.state())))
    assert again.n == LAID
    assert np.array_equal(again.tiles, known.tiles)
