"""The simulated month on some days of it: what it says is true, and the judge catches what nobody may miss."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from bench import faults_inject as inject
from bench.faults_pole import pole
from bench.faults_river import CONFIG, WARNING_M, river
from bench.faults_score import caught, heard
from bench.faults_station import Station, planned
from bench.faults_truth import DAY_MIN, MINUTE_MS, T0_MS, at, tipped

BENCH = Path(__file__).parents[2] / "bench"
DAYS = 11
TRUTH = river(1, DAYS)
DAY_MS = DAY_MIN * MINUTE_MS
RADAR = ("radar.water_level",)


@cache
def sound():
    """The month without a fault up to the first flood, and what was known on its third day."""
    run = Station(TRUTH, planned(CONFIG).judgement)
    run.run(T0_MS, T0_MS + 3 * DAY_MS)
    states = run.states()
    return run.run(T0_MS + 3 * DAY_MS, T0_MS + DAYS * DAY_MS), states


def spoilt(fault, hours):
    log, states = sound()
    run = Station(TRUTH, planned(CONFIG).judgement, fault)
    run.judging.remember(states)
    last_ms = fault.from_ms + round(hours * inject.HOUR_MS)
    found = run.run(T0_MS + 3 * DAY_MS, last_ms)
    clean = type(log)([each for each in log.told if each.known_ms < last_ms], log.flags)
    return caught(found, clean, fault, TRUTH)


def test_the_flood_and_the_rises_are_told_within_minutes():
    told = heard(sound()[0], TRUTH.happenings)
    assert {each.name for each in told} >= {"stage warning", "rise", "rain, 50 mm in 24 h"}
    assert all(each.told for each in told)
    stages = [each.delay_ms for each in told if each.name == "stage warning"]
    assert all(abs(delay_ms) <= 2 * MINUTE_MS for delay_ms in stages)


def test_a_restart_changes_nothing():
    """What is compared with the sound month differs by the fault alone."""
    found = spoilt(inject.Fault(RADAR, T0_MS + 3 * DAY_MS, 1), 48)
    assert (found.flag_ms, found.event_ms, found.false, found.missed) == (None, None, {}, {})


def test_a_spike_is_caught_within_two_readings_and_asked_for_again():
    found = spoilt(inject.Spikes(RADAR, at(3.2 * DAY_MIN), 0.5, 1, 60), 1)
    assert found.flag_ms is not None
    assert found.flag_ms <= 2 * MINUTE_MS
    assert (found.flag_by, found.wrong, found.false) == ("spike", {}, {})


def test_a_stuck_gauge_is_caught_within_a_day_and_mutes_nothing_else():
    found = spoilt(inject.Stuck(RADAR, at(3.2 * DAY_MIN), 36), 36)
    assert found.event_ms is not None
    assert found.event_ms <= DAY_MS + MINUTE_MS
    assert not found.missed


def test_a_clock_that_is_put_on_is_no_fault_of_a_gauge():
    found = spoilt(inject.Clock(("clock",), at(3.2 * DAY_MIN), 3, 60 * MINUTE_MS), 4)
    assert (found.event_by, found.event_ms) == ("clock_stepped", 0)
    assert [name for name in found.false if "water" in name or "rain" in name] == []


def test_the_month_is_what_it_says():
    level = TRUTH.signals["radar"]["water_level"]
    assert river(1, DAYS).signals["radar"]["water_level"].truth == level.truth
    assert max(level.truth) > WARNING_M > min(level.truth) > 0
    shown = [level.read(T0_MS + minute * MINUTE_MS) for minute in range(DAY_MIN)]
    assert all(value == round(value, 3) for value in shown)
    assert 0.0005 < sum(abs(a - b) for a, b in itertools.pairwise(shown)) / DAY_MIN < 0.02
    total = tipped([0.05] * 100)
    assert total[-1] - total[0] == pytest.approx(5.0, abs=0.21)
    assert list(total) == sorted(total)


def test_the_pole_has_all_its_happenings():
    names = [each.name for each in pole(1, 30).happenings]
    assert {"mains fail", "pole struck", "gale", "noise at night", "air, light pollution"} <= set(names)


@pytest.mark.parametrize(
    ("recode", "value", "wrong"),
    [
        (inject.words_of_float, 1.0, 2.2778e-41),
        (inject.words_of_integer, 1.234, 80871.424),
        (inject.bytes_of_integer(1000), 1.234, -11.772),
        (inject.negated_over(0.8), 1.0, 0.6),
    ],
)
def test_registers_put_together_wrongly(recode, value, wrong):
    assert recode(value) == pytest.approx(wrong, rel=1e-4)


def test_faults_do_as_they_are_called():
    stuck, hung = inject.Stuck(RADAR, 0, 1), inject.Hung(RADAR, 0, 1, "up")
    drift = inject.Drift(RADAR, 0, 48, 0.01, 0.001)
    silted = inject.Silted(RADAR, 0, 48, 2.0, 0.01, 0.0)
    levels = [1.0, 1.4, 0.9]
    hours = [0, 24 * inject.HOUR_MS, 48 * inject.HOUR_MS]
    read = [[each.read(*RADAR, *pair) for pair in zip(hours, levels, strict=True)] for each in (stuck, hung)]
    assert read == [[1.0, 1.0, 1.0], [1.0, 1.4, 1.4]]
    assert drift.read(*RADAR, hours[2], 1.0) == pytest.approx(1.02)
    assert silted.read(*RADAR, 0, 1.0) == 1.0
    assert 1.0 < silted.read(*RADAR, 10 * MINUTE_MS, 2.0) < 2.0
    assert stuck.read("well.water_level", 0, 3.0) == 3.0


def test_the_bench_gives_its_three_tables():
    command = [sys.executable, str(BENCH / "faults"), "--days", "16", "--runs", "1", "--station", "lone"]
    command += ["--limits", "default", "--fault", "spike", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    rows = result["faults, default limits"]
    assert {row["fault"] for row in rows} == {"spike"}
    assert all(row["caught"] == row["runs"] == 1 for row in rows)
    assert {row["limits"] for row in result["clean"]} == {"default"}
    assert {"stage warning", "rise"} <= {row["happening"] for row in result["happenings"]}
