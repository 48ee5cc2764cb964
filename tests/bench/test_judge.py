"""The bench of the judge runs on a small station and says what it is to say; no time is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench" / "judge"


def test_judge_measures_each_stage_and_what_a_series_takes():
    small = ["--devices", "2", "--channels", "3", "--readings", "5", "--learn", "5", "--full", "20"]
    command = [sys.executable, str(BENCH), *small, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    cases = [row["case"] for row in found["cost"]]
    assert cases[0] == "quality tests alone"
    assert (
        cases[-2:] == [row["case"] for row in found["memory"]] == ["default: and slow change", "and shapes"]
    )
    assert all(row["cpu_us_per_reading"] > 0 for row in found["cost"])
    states = [row["state_bytes"] for row in found["cost"][1:]]
    assert states == sorted(states), "each case has all that the one before has"
    assert all(64 * 1024 >= row["memory_bytes"] > row["state_bytes"] for row in found["memory"])
