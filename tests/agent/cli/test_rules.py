"""polegate rules: checking them, stories played to them, recorded days replayed through them."""

from __future__ import annotations

import gzip
import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.replaying import replay
from agent.cli.rule_words import lines_of, settings_of
from agent.cli.story import BEGIN_MS, Turn, read, samples, through
from agent.judge.rule_kinds import KINDS
from agent.loading import load
from drivers.readings import Reading, Sample
from pipelines.events import Phase, Source

AT_MS = 1_795_420_800_000
MINUTE_MS = 60_000
LEVEL = Source("level", "water_level")
CONFIG = """
[station]
site = "a"
gateway = "b"
[uplink]
url = "mqtt://localhost"
[devices.level]
instrument = "keller-36x"
port = "/dev/ttyS1"
channels = { water_pressure = { rename = "water_level" } }
[rules.flood]
kind = "stage"
input = "level.water_level"
warning = "16.3 m"
guarantee = "16.8 m"
clear_after = "10 min"
[rules.warm]
kind = "threshold"
title = "Warm water"
input = "level.water_temperature"
above = "20 Cel"
raise_after = "90 s"
"""
STRICTER = """
[rules.early]
kind = "threshold"
input = "level.water_level"
above = "16.1 m"
hysteresis = "5 cm"
severity = "watch"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "polegate.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """A recorded day: a flood wave that peaks at 16.5 m in its middle, and no temperature."""
    path = tmp_path / "day.jsonl.gz"
    channels = {
        "water_level": {"unit": "m", "decimals": 3},
        "water_temperature": {"unit": "Cel", "decimals": 1},
    }
    lines: list[dict[str, Any]] = [{"channels": {"level": channels}}]
    for n in range(1440):
        level = round(16.0 + 0.5 * math.exp(-(((n - 720) / 120) ** 2)) + 0.001 * (n % 3), 3)
        readings = [["water_level", level, 2, ""], ["water_temperature", None, 9, "not_installed"]]
        lines.append({"device": "level", "at_ms": AT_MS + n * MINUTE_MS, "seq": n + 1, "readings": readings})
    path.write_bytes(gzip.compress("".join(f"{json.dumps(line)}\n" for line in lines).encode()))
    return path


# check


def test_every_rule_with_its_settings(config, polegate) -> None:
    result = polegate("rules", "check")
    assert (result.exit_code, result.stdout) == (0, f"""\
{config}: good. 2 rules.

flood  stage: The river reaches its warning or guarantee stage, or low water
  input        level.water_level
  warning      16.3 m
  guarantee    16.8 m
  clear_after  10 min
  by default   hysteresis 0.05 m, raise_after 0 s

warm  threshold: A figure of one channel passes a limit, and whatever else you
say holds
  input        level.water_temperature
  above        20 °C
  raise_after  90 s
  title        Warm water
  by default   hysteresis 0 °C, take value, over 10 min, least_n 1, clear_after
               0 s, severity warning, nature happening, pictures no, too_old 15
               min, use_bad no
