"""Values that walk: deterministic, ordinary, sayable by the instrument; held values, and stories."""

from __future__ import annotations

import pytest

from drivers.simulation.instrument import SimulatedInstrument
from drivers.simulation.scene import Scene, value_span
from drivers.simulation.story import Story
from firmware_profiles.declared import checked
from firmware_profiles.loader import list_instruments, load_instrument
from firmware_profiles.properties import property_of
from firmware_profiles.typical import typical_of

ALL = list_instruments()


@pytest.mark.parametrize("name", ALL)
def test_an_hour_of_any_instrument_is_ordinary_and_can_be_said(name: str) -> None:
    simulated = SimulatedInstrument(load_instrument(name), seed=3)
    points = {point.channel: point for point in simulated.profile.points}
    first = dict(simulated.pass_time(0))
    for minute in range(60):
        values = simulated.pass_time(60 * minute)
        simulated.check()
        for channel, value in values.items():
            if isinstance(value, float):
                low, high = value_span(points[channel])
                ordinary = typical_of(channel)
                assert low <= value <= high
                assert ordinary.low <= value <= ordinary.high
    moved = [channel for channel, value in simulated.pass_time(3600).items() if value != first[channel]]
    assert moved == [channel for channel in first if not isinstance(first[channel], str)] or name.startswith(
        "pzem"
    )
    for channel in moved:
        if property_of(channel).kind == "counter":
            assert simulated.pass_time(3600)[channel] > first[channel]


def test_the_same_seed_gives_the_same_values_however_they_are_asked_for() -> None:
    points = load_instrument("renke-rs-fsxcs").points
    one, other, different = Scene(points, 7), Scene(points, 7), Scene(points, 8)
    for second in range(0, 500, 3):
        one.at(second)
    assert one.at(500) == other.at(500)
    assert one.at(500) != different.at(500)


def test_a_held_number_is_reached_along_a_line_and_let_go() -> None:
    scene = Scene(load_instrument("keller-36x").points)
    scene.hold("water_pressure", 1.0)
    scene.hold("water_pressure", 2.0, now_s=10, over_s=20)
    assert [scene.at(t)["water_pressure"] for t in (10, 15, 20, 30, 99)] == [1.0, 1.25, 1.5, 2.0, 2.0]
    scene.hold("water_pressure", None, now_s=100, over_s=50)
    assert scene.at(100)["water_pressure"] is None
    scene.release("water_pressure")
    assert scene.at(101)["water_pressure"] < 1.0
    with pytest.raises(KeyError):
        scene.hold("water", 1.0)


def test_a_story_is_told_in_order_and_again() -> None:
    story = checked(
        Story,
        {
            "repeat_s": 100,
            "step": [
                {"at_s": 20, "silent": True},
                {"at_s": 10, "set": {"air_gap": 2.0}},
                {"at_s": 30, "silent": False, "release": ["air_gap"]},
            ],
        },
    )
    gauge = SimulatedInstrument(load_instrument("dypcn-a02yyuw"), story=story)
    for base in (0, 100, 200):
        assert gauge.pass_time(base + 9)["air_gap"] != 2.0
        assert gauge.pass_time(base + 10)["air_gap"] == 2.0
        assert gauge.push(base + 19) == [bytes.fromhex("FF07D0D6")]
        assert gauge.push(base + 20) == []
        assert len(gauge.push(base + 31)) == 1
        assert gauge.pass_time(base + 31)["air_gap"] != 2.0


def test_a_step_at_the_very_beginning_counts_and_none_is_told_twice() -> None:
    story = checked(Story, {"step": [{"at_s": 0, "silent": True}, {"at_s": 5}]})
    assert [step.at_s for step in story.between(-1, 0)] == [0]
    assert [step.at_s for step in story.between(0, 5)] == [5]
    assert story.between(5, 500) == []
