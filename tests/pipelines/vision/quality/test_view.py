"""Whether a shift of a view can be seen at all."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.vision.quality.view import one_way

DOWN, ACROSS = np.mgrid[0:54, 0:96].astype(np.float32)


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 160])
def test_lines_that_run_one_way_are_seen_at_any_angle(degrees):
    along = np.deg2rad(degrees)
    assert one_way(np.sin((ACROSS * np.cos(along) + DOWN * np.sin(along)) / 3))


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 160])
def test_a_second_way_tells_of_a_shift_along_the_first(degrees):
    along = np.deg2rad(degrees)
    lines = np.sin((ACROSS * np.cos(along) + DOWN * np.sin(along)) / 3)
    crossed = np.sin((ACROSS * np.sin(along) - DOWN * np.cos(along)) / 3)
    assert not one_way(lines + 0.5 * crossed)


def test_nothing_to_see_is_no_line():
    assert not one_way(np.zeros((54, 96), np.float32))