""")  # fmt: skip


def test_rules_of_a_file_for_the_devices_of_the_configuration(config, polegate, tmp_path) -> None:
    (tmp_path / "new.toml").write_text(STRICTER)
    result = polegate("rules", "check", tmp_path / "new.toml", "--json")
    answer = json.loads(result.stdout)
    assert answer["ok"]
    assert [(rule["rule"], rule["kind"]) for rule in answer["rules"]] == [("early", "threshold")]
    assert {"key": "hysteresis", "text": "0.05 m", "by_default": False} in answer["rules"][0]["settings"]
    whole = tmp_path / "whole.toml"
    whole.write_text(CONFIG)
    assert polegate("rules", "check", whole).stdout.startswith(f"{whole}: good. 2 rules.")


def test_every_mistake_with_its_line(config, polegate, tmp_path) -> None:
    path = tmp_path / "new.toml"
    path.write_text(
        'x = 1\n[rules.a]\nkind = "stage"\ninput = "level.water_level"\nwarning = "16.3 V"\n[rules]\nb = 2\n[rules.c]\nkind = "stages"\n'
    )
    result = polegate("rules", "check", path)
    assert (result.exit_code, result.stdout) == (78, "")
    lines = result.stderr.splitlines()
    assert lines[0] == "4 problems in the configuration:"
    assert f"{path}:1: x: a file of rules has [rules.NAME] tables, and nothing else" in lines
    assert any(line.startswith(f"{path}:5: rules.a.warning: expected a unit that fits m") for line in lines)
    assert f"{path}:7: rules.b: expected a table, got 2" in lines
    assert any(line.startswith(f"{path}:9: rules.c.kind: expected one of stage, rise") for line in lines)
    problems = json.loads(polegate("rules", "check", path, "--json").stdout)["problems"]
    assert sorted(problem["line"] for problem in problems) == [1, 5, 7, 9]


@pytest.mark.parametrize(
    ("text", "said"), [("oops", "not valid TOML"), ("", "nothing else"), ("rules = 3", "nothing else")]
)
def test_no_rules_at_all(config, polegate, tmp_path, text: str, said: str) -> None:
    path = tmp_path / "new.toml"
    path.write_text(text)
    result = polegate("rules", "check", path)
    assert (result.exit_code, said in result.stderr) == (78, True)
    assert polegate("rules", "replay", "x", "--rules", path).exit_code == 78
    assert polegate("rules", "check", tmp_path / "none.toml").exit_code == 78


def test_a_configuration_without_rules(config, polegate) -> None:
    config.write_text(CONFIG.partition("[rules")[0])
    assert "only the sensors themselves are watched" in polegate("rules", "check").stdout


def test_every_kind_of_rule_can_be_put_into_words(tmp_path) -> None:
    """The smallest table of every kind, and the keys it is said in are the keys it is written in."""
    path = tmp_path / "polegate.toml"
    devices = {
        "level": 'points = [{ channel = "water_level", address = 0 }, { channel = "water_flow", address = 1 }, { channel = "water_depth", address = 2 }, { channel = "rainfall_total", address = 3 }]',
        "air": 'points = [{ channel = "pm10", address = 0 }, { channel = "pm2_5", address = 1 }, { channel = "noise_level", address = 2 }, { channel = "wind_speed", address = 3 }]',
        "power": 'points = [{ channel = "voltage", address = 0 }, { channel = "voltage.battery", address = 1 }, { channel = "switch", address = 2 }, { channel = "tilt", address = 3 }]',
    }  # fmt: skip
    rules = {
        "stage": 'input = "level.water_level"\nwarning = "16.3 m"', "rise": 'input = "level.water_level"\nwarning = "16 m"',
        "waterlogging": 'input = "level.water_depth"', "noise": 'input = "air.noise_level"', "wind": 'speed = "air.wind_speed"',
        "battery": 'input = "power.voltage.battery"', "mains": 'input = "power.voltage"', "door": 'input = "power.switch"',
        "emergency": 'input = "power.switch"', "pair": 'lesser = "air.pm2_5"\ngreater = "air.pm10"',
        "air": 'channels = { pm10 = "air.pm10" }', "rain": 'input = "level.rainfall_total"',
        "release": 'level = "level.water_level"\nrains = ["level.rainfall_total"]',
        "agree": 'members = ["air.pm2_5", "air.pm10"]', "tilt": 'input = "power.tilt"',
        "threshold": 'input = "level.water_level"\noutside = ["1 m", "2 m"]\nalso = [{ input = "air.pm10", above = "1 mg/m3" }]',
    }  # fmt: skip
    assert set(rules) == set(KINDS)
    text = CONFIG.partition("[devices")[0]
    text += "".join(
        f'[devices.{name}]\nport = "/dev/ttyS1"\nunit = {n}\n{keys}\n'
        for n, (name, keys) in enumerate(devices.items(), 1)
    )
    text += "".join(f'[rules.{kind}]\nkind = "{kind}"\n{keys}\n' for kind, keys in rules.items())
    path.write_text(text)
    for rule in load(path).plan.judgement.rules:
        said = {setting.key: setting.text for setting in settings_of(rule)}
        written = [line.partition(" =")[0] for line in rules[rule.kind].splitlines()]
        assert set(written) <= set(said)
        assert all(text and "Source(" not in text and "None" not in text for text in said.values()), said
    found = {
        rule.kind: [limit.name for _, limit in lines_of(rule)] for rule in load(path).plan.judgement.rules
    }
    assert found["stage"] == ["stage warning"]
    assert found["threshold"] == ["threshold outside", "threshold outside"]
    assert found["waterlogging"][0].startswith("waterlogging ")
    assert found["door"] == []


# test


def test_a_story_that_follows_from_its_limits(config, polegate) -> None:
    result = polegate("rules", "test", "flood")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[1] == "1 event would have fired: 1 critical"
    assert lines[4].split()[2:] == [
        "2",
        "h",
        "54",
        "min",
        "critical",
        "flood",
        "level.water_level",
        "16.800",
        "m",
    ]
    assert any("flood guarantee" in line for line in lines)
    assert [line.split()[-1] for line in lines if "╌" in line] == ["guarantee", "warning"]
    assert max(map(len, lines)) <= 80


def test_a_story_that_a_person_tells(config, polegate) -> None:
    words = ("rules", "test", "flood", "--json", "--play")
    calm = json.loads(polegate(*words, "level.water_level=16 m, 1 h 16.2 m, 30 min 16 m").stdout)
    assert calm["events"] == []
    assert (calm["from_ms"], calm["to_ms"]) == (BEGIN_MS, BEGIN_MS + 90 * MINUTE_MS)
    wave = json.loads(polegate(*words, "level.water_level=16 m, 1 h 16.4 m, 2 h 16 m").stdout)
    (event,) = wave["events"]
    assert (event["rule"], event["severity"], event["phase"]) == ("flood", "warning", "closed")
    assert event["began_ms"] == pytest.approx(BEGIN_MS + 45 * MINUTE_MS, abs=20_000)
    assert wave["rules"] == ["flood"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["floods"], "did you mean flood"),
        (["flood", "--play", "level.flow=1 m, 1 h 2 m"], "there is level.water_level"),
        (["flood", "--play", "level.water_level=16 m"], "expected a value and what comes of it"),
        (["flood", "--play", "level.water_level=16 m, soon 17 m"], "expected a time and a value"),
        (["flood", "--play", "level.water_level=16 V, 1 h 17 m"], "expected a unit that fits m"),
    ],
)
def test_stories_that_cannot_be_played(config, polegate, words: list[str], said: str) -> None:
    result = polegate("rules", "test", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_a_rule_without_limits_of_its_own_needs_a_story(config, polegate) -> None:
    config.write_text(CONFIG.replace('"20 Cel"', '"2 Cel/h"') + 'take = "slope"\n')
    result = polegate("rules", "test", "warm")
    assert (result.exit_code, "--play" in result.stderr) == (2, True)


# replay


def test_a_recorded_day_through_the_rules(config, day, polegate) -> None:
    result = polegate("rules", "replay", day)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0] == "1,440 samples, 2026-11-23 08:00 UTC to 2026-11-24 07:59 UTC; 2 rules"
    flood = next(line for line in lines if line.startswith("2026-11-23 18") and "flood" in line)
    assert "warning" in flood
    assert any(line.startswith("level.water_level m") for line in lines)
    assert any("├" in line and "flood warning" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_rule_alone_and_a_rule_that_is_not_there(config, day, polegate) -> None:
    answer = json.loads(polegate("rules", "replay", day, "--rule", "flood", "--json").stdout)
    assert answer["rules"] == ["flood"]
    assert {event["rule"] for event in answer["events"]} == {"flood"}
    assert answer["samples"] == 1440
    text = polegate("rules", "replay", day, "--rule", "warm").stdout
    assert "Nothing would have fired." in text
    assert polegate("rules", "replay", day, "--rule", "worm").exit_code == 2


def test_what_new_rules_would_have_told(config, day, polegate, tmp_path) -> None:
    (tmp_path / "new.toml").write_text(STRICTER)
    old = json.loads(polegate("rules", "replay", day, "--rule", "flood", "--json").stdout)["events"]
    new = json.loads(
        polegate("rules", "replay", day, "--rules", tmp_path / "new.toml", "--rule", "early", "--json").stdout
    )
    (early,) = new["events"]
    assert early["began_ms"] < old[0]["began_ms"]
    assert (early["severity"], early["threshold"], early["phase"]) == ("watch", 16.1, "closed")


def test_a_figure_of_it(config, day, polegate, tmp_path) -> None:
    svg = tmp_path / "day.svg"
    polegate("rules", "replay", day, "--svg", svg)
    words = ["".join(text.itertext()) for text in ET.parse(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert {"level.water_level (m)", "warning", "flood warning"} <= set(words)
    assert polegate("rules", "replay", day, "--svg", tmp_path / "none" / "x.svg").exit_code == 1


def test_several_recordings_are_put_together_by_their_time(config, day, polegate, tmp_path) -> None:
    lines = gzip.decompress(day.read_bytes()).decode().splitlines(keepends=True)
    halves = [tmp_path / "odd.jsonl", tmp_path / "even.jsonl"]
    for n, half in enumerate(halves):
        half.write_text("".join([lines[0], *lines[1 + n :: 2]]))
    whole = json.loads(polegate("rules", "replay", day, "--json").stdout)
    assert json.loads(polegate("rules", "replay", *halves, "--json").stdout) == whole


def test_recordings_that_cannot_be_used(config, polegate, tmp_path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("time,level.water_level\nnoon,1\n")
    result = polegate("rules", "replay", bad)
    assert (result.exit_code, result.stderr.startswith(f"Error: {bad}:2: expected a time")) == (1, True)
    assert polegate("rules", "replay", tmp_path / "none").exit_code == 1
    empty = tmp_path / "empty.csv"
    empty.write_text("time,level.water_level\n")
    assert polegate("rules", "replay", empty).stdout == "The recording has no sample.\n"
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text("time,rain.rainfall_total\n1,2\n")
    assert (
        "not in the recording: level.water_level, level.water_temperature"
        in polegate("rules", "replay", elsewhere).stdout
    )


def test_a_time_that_runs_backwards_is_left_out(config) -> None:
    plan = load(config).plan.judgement
    times = [AT_MS, AT_MS + MINUTE_MS, AT_MS - 3_600_000, AT_MS + MINUTE_MS, AT_MS + 2 * MINUTE_MS]
    found = replay(
        plan,
        [Sample("level", at_ms, True, n, (Reading("water_level", 16.0),)) for n, at_ms in enumerate(times)],
    )
    assert (found.samples, found.backwards, found.to_ms) == (4, 1, AT_MS + 2 * MINUTE_MS)


@given(st.lists(st.floats(15.5, 17.5), min_size=3, max_size=60), st.integers(10, 600))
def test_a_replay_tells_the_same_each_time_and_every_end_has_a_beginning(
    tmp_path_factory, levels, step_s: int
) -> None:
    path = tmp_path_factory.mktemp("etc") / "polegate.toml"
    path.write_text(CONFIG)
    plan = load(path).plan.judgement
    story = [
        Sample("level", AT_MS + n * step_s * 1000, True, n, (Reading("water_level", level),))
        for n, level in enumerate(levels)
    ]
    one, other = replay(plan, story), replay(plan, story)
    assert one.fired == other.fired
    for fired in one.fired.values():
        assert fired.first.phase is Phase.OPENED
        assert fired.first.began_ms <= fired.last.at_ms
        assert (fired.over_ms is None) == (fired.last.phase is not Phase.CLOSED)
    if max(levels) < 16.3:
        assert not any(fired.first.rule == "flood" for fired in one.fired.values())


# Stories


def test_a_story_in_words() -> None:
    assert read("16 m, 30 min 17.2 m, 2h 1600 cm", "m") == [Turn(0, 16), Turn(1800, 17.2), Turn(9000, 16)]
    assert read("1, 1 s 0", "1") == [Turn(0, 1), Turn(1, 0)]


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.floats(-100, 100)), min_size=1, max_size=6),
    st.floats(0.5, 100),
)
def test_a_played_story_keeps_its_beat_and_stays_between_its_values(steps, every_s: float) -> None:
    turns, at_s = [Turn(0.0, 0.0)], 0.0
    for step_s, value in steps:
        at_s += step_s
        turns.append(Turn(at_s, value))
    told = list(samples({LEVEL: turns}, {"level": every_s}))
    values = [sample.readings[0].value for sample in told]
    assert [sample.at_ms for sample in told] == [
        BEGIN_MS + round(n * every_s * 1000) for n in range(len(told))
    ]
    assert told[-1].at_ms >= BEGIN_MS + at_s * 1000
    low, high = min(turn.value for turn in turns), max(turn.value for turn in turns)
    assert all(low - 1e-6 <= value <= high + 1e-6 for value in values)
    assert values[-1] == turns[-1].value


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=4), st.floats(0, 1e5))
def test_a_story_through_limits_passes_all_of_them_and_comes_back(limits, dwell_s: float) -> None:
    turns = through(limits, dwell_s)
    assert turns[0].value == turns[-1].value < min(limits) <= max(limits) < max(turn.value for turn in turns)
    rests = [after.at_s - before.at_s for before, after in pairwise(turns) if before.value == after.value]
    assert len(rests) == 3
    assert min(rests) >= 2 * dwell_s
