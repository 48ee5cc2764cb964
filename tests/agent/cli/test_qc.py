"""polegate qc: learning limits from recordings and from the daemon, accepting them, writing them down."""

from __future__ import annotations

import json
import random
import re
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from fakes.waiting import wait_until
from hypothesis import given
from hypothesis import strategies as st

from agent.cli import fragment
from agent.cli.chart import Limit
from agent.cli.lessons import learn, usual
from agent.cli.plot import ASCII
from agent.cli.proposal_view import written
from agent.cli.spread import spread
from agent.cli.trail import Trail
from agent.judge.learning import shown
from agent.judge.proposals import KEYS, in_keys, table
from pipelines.events import Source
from pipelines.quality.learning import Learner
from pipelines.quality.limits import Limits

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
[limits.level.water_level]
site = [10.0, 20.0]
seasons = [{ span = [11, 19], months = [11, 2] }]
"""


def values(days: float, step_ms: int = 600_000) -> list[tuple[int, float]]:
    chance = random.Random(7)
    level, found = 16.0, []
    for n in range(round(days * 86_400_000 / step_ms)):
        level += chance.choice((-0.01, 0.0, 0.01))
        found.append((AT_MS + n * step_ms, round(level, 3)))
    return found


@pytest.fixture
def weeks(tmp_path: Path) -> Path:
    """A recording of nine days of one gauge."""
    path = tmp_path / "weeks.jsonl"
    channels = {
        "water_level": {"unit": "m", "decimals": 3},
        "water_temperature": {"unit": "Cel", "decimals": 1},
        "state": {"unit": "1", "decimals": 0},
    }
    lines: list[dict[str, Any]] = [{"channels": {"level": channels}}]
    for n, (at_ms, level) in enumerate(values(9)):
        readings = [
            ["water_level", level, 2, ""],
            ["water_temperature", None, 9, "timeout"],
            ["state", "ok", 2, ""],
        ]
        lines.append({"device": "level", "at_ms": at_ms, "seq": n + 1, "readings": readings})
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@pytest.fixture
def proposal() -> dict[str, Any]:
    """As the daemon tells it."""
    limits = usual("water_level")
    assert limits is not None
    learner = Learner(limits)
    for at_ms, level in values(9):
        learner.feed(at_ms, level)
    return shown(LEVEL, limits, learner.propose())


def test_from_a_recording_it_shows_what_it_would_do(weeks, polegate, tmp_path) -> None:
    result = polegate("qc", "learn", "level.water_level", "--from", weeks)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "level.water_level m"
    assert lines[1].startswith(
        "1,296 readings in 8 d 23 h, from 2026-11-23 08:00 UTC to 2026-12-02 07:50 UTC"
    )
    heads = [line.split()[0] for line in lines if line and line[0].isalpha()]
    assert {"site", "spike", "rate_per_min", "flat_h", "gap_s"} <= set(heads)
    site = next(line for line in lines if line.startswith("site "))
    assert re.fullmatch(r"site +\S+ to \S+ m +- +0", site)
    assert "both sides; 9 days were seen" in lines[lines.index(site) + 1]
    assert any("%" in line and "█" in line for line in lines), "how they are spread"
    assert any("⠤" in line or "⠒" in line for line in lines), "and over time"
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "No limits are written."
    assert not (tmp_path / "conf.d").exists()


def test_a_channel_without_numbers_is_no_lesson(weeks) -> None:
    lessons, seen = learn([weeks], (), {}, lambda *_: None)
    assert [lesson.proposal["channel"] for lesson in lessons] == [
        "level.water_level",
        "level.water_temperature",
    ]
    assert seen == {"level.water_level", "level.water_temperature", "level.state"}
    assert lessons[1].proposal["n"] == 0
    assert lessons[1].proposal["limits"] == {}


def test_accepted_limits_are_a_fragment(weeks, polegate, tmp_path) -> None:
    result = polegate("qc", "learn", "level.water_level", "--from", weeks, "--yes")
    path = tmp_path / "conf.d" / "limits-level.toml"
    assert result.stdout.endswith(
        f"{path}: limits of 1 channel.\nLook with polegate config check, then make them count: polegate reload\n"
    )
    found = tomllib.loads(path.read_text())["limits"]["level"]["water_level"]
    lessons, _ = learn([weeks], ["level.water_level"], {}, lambda *_: None)
    assert found == lessons[0].proposal["limits"]
    low, high = found["site"]
    assert low < 16 < high


def test_the_limits_in_force_are_what_learning_begins_with(weeks, polegate, tmp_path) -> None:
    (tmp_path / "polegate.toml").write_text(CONFIG)
    answer = json.loads(polegate("qc", "learn", "level.water_level", "--from", weeks, "--json").stdout)
    (found,) = answer["proposals"]
    assert found["now"]["site"] == [10, 20]
    assert answer["accepted"] == {}
    assert not (tmp_path / "conf.d").exists()


def test_as_json_with_yes_it_writes(weeks, polegate, tmp_path) -> None:
    answer = json.loads(polegate("qc", "learn", "--from", weeks, "--json", "--yes").stdout)
    assert list(answer["accepted"]) == ["level.water_level"]
    assert (tmp_path / "conf.d" / "limits-level.toml").exists()


def test_a_figure_of_the_values_with_their_limits(weeks, polegate, tmp_path, daemon, proposal) -> None:
    svg = tmp_path / "weeks.svg"
    polegate("qc", "learn", "--from", weeks, "--svg", svg)
    assert "site high" in svg.read_text()
    daemon.answers["learned"] = {"learning": True, "since_ms": AT_MS, "proposals": [proposal]}
    assert polegate("qc", "learn", "--svg", svg).exit_code == 2
    assert polegate("qc", "learn", "--from", weeks, "--svg", tmp_path / "none" / "a.svg").exit_code == 1


def test_mistakes_in_names_and_files(weeks, polegate, tmp_path) -> None:
    result = polegate("qc", "learn", "level.water", "--from", weeks)
    assert (result.exit_code, "level.water_level" in result.stderr) == (2, True)
    bad = tmp_path / "bad.jsonl"
    bad.write_text("oops\n")
    result = polegate("qc", "learn", "--from", bad)
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {bad}:1: expected JSON lines, or a heading time,device.channel,..., got oops\n",
    )
    none = tmp_path / "none.csv"
    none.write_text("time,a.unheard_of\n1,2\n")
    assert "no channel of numbers" in polegate("qc", "learn", "--from", none).stderr


def test_from_the_daemon(daemon, polegate, proposal, tmp_path) -> None:
    daemon.answers["learned"] = {"learning": True, "since_ms": AT_MS, "proposals": [proposal]}
    result = polegate("qc", "learn", "level.water_level", "--yes")
    assert daemon.requests == [{"verb": "learned", "channels": ["level.water_level"]}]
    assert result.stdout.startswith("level.water_level m\n1,296 readings")
    found = tomllib.loads((tmp_path / "conf.d" / "limits-level.toml").read_text())
    assert found["limits"]["level"]["water_level"] == in_keys(proposal, None)["limits"]


def test_a_daemon_that_has_learned_nothing(daemon, polegate) -> None:
    daemon.answers["learned"] = {"learning": False, "since_ms": None, "proposals": []}
    result = polegate("qc", "learn")
    assert (result.exit_code, "polegate qc start" in result.stderr) == (1, True)
    daemon.answers["learned"] = {"learning": True, "since_ms": AT_MS, "proposals": []}
    assert "nothing was learned yet" in polegate("qc", "learn").stderr


def test_switching_it_on_and_off(daemon, polegate) -> None:
    daemon.answers["learn"] = {"learning": True}
    assert "learns from now on" in polegate("qc", "start").stdout
    assert "no more" in polegate("qc", "stop").stdout
    assert json.loads(polegate("qc", "stop", "--json").stdout) == {"learning": True}
    assert [request["on"] for request in daemon.requests] == [True, False, False]


def test_a_person_is_asked_on_a_terminal(daemon, terminal, proposal, tmp_path) -> None:
    daemon.answers["learned"] = {"learning": True, "since_ms": AT_MS, "proposals": [proposal]}
    path = tmp_path / "conf.d" / "limits-level.toml"

    refused = terminal("qc", "learn", rows=60)
    wait_until(lambda: "accept? [y/N/e(dit)]" in refused.text)
    refused.type("\n")
    assert refused.wait() == 0
    assert "No limits are written." in refused.text
    assert not path.exists()

    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/^site = .*/site = [12.5, 18]/" "$1"\n')
    editor.chmod(0o755)
    edited = terminal("qc", "learn", rows=60, EDITOR=str(editor), VISUAL="")
    wait_until(lambda: "accept?" in edited.text)
    edited.type("e\n")
    wait_until(lambda: "site = [12.5, 18]" in edited.text)
    wait_until(lambda: edited.text.count("accept?") == 2)
    edited.type("y\n")
    assert edited.wait() == 0
    assert tomllib.loads(path.read_text())["limits"]["level"]["water_level"]["site"] == [12.5, 18]


def test_what_a_person_edited_is_not_written_over(daemon, polegate, terminal, proposal, tmp_path) -> None:
    daemon.answers["learned"] = {"learning": True, "since_ms": AT_MS, "proposals": [proposal]}
    path = tmp_path / "conf.d" / "limits-level.toml"
    polegate("qc", "learn", "--yes")
    path.write_text(path.read_text().replace("site =", "# measured by hand\nsite ="))
    by_hand = path.read_text()
    result = polegate("qc", "learn", "--yes")
    assert (result.exit_code, "was edited by hand" in result.stderr) == (1, True)
    assert path.read_text() == by_hand

    asked = terminal("qc", "learn", rows=60)
    wait_until(lambda: "accept?" in asked.text)
    asked.type("y\n")
    wait_until(lambda: "Lay the accepted limits over it?" in asked.text)
    asked.type("y\n")
    assert asked.wait() == 0
    assert "measured by hand" not in path.read_text()


def test_the_limits_in_force(polegate, tmp_path) -> None:
    (tmp_path / "polegate.toml").write_text(CONFIG)
    lines = polegate("qc", "show", "level.water_level").stdout.splitlines()
    assert lines[0] == "level.water_level m"
    assert "  site        10 to 20 m" in lines
    assert "  seasons     11 to 19 m, months 11 to 2" in lines
    assert "  unusual     1 false alarms a month" in lines
    whole = json.loads(polegate("qc", "show", "--json").stdout)
    assert list(whole) == ["level.water_level", "level.water_temperature"]
    assert whole["level.water_level"]["site"] == [10, 20]
    assert polegate("qc", "show").stdout.count("°C") > 0
    assert polegate("qc", "show", "level.flow").exit_code == 2
    (tmp_path / "polegate.toml").unlink()
    assert polegate("qc", "show").exit_code == 78


# The fragment


def test_a_second_acceptance_keeps_the_other_channels_and_keys(tmp_path) -> None:
    path = fragment.path_of(tmp_path / "polegate.toml", "level")
    fragment.write(path, "level", {"water_level": {"site": [1, 2], "spike": 0.5}})
    path.chmod(0o640)
    fragment.write(
        path,
        "level",
        {"water_level": {"site": [1, 3]}, "voltage.l1": {"attenuated": {"hours": 24, "suspect": 0.1}}},
    )
    assert tomllib.loads(path.read_text())["limits"]["level"] == {
        "water_level": {"site": [1, 3], "spike": 0.5}, "voltage.l1": {"attenuated": {"hours": 24, "suspect": 0.1}},
    }  # fmt: skip
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("text", ["", "# mine\n[limits.level.water_level]\nsite = [1, 2]\n", "no toml"])
def test_a_file_somebody_else_wrote_is_left_alone(tmp_path, text: str) -> None:
    path = tmp_path / "limits-level.toml"
    path.write_text(text)
    with pytest.raises(fragment.Edited):
        fragment.write(path, "level", {"water_level": {"gap_s": 5}})
    assert path.read_text() == text


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9)
keys = st.dictionaries(
    st.sampled_from(list(KEYS.values())),
    numbers
    | st.lists(numbers, min_size=2, max_size=2)
    | st.fixed_dictionaries({"hours": numbers, "suspect": numbers}),
)


@given(st.dictionaries(st.sampled_from(["water_level", "voltage.l1", 'odd "name"']), keys, max_size=3))
def test_any_limits_come_back_as_they_went(tmp_path_factory, tables) -> None:
    path = tmp_path_factory.mktemp("etc") / "limits-level.toml"
    fragment.write(path, "level", tables)
    assert tomllib.loads(path.read_text()).get("limits", {"level": {}})["level"] == tables
    for channel, found in tables.items():
        assert fragment.read_table(fragment.table("level", channel, found), "level", channel) == found


@pytest.mark.parametrize("text", ["x", "[limits.level.other]\na = 1\n", "limits = 1\n"])
def test_a_table_edited_beyond_recognition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        fragment.read_table(text, "level", "water_level")


# What is shown


def test_limits_in_the_configurations_keys() -> None:
    limits = Limits(
        gap_ms=90_000, site=(1.0, 2.5), spike_suspect=0.2, spike_fail=0.4, rate_suspect_per_s=0.1 / 60, flat_suspect_ms=5_400_000,
        flat_eps=0.0005, attenuated_window_ms=86_400_000, attenuated_suspect=0.01, not_flat_at=0.0,
    )  # fmt: skip
    assert dict(table(asdict(limits))) == {
        "gap_s": 90, "site": [1, 2.5], "spike": [0.2, 0.4], "rate_per_min": 0.1, "flat_h": 1.5, "resolution": 0.0005,
        "not_flat_at": 0, "attenuated": {"hours": 24, "suspect": 0.01},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("site", [1, 2.5], "1 to 2.5 m"), ("spike", 0.2, "0.2 m"), ("spike", [0.2, 0.4], "0.2, 0.4 m"), ("gap_s", 90, "90 s"),
        ("rate_per_min", 0.1, "0.1 m/min"), ("flat_h", [1.5, 3], "1.5, 3 h"), ("site", None, "-"),
        ("attenuated", {"hours": 24, "suspect": 0.01}, "0.01 m in 24 h"),
    ],
)  # fmt: skip
def test_limits_with_their_units(key: str, value: Any, text: str) -> None:
    assert written(key, value, "m") == text


def test_a_spread_to_the_letter() -> None:
    lines = spread([(0.0, 0.0), (0.5, 1.0), (1.0, 4.0)], [Limit("high", 5.0), Limit("far", 99)], 40, 6, ASCII)
    assert [line.plain for line in lines] == [
        "  ^ far 99",
        "4 + -- high",
        "3 +#### 16.7%",
        "2 +#### 16.7%",
        "1 +#### 16.7%",
        "0 +########### 50.0%",
    ]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9), st.integers(3, 20))
def test_a_spread_leaves_nothing_out(found: list[float], height: int) -> None:
    values = sorted(found)
    quantiles = [(n / max(len(values) - 1, 1), value) for n, value in enumerate(values)]
    lines = spread(quantiles, [], 80, height)
    assert len(lines) <= height
    if len(values) > 1:
        shares = [float(line.plain.split()[-1].strip("<%")) for line in lines if line.plain.endswith("%")]
        assert sum(shares) == pytest.approx(100, abs=0.2 * len(shares))


# Weeks in a few hundred points

series = st.lists(
    st.tuples(st.integers(1, 100_000), st.none() | st.floats(-1e6, 1e6)), min_size=1, max_size=200
)


@given(series, st.integers(1, 20))
def test_a_trail_keeps_extremes_order_and_its_bound(steps, most: int) -> None:
    trail, at_ms, fed = Trail(most), AT_MS, []
    for step_ms, value in steps:
        at_ms += step_ms
        trail.add(at_ms, value)
        fed.append((at_ms, value))
    points = trail.series("a").points
    assert len(points) <= 3 * most
    assert set(points) <= set(fed)
    assert [at for at, _ in points] == sorted(at for at, _ in points)
    numbers = [value for _, value in fed if value is not None]
    kept = [value for _, value in points if value is not None]
    assert (min(numbers), max(numbers)) == (min(kept), max(kept)) if numbers else kept == []


def test_a_trail_keeps_a_silence_and_joins_the_rest() -> None:
    trail = Trail(50)
    for n in [*range(1000), *range(1500, 3000)]:
        trail.add(AT_MS + n * MINUTE_MS, float(n % 7))
    runs = list(trail.series("a").runs())
    assert len(runs) == 2
    assert runs[0][-1][0] < AT_MS + 1000 * MINUTE_MS
    assert runs[1][0][0] >= AT_MS + 1500 * MINUTE_MS


def test_the_keys_of_a_proposal_are_those_of_the_table(proposal) -> None:
    proposal = in_keys(json.loads(json.dumps(proposal)), usual("water_level"))
    assert proposal["now"]["spike"] == 0.2
    assert set(proposal["limits"]) <= set(KEYS.values())
    assert proposal["limits"].keys() >= {"site", "spike", "gap_s"}
    assert not proposal["limits"].items() & proposal["now"].items()
    assert proposal["flagged"].keys() <= proposal["limits"].keys() | proposal["now"].keys()


def test_a_fragment_that_the_rest_contradicts_is_taken_back(weeks, polegate, tmp_path) -> None:
    (tmp_path / "polegate.toml").write_text(CONFIG)
    result = polegate("qc", "learn", "level.water_level", "--from", weeks, "--yes")
    assert result.exit_code == 78
    assert "was not kept" in result.stderr
    assert "already given in" in result.stderr
    assert list((tmp_path / "conf.d").glob("*.toml")) == []
