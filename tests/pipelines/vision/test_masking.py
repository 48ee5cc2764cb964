"""Nothing of a masked region is left in what is stored, and the rest is as it was."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.vision.encoding import encode, thumbnail
from pipelines.vision.masking import FILL, burn, hidden
from pipelines.vision.scene.zones import Polygon

WINDOW = Polygon(((0.21, 0.18), (0.47, 0.23), (0.52, 0.61), (0.19, 0.57)))
DOOR = Polygon(((0.8, 0.8), (1.0, 0.8), (1.0, 1.0), (0.8, 1.0)))


def street(seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (46, 80, 3), np.uint8)
    return cv2.resize(noise, (640, 360), interpolation=cv2.INTER_CUBIC)


def inside(polygon: Polygon) -> np.ndarray:
    return polygon.mask(640, 360) > 0


def decoded(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_two_pictures_that_differ_only_under_the_mask_are_the_same_bytes():
    one, other = street(), street()
    under = inside(WINDOW) | inside(DOOR)
    other[under] = street(2)[under]
    made = [encode(burn(each, (WINDOW, DOOR)), most_bytes=40_000).jpeg for each in (one, other)]
    assert made[0] == made[1]
    assert thumbnail(burn(one, (WINDOW, DOOR))) == thumbnail(burn(other, (WINDOW, DOOR)))


def test_the_decoded_picture_has_the_fill_under_the_mask_and_the_street_around_it():
    picture = street()
    got = decoded(encode(burn(picture, (WINDOW,)), most_bytes=200_000).jpeg).astype(int)
    plain = decoded(encode(picture, most_bytes=200_000).jpeg).astype(int)
    deep = cv2.erode(inside(WINDOW).astype(np.uint8), np.ones((33, 33))) > 0
    assert abs(got[deep] - FILL).max() <= 1
    far = cv2.dilate(inside(WINDOW).astype(np.uint8), np.ones((45, 45))) == 0
    assert abs(got[far] - plain[far]).max() <= 1
    assert np.corrcoef(got[inside(WINDOW)].ravel(), picture[inside(WINDOW)].ravel())[0, 1] < 0.1


def test_the_fill_goes_a_pixel_beyond_the_polygon_and_no_further():
    filled = hidden((WINDOW,), 640, 360)
    near = cv2.dilate(inside(WINDOW).astype(np.uint8), np.ones((3, 3))) > 0
    beyond = cv2.dilate(inside(WINDOW).astype(np.uint8), np.ones((7, 7))) > 0
    cross = (
        cv2.dilate(inside(WINDOW).astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))) > 0
    )
    assert not (cross & ~filled).any()
    assert not (filled & ~beyond).any()
    assert (filled & near).sum() > 0.98 * near.sum()


def test_all_else_is_unchanged_and_so_is_the_original():
    picture = street()
    kept = picture.copy()
    out = burn(picture, (WINDOW, DOOR))
    rest = ~hidden((WINDOW, DOOR), 640, 360)
    assert (picture == kept).all()
    assert (out[rest] == picture[rest]).all()
    assert (out[~rest] == FILL).all()


def test_a_mask_at_the_border_reaches_the_last_pixel():
    assert (burn(street(), (DOOR,))[290:, 514:] == FILL).all()


@settings(max_examples=30)
@given(
    st.tuples(st.floats(0, 0.7), st.floats(0, 0.7), st.floats(0.02, 0.3), st.floats(0.02, 0.3)),
    st.sampled_from([(1920, 1080), (704, 576), (97, 55)]),
)
def test_a_mask_covers_the_same_part_at_every_size(box, size):
    x, y, wide, high = box
    polygon = Polygon(((x, y), (x + wide, y), (x + wide, y + high), (x, y + high)))
    filled = hidden((polygon,), *size)
    left, top, right, bottom = x * size[0], y * size[1], (x + wide) * size[0], (y + high) * size[1]
    assert filled[round(top) : round(bottom), round(left) : round(right)].all()


def test_no_masks_is_the_picture():
    assert (burn(street(), ()) == street()).all()


def test_a_polygon_that_crosses_itself_would_leave_a_hole_and_is_refused():
    with pytest.raises(ValueError, match="cross"):
        Polygon(((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)))
