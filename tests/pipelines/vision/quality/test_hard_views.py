"""Views in which less can be relied on: nearly one colour, wandering shadows, lines all one way."""

from __future__ import annotations

from itertools import count

import cv2
import numpy as np
import pytest

from pipelines.state import decode, encode
from pipelines.vision.quality.faults import PictureFault
from pipelines.vision.quality.grader import PictureGrader

T0_MS = 1_790_000_000_000 // 86_400_000 * 86_400_000
NOON = 12 * 60
SEEDS = count(100)
DOWN, ACROSS = np.mgrid[0:360, 0:640].astype(np.float32)
TONE = np.where(ACROSS < 320, 1.0, 1.35)[:, :, None] ** np.array((1, 0, -1), np.float32)
"""The right half is bluer."""


def feed(grader, n, picture):
    """Ten pictures a day, a minute apart, all around noon."""
    minute = NOON + n % 10
    return grader.feed(T0_MS + (n // 10) * 86_400_000 + minute * 60_000, minute, picture)


def taken(view, grain=2.0):
    """Through a sensor, with a clock that ticks."""
    noise = np.random.default_rng(next(SEEDS)).normal(0, grain, view.shape[:2])
    picture = np.clip(view + noise[:, :, None], 0, 255).astype(np.uint8)
    text = f"CAM 01  RIVER WEST  SLUICE 2  12:{next(SEEDS) % 60:02d}:00"
    return cv2.putText(picture, text, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)


def rough(seed, spread):
    """Texture of 5 pixels a grain."""
    coarse = np.random.default_rng(seed).normal(0, 1, (72, 128)).astype(np.float32)
    texture = cv2.resize(coarse, (640, 360), interpolation=cv2.INTER_CUBIC)
    return texture / texture.std() * spread


def taught(view_of, days=3, grain=2.0):
    grader = PictureGrader()
    grades = [feed(grader, n, taken(view_of(n), grain)) for n in range(days * 10)]
    assert [each.faults for each in grades] == [()] * len(grades)
    return encode(grader.state())


def restored(state):
    grader = PictureGrader()
    grader.restore(decode(state))
    return grader


def names(grades):
    return [[each.fault for each in grade.faults] for grade in grades]


def sunset(n, passing=False):
    """Orange and black; somebody in blue passes by."""
    light = np.clip(rough(1, 40) + 110, 0, 255) * (DOWN < 200)
    view = light[:, :, None] * np.array((0.02, 0.4, 1.3), np.float32)
    if passing:
        left = 40 + n * 37 % 400
        view[120:330, left : left + 150] = (220, 120, 60)
    return view


def test_in_a_view_of_one_colour_who_passes_by_is_no_cast_and_a_cast_is_one():
    known = taught(lambda n: sunset(n, passing=n % 7 == 3))
    grader = restored(known)
    assert names(feed(grader, n, taken(sunset(n, passing=True))) for n in range(30, 36)) == [[]] * 6
    green = np.array((0.75, 1.3, 0.8))
    grades = [feed(grader, n, taken(sunset(n) * green)) for n in range(36, 40)]
    assert names(grades) == [[PictureFault.COLOUR_CAST]] * 4


def shaded(n):
    """Hard shadows that are elsewhere in every picture."""
    random = np.random.default_rng(n)
    view = 130 + rough(2, 16)
    for _ in range(3):
        lean, place = random.uniform(-1, 1), random.uniform(0, 700)
        view = view * np.where(np.abs(ACROSS + lean * DOWN - place) < 90, 0.4, 1.0)
    return view[:, :, None] * TONE


def test_grey_by_day_is_told_though_shadows_have_changed_the_view():
    grader = restored(taught(shaded, days=4))
    grades = []
    for n in range(40, 46):
        grey = np.repeat(shaded(n).mean(axis=2, keepdims=True), 3, axis=2)
        grades.append(feed(grader, n, taken(grey)))
    assert min(grade.figures["alike"] for grade in grades) < 0.4
    assert names(grades) == [[PictureFault.NIGHT_VISION]] * 6


def planks(n, right=0):
    """Lines that all run one way, with some grain along them."""
    wide = np.arange(-100, 740, dtype=np.float32)[None] - right
    down = np.arange(360, dtype=np.float32)[:, None]
    lines = 110 + 60 * np.sin((down - wide / 6) / 9)
    grain = np.random.default_rng(5).normal(0, 1, (180, 840)).astype(np.float32)
    grain = cv2.resize(grain, (1680, 360), interpolation=cv2.INTER_CUBIC)[:, ::2]
    return np.repeat((lines + 2 * np.roll(grain, right, axis=1))[:, 100:740, None], 3, axis=2)


@pytest.mark.parametrize("right", [36, -50])
def test_a_shift_along_planks_is_told_by_their_grain(right):
    grader = restored(taught(planks, grain=1.0))
    grades = [feed(grader, n, taken(planks(n, right), 1.0)) for n in range(30, 34)]
    assert names(grades) == [[PictureFault.MOVED]] * 4
    assert all(grade.figures["shift"] == pytest.approx(abs(right) / 640, abs=0.02) for grade in grades)


def cabled(_n, covered=False):
    """Sky, and a few tiles with contours; a brown cover over more than half of it."""
    view = np.zeros((360, 640, 3), np.float32) + np.array((190, 160, 120), np.float32)
    view[40:240, 40:240] += rough(9, 40)[40:240, 40:240, None]
    if covered:
        view[:, :420] = (40, 70, 110)
    return view


def test_a_cover_of_another_colour_is_told_where_little_else_can_be_relied_on():
    grader = restored(taught(cabled))
    grades = [feed(grader, n, taken(cabled(n, covered=True))) for n in range(30, 34)]
    assert all(grade.figures["view_told"] == 0 for grade in grades)
    assert names(grades) == [[PictureFault.OCCLUDED]] * 4


def parapet(n, striped=False):
    """A house whose lines run across the whole view, in more light at noon."""
    view = (110 + rough(3, 20)) * (0.9 + 0.02 * (n % 10))
    for top, level in ((60, 32), (90, -44), (150, 36), (210, -40), (260, 30)):
        view[top : top + 12] += level
    if striped:
        view += 28 * np.sign(np.sin(DOWN / 4))
    return np.repeat(view[:, :, None], 3, axis=2)


def test_a_house_of_straight_lines_is_no_stripes_and_stripes_over_it_are():
    grader = restored(taught(parapet))
    sound = [feed(grader, n, taken(parapet(n))) for n in range(30, 34)]
    assert names(sound) == [[]] * 4
    assert all(grade.figures["stripes"] > 6 for grade in sound)
    assert (
        names(feed(grader, n, taken(parapet(n, striped=True))) for n in range(34, 38))
        == [[PictureFault.STRIPES]] * 4
    )


def level(_n, gain=1.0):
    return (gain * (86 + rough(11, 12)))[:, :, None] * TONE


def test_half_the_light_is_far_too_dark():
    grader = restored(taught(level))
    assert names(feed(grader, n, taken(level(n, 0.46))) for n in range(30, 34)) == [[PictureFault.BLACK]] * 4
    assert names(feed(grader, n, taken(level(n, 0.7))) for n in range(34, 38)) == [[]] * 4


def test_one_day_is_too_little_to_call_a_colour_a_cast():
    """It may have rained, or a lamp was just lit."""
    grader = PictureGrader()
    for n in range(8):
        assert feed(grader, n, taken(level(n))).faults == ()
    bluer = np.array((1.5, 1.0, 0.8))
    assert names(feed(grader, n, taken(level(n) * bluer)) for n in (8, 9)) == [[], []]
    known = restored(taught(level))
    assert names([feed(known, 30, taken(level(30) * bluer))]) == [[PictureFault.COLOUR_CAST]]
