"""Zones hold for every size of the picture, and a slip of the mouse is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.vision.scene.patch import Patch
from pipelines.vision.scene.zones import Kind, Mark, Polygon, Zone

SQUARE = Polygon(((0.25, 0.5), (0.75, 0.5), (0.75, 1.0), (0.25, 1.0)))


@given(st.integers(40, 700), st.integers(40, 700))
def test_a_mask_has_the_polygons_share_at_every_size(width, height):
    mask = SQUARE.mask(width, height)
    assert mask.shape == (height, width)
    assert (mask > 0).mean() == pytest.approx(0.25, abs=1.2 / width + 1.2 / height)
    left, top, right, bottom = SQUARE.box(width, height)
    assert (left, top) == (int(width / 4), int(height / 2))
    assert bottom == height
    assert not mask[:, right + 1 :].any()


def test_a_mask_is_kept_and_cannot_be_written_to():
    assert SQUARE.mask(64, 36) is SQUARE.mask(64, 36)
    with pytest.raises(ValueError, match="read-only"):
        SQUARE.mask(64, 36)[0, 0] = 1


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (((0, 0), (1, 1)), "3 to 64"),
        (((0, 0), (1.2, 0), (1, 1)), "outside"),
        (((0, 0), (float("nan"), 0), (1, 1)), "outside"),
        (((0, 0), (0.5, 0.5), (1, 1)), "no area"),
        (((0, 0), (1, 1), (1, 0), (0, 1)), "cross"),
    ],
)
def test_what_is_no_polygon_is_refused(points, why):
    with pytest.raises(ValueError, match=why):
        Polygon(points)


def test_a_zone_has_a_name_for_channels_and_marks_where_they_are_read():
    marks = (Mark(0.5, 0.5, 2.0), Mark(0.5, 0.9, 1.0))
    assert Zone("staff", Kind.STAFF, SQUARE, marks).marks == marks
    for bad, why in (
        (("Kerb side", Kind.MOTION, SQUARE), "name"),
        (("kerb", Kind.MOTION, SQUARE, marks), "has marks"),
        (("staff", Kind.STAFF, SQUARE, marks[:1]), "2 to 4"),
    ):
        with pytest.raises(ValueError, match=why):
            Zone(*bad)


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (704, 576), (640, 360), (97, 55)])
def test_a_patch_has_one_size_whatever_the_stream_has(size):
    patch = Patch(SQUARE, 8000)
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[size[1] * 3 // 4 :] = 200
    got = patch.of(picture)
    assert got.shape == patch.mask.shape
    assert 7000 < got.size < 9000
    assert got[: got.shape[0] // 2 - 4].max() == 0
    assert got[got.shape[0] // 2 + 4 :].min() == 200
