"""Meters on real photographs: what they must follow, and what must not fool them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from agent.cli.aim import meters

from .conftest import frames


@pytest.fixture(scope="module")
def street():
    return frames(1)[0]


def test_sharpness_falls_with_every_step_of_blur(street) -> None:
    found = [meters.sharpness(street)]
    found += [meters.sharpness(cv2.GaussianBlur(street, (0, 0), sigma)) for sigma in (0.5, 1, 2, 4)]
    assert found == sorted(found, reverse=True)
    assert found[2] < 0.7 * found[0]
    assert found[4] < 0.15 * found[0]


def test_neither_light_nor_grain_looks_like_focus(street) -> None:
    sharp = meters.sharpness(street)
    assert meters.sharpness((street * 0.5).astype(np.uint8)) == pytest.approx(sharp, rel=0.05)
    grain = np.random.default_rng(3).normal(0, 8, street.shape)
    blurred = cv2.GaussianBlur(street, (0, 0), 2)
    assert meters.sharpness(np.clip(blurred + grain, 0, 255).astype(np.uint8)) < 0.4 * sharp


def test_only_the_region_counts(street) -> None:
    half = street.copy()
    half[:, 384:] = cv2.GaussianBlur(street, (0, 0), 5)[:, 384:]
    left, right = (0.0, 0.0, 0.48, 1.0), (0.52, 0.0, 0.48, 1.0)
    assert meters.sharpness(half, left) == pytest.approx(meters.sharpness(street, left))
    assert meters.sharpness(half, right) < 0.2 * meters.sharpness(street, right)


@pytest.mark.parametrize(
    "region", [(0, 0, 0, 0), (1, 1, 1, 1), (0.999, 0.2, 0.001, 0.9), (0.3, 0.3, 0.9, 0.9)]
)
def test_a_region_is_never_empty_nor_outside(region) -> None:
    left, top, right, bottom = meters.box(region, 640, 480)
    assert 0 <= left < right <= 640
    assert 0 <= top < bottom <= 480
    assert min(right - left, bottom - top) >= 16


def test_light_tells_shares_and_mean(street) -> None:
    half = np.zeros((100, 200, 3), np.uint8)
    half[:, 100:] = 255
    found = meters.light(half)
    assert (found.dark, found.bright, found.mean) == (0.5, 0.5, 127.5)
    assert (found.bins[0], found.bins[63], sum(found.bins)) == (0.5, 0.5, 1.0)
    ordinary = meters.light(street)
    assert sum(ordinary.bins) == pytest.approx(1.0, abs=1e-3)
    assert ordinary.dark < 0.05
    assert ordinary.bright < 0.05


def test_a_picture_without_colour_is_known(street) -> None:
    assert meters.light(street).colour
    grey = cv2.cvtColor(cv2.cvtColor(street, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    assert not meters.light(grey).colour
    assert meters.light((street * 0.3).astype(np.uint8)).colour
