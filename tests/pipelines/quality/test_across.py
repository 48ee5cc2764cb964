import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.quality.across import JumpLimits, MultiVariate, Neighbour, NeighbourLimits
from pipelines.state import decode, encode

HOUR_MS = 3_600_000
START_MS = 1_767_225_600_000


def calm(seed, count=60, scale=0.01):
    source = random.Random(seed)
    return [2.0 + source.gauss(0.0, scale) for _ in range(count)]


def fed(check, own, *others):
    """The last flag; one value each 15 minutes."""
    flag = None
    for index, (value, *beside) in enumerate(zip(own, *others, strict=True)):
        flag = check.feed(START_MS + index * HOUR_MS // 4, value, beside)
    return flag


LIMITS = JumpLimits(k=5.0, floors=(0.0, 0.0))


@pytest.mark.parametrize(
    ("own", "first", "second", "flag"),
    [
        (2.0, 2.0, 2.0, 1),
        (3.0, 2.0, 2.0, 3),  # alone
        (3.0, 2.0, 3.0, 1),  # with one other
        (2.0, 3.0, 3.0, 1),
        (3.0, None, 2.0, 3),
        (3.0, None, None, 2),
        (2.0, None, None, 1),
        (None, 3.0, 3.0, 9),
    ],
)
def test_a_jump_that_no_other_shares_is_suspect(own, first, second, flag):
    series = ([*calm(1), own], [*calm(2), first], [*calm(3), second])
    assert fed(MultiVariate(LIMITS), *series) == flag


def test_a_jump_is_counted_in_deviations_of_the_window():
    assert fed(MultiVariate(LIMITS), [*calm(1, scale=0.5), 3.0], *([[*calm(2), 2.0]] * 2)) == 1
    lively_long_ago = [*calm(1, 200, 0.5), *calm(4, 110), 3.0]
    assert fed(MultiVariate(LIMITS), lively_long_ago, *([[*calm(2, 310), 2.0]] * 2)) == 3


def test_a_series_that_stands_still_needs_a_floor():
    still = [2.0] * 60
    others = ([2.0] * 61, [2.0] * 61)
    assert fed(MultiVariate(LIMITS), [*still, 2.001], *others) == 2
    floored = JumpLimits(k=5.0, floor=0.001, floors=(0.001, 0.001))
    assert fed(MultiVariate(floored), [*still, 2.001], *others) == 1
    assert fed(MultiVariate(floored), [*still, 2.1], *others) == 3


def test_a_few_values_say_nothing():
    assert fed(MultiVariate(LIMITS), [*calm(1, 9), 5.0], *([[*calm(2, 9), 2.0]] * 2)) == 2
    assert fed(MultiVariate(LIMITS), [*calm(1, 10), 5.0], *([[*calm(2, 10), 2.0]] * 2)) == 3


cells = st.none() | st.integers(-8, 8).map(lambda number: number / 4)


@given(st.lists(st.tuples(cells, cells, cells), max_size=60), st.integers(0, 60))
def test_a_restart_changes_nothing(rows, cut):
    limits = JumpLimits(window_ms=4 * HOUR_MS, floors=(0.0, 0.0), min_n=2)
    whole, other = MultiVariate(limits), MultiVariate(limits)
    for index, (own, *beside) in enumerate(rows):
        if index == cut:
            state = decode(encode(other.state()))
            other = MultiVariate(limits)
            other.restore(state)
        at_ms = START_MS + index * HOUR_MS // 4
        assert other.feed(at_ms, own, beside) == whole.feed(at_ms, own, beside)
    assert encode(other.state()) == encode(whole.state())


def test_it_takes_no_state_made_under_other_limits():
    with pytest.raises(ValueError, match="limits: expected"):
        MultiVariate(LIMITS).restore(MultiVariate(JumpLimits()).state())


@pytest.mark.parametrize(
    ("own", "others", "flag"),
    [
        (2.0, (2.0, 2.25, 1.75), 1),
        (2.5, (2.0, None, 2.0), 1),
        (2.75, (2.0, None, 9.0, 2.0), 3),
        (3.25, (2.0, 2.0), 4),
        (0.75, (2.0, 2.0), 4),
        (2.0, (2.0, None), 2),
        (None, (2.0, 2.0), 9),
    ],
)
def test_a_neighbour_far_from_the_others_median(own, others, flag):
    check = Neighbour(NeighbourLimits(suspect=0.5, fail=1.0, min_n=2))
    assert check.feed(START_MS, own, others) == flag


def test_a_neighbour_with_a_known_offset_and_no_fail():
    check = Neighbour(NeighbourLimits(suspect=0.5, offset=10.0))
    assert [check.feed(START_MS, own, (2.0,)) for own in (12.25, 11.0, 20.0)] == [1, 3, 3]
    check.restore(decode(encode(check.state())))


@pytest.mark.parametrize(
    ("make", "wrong", "message"),
    [
        (JumpLimits, {"k": 0.0}, "k: expected a number above 0, got 0.0"),
        (JumpLimits, {"floors": ()}, "floors: expected one for each other series, got none"),
        (JumpLimits, {"floors": (-1.0,)}, "floors: expected 0 or more, got -1.0"),
        (JumpLimits, {"window_ms": 5}, "window_ms: expected at least 25, got 5"),
        (JumpLimits, {"min_n": 1}, "min_n: expected at least 2, got 1"),
        (NeighbourLimits, {"suspect": 0.0}, "suspect: expected a number above 0, got 0.0"),
        (NeighbourLimits, {"suspect": 1.0, "fail": 1.0}, "fail: expected more than suspect 1.0, got 1.0"),
        (
            NeighbourLimits,
            {"suspect": 1.0, "offset": float("nan")},
            "offset: expected a finite number, got nan",
        ),
        (NeighbourLimits, {"suspect": 1.0, "min_n": 0}, "min_n: expected at least 1, got 0"),
    ],
)
def test_a_wrong_limit_is_named(make, wrong, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(**wrong)
