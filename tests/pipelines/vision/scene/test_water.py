"""A flooded road is told by what can no longer be seen of it; rain, light, shade and traffic are not water."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.scene_rendered import Road
from drivers.readings import Quality
from pipelines.state import decode, encode
from pipelines.vision.scene.water import Water
from pipelines.vision.scene.zones import Polygon

ZONE = Polygon(((0.05, 0.4), (0.95, 0.4), (0.98, 0.98), (0.02, 0.98)))
DRY = Road(1, width=960, height=540)
NOON = 12 * 3_600_000


def watched(times=4, water=None, at_ms=NOON, **change):
    if water is None:
        water = Water(ZONE)
        water.accept(at_ms, DRY.render())
    for n in range(1, times + 1):
        got = water.feed(at_ms + n * 20_000, replace(DRY, moment=n, **change).render())
    return got


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"gain": 0.5},
        {"gain": 1.3},
        {"wet": 1.0},
        {"wet": 0.8, "gain": 0.55, "headlights": 2},
        {"cars": 3},
        {"shadow": 0.5},
        {"shift_px": (1.5, 1.0)},
        {"noise": 8.0},
    ],
    ids=str,
)
def test_a_road_that_is_not_flooded_has_no_water(change):
    got = watched(**change)
    assert got.share < 0.05
    assert got.quality is Quality.NOT_EVALUATED
    assert got.confidence > 0.6


@pytest.mark.parametrize(
    "change",
    [
        {"flooded": 0.25},
        {"flooded": 0.5},
        {"flooded": 0.8},
        {"flooded": 0.5, "wet": 0.8, "gain": 0.8},
        {"flooded": 0.5, "brown": 0.0, "mirror": 0.7},
    ],
    ids=str,
)
def test_water_is_found_to_a_quarter_of_it_and_told_rather_too_low(change):
    scene = replace(DRY, **change)
    true = scene.water()[ZONE.mask(scene.width, scene.height) > 0].mean()
    assert 0.65 * true < watched(**change).share < 1.05 * true


def test_it_takes_a_few_pictures_to_come_and_to_go():
    water = Water(ZONE)
    water.accept(NOON, DRY.render())
    watched(water=water)
    assert watched(1, water, NOON + 100_000, flooded=0.5).share < 0.02
    assert watched(5, water, NOON + 120_000, flooded=0.5).share > 0.3
    assert watched(1, water, NOON + 240_000).share > 0.3
    assert watched(6, water, NOON + 260_000).share < 0.02


def test_without_a_dry_reference_nothing_is_said():
    got = Water(ZONE).feed(0, DRY.render())
    assert (got.share, got.quality, got.test) == (None, Quality.MISSING, "no_reference")


def test_the_dark_is_not_judged():
    got = watched(gain=0.08)
    assert (got.share, got.quality, got.test) == (None, Quality.BAD, "dark")


def test_a_zone_without_detail_is_not_judged():
    water = Water(ZONE)
    flat = DRY.render()
    flat[:] = 120
    water.accept(0, flat)
    assert water.feed(1000, DRY.render()).test == "smooth"


def test_the_first_pictures_are_in_doubt():
    assert (watched(2).test, watched(3).test) == ("settling", "")


def test_a_clock_set_back_begins_the_evidence_anew():
    water = Water(ZONE)
    water.accept(NOON, DRY.render())
    watched(3, water, NOON + 86_400_000)
    assert watched(1, water).test == "settling"


def test_other_parts_of_the_day_are_learnt_from_a_dry_road_and_never_from_a_flood():
    water = Water(ZONE)
    water.accept(NOON, DRY.render())
    evening = NOON + 6 * 3_600_000
    watched(water=water, at_ms=evening, flooded=0.5)
    assert set(water.state()["dry"]) == {"3"}
    watched(water=water, at_ms=evening, shadow=0.3)
    assert set(water.state()["dry"]) == {"3", "4"}
    water.accept(evening, DRY.render())
    assert set(water.state()["dry"]) == {"4"}


def test_it_goes_on_over_a_restart_in_64_kib():
    one = Water(ZONE)
    one.accept(NOON, DRY.render())
    for part in range(6):
        watched(1, one, part * 4 * 3_600_000)
    watched(water=one, at_ms=NOON + 86_400_000, flooded=0.5)
    stored = encode(one.state())
    assert len(stored) <= 65_536
    other = Water(ZONE)
    other.restore(decode(stored))
    later = NOON + 86_400_000 + 100_000
    one_says, other_says = (watched(2, each, later, flooded=0.3) for each in (one, other))
    assert one_says.share == pytest.approx(other_says.share, abs=0.01)
    assert one_says.test == other_says.test
