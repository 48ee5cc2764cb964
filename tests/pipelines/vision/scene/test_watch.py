"""One camera's zones together: channels with a name, a doubted picture believed by none, memory over a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.scene_rendered import Staff as Rendered
from drivers.readings import Quality, Reading
from pipelines.state import decode, encode
from pipelines.vision.scene.watch import Scene
from pipelines.vision.scene.zones import Kind, Mark, Polygon, Zone

VIEW = Rendered(5)
CORNERS = Polygon(
    tuple(VIEW.seen_at(x, y) for x, y in ((-0.11, 2.9), (0.11, 2.9), (0.11, 0.1), (-0.11, 0.1)))
)
ZONES = (
    Zone("bank", Kind.WATER, Polygon(((0.05, 0.1), (0.45, 0.1), (0.45, 0.95), (0.05, 0.95)))),
    Zone("all", Kind.MOTION, Polygon(((0, 0), (1, 0), (1, 1), (0, 1)))),
    Zone(
        "staff", Kind.STAFF, CORNERS, tuple(Mark(*VIEW.seen_at(0, level), level) for level in (2.8, 1.5, 0.3))
    ),
)
PICTURES = [replace(VIEW, moment=n, level_m=level).render() for n, level in enumerate((0.6, 0.6, 1.6))]


class Crowd:
    def feed(self, at_ms, pixels):
        return {"crowd": 0.25, "smoke": float("nan")}


def test_every_zone_and_plug_speaks_by_its_channel():
    scene = Scene(ZONES, (Crowd(),))
    scene.accept(0, PICTURES[0])
    scene.feed(10_000, PICTURES[1])
    got = {each.channel: each for each in scene.feed(20_000, PICTURES[2])}
    assert list(got) == [
        "motion_share.all",
        "water_share.bank",
        "water_level_seen.staff",
        "model_score.crowd",
        "model_score.smoke",
    ]
    assert abs(got["water_level_seen.staff"].value - 1.6) < scene.uncertainty_m["staff"] < 0.1
    assert got["model_score.crowd"].value == 0.25
    assert got["model_score.smoke"] == Reading("model_score.smoke", None, Quality.BAD, "not_a_number")
    assert all(each.quality is not Quality.GOOD for each in got.values())


def test_water_that_rises_is_seen_on_the_bank():
    scene = Scene(ZONES[:1])
    scene.accept(0, PICTURES[0])
    for n in range(1, 7):
        (low,) = scene.feed(n * 20_000, PICTURES[1])
    for n in range(7, 14):
        (high,) = scene.feed(n * 20_000, PICTURES[2])
    assert high.value > low.value + 0.2


def test_a_doubted_picture_is_bad_for_all_and_teaches_nothing():
    scene = Scene(ZONES, (Crowd(),))
    scene.accept(0, PICTURES[0])
    before = encode(scene.state())
    got = scene.feed(10_000, PICTURES[2], "defocus")
    assert {(each.value, each.quality, each.test) for each in got} == {(None, Quality.BAD, "defocus")}
    assert {each.channel for each in got} == {
        "motion_share.all",
        "water_share.bank",
        "water_level_seen.staff",
    }
    assert encode(scene.state()) == before


def test_it_goes_on_over_a_restart():
    one, other = Scene(ZONES), Scene(ZONES)
    one.accept(0, PICTURES[0])
    one.feed(10_000, PICTURES[1])
    other.restore(decode(encode(one.state())))
    for mine, its in zip(one.feed(20_000, PICTURES[2]), other.feed(20_000, PICTURES[2]), strict=True):
        assert mine.channel == its.channel
        assert mine.value == pytest.approx(its.value, abs=0.01)


def test_names_are_unique_and_an_unknown_zone_is_told():
    with pytest.raises(ValueError, match="same name"):
        Scene((ZONES[0], ZONES[0]))
    with pytest.raises(ValueError, match="no water or staff zone"):
        Scene(ZONES).accept(0, PICTURES[0], "elsewhere")
