"""Readings that wait for their tick, and windows that slide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.cross.buckets import Buckets
from pipelines.cross.inbox import CAPACITY, Inbox, Latest, usable
from pipelines.events import Source
from pipelines.state import decode, encode

A, B = Source("a", "x"), Source("b", "x")


@pytest.mark.parametrize(
    ("value", "quality", "number"),
    [
        (1, Quality.GOOD, 1.0),
        (True, Quality.GOOD, 1.0),
        (2.5, Quality.SUSPECT, 2.5),
        (2.5, Quality.BAD, None),
        (None, Quality.MISSING, None),
        ("on", Quality.GOOD, None),
        (float("inf"), Quality.GOOD, None),
        (float("nan"), Quality.GOOD, None),
    ],
)
def test_which_readings_are_numbers_to_reckon_with(value, quality, number):
    assert usable(value, quality) == number


def test_what_is_after_the_tick_waits_and_survives_a_restart():
    inbox = Inbox([A, B])
    for at_ms in (10, 20, 30):
        inbox.put(A, at_ms, at_ms / 2, Quality.GOOD)
    inbox.put(B, 20, "open", Quality.GOOD)
    assert list(inbox.numbers(A, 20)) == [(10, 5.0), (20, 10.0)]
    twin = Inbox([A, B])
    twin.restore(decode(encode(inbox.state())))
    assert list(twin.numbers(A, 40)) == [(30, 15.0)]
    assert list(twin.values(B, 20)) == [(20, "open")]
    assert list(twin.values(B, 20)) == []


def test_without_ticks_only_the_latest_wait():
    inbox = Inbox([A])
    for at_ms in range(CAPACITY + 5):
        inbox.put(A, at_ms, 1.0, Quality.GOOD)
    assert next(inbox.numbers(A, 10**9))[0] == 5


def test_the_latest_value_ages():
    latest = Latest([A, B], oldest_ms=100)
    latest.put(A, 1000, 7, Quality.GOOD)
    latest.put(B, 1050, "on", Quality.GOOD)
    assert latest.at(999) == [None, None]
    assert latest.at(1000) == [7, None]
    assert latest.at(1100) == [7, "on"]
    assert latest.numbers(1100) == [7.0, None]
    assert latest.at(1101) == [None, "on"]


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(-1000, 1000)), min_size=1, max_size=80),
    st.integers(1, 10),
    st.integers(0, 80),
)
def test_a_window_is_that_of_its_last_steps(moves, count, restart_at):
    buckets, read, at_ms = Buckets(100, 10), [], 1_000_000
    for n, (wait_ms, value) in enumerate(moves):
        at_ms += wait_ms
        if n == restart_at:
            stored = decode(encode(buckets.state()))
            buckets = Buckets(100, 10)
            buckets.restore(stored)
        buckets.add(at_ms, float(value))
        read.append((at_ms, float(value)))
    last = buckets.step(at_ms)
    inside = [value for when, value in read if when // 100 > last - count]
    found = buckets.summary(last, count)
    assert found == (len(inside), sum(inside), min(inside), max(inside), inside[0], inside[-1])
    assert found.mean == sum(inside) / len(inside)


def test_steps_are_told_one_by_one_and_no_more_than_are_kept():
    buckets = Buckets(100, 4, offset_ms=50)
    for at_ms, value in ((5050, 1.0), (5149, 2.0), (5250, 3.0), (5350, 4.0)):
        buckets.add(at_ms, value)
    last = buckets.step(5350)
    assert [(step - last, each.total) for step, each in buckets.steps(last, 4)] == [
        (-3, 3.0),
        (-1, 3.0),
        (0, 4.0),
    ]
    assert [step - last for step, _ in buckets.steps(last, 2)] == [-1, 0]
    assert [step - last for step, _ in buckets.steps(last, 99)] == [-3, -1, 0]
    assert buckets.summary(last, 99).n == 4
    assert buckets.summary(last, 2).n == 2


def test_an_empty_window_and_another_size():
    buckets = Buckets(100, 4)
    assert buckets.summary(50, 4) is None
    buckets.add(5000, 1.0)
    assert buckets.summary(buckets.step(5400), 4) is None
    with pytest.raises(ValueError, match=r"^steps: expected 5"):
        Buckets(100, 5).restore(buckets.state())
