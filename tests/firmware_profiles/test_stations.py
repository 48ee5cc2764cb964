"""Kinds of station: what the built-in ones set holds together, and what is wrong in a profile is told by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_profiles.loader import ProfileError, list_stations, load_station, parse_station
from firmware_profiles.properties import property_of

STATIONS = list(list_stations())

KIND = """\
title = "A weir"
source = "none"
[expects.level]
title = "Level"
measures = ["water_level", "air_gap"]
required = true
[expects.level.limits.water_level]
rate_per_min = 1
[expects.rain]
title = "Rain"
measures = ["rainfall_total"]
[rules.release]
kind = "release"
level = "level.water_level"
rains = [{ input = "rain.rainfall_total" }]
"""


def test_the_two_kinds_are_there() -> None:
    assert {"river", "lamp_pole"} <= set(STATIONS)


@pytest.mark.parametrize("name", STATIONS)
def test_gauges_have_names_for_topics_and_measure_what_is_known(name: str) -> None:
    station = load_station(name)
    assert any(expected.required for expected in station.expects.values())
    for gauge, expected in station.expects.items():
        assert gauge.isidentifier()
        assert all(property_of(each).title for each in expected.measures)


def test_rules_and_limits_come_with_their_channels() -> None:
    kind = parse_station(KIND, "weir.toml")
    assert kind.rules_for({"level": ("water_level",)}) == {}
    both = {"level": ("water_level", "water_temperature"), "rain": ("rainfall_total",)}
    assert list(kind.rules_for(both)) == ["release"]
    assert kind.limits_for(both) == {"level": {"water_level": {"rate_per_min": 1}}}
    assert kind.limits_for({"level": ("air_gap",)}) == {}


def test_what_is_missing_by_what_a_gauge_measures() -> None:
    kind = parse_station(KIND, "weir.toml")
    assert list(kind.missing({})) == ["level", "rain"]
    assert list(kind.missing({"level": ("air_gap",), "rain": ("wind_speed",)})) == ["rain"]
    assert list(kind.missing({"level": ("water_level.upper",), "rain": ("rainfall_total",)})) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('"air_gap"', '"air_gab"'), "weir.toml:5: expects.level.measures[1]: "),
        (('"level.water_level"', '"gauge.x"'), None),
        (("required", "needed"), 'weir.toml:6: expects.level: unknown key "needed"'),
        (('title = "Level"', "every_s = 0"), "weir.toml:4: expects.level.every_s: expected a number above 0"),
        (
            ('level = "level.water_level"\nrains = [{ input = "rain.rainfall_total" }]', ""),
            "rules.release names no channel of what is expected: DEVICE.CHANNEL",
        ),
    ],
)
def test_mistakes_with_their_lines(change: tuple[str, str], expected: str | None) -> None:
    text = KIND.replace(*change)
    if expected is None:
        assert parse_station(text, "weir.toml").rules
        return
    with pytest.raises(ProfileError) as raised:
        parse_station(text, "weir.toml")
    assert expected in str(raised.value)


def test_a_kind_of_the_site_comes_first(tmp_path: Path) -> None:
    (tmp_path / "stations").mkdir()
    (tmp_path / "stations" / "river.toml").write_text(KIND)
    assert load_station("river", [tmp_path]).title == "A weir"
    with pytest.raises(ProfileError, match=r'no station profile "rivver".*did you mean "river"'):
        load_station("rivver", [tmp_path])
