"""Hampel on differences against a plain reference, over restarts, and within its memory."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.anomaly.hampel import Hampel, HampelSettings, deviation_of, median_of
from pipelines.state import decode, encode

QUARTER_MS = 900_000
# Numbers of a gauge: hundredths, so that many differences are equal and the deviation is often 0.
gauge = st.integers(-300, 300).map(lambda n: n / 100)


def plain(values, window, warm_up, floor=1e-9):
    """The definition, by whole lists."""
    scores = [0.0]
    steps = []
    for before, value in pairwise(values):
        step, usual = value - before, steps[-window:]
        score = 0.0
        if len(usual) >= warm_up:
            middle = median(usual)
            off = [abs(each - middle) for each in usual]
            scale = 1.4826 * median(off) or 1.2533 * mean(off)
            score = abs(step - middle) / max(scale, floor)
        scores.append(score)
        steps.append(step)
    return scores


def run(detector, values, first=0):
    return [detector.feed((first + n) * QUARTER_MS, value) for n, value in enumerate(values)]


@given(st.lists(gauge, min_size=2, max_size=60), st.integers(2, 20), st.integers(2, 5))
def test_scores_are_those_of_the_plain_definition(values, window, warm_up):
    settings = HampelSettings(window=window, warm_up=min(warm_up, window), refresh=1)
    expected = plain(values, window, settings.warm_up)
    assert run(Hampel(settings), values) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(st.lists(gauge, min_size=2, max_size=41))
def test_the_deviation_is_found_without_looking_at_all(values):
    ordered = sorted(values)
    middle = median(ordered)
    assert median_of(ordered) == middle
    assert deviation_of(ordered, middle) == pytest.approx(median(abs(each - middle) for each in ordered))


@given(st.lists(gauge, min_size=1, max_size=80), st.integers(0, 80), st.integers(1, 7))
def test_a_restart_changes_nothing(values, at, refresh):
    settings = HampelSettings(window=12, warm_up=3, refresh=refresh)
    whole = Hampel(settings)
    expected = run(whole, values)
    first, second = Hampel(settings), Hampel(settings)
    before = run(first, values[:at])
    second.restore(decode(encode(first.state())))
    assert before + run(second, values[at:], at) == expected
    assert encode(second.state()) == encode(whole.state())


def test_a_jump_stands_out_and_a_steady_slope_does_not():
    random = Random(1)
    values = [0.3 * n + random.gauss(0, 0.01) for n in range(500)]
    values[450:] = [value + 1 for value in values[450:]]
    scores = run(Hampel(), values)
    assert scores[450] > 40
    assert max(scores[100:450] + scores[451:]) < 7


def test_a_jump_out_of_a_flat_line_is_measured_by_the_floor():
    assert run(Hampel(HampelSettings(floor=0.5)), [7.0] * 50 + [9.0])[-1] == 4.0


def test_what_is_not_finite_is_passed_over():
    detector, other = Hampel(), Hampel()
    values = [n % 7 / 10 for n in range(60)]
    got = [detector.feed(n, value) for n, value in enumerate([*values, float("nan"), float("inf"), 5.0])]
    assert got[60:62] == [0.0, 0.0]
    assert got[62] == run(other, [*values, 5.0])[-1] > 5


def test_memory_stays_within_16_kib_and_does_not_grow():
    detector = Hampel()
    run(detector, [Random(2).random() * n for n in range(1000)])
    size = len(encode(detector.state()))
    run(detector, [Random(3).random() * n for n in range(5000)], 1000)
    assert len(encode(detector.state())) <= size + 40 < 8 * 1024
    assert detector._sorted.itemsize * len(detector._sorted) == 3200


def test_a_state_of_another_window_is_refused():
    with pytest.raises(ValueError, match="window: expected 400, got 12"):
        Hampel().restore(Hampel(HampelSettings(window=12)).state())


@pytest.mark.parametrize(
    ("key", "value"), [("window", 1), ("warm_up", 1), ("warm_up", 401), ("refresh", 0), ("floor", 0.0)]
)
def test_settings_that_cannot_be_are_refused(key, value):
    with pytest.raises(ValueError, match=f"{key}: expected .* got {value}"):
        HampelSettings(**{key: value})
