"""The scorer against figures worked out by hand, and the bench on an archive of two tiny files."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import io
import json
import math
import random
import subprocess
import sys
import tarfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.nab_score import (
    PROFILES,
    Profile,
    Scored,
    Sweep,
    Tally,
    probation,
    rested,
    scaled_sigmoid,
    tally,
)

BENCH = Path(__file__).parents[2] / "bench" / "nab"
STANDARD = PROFILES["standard"]
WINDOWS = [(200, 299), (500, 549)]


def score(alarms, profile=STANDARD, points=1000, windows=WINDOWS):
    return tally(points, windows, alarms).score(profile)


def test_the_sigmoid_has_its_published_values():
    assert scaled_sigmoid(-1) == pytest.approx(0.98661, abs=1e-5)
    assert scaled_sigmoid(-0.5) == pytest.approx(0.84828, abs=1e-5)
    assert scaled_sigmoid(0) == 0
    assert scaled_sigmoid(1) == pytest.approx(-0.98661, abs=1e-5)
    assert scaled_sigmoid(2.9) > scaled_sigmoid(3.0) == -1


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_no_alarm_is_0_and_each_left_edge_alone_is_100(profile):
    assert score([], profile) == 0
    assert score([200, 500], profile) == pytest.approx(100)


def test_the_profiles_weigh_as_published():
    assert {
        "standard": Profile(1.0, 0.11, 1.0),
        "low FP": Profile(1.0, 0.22, 1.0),
        "low FN": Profile(1.0, 0.11, 2.0),
    } == PROFILES


def test_half_way_into_a_window_by_hand():
    """At 250 in 200..299 the right edge is (299 - 250 + 1) / 100 = 0.5 of the width away."""
    worth = (2 / (1 + math.exp(-2.5)) - 1) / (2 / (1 + math.exp(-5)) - 1)
    found = tally(1000, WINDOWS, [250])
    assert (found.hit, found.worth) == (1, pytest.approx(worth))
    assert found.score(STANDARD) == pytest.approx(100 * (worth - 1 + 2) / 4)
    assert found.score(PROFILES["low FN"]) == pytest.approx(100 * (worth - 2 + 4) / 6)


def test_the_last_point_of_a_window_still_counts():
    found = tally(1000, WINDOWS, [299])
    assert found.worth == pytest.approx(scaled_sigmoid(-0.01) / scaled_sigmoid(-1))
    assert found.worth > 0


def test_only_the_earliest_alarm_in_a_window_counts():
    assert score([220, 221, 290]) == score([220])
    assert tally(1000, WINDOWS, [220, 221, 290]).hit == 1


def test_an_alarm_before_every_window_costs_in_full():
    assert tally(1000, WINDOWS, [160]).harm == -1
    assert score([160]) == pytest.approx(100 * -0.11 / 4)
    assert score([160], PROFILES["low FP"]) == pytest.approx(100 * -0.22 / 4)


def test_an_alarm_just_after_a_window_costs_less_and_three_widths_on_all():
    """The width after a window is its last less its first: 99."""
    assert tally(1000, WINDOWS, [309]).harm == pytest.approx(2 / (1 + math.exp(5 * 10 / 99)) - 1)
    assert tally(1000, WINDOWS, [300]).harm == pytest.approx(2 / (1 + math.exp(5 / 99)) - 1)
    assert tally(1000, WINDOWS, [549 + 3 * 49]).harm == -1


def test_the_first_part_is_not_scored():
    assert [probation(points) for points in (100, 1001, 5000, 22_695)] == [15, 150, 750, 750]
    assert tally(1000, WINDOWS, range(150)) == Tally(windows=2)
    assert tally(1000, WINDOWS, [149, 150]).alarms == 1
    assert tally(1000, [(100, 199)], [120, 190]).worth == tally(1000, [(100, 199)], [190]).worth


def test_a_series_without_windows_only_costs():
    found = tally(1000, [], [400, 900])
    assert (found.windows, found.harm) == (0, -2)
    assert found.score(STANDARD) == pytest.approx(100 * -0.22 / 2)
    assert (found + tally(1000, WINDOWS, [200, 500])).score(STANDARD) == pytest.approx(
        100 * (2 - 0.22 + 2) / 4
    )


@given(st.sets(st.integers(0, 999)))
def test_no_alarms_are_better_than_perfect_and_a_miss_is_never_a_gain(places):
    alarms = sorted(places)
    assert score(alarms) <= 100 + 1e-9
    without = [at for at in alarms if not 200 <= at <= 299]
    assert score(without) <= score(alarms) + 1e-9


def test_a_rest_swallows_what_follows_an_alarm():
    assert list(rested([1, 2, 5, 6, 7, 20], 4)) == [1, 6, 20]
    assert list(rested([1, 2, 3], 0)) == [1, 2, 3]


def test_a_sweep_judges_each_series_at_each_threshold():
    first = Scored("a", [0.0] * 200 + [5.0] + [0.0] * 99, [(200, 220)])
    second = Scored("b", [0.0] * 100 + [3.0] + [0.0] * 99 + [2.0] * 50, [(200, 220)])
    sweep = Sweep([first, second], [2.0, 3.0, 5.0], 10)
    assert sweep.total([0], 2).score(STANDARD) == pytest.approx(100)
    assert sweep.best([0], STANDARD) == 2
    assert sweep.best([1], STANDARD) == 0
    assert sweep.total([0, 1], 0) == first.tally(2.0, 10) + second.tally(2.0, 10)


def tiny(folder):
    """Two files of 1500 readings each 5 minutes, one with a step at 1200 that is labelled, one clock put back."""
    chance = random.Random(1)
    began = datetime.fromisoformat("2014-04-01 00:00:00")
    stamps = [began + timedelta(minutes=5 * at) for at in range(1500)]
    step = [chance.gauss(10, 1) + (30 if at >= 1200 else 0) for at in range(1500)]
    noise = [chance.gauss(10, 1) for _ in range(1500)]
    back = stamps[:700] + stamps[699:-1]
    labels = {"real/step.csv": [[f"{stamps[1195]}.000000", f"{stamps[1294]}.000000"]], "real/noise.csv": []}
    contents = {
        "data/real/step.csv": text(stamps, step),
        "data/real/noise.csv": text(back, noise),
        "data/README.md": "not a series",
        "labels/combined_windows.json": json.dumps(labels),
        "labels/combined_labels.json": "{}",
    }
    archive = folder / "tiny.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return archive


def text(stamps, values):
    lines = [f"{stamp},{value}" for stamp, value in zip(stamps, values, strict=True)]
    return "\n".join(["timestamp,value", *lines]) + "\n"


def test_the_bench_scores_an_archive_in_place(tmp_path):
    archive = tiny(tmp_path)
    command = [sys.executable, str(BENCH), str(archive), "--json", "--splits", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [archive]
    found = json.loads(done.stdout)
    shipped = [row for row in found if row["threshold"].startswith("shipped")]
    assert [row["detector"] for row in shipped] == ["EWMA + Holt-Winters", "four-part mix"]
    for row in shipped:
        assert (row["windows"], row["hit"]) == (1, 1)
        least = 100 * (scaled_sigmoid(-0.85) / scaled_sigmoid(-1) - 0.11 * (row["alarms"] - 1) + 1) / 2
        assert least <= row["standard"] <= 100
        assert 0 < row["KiB"] < 48
        assert row["us/reading"] > 0
    assert {row["threshold"].split()[0] for row in found} == {"1.0", "shipped", "best", "other"}


def test_the_files_are_read_with_their_windows_and_times_that_grow(tmp_path):
    loader = importlib.machinery.SourceFileLoader("bench_nab", str(BENCH))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_nab", loader))
    sys.modules["bench_nab"] = module
    loader.exec_module(module)
    noise, step = module.read(tiny(tmp_path))
    assert (noise.name, noise.windows, step.windows) == ("real/noise.csv", [], [(1195, 1294)])
    assert all(before < after for before, after in zip(noise.at_ms, noise.at_ms[1:], strict=False))
    assert noise.at_ms[700] == noise.at_ms[699] + 1
    assert step.at_ms[1] - step.at_ms[0] == 300_000


def test_help_names_the_command_that_reproduces_the_figures():
    shown = subprocess.run(
        [sys.executable, str(BENCH), "--help"], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    assert ".venv/bin/python bench/nab" in shown
