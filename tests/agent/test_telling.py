"""From events to words and messages: every kind has its text, every body keeps the wire contract."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise
from math import sin
from typing import Any

import pytest
from fakes.judged import BEGIN_MS, Judged, checked, device, loaded, steps

from agent import telling
from agent.event_texts import DROPPED, ENDED, OPENED, message
from agent.wire import FaultKind, Leaf
from buffer.envelope import Priority
from drivers.readings import Quality
from firmware_profiles.declared import plain
from firmware_profiles.properties import property_of
from pipelines.events import Event, Kind, Nature, Phase, Severity, Source, Window
from pipelines.lane import Revision
from pipelines.reduction.aggregate import Row

HOUR_S = 3600
FIGURES = {"subject", "value", "threshold", "baseline"}
NOT_PLAYED = {
    Kind.SENSOR_DRIFTING, Kind.BATTERY_WEARING, Kind.UNUSUAL, Kind.DEVICE_UNREADABLE, Kind.CLOCK_UNSYNCED,
    Kind.CLOCK_STEPPED,
}  # fmt: skip
"""They take weeks, or others tell of them: their texts must do without `detail`."""

STATION = (
    device("level", "water_level", "water_temperature", every_s=60)
    + device("twin", "water_level", unit=2, every_s=60)
    + device("rain", "rainfall", unit=3, every_s=60)
    + device("air", "pm10", "pm2_5", "noise_level", "wind_speed", "wind_direction", unit=4, every_s=60)
    + device("pole", "voltage.battery", "voltage.mains", "switch.door", "status.call", "tilt", "water_depth",
             unit=5, every_s=60)
    + device("bad", "air_temperature", "relative_humidity", "air_pressure", unit=6, every_s=60)
    + """\
