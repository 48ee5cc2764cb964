"""How much of a view's fine detail is left is decided by most of its places, not by a few that are sure."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.vision.quality.focus import PLACES, Detail

EVERYWHERE = np.ones((9, 16), bool)


def detail(shares, weight):
    wide = np.tile(np.asarray(shares, np.float32), (17, 17, 1))
    return Detail(wide, np.asarray(weight, np.float32), np.arange(PLACES), np.ones(PLACES))


def test_a_caption_that_is_sharp_does_not_decide_where_all_else_is_soft():
    """By night its places are much surer than all others."""
    shares, weight = [1.0] * 12 + [0.1] * 24, [11.0] * 12 + [3.0] * 24
    assert detail(shares, weight).left(EVERYWHERE) == pytest.approx(0.1)


def test_where_no_place_is_sure_it_is_not_told():
    assert detail([1.0] * PLACES, [1.0] * PLACES).left(EVERYWHERE) is None
    assert detail([1.0] * PLACES, [0.0] * PLACES).left(EVERYWHERE) is None
