"""Outlines: simple polygons within the picture are taken, others told apart."""

from __future__ import annotations

import pytest

from pipelines import outline

SQUARE = ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5), (0.1, 0.5))


def test_a_square_is_a_polygon_of_its_area():
    outline.check(SQUARE)
    assert outline.area(SQUARE) == pytest.approx(0.16)


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (SQUARE[:2], "3 to 64 points"),
        (((0.1, 0.1), (1.2, 0.1), (0.5, 0.5)), "outside the picture"),
        (((0.1, 0.1), (0.5, 0.5), (0.5, 0.1), (0.1, 0.5)), "cross"),
        (((0.1, 0.1), (0.2, 0.2), (0.3, 0.3)), "no area"),
    ],
)
def test_what_is_no_polygon_is_told(points, why):
    with pytest.raises(ValueError, match=why):
        outline.check(points)
