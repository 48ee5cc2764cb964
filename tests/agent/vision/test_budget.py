"""What a camera may send: per hour, per day, in pictures and bytes, with a share for events."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.vision.budget import DAY_S, HOUR_S, Allowance, Allowances, Budget
from pipelines.state import decode, encode

EPOCH_MS = 1_800_000_000_000


class Clocks:
    def __init__(self) -> None:
        self.s = 1000.0
        self.wall_ms = EPOCH_MS

    def pass_s(self, seconds: float) -> None:
        self.s += seconds
        self.wall_ms += round(seconds * 1000)

    def now(self) -> int:
        return self.wall_ms

    def monotonic(self) -> float:
        return self.s

    def budget(self, *, hour=None, day=None, hour_octets=None, day_octets=None, reserved=0.0) -> Budget:
        allowances = Allowances(
            hour=Allowance(frames=hour, octets=hour_octets),
            day=Allowance(frames=day, octets=day_octets),
            reserved=reserved,
        )
        return Budget(allowances, self.now, self.monotonic)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def sent(budget: Budget, count: int, octets: int = 10, *, event: bool = False) -> int:
    """How many of `count` pictures went out."""
    out = 0
    for _ in range(count):
        if budget.refusal(octets, event=event) is None:
            budget.spend(octets, event=event)
            out += 1
    return out


def test_without_limits_all_go(clocks):
    budget = clocks.budget()
    assert sent(budget, 1000, 10**9) == 1000
    assert budget.room() == math.inf


def test_an_hour_has_its_pictures_and_the_next_one_too(clocks):
    budget = clocks.budget(hour=5)
    assert sent(budget, 8) == 5
    assert budget.refused == 3
    clocks.pass_s(HOUR_S - 1)
    assert budget.refusal() == "the pictures of this hour are used up; more in 1 min"
    clocks.pass_s(1)
    assert sent(budget, 8) == 5


def test_the_day_ends_what_hours_would_allow(clocks):
    budget = clocks.budget(hour=5, day=12)
    out = []
    for _ in range(25):
        out.append(sent(budget, 6))
        clocks.pass_s(HOUR_S)
    assert out == [5, 5, 2, *[0] * 21, 5]


def test_bytes_are_counted_before_they_are_sent(clocks):
    budget = clocks.budget(hour_octets=1000)
    assert sent(budget, 1, 600) == 1
    assert budget.room() == 400
    assert budget.refusal(401) == "the bytes of this hour are used up; more in 60 min"
    assert sent(budget, 1, 400) == 1
    assert budget.refusal() is not None


def test_the_reserved_share_is_for_events(clocks):
    budget = clocks.budget(hour=8, reserved=0.25)
    assert sent(budget, 10) == 6
    assert sent(budget, 10, event=True) == 2
    assert (budget.refused, budget.refused_events) == (4, 8)


def test_events_take_their_share_first(clocks):
    budget = clocks.budget(hour_octets=8000, reserved=0.25)
    assert sent(budget, 2, 1000, event=True) == 2
    assert sent(budget, 10, 1000) == 6


def test_one_picture_an_hour_is_not_reserved_away(clocks):
    assert sent(clocks.budget(hour=1, reserved=0.25), 3) == 1


@pytest.mark.parametrize("step_ms", [-(10**12), -3_600_000, 3_600_000, 10**12])
def test_a_clock_that_is_set_gives_and_takes_nothing(clocks, step_ms):
    budget = clocks.budget(hour=5)
    assert sent(budget, 5) == 5
    clocks.wall_ms += step_ms
    assert sent(budget, 5) == 0
    clocks.pass_s(HOUR_S)
    assert sent(budget, 9) == 5


def restarted(clocks: Clocks, budget: Budget, *, away_s: float, set_ms: int = 0, **limits) -> Budget:
    kept = decode(encode(budget.state()))
    clocks.s = 5.0
    clocks.wall_ms += round(away_s * 1000) + set_ms
    new = clocks.budget(**limits)
    new.restore(kept)
    return new


def test_a_restart_grants_nothing(clocks):
    budget = clocks.budget(hour=5, day=7)
    sent(budget, 6)
    clocks.pass_s(600)
    budget = restarted(clocks, budget, away_s=600, hour=5, day=7)
    assert (sent(budget, 5), budget.refused, budget.spent()) == (0, 6, {"hour": (5, 50), "day": (5, 50)})
    clocks.pass_s(HOUR_S - 1200)
    assert sent(budget, 5) == 2


def test_a_restart_without_a_clock_counts_no_time(clocks):
    budget = clocks.budget(hour=5)
    sent(budget, 5)
    clocks.pass_s(600)
    budget = restarted(clocks, budget, away_s=5 * HOUR_S, set_ms=-EPOCH_MS, hour=5)
    clocks.pass_s(HOUR_S - 601)
    assert sent(budget, 1) == 0
    clocks.pass_s(1)
    assert sent(budget, 5) == 5


def test_a_day_off_is_a_new_day(clocks):
    budget = clocks.budget(day=3)
    sent(budget, 3)
    assert sent(restarted(clocks, budget, away_s=DAY_S, day=3), 5) == 3


@pytest.mark.parametrize("spoilt", [{}, {"at_ms": 5, "refused": [0, 0], "meters": {}}, {"at_ms": None}])
def test_another_versions_state_leaves_it_as_new(clocks, spoilt):
    budget = clocks.budget(hour=2)
    with pytest.raises((ValueError, KeyError, TypeError)):
        budget.restore(spoilt)
    assert sent(budget, 3) == 2


TAKES = st.lists(st.tuples(st.floats(0, 3000), st.integers(0, 400), st.booleans()), max_size=80)


@given(TAKES, st.integers(1, 6), st.integers(1, 1000), st.floats(0, 1))
def test_no_hour_has_more_than_it_may_and_scheduled_ones_leave_the_reserve(takes, frames, octets, reserved):
    clocks = Clocks()
    budget = clocks.budget(hour=frames, hour_octets=octets, reserved=reserved)
    for passed_s, size, event in takes:
        clocks.pass_s(passed_s)
        if budget.refusal(size, event=event) is None:
            budget.spend(size, event=event)
        spent_frames, spent_octets = budget.spent()["hour"]
        assert spent_frames <= frames
        assert spent_octets <= octets


@given(TAKES, TAKES)
def test_it_goes_on_over_a_restart(before, after):
    clocks = Clocks()
    limits = {"hour": 4, "day": 9, "hour_octets": 900, "reserved": 0.3}
    budget, fresh = clocks.budget(**limits), clocks.budget(**limits)
    for passed_s, size, event in before:
        clocks.pass_s(round(passed_s))
        if budget.refusal(size, event=event) is None:
            budget.spend(size, event=event)
    fresh.restore(decode(encode(budget.state())))
    for passed_s, size, event in after:
        clocks.pass_s(round(passed_s))
        assert budget.refusal(size, event=event) == fresh.refusal(size, event=event)
        assert budget.spent() == fresh.spent()
