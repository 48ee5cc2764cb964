"""`bench/logan` on a made-up folder: what is an event, a hit, a false alarm, and one site against several."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from bench.logan_data import recordings
from bench.logan_score import judged

BENCH = Path(__file__).parents[2] / "bench"
HOUR = 3_600_000
DAY = 24 * HOUR
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


def write(folder, name, faults, *, days=20, seed=1):
    """A quiet level with a fault of 50 down at each row of `faults`, flagged there unless negative."""
    random = Random(seed)
    lines = ["datetime,stage,stage_cor,stage_qual"]
    for row in range(96 * days):
        at = BEGIN + timedelta(minutes=15 * row)
        flagged = row in faults
        level = 100 + random.random() - (50 if flagged or -row in faults else 0)
        lines.append(f"{at:%Y-%m-%d %H:%M:%S.000},{level:.2f},NULL,{'1' if flagged else 'NULL'}")
    raw = "\n".join([*lines, "", ""]).encode()
    (folder / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)


def bench(folder, *arguments):
    command = [sys.executable, str(BENCH / "logan"), str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(result, part, threshold, of):
    (found,) = [
        each
        for each in result[part]
        if (each["detector"], each["threshold"], each["of"]) == ("everyday, in company", threshold, of)
    ]
    return found


def test_all_of_it_is_found_and_counted(tmp_path):
    write(tmp_path, "Upper2020.csv.gz", {500, 501, 900, -1400})
    write(tmp_path, "Lower2019.csv", {700, 1300}, seed=2)
    write(tmp_path, "Lower2020.csv", {800}, seed=3)
    result = json.loads(bench(tmp_path, "--json"))
    data = result["data"]
    assert [data[name] for name in ("files", "sites", "events")] == [3, 2, 5]
    assert data["sensor-months"] == pytest.approx(60 / 30.4375, abs=0.1)
    every = row(result, "all", "shipped", "all")
    assert [every["events"], every["hits at 0.5"], every["hits at 1"], every["hits at 2"]] == [5, 5, 5, 5]
    assert every["false/month at 1"] == pytest.approx(1 / (60 / 30.4375), abs=0.01)
    for goal in (0.5, 1, 2):
        assert row(result, "all", "same data", "all")[f"false/month at {goal:g}"] <= goal
    assert row(result, "all", "other sites", "all")["hits at 1"] == 5
    assert row(result, "site", "shipped", "Lower")["events"] == 3
    assert row(result, "quantity", "shipped", "water_level")["hits at 0.5"] == 5
    assert all(each["cpu_us_per_reading"] > 0 for each in result["cost"])


def test_one_site_cannot_be_left_out(tmp_path):
    write(tmp_path, "Upper2019.csv", {500})
    write(tmp_path, "Upper2020.csv", {500})
    text = bench(tmp_path)
    assert "skipped: DIR holds one site only" in text
    assert "other sites  all" not in text


def test_alarms_at_other_times_hit_nothing(tmp_path):
    write(tmp_path, "Upper2020.csv", {500, 900, 1400})
    result = json.loads(bench(tmp_path, "--json", "--random"))
    assert row(result, "all", "shipped", "all")["hits at 1"] == 0


def test_an_empty_folder_is_said_to_be_so(tmp_path):
    command = [sys.executable, str(BENCH / "logan"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "no csv or csv.gz with columns" in done.stderr


def test_flagged_stretches_at_most_an_hour_apart_are_one_event(tmp_path):
    write(tmp_path, "Upper2020.csv", {10, 11, 15, 20})
    (recording,) = recordings(tmp_path)
    (series,) = recording.series
    assert recording.site == "Upper"
    first = round(BEGIN.timestamp() * 1000)
    assert [((a - first) // 900_000, (b - first) // 900_000) for a, b in series.events] == [
        (10, 15),
        (20, 20),
    ]


@pytest.mark.parametrize(
    ("at_ms", "hits", "false"),
    [
        (2 * DAY - HOUR - 1, 0, 1),
        (2 * DAY - HOUR, 1, 0),
        (2 * DAY + 5 * HOUR, 1, 0),
        (2 * DAY + 7 * HOUR, 1, 0),
        (2 * DAY + 7 * HOUR + 1, 0, 0),
        (3 * DAY + 6 * HOUR, 0, 0),
        (3 * DAY + 6 * HOUR + 1, 0, 1),
    ],
)
def test_what_an_alarm_near_a_span_counts(at_ms, hits, false):
    assert judged([at_ms], [(2 * DAY, 2 * DAY + 6 * HOUR)]) == (hits, false)


def test_one_alarm_may_hit_two_spans_and_one_span_counts_once():
    spans = [(10 * HOUR, 10 * HOUR), (12 * HOUR, 12 * HOUR)]
    assert judged([11 * HOUR], spans) == (2, 0)
    assert judged([10 * HOUR, 9 * HOUR], spans) == (1, 0)
