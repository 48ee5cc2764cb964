"""Each bench runs on tiny figures and its account holds, so that none of them rots; no time is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


def bench(name: str, *arguments: str):
    command = [sys.executable, str(BENCH / name), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_throughput_delivers_every_value_once_and_counts_it():
    result = bench("throughput", "--devices", "2", "--registers", "3", "--seconds", "0.5", "--warm-up", "0")
    (run,) = result["polegate"]
    assert run["delivered_per_s"] > 0
    assert [run[name] for name in ("lost", "wrong", "repeats", "unacknowledged")] == [0, 0, 0, 0]
    assert run["peak_rss_mib"] >= run["rss_mib"] > 10


def test_kill_loses_nothing_and_delivers_what_is_on_disk():
    account = bench("kill", "--times", "1", "--seed", "5")
    assert account["kills, draining"] == 1
    assert account["batches committed and seen in the store"] >= 200
    assert account["committed samples lost"] == 0
    assert account["batches other than on disk"] == account["repeats with other contents"] == 0


def test_outage_delivers_the_backlog_behind_a_broker_that_came_late():
    (run,) = bench("outage", "--minutes", "0.5", "--devices", "2", "--registers", "3")
    assert run["backlog_readings"] == 30 * 2 * 3
    assert [run[name] for name in ("lost", "wrong", "unacknowledged")] == [0, 0, 0]


def test_deadunit_counts_the_live_and_asks_the_dead():
    (row,) = bench(
        "deadunit", "--live", "1", "--timeout", "0.05", "--seconds", "0.5", "--registers"
    )["dead_unit"]  # fmt: skip
    assert row["asked the dead"] >= 1
    assert 0 < row["beside a dead unit"] <= row["readings alone"] + 1


def test_deadunit_fills_the_bus_and_not_beyond_its_limit():
    result = bench("deadunit", "--seconds", "0", "--registers", "10", "--fill-seconds", "1", "--live", "2")
    assert result["dead_unit"] == []
    (row,) = result["full_bus"]
    assert 0 < row["utilisation"] <= 1.02


def test_decode_compares_the_same_block_in_every_way():
    rows = bench("decode", "--calls", "2", "--rounds", "1")
    assert {row["way"] for row in rows} >= {"plan and codec", "plain struct", "pymodbus, a call per value"}
    assert all(row["us/block"] >= 0 for row in rows)


@pytest.mark.parametrize("name", ["throughput", "kill", "outage", "deadunit", "decode"])
def test_help_names_the_command_that_reproduces_the_figures(name):
    command = [sys.executable, str(BENCH / name), "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    assert f".venv/bin/python bench/{name}" in shown


def test_scan_finds_and_names_four_instruments_at_mixed_settings():
    (run,) = bench("scan", "--bus", "easy", "--effort", "quick", "--units", "1", "52")
    assert (run["found"], run["named"]) == ("4 of 4", "4 of 4")
    assert run["characters"] >= 8 * run["frames"] - 64
    assert run["first, s"] <= run["last, s"] <= run["whole, s"]


def test_fleet_comes_back_whole_after_its_broker_was_restarted():
    told = bench(
        *("fleet", "--gateways", "4", "--processes", "2", "--every", "0.2", "--ramp", "0", "--spread", "0"),
        *("--steady", "1.5", "--outages", "0", "--settle", "0.5"),
    )
    (storm,) = told["storms"]
    assert storm["connects/s"] >= 1
    assert storm["more than once"] == 0
    (account,) = told["accounts"].values()
    assert account["messages acknowledged"] >= 4
    assert account["messages left in the stores"] == account["acknowledged and not at the platform"] == 0


def test_memory_is_that_of_the_daemon_and_adds_up():
    told = bench("memory", "--seconds", "0", "--every", "0.5")
    (run,) = told["runs"]
    assert 10 < run["pss_mib"] < run["rss_mib"] <= run["peak_mib"]
    assert sum(told["kib"].values()) / 1024 <= run["rss_mib"] + 1


def test_scrapes_are_answered_while_the_gauges_are_polled():
    rows = bench("scrapes", "--devices", "1", "--scrapers", "2", "--seconds", "0.5")
    assert [row["scrapers"] for row in rows] == ["none", "1", "2", "elsewhere"]
    assert all(row["polls_per_s"] > 0 for row in rows)
