"""Jumps are scored from the first hour on, and by the ordinary day as soon as one is known."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.anomaly.everyday import DAY_MS, THRESHOLDS, Everyday
from pipelines.anomaly.first_days import FirstDays
from pipelines.anomaly.hampel import THRESHOLDS as HAMPEL_THRESHOLDS
from pipelines.anomaly.hampel import Hampel
from pipelines.state import decode, encode

EVERY_MS = 900_000


def wobble(number: int) -> float:
    return 2.0 + 0.001 * (number * 7 % 5)


def test_a_jump_on_the_first_day_passes_the_threshold_where_hampel_passes_its_own():
    first, hampel = FirstDays(THRESHOLDS[1.0], HAMPEL_THRESHOLDS[1.0]), Hampel()
    for number in range(40):
        first.feed(number * EVERY_MS, wobble(number))
        hampel.feed(number * EVERY_MS, wobble(number))
    score, z = first.feed(40 * EVERY_MS, 3.0), hampel.feed(40 * EVERY_MS, 3.0)
    assert score > THRESHOLDS[1.0]
    assert z > HAMPEL_THRESHOLDS[1.0]
    assert score == pytest.approx(
        min(z * THRESHOLDS[1.0] / HAMPEL_THRESHOLDS[1.0], log2(0.996 / 0.002)), rel=1e-3
    )


def test_one_step_of_the_resolution_out_of_a_flat_line_is_nothing():
    first = FirstDays(THRESHOLDS[1.0], HAMPEL_THRESHOLDS[1.0])
    scores = [first.feed(n * 10_000, 2.15 + 0.01 * (n % 50 > 25)) for n in range(1000)]
    assert max(scores) < 0.1


def test_from_the_second_day_on_the_ordinary_day_decides_and_hampel_is_let_go():
    first, everyday = FirstDays(THRESHOLDS[1.0], HAMPEL_THRESHOLDS[1.0]), Everyday()
    for number in range(3 * DAY_MS // EVERY_MS):
        at_ms = number * EVERY_MS
        value = wobble(number) + (1.0 if number == 250 else 0.0)
        score, alone = first.feed(at_ms, value), everyday.feed(at_ms, value)
        if at_ms >= DAY_MS:
            assert score == alone
    assert first.state()["hampel"] is None


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=150), st.data())
def test_it_goes_on_after_a_restart_as_if_there_had_been_none(values, data):
    cut = data.draw(st.integers(0, len(values) - 1))
    whole, first = (
        FirstDays(THRESHOLDS[2.0], HAMPEL_THRESHOLDS[2.0]),
        FirstDays(THRESHOLDS[2.0], HAMPEL_THRESHOLDS[2.0]),
    )
    for number, value in enumerate(values):
        if number == cut:
            before, first = first, FirstDays(THRESHOLDS[2.0], HAMPEL_THRESHOLDS[2.0])
            first.restore(decode(encode(before.state())))
        assert whole.feed(number * EVERY_MS, value / 8) == first.feed(number * EVERY_MS, value / 8)


def test_another_operating_point_does_not_take_its_state():
    with pytest.raises(ValueError, match="scale"):
        FirstDays(THRESHOLDS[1.0], HAMPEL_THRESHOLDS[1.0]).restore(
            FirstDays(THRESHOLDS[0.5], HAMPEL_THRESHOLDS[0.5]).state()
        )
