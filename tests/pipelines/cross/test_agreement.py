"""Gauges of one quantity that must agree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cross.agreement import AgreeRule, AgreeSettings
from pipelines.events import Phase, Severity, Source

MINUTE = 60_000
T0 = 1_780_272_000_000
A, B, C, D = (Source(f"gauge{n}", "water_level") for n in "abcd")


def make(*members, **changes):
    return lambda: AgreeRule(AgreeSettings(members=members, **({"raise_ms": 0, "clear_ms": 0} | changes)))


def levels(*rows, every_ms=MINUTE, members=(A, B, C, D)):
    return [
        (member, T0 + n * every_ms, value)
        for n, row in enumerate(rows)
        for member, value in zip(members, row, strict=False)
        if value is not None
    ]


def told(events):
    return [(event.source, event.phase, event.severity) for event in events]


@pytest.mark.parametrize(
    ("apart", "severity"),
    [(0.0, None), (0.03125, Severity.WATCH), (0.046875, Severity.WATCH), (0.0625, Severity.WARNING)],
)
def test_two_gauges_at_3_and_5_cm(play, apart, severity):
    events = play(make(A, B), levels((1.0, 1.0 + apart)), T0)
    assert told(events) == ([(A, Phase.OPENED, severity)] if severity is not None else [])


def test_exactly_the_limit_is_not_apart(play):
    exact = make(A, B, suspect=0.25, fail=0.5)
    assert play(exact, levels((1.0, 1.25)), T0) == []
    assert told(play(exact, levels((1.0, 1.5)), T0)) == [(A, Phase.OPENED, Severity.WATCH)]


def test_two_gauges_get_worse_better_and_agree(play):
    rows = [(1.0, 1.0), (1.0, 1.04), (1.0, 1.2), (1.0, 1.04), (1.0, 1.0)]
    events = play(make(A, B), levels(*rows), T0 + 5 * MINUTE)
    assert told(events) == [
        (A, Phase.OPENED, Severity.WATCH),
        (A, Phase.UPDATED, Severity.WARNING),
        (A, Phase.UPDATED, Severity.WATCH),
        (A, Phase.CLOSED, Severity.WATCH),
    ]
    assert events[1].detail == {"apart": 0.2, "level": "fail", "other": "gaugeb.water_level"}


def test_of_three_the_one_that_is_off_is_named(play):
    rows = [(1.0, 1.01, 1.5), (1.0, 1.01, 1.5)]
    (event,) = play(make(A, B, C), levels(*rows), T0 + 2 * MINUTE)
    assert event.source == C
    assert event.baseline == 1.01
    assert event.detail["members"] == 3


def test_fewer_than_three_known_are_no_majority(play):
    assert play(make(A, B, C), levels((1.0, None, 1.5)), T0 + MINUTE) == []
    (event,) = play(make(A, B, C, D), levels((1.0, None, 1.5, 1.0)), T0 + MINUTE)
    assert event.source == C


def test_a_rising_river_read_at_different_times_is_given_its_dwell(play):
    readings = [
        (member, T0 + n * 5 * MINUTE + late, 1.0 + (n * 5 * MINUTE + late) / MINUTE * 0.01)
        for n in range(12)
        for member, late in ((A, 0), (B, 4 * MINUTE))
    ]
    assert play(make(A, B, raise_ms=15 * MINUTE), readings, T0 + 56 * MINUTE) == []
    assert play(make(A, B), readings, T0 + 56 * MINUTE) != []


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 8)] * 3), min_size=3, max_size=30),
    st.lists(st.integers(0, 2 * MINUTE), min_size=3, max_size=3),
    st.integers(0, 120),
)
def test_neither_the_order_of_arrival_nor_a_restart_changes_anything(play, rows, aheads, restart_at):
    made = make(A, B, C, raise_ms=MINUTE)
    readings = levels(*[[value / 64 for value in row] for row in rows])
    until = T0 + len(rows) * MINUTE
    plain = play(made, readings, until)
    ahead = dict(zip((A, B, C), aheads, strict=True))
    assert play(made, readings, until, from_ms=T0, ahead_ms=ahead) == plain
    assert play(made, readings, until, restart_at=restart_at) == plain


@pytest.mark.parametrize("members", [(), (A,), (A, A)])
def test_one_gauge_agrees_with_nobody(members):
    with pytest.raises(ValueError, match=r"^members: expected two or more"):
        make(*members)()


def test_the_fail_limit_is_not_under_the_other():
    with pytest.raises(ValueError, match=r"^fail: expected at least"):
        make(A, B, suspect=0.1, fail=0.05)()
