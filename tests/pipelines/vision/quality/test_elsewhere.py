"""Where else fine detail is."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.vision.quality.elsewhere import elsewhere


def detail(seed):
    return np.random.default_rng(seed).normal(0, 20, (180, 320)).astype(np.float32)


@pytest.mark.parametrize(("right", "down"), [(20, 0), (-30, 6), (0, -25), (12, 12)])
def test_a_shift_is_found_to_the_pixel_under_grain(right, down):
    usual = detail(1)
    seen = 0.3 * np.roll(usual, (down, right), (0, 1)) + detail(2)
    assert elsewhere(seen, usual) == (right / 320, down / 320)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (5, 3), (90, 0)])
def test_what_stays_sways_or_goes_far_is_nowhere_else(right, down):
    usual = detail(1)
    assert elsewhere(np.roll(usual, (down, right), (0, 1)) + detail(2), usual) is None


def test_another_view_is_nowhere():
    assert elsewhere(detail(3), detail(1)) is None
