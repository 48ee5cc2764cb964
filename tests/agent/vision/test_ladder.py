"""How far a camera has got: rises and falls, and no word for what did not last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.vision.ladder import FROZEN, LEAST_MISSES, MISSES, PATIENCE_S, STILL_S, Ladder, Step

EPOCH_MS = 1_800_000_000_000


class Passing:
    """A clock of the test: seconds since its start."""

    def __init__(self) -> None:
        self.s = 0.0

    def now(self) -> int:
        return EPOCH_MS + round(self.s * 1000)

    def monotonic(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Passing:
    return Passing()


@pytest.fixture
def ladder(clock) -> Ladder:
    return Ladder(clock.now, clock.monotonic)


@pytest.fixture
def up(ladder, clock) -> Ladder:
    """One that has got to the top, a minute ago."""
    assert ladder.reached(Step.CHANGING).step is Step.CHANGING
    clock.s += 60
    return ladder


def test_the_top_is_told_at_once_and_once(ladder):
    change = ladder.reached(Step.CHANGING)
    assert (change.step, change.before, change.reason, change.at_ms) == (
        Step.CHANGING,
        Step.STARTING,
        "",
        EPOCH_MS,
    )
    assert ladder.reached(Step.CHANGING) is None
    assert ladder.reached(Step.REACHABLE) is None
    assert ladder.step is Step.CHANGING


def test_one_failed_picture_is_no_fall_however_long_ago(up, clock):
    assert up.fell(Step.AUTHORISED, "timeout", "no picture within 5 s") is None
    clock.s += 1000
    assert up.settle() is None
    assert up.reached(Step.CHANGING) is None


def test_failures_in_a_row_are_a_fall(up):
    told = [up.fell(Step.AUTHORISED, "garbled", "no JPEG") for _ in range(MISSES)]
    assert told[:-1] == [None] * (MISSES - 1)
    assert (told[-1].step, told[-1].before) == (Step.AUTHORISED, Step.CHANGING)
    assert (told[-1].reason, told[-1].message, told[-1].held_ms) == ("garbled", "no JPEG", 60_000)
    assert up.fell(Step.AUTHORISED, "garbled", "no JPEG") is None
    assert (up.reason, up.message) == ("garbled", "no JPEG")


def test_two_seldom_failures_are_a_fall_too(up, clock):
    up.fell(Step.AUTHORISED, "timeout", "")
    clock.s += PATIENCE_S
    assert up.fell(Step.AUTHORISED, "timeout", "").step is Step.AUTHORISED


def test_the_network_is_given_the_time_of_the_reconnects(up, clock):
    for _ in range(15):
        assert up.fell(Step.UNREACHABLE, "closed", "no route") is None
        clock.s += 1
    change = up.fell(Step.UNREACHABLE, "closed", "no route")
    assert (change.step, change.reason) == (Step.UNREACHABLE, "closed")


def test_a_failure_higher_up_does_not_excuse_one_below_nor_the_other_way_round(up, clock):
    """The stream fails while the address answers: whoever says REACHABLE says nothing of the stream."""
    for _ in range(MISSES - 1):
        assert up.fell(Step.AUTHORISED, "timeout", "") is None
        assert up.reached(Step.REACHABLE) is None
    assert up.fell(Step.AUTHORISED, "timeout", "").step is Step.AUTHORISED


def test_mixed_failures_fall_to_the_highest_rung_that_held(up):
    """Each reached at least the address; all missed the stream."""
    assert up.fell(Step.REACHABLE, "unauthorised", "") is None
    assert up.fell(Step.AUTHORISED, "timeout", "") is None
    assert up.fell(Step.REACHABLE, "unauthorised", "401").step is Step.AUTHORISED


def test_a_new_reason_on_the_same_rung_is_told_once_it_lasts(up):
    for _ in range(MISSES):
        up.fell(Step.AUTHORISED, "timeout", "")
    told = [up.fell(Step.AUTHORISED, "refused", "HTTP 503") for _ in range(MISSES)]
    assert told[:-1] == [None] * (MISSES - 1)
    assert (told[-1].step, told[-1].before, told[-1].reason) == (Step.AUTHORISED, Step.AUTHORISED, "refused")


def test_reasons_that_alternate_are_told_once(up):
    told = []
    for _ in range(20):
        told += [up.fell(Step.AUTHORISED, "timeout", ""), up.fell(Step.AUTHORISED, "closed", "")]
    assert len([change for change in told if change]) == 1


def test_coming_back_is_told_once_with_the_reason_it_was_away(up, clock):
    for _ in range(17):
        up.fell(Step.UNREACHABLE, "closed", "no route")
        clock.s += 1
    assert up.step is Step.UNREACHABLE
    clock.s += 100
    told = [up.reached(step) for step in (Step.REACHABLE, Step.AUTHORISED, Step.STREAMING, Step.CHANGING)]
    assert told[:-1] == [None] * 3
    assert (told[-1].step, told[-1].before, told[-1].reason) == (Step.CHANGING, Step.UNREACHABLE, "")
    assert told[-1].message == "after 102 s; the reason was: closed"
    assert (up.reason, up.message) == ("", "")


def test_back_halfway_is_told_with_what_is_missing_now(up, clock):
    for _ in range(17):
        up.fell(Step.UNREACHABLE, "closed", "no route")
        clock.s += 1
    assert up.reached(Step.REACHABLE) is None
    told = [up.fell(Step.REACHABLE, "unauthorised", "wrong password") for _ in range(MISSES)]
    assert told[:-1] == [None] * (MISSES - 1)
    assert (told[-1].step, told[-1].before, told[-1].reason) == (
        Step.REACHABLE,
        Step.UNREACHABLE,
        "unauthorised",
    )


def test_a_camera_that_was_never_there_is_told_after_the_reconnects(ladder, clock):
    assert ladder.fell(Step.UNREACHABLE, "closed", "no route") is None
    clock.s += PATIENCE_S
    change = ladder.settle()
    assert (change.step, change.before, change.reason) == (Step.UNREACHABLE, Step.STARTING, "closed")


def test_the_first_picture_alone_is_told_after_a_while(ladder, clock):
    """The second, which shows whether they change, may be an hour away."""
    assert ladder.reached(Step.STREAMING) is None
    clock.s += PATIENCE_S
    assert ladder.settle().step is Step.STREAMING
    assert ladder.reached(Step.CHANGING).step is Step.CHANGING


def test_the_same_picture_for_a_minute_is_a_fall(up, clock):
    since_ms = clock.now()
    told = []
    while not any(told):
        clock.s += 10
        told.append(up.unchanged(since_ms))
    assert clock.now() - since_ms == (STILL_S + 10 * (MISSES - 1)) * 1000
    assert (told[-1].step, told[-1].reason) == (Step.STREAMING, FROZEN)
    assert "80 s" in told[-1].message
    assert up.reached(Step.CHANGING).step is Step.CHANGING


def test_what_never_was_is_not_frozen(ladder, clock):
    assert ladder.unchanged(clock.now()) is None
    clock.s += 5
    assert ladder.reached(Step.CHANGING).step is Step.CHANGING


SEEN = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 5.0, 20.0]),
        st.sampled_from([step for step in Step if step]),
        st.sampled_from(["", "", "timeout", "closed"]),
    )
)


@given(SEEN)
def test_whatever_happens_only_news_is_told_and_each_fall_has_a_reason(seen):
    clock = Passing()
    ladder = Ladder(clock.now, clock.monotonic)
    step, reason = Step.STARTING, ""
    for passed_s, at, why in seen:
        clock.s += passed_s
        change = ladder.fell(at, why, why) if why and at < Step.CHANGING else ladder.reached(at)
        if change:
            assert change.before is step
            assert (change.step, change.reason) != (step, reason)
            assert change.reason or change.step > step
            step, reason = change.step, change.reason
        assert (ladder.step, ladder.reason) == (step, reason)


@given(SEEN, st.sampled_from([step for step in Step if Step.STARTING < step < Step.CHANGING]))
def test_whatever_happened_before_what_lasts_is_told(seen, at):
    clock = Passing()
    ladder = Ladder(clock.now, clock.monotonic)
    for passed_s, step, why in seen:
        clock.s += passed_s
        _ = ladder.fell(step, why, why) if why and step < Step.CHANGING else ladder.reached(step)
    for _ in range(20):
        clock.s += 1
        ladder.fell(at, "gone", "gone")
    assert (ladder.step, ladder.reason) == (at, "gone")
    clock.s += 1
    assert (ladder.reached(Step.CHANGING).step, ladder.reason) == (Step.CHANGING, "")


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, LEAST_MISSES - 1)), max_size=40))
def test_flaps_are_never_told(flaps):
    clock = Passing()
    ladder = Ladder(clock.now, clock.monotonic)
    ladder.reached(Step.CHANGING)
    for passed_s, misses in flaps:
        for _ in range(misses):
            clock.s += passed_s
            assert ladder.fell(Step.UNREACHABLE, "closed", "") is None
        assert ladder.reached(Step.CHANGING) is None