[judgement]
unusual = "off"
slow = false
reread = false
[limits.bad.air_pressure]
flat_h = [2, 3]
resolution = 0.01
[rules.stage]
kind = "stage"
input = "level.water_level"
warning = "33 m"
low = "29 m"
[rules.rise]
kind = "rise"
input = "level.water_level"
warning = "33 m"
[rules.release]
kind = "release"
level = "level.water_level"
rains = ["rain.rainfall"]
rise = "0.2 m"
[rules.rain]
kind = "rain"
input = "rain.rainfall"
[rules.way]
kind = "waterlogging"
input = "pole.water_depth"
[rules.air]
kind = "air"
channels = { pm10 = "air.pm10", pm2_5 = "air.pm2_5" }
[rules.noise]
kind = "noise"
input = "air.noise_level"
[rules.wind]
kind = "wind"
speed = "air.wind_speed"
direction = "air.wind_direction"
[rules.battery]
kind = "battery"
input = "pole.voltage.battery"
[rules.mains]
kind = "mains"
input = "pole.voltage.mains"
[rules.door]
kind = "door"
input = "pole.switch.door"
[rules.call]
kind = "emergency"
input = "pole.status.call"
[rules.tilt]
kind = "tilt"
input = "pole.tilt"
[rules.twins]
kind = "agree"
members = ["level.water_level", "twin.water_level"]
[rules.own]
kind = "threshold"
input = "level.water_temperature"
above = "20 Cel"
title = "Warm water"
[rules.fast]
kind = "threshold"
input = "level.water_temperature"
take = "slope"
over = "30 min"
above = "5 Cel/h"
"""
)  # fmt: skip


def _shown(at_s: float) -> dict[str, dict[str, Any]]:
    """Two bad days: a release, a flood and low water, a storm, smog, noise, a struck pole, faults."""
    hour, wave = at_s / HOUR_S, 0.01 * sin(at_s / 300) + 0.003 * sin(at_s / 77)

    def during(begin: float, end: float, then: Any, otherwise: Any) -> Any:
        return then if begin < hour < end else otherwise

    turns = (
        (0, 31),
        (9, 31),
        (9.4, 31.6),
        (20, 31.6),
        (24, 34.2),
        (26, 34.2),
        (30, 28.5),
        (34, 28.5),
        (36, 31),
        (99, 31),
    )
    (h0, l0), (h1, l1) = next(pair for pair in pairwise(turns) if pair[1][0] > hour)
    level = l0 + (l1 - l0) * (hour - h0) / (h1 - h0)
    return {
        "level": {"water_level": level + wave, "water_temperature": during(40, 42, 25.0, 12.0) + wave},
        "twin": {"water_level": level + wave + during(38, 41, 0.5, 0.0)},
        "rain": {"rainfall": during(40, 43, 1.5, 0.0)},
        "air": {
            "pm10": during(4, 10, 400, 50) + wave, "pm2_5": during(4, 10, 300, 20) + wave,
            "noise_level": during(10, 14, 85, 40) + 100 * wave, "wind_speed": during(15, 17, 30, 3) + wave,
            "wind_direction": 100 + 100 * wave,
        },
        "pole": {
            "voltage__battery": during(20, 30, 11.3, 12.8) + wave, "voltage__mains": during(5, 6, 0.0, 230 + wave),
            "switch__door": during(1, 2, 1, 0), "status__call": during(21, 21.2, 1, 0),
            "tilt": during(30, 34, 6.0, 0.5) + wave, "water_depth": during(41, 43, 0.4, 0.0),
        },
        "bad": {
            "air_temperature": during(2, 3, 999.0, 20 + 9 * (at_s % 600 == 0) * (8 < hour < 9) + wave),
            "relative_humidity": during(2, 3, None, 60 + 10 * wave),
            "air_pressure": 1013.0 + during(4, 9, 0.0, wave * 100),
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict[str, list[tuple[telling.Message, bool]]]:
    """What the station tells of, by kind."""
    it = Judged(loaded(tmp_path_factory.mktemp("station"), STATION))
    for at_s in steps(0, 48 * HOUR_S, 60):
        for name, values in _shown(at_s).items():
            it.show(at_s, name, **values)
    for name in ("level", "twin", "rain", "air", "pole", "bad"):
        it.faults.begin(FaultKind.DEVICE_UNREADABLE, name, "timeout", "it does not answer")
    it.pass_(48 * HOUR_S + 60)
    it.faults.end(FaultKind.DEVICE_UNREADABLE, "rain")
    it.pass_(48 * HOUR_S + 120)
    found = defaultdict(list)
    for each in it.told:
        if each[0].leaf in (Leaf.EVENTS, Leaf.FAULTS):
            found[each[0].body["kind"]].append(each)
    return found


def test_every_kind_has_a_text():
    assert OPENED.keys() == set(Kind)
    assert ENDED.keys() == set(Kind) - {Kind.DEVICE_UNREADABLE, Kind.CLOCK_UNSYNCED, Kind.CLOCK_STEPPED}


@pytest.mark.parametrize("kind", sorted(set(Kind) - NOT_PLAYED))
def test_a_message_of_each_kind_keeps_the_contract_and_leaves_no_blank(told, kind):
    assert told[kind], "the station of this test tells of none"
    for each, settled in told[kind]:
        checked(each, settled=settled)
        assert "?" not in each.body["message"].replace(OPENED[kind].rpartition("}")[2], "")
        assert "{" not in each.body["message"]
    states = [each.body["state"] for each, _ in told[kind]]
    assert states[0] == "opened"


@pytest.mark.parametrize("kind", sorted(NOT_PLAYED))
def test_the_texts_of_the_others_need_figures_only(kind):
    words = set(re.findall(r"{(\w+)}", OPENED[kind] + ENDED.get(kind, "")))
    assert words <= FIGURES


@pytest.mark.parametrize(
    ("kind", "words", "unit"),
    [
        (Kind.WATER_RISE, r"rises by \d\.\d\d m/h, now at 3[12]\.\d+ m", "m/h"),
        (Kind.RAIN_INTENSITY, r"it rains hard at rain\.rainfall: \d+\.0 mm/h", "mm/h"),
        (Kind.AIR_QUALITY, r"air quality index \d+, severe, at air; foremost pm2_5", "1"),
        (Kind.WATER_THRESHOLD_AHEAD, r"warning stage of 33\.000 m in [\d.]+ min", "m"),
        (Kind.SENSOR_OUT_OF_RANGE, r"bad\.air_temperature reports 999\.0 °C, which it cannot", "Cel"),
    ],
)
def test_figures_are_in_the_unit_that_is_told(told, kind, words, unit):
    body = told[kind][0][0].body
    assert body["unit"] == unit
    assert re.search(words, body["message"])


def test_a_slope_is_told_by_the_hour(told):
    bodies = [each.body for each, _ in told[Kind.THRESHOLD] if each.body["rule"] == "fast"]
    assert {(body["unit"], body["threshold"]) for body in bodies} == {("Cel/h", 5.0)}
    assert bodies[0]["message"].startswith("fast: level.water_temperature at ")


def event(**facts: Any) -> Event:
    known: dict[str, Any] = {
        "id": "9f86d081884c7d65", "kind": Kind.WATER_STAGE, "nature": Nature.HAPPENING, "rule": "flood",
        "version": 1, "source": Source("level", "water_level"), "severity": Severity.WARNING,
        "phase": Phase.UPDATED, "began_ms": BEGIN_MS - 90_000, "at_ms": BEGIN_MS, "value": 4.0,
        "threshold": 3.5, "detail": {"stage": "warning"},
    }  # fmt: skip
    return Event(**known | facts)


def test_times_count_from_the_message():
    body = telling.told(
        event(
            phase=Phase.CLOSED,
            window=Window(BEGIN_MS - 60_000, BEGIN_MS - 1000, 6),
            evidence=((BEGIN_MS - 2000, 3.9),),
        ),
        "7c1f0e9a",
    ).body
    assert (body["began"], body["lasted_ms"]) == (-90_000, 90_000)
    assert body["window"] == {"begin": -60_000, "end": -1000, "n": 6}
    assert body["evidence"] == [[-2000, 3.9]]
    assert (
        body["message"]
        == "over: water level back at 4.000 m at level.water_level (stage 3.500 m); it lasted 1 min"
    )


def test_an_event_that_seems_to_end_before_it_began_lasted_no_time():
    body = telling.told(event(phase=Phase.CLOSED, began_ms=BEGIN_MS + 5), "7c1f0e9a").body
    assert (body["began"], body["lasted_ms"]) == (0, 0)
    assert body["message"].endswith("it lasted 0 s")


@pytest.mark.parametrize("why", [*DROPPED, "some_new_reason"])
def test_what_is_closed_without_having_ended_does_not_say_that_it_has(why):
    closed = event(phase=Phase.CLOSED, detail={"stage": "warning", "closed_because": why})
    text = message(closed, "m", 3)
    assert text.startswith(f"no longer judged, {DROPPED.get(why, why)}: water level 4.000 m")


@pytest.mark.parametrize(
    ("facts", "leaf", "priority"),
    [
        ({}, Leaf.EVENTS, Priority.ALARM),
        ({"severity": Severity.CRITICAL, "shelved": False}, Leaf.EVENTS, Priority.ALARM),
        ({"severity": Severity.WATCH}, Leaf.EVENTS, Priority.EVENT),
        ({"shelved": True}, Leaf.EVENTS, Priority.EVENT),
        ({"nature": Nature.FAULT, "severity": Severity.CRITICAL}, Leaf.FAULTS, Priority.EVENT),
    ],
)
def test_alarms_go_first_and_faults_on_a_topic_of_their_own(facts, leaf, priority):
    found = telling.told(event(**facts), "7c1f0e9a")
    assert (found.leaf, found.priority) == (leaf, priority)
    checked(found)


def test_a_fault_has_the_test_that_found_it_for_its_reason():
    fault = event(nature=Nature.FAULT, kind=Kind.SENSOR_STUCK, detail={"test": "flat_line"})
    assert telling.told(fault, "c").body["reason"] == "flat_line"
    assert (
        telling.told(event(nature=Nature.FAULT, kind=Kind.BUS_SILENT, detail={}), "c").body["reason"]
        == "bus_silent"
    )


def test_what_people_said_is_told_and_what_says_nothing_is_left_out():
    body = telling.told(event(acknowledged="l.chen", shelved=True, caused_by="", suppressed=3), "c").body
    assert (body["acknowledged"], body["shelved"], body["suppressed"]) == ("l.chen", True, 3)
    assert not body.keys() & {"caused_by", "baseline", "window", "evidence", "lasted_ms", "pictures"}
    calm = telling.told(event(value=0.0), "c").body
    assert (calm["value"], "suppressed" in calm) == (0.0, False)
    assert not calm.keys() & {"acknowledged", "shelved"}


def test_a_person_is_shown_the_times_of_the_stations_own_clock():
    shown = telling.shown(event(evidence=((BEGIN_MS - 1000, 3.9),)), 5000)
    assert (shown["began_ms"], shown["at_ms"]) == (BEGIN_MS - 95_000, BEGIN_MS - 5000)
    assert (shown["evidence"], shown["unit"], shown["evidence_unit"]) == ([[BEGIN_MS - 6000, 3.9]], "m", "m")
    assert shown["decimals"] == property_of("water_level").decimals


def test_revisions_name_row_channel_flag_and_why():
    revision = Revision(Source("level", "water_level"), BEGIN_MS, Quality.BAD, "spike", "reread_withdrawn")
    found = telling.revised([(revision, 7)], BEGIN_MS + 15_000)
    assert plain(checked(found))["revisions"] == [
        {"device": "level", "seq": 7, "channel": "water_level", "quality": 4, "test": "spike",
         "why": "reread_withdrawn"}
    ]  # fmt: skip


def test_windows_of_a_channel_and_length_share_a_block():
    def row(begin_ms: int, length_ms: int, mean: float) -> Row:
        return Row(
            begin_ms, begin_ms + length_ms, 6, 6, 0, 0, 0, 0, 1.0, 3.0, mean, 3.0, None, Quality.GOOD, ""
        )

    level, rain = Source("level", "water_level"), Source("rain", "rainfall")
    found = telling.aggregated(
        [(rain, row(BEGIN_MS, 60_000, 1)), (level, row(BEGIN_MS + 60_000, 60_000, 2)), (level, row(BEGIN_MS, 60_000, 1)),
         (level, row(BEGIN_MS, 120_000, 1.5))]
    )  # fmt: skip
    assert found.at_ms == BEGIN_MS + 120_000
    blocks = plain(checked(found))["channels"]
    assert [(b["device"], b["window_s"], [r[0] for r in b["rows"]]) for b in blocks] == [
        ("level", 60, [-120_000, -60_000]),
        ("level", 120, [-120_000]),
        ("rain", 60, [-120_000]),
    ]
    assert blocks[0]["rows"][0][1:] == [1, "", 6, 6, 0, 0, 0, 0, 1.0, 3.0, 1.0, 3.0, None]
