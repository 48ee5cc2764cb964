"""A staff is read to a few pixels, with a doubt that covers the error; what cannot be read is refused by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.scene_rendered import Staff as Rendered
from drivers.readings import Quality
from pipelines.state import decode, encode
from pipelines.vision.scene.ruler import ruler
from pipelines.vision.scene.staff import Staff
from pipelines.vision.scene.zones import Kind, Mark, Polygon, Zone

SCENE = Rendered(5)


def zone(scene: Rendered, levels=(2.8, 1.5, 0.3)) -> Zone:
    corners = [scene.seen_at(x, level) for x, level in ((-0.11, 2.9), (0.11, 2.9), (0.11, 0.1), (-0.11, 0.1))]
    return Zone(
        "staff",
        Kind.STAFF,
        Polygon(tuple(corners)),
        tuple(Mark(*scene.seen_at(0, each), each) for each in levels),
    )


@pytest.fixture(scope="module")
def staff() -> Staff:
    made = Staff(zone(SCENE))
    made.accept(SCENE.render())
    return made


@pytest.mark.parametrize("level_m", [0.7, 2.2])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"aside_m": -3.0, "above_m": 4.0, "roll_deg": -2.0},
        {"mirror": 0.45, "ripple_m": 0.008},
        {"ripple_m": 0.04, "noise": 6.0},
        {"shadow": 0.5, "wet_m": 0.15, "gain": 0.7},
    ],
    ids=str,
)
def test_the_level_is_read_within_its_uncertainty(level_m, change):
    scene = replace(SCENE, level_m=level_m, **change)
    got = Staff(zone(scene)).feed(0, scene.render())
    assert got.quality in (Quality.NOT_EVALUATED, Quality.SUSPECT)
    assert abs(got.level_m - level_m) <= min(0.04, got.uncertainty_m)
    assert 0.005 < got.uncertainty_m < 0.12


@pytest.mark.parametrize("levels", [(2.8, 0.3), (2.8, 1.5, 0.3), (2.8, 2.0, 1.0, 0.3)])
def test_marks_give_the_level_all_along_the_staff(levels):
    flat = replace(SCENE, above_m=1.5) if len(levels) == 2 else replace(SCENE, above_m=5.0)
    made = ruler(zone(flat, levels), flat.width, flat.height)
    for level in np.linspace(0.4, 2.7, 7):
        x, y = flat.seen_at(0, level)
        place = (np.array((x * flat.width, y * flat.height)) - 0.5 - made.middle) @ made.along
        assert made.level_m(place) == pytest.approx(level, abs=0.03 if len(levels) == 2 else 1e-6)


def test_a_small_move_of_the_view_is_taken_out(staff):
    scene = replace(SCENE, level_m=1.7, moment=1, shift_px=(3.0, -6.0))
    got = staff.feed(0, scene.render())
    assert abs(got.level_m - 1.7) <= min(0.02, got.uncertainty_m)


@pytest.mark.parametrize(
    ("change", "quality", "test"),
    [
        ({"gain": 0.05}, Quality.BAD, "dark"),
        ({"blur": 5.0}, Quality.BAD, "blurred"),
        ({"shift_px": (0.0, 25.0)}, Quality.BAD, "moved"),
        ({"level_m": -0.5}, Quality.MISSING, "no_line"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_refused_by_name(staff, change, quality, test):
    got = staff.feed(0, replace(SCENE, moment=2, **change).render())
    assert (got.level_m, got.quality, got.test) == (None, quality, test)


def test_a_staff_under_water_is_not_read(staff):
    assert staff.feed(0, replace(SCENE, level_m=3.5).render()).level_m is None


def test_fog_without_contrast_is_refused(staff):
    fog = (SCENE.render().astype(float) * 0.08 + 150).astype(np.uint8)
    assert staff.feed(0, fog).level_m is None


def test_it_keeps_its_view_over_a_restart_and_not_over_new_marks(staff):
    stored = encode(staff.state())
    assert len(stored) <= 65_536
    later = Staff(zone(SCENE))
    later.restore(decode(stored))
    picture = replace(SCENE, level_m=0.9, moment=3).render()
    assert later.feed(0, picture) == staff.feed(0, picture)
    with pytest.raises(ValueError, match="anew"):
        Staff(zone(SCENE, (2.8, 0.3))).restore(decode(stored))


@pytest.mark.parametrize(
    ("marks", "why"),
    [
        (((0.5, 0.2, 3.0), (0.7, 0.5, 2.0), (0.5, 0.8, 1.0)), "one line"),
        (((0.5, 0.5, 3.0), (0.5, 0.5, 2.0)), "one line"),
        (((0.5, 0.2, 3.0), (0.5, 0.8, 2.5), (0.5, 0.5, 1.0)), "evenly"),
    ],
)
def test_marks_that_contradict_each_other_are_refused(marks, why):
    with pytest.raises(ValueError, match=why):
        Staff(
            Zone(
                "staff",
                Kind.STAFF,
                Polygon(((0.4, 0.1), (0.6, 0.1), (0.6, 0.9), (0.4, 0.9))),
                tuple(Mark(*each) for each in marks),
            )
        )
