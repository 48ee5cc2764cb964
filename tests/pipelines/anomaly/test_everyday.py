"""Jumps against an ordinary day: the arithmetic, what it stays silent on, restarts and memory."""

from __future__ import annotations

from itertools import pairwise
from math import inf, log2, nan
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.anomaly.everyday import DAY_MS, Everyday, EverydaySettings
from pipelines.state import decode, encode

QUARTER_MS = 900_000
gauge = st.floats(-1e4, 1e4, allow_nan=False).map(lambda value: round(value, 2))
# Times in quarters of an hour since the last reading: mostly one, now and then hours or days.
waits = st.sampled_from([1, 1, 1, 4, 30, 96, 300])
series = st.lists(st.tuples(waits, gauge), max_size=120)


def stamped(pairs, at_ms=0):
    found = []
    for wait, value in pairs:
        at_ms += wait * QUARTER_MS
        found.append((at_ms, value))
    return found


def plain(readings, settings):
    """The definition, from all that has been so far."""
    scores = []
    for n, (at_ms, value) in enumerate(readings):
        jumps, falls = {}, {}
        for (then_ms, before), (day_ms, after) in pairwise(readings[:n]):
            if day_ms - then_ms <= settings.gap_ms:
                day = day_ms // DAY_MS
                jumps[day] = max(jumps.get(day, 0), abs(after - before))
                falls[day] = max(falls.get(day, 0), before - after)
        usual = [
            [each[day] for day in sorted(each) if day < at_ms // DAY_MS and each[day] > 0][-settings.days :]
            for each in (jumps, falls)
        ]
        score = 0.0
        if n and usual[0] and at_ms - readings[n - 1][0] <= settings.gap_ms and value != readings[n - 1][1]:
            step = value - readings[n - 1][1]
            jump = max(log2(abs(step) / median(usual[0])), settings.least)
            fall = max(log2(-step / median(usual[1] or usual[0])), settings.least) if step < 0 else -3.0
            score = max(settings.jump_share * jump + (1 - settings.jump_share) * fall, 0.0)
        scores.append(score)
    return scores


def run(detector, readings):
    return [detector.feed(at_ms, value) for at_ms, value in readings]


@given(series, st.integers(1, 4))
def test_scores_are_those_of_the_plain_definition(pairs, days):
    settings = EverydaySettings(days=days)
    readings = stamped(pairs)
    assert run(Everyday(settings), readings) == pytest.approx(plain(readings, settings), abs=1e-9)


@given(series, st.integers(0, 120))
def test_a_restart_changes_nothing(pairs, at):
    readings = stamped(pairs)
    whole, first, second = (Everyday(EverydaySettings(days=3)) for _ in range(3))
    expected = run(whole, readings)
    before = run(first, readings[:at])
    second.restore(decode(encode(first.state())))
    assert before + run(second, readings[at:]) == expected
    assert encode(second.state()) == encode(whole.state())


def river(days=10, seed=1):
    random = Random(seed)
    level, found = 100.0, []
    for n in range(96 * days):
        level += random.choice([-0.02, -0.01, 0.0, 0.01, 0.02])
        found.append((n * QUARTER_MS, level))
    return found


def test_a_fall_of_eight_times_the_usual_scores_three_and_a_rise_as_far_less():
    readings = river()
    at_ms, level = readings[-1]
    fallen, risen = Everyday(), Everyday()
    run(fallen, readings)
    run(risen, readings)
    assert fallen.feed(at_ms + QUARTER_MS, level - 0.16) == pytest.approx(3.0)
    assert risen.feed(at_ms + QUARTER_MS, level + 0.16) == pytest.approx(0.6 * 3 - 0.4 * 3)


def test_an_ordinary_river_scores_nothing():
    assert max(run(Everyday(), river())) == 0.0


def test_one_mad_day_does_not_become_the_usual():
    readings = river()
    readings[300] = (readings[300][0], -9999.0)
    scores = run(Everyday(), readings)
    assert scores[300] > 15
    assert scores[301] > 10
    assert max(scores[302:]) == 0.0


def test_nothing_is_scored_before_a_day_in_which_something_moved():
    flat = [(n * QUARTER_MS, 5.0) for n in range(96 * 3)]
    assert max(run(Everyday(), [*flat, (96 * 3 * QUARTER_MS, 900.0)])) == 0.0


def test_a_difference_over_a_long_gap_is_no_jump():
    readings = river()
    detector = Everyday()
    run(detector, readings)
    at_ms, level = readings[-1]
    assert detector.feed(at_ms + 7 * 3_600_000, level - 50) == 0.0
    assert detector.feed(at_ms + 8 * 3_600_000, level - 100) > 10


def test_the_floor_is_the_least_usual_jump():
    detector = Everyday(EverydaySettings(floor=1.0))
    run(detector, river())
    at_ms, level = river()[-1]
    assert detector.feed(at_ms + QUARTER_MS, level - 4.0) == pytest.approx(2.0)


def test_what_is_not_finite_is_passed_over():
    detector, other = Everyday(), Everyday()
    readings = river()
    expected = run(other, [*readings, (readings[-1][0] + 3, 7.0)])[-1]
    run(detector, readings)
    assert [detector.feed(readings[-1][0] + n, value) for n, value in ((1, nan), (2, -inf), (3, 7.0))] == [
        0.0,
        0.0,
        expected,
    ]


def test_the_largest_of_numbers_do_not_break_it():
    detector = Everyday()
    values = [1e308, -1e308] * 200
    scores = [detector.feed(n * QUARTER_MS, value) for n, value in enumerate(values)]
    assert all(0 <= score < 10_000 for score in scores)


def test_memory_stays_within_4_kib_however_long_it_runs():
    detector = Everyday()
    run(detector, river(days=130))
    size = len(encode(detector.state()))
    run(detector, [(at_ms + 130 * DAY_MS, level) for at_ms, level in river(days=130, seed=2)])
    assert len(encode(detector.state())) <= size + 40 < 4096


def test_a_state_of_another_number_of_days_is_refused():
    with pytest.raises(ValueError, match="days: expected 120, got 3"):
        Everyday().restore(Everyday(EverydaySettings(days=3)).state())


@pytest.mark.parametrize(
    ("key", "value"),
    [("days", 0), ("jump_share", 1.5), ("least", 0.5), ("gap_ms", 0), ("floor", -1.0), ("floor", inf)],
)
def test_settings_that_cannot_be_are_refused(key, value):
    with pytest.raises(ValueError, match=f"{key}: expected .* got {value}"):
        EverydaySettings(**{key: value})
