"""Which way a picture is taken, and why."""

from __future__ import annotations

from itertools import pairwise

import pytest

from agent.vision.choice import AGAIN_S, FAILURES, LONGEST_AGAIN_S, PROBE_S, Choice, Offer
from drivers.frames import Way

BOTH = Offer(snapshot=True, stream=True, key_s=2.0)
STREAM = Offer(snapshot=False, stream=True, key_s=2.0)


class Ticking:
    def __init__(self) -> None:
        self.s = 50.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def choice(clock) -> Choice:
    return Choice("north", None, clock)


def break_down(choice: Choice, way: Way, reason: str = "refused") -> None:
    for _ in range(FAILURES):
        choice.failed(way, reason)


def test_a_snapshot_is_the_cheapest(choice):
    assert choice.choose(BOTH, 10) == (Way.SNAPSHOT, "the cheapest, and it works")


@pytest.mark.parametrize(
    ("every_s", "key_s", "way"),
    [
        (10, 2, Way.CONNECT), (7, 2, Way.CONNECT), (6.9, 2, Way.HOLD), (2, 2, Way.HOLD), (7, 0, Way.CONNECT),
        (10, 10, Way.HOLD), (11, 10, Way.CONNECT),
    ],
)  # fmt: skip
def test_without_one_the_period_decides_and_how_long_a_connection_waits(choice, every_s, key_s, way):
    chosen, why = choice.choose(Offer(snapshot=False, stream=True, key_s=key_s), every_s)
    assert chosen is way
    assert why.startswith("the camera offers no snapshots; at a picture each")


def test_key_frames_that_are_too_seldom_are_said(choice):
    assert choice.choose(Offer(snapshot=False, stream=True, key_s=10), 5)[1].endswith("comes only each 10 s")


def test_the_operators_way_is_kept_to(clock):
    choice = Choice("north", Way.HOLD, clock)
    break_down(choice, Way.HOLD)
    assert choice.choose(BOTH, 3600) == (Way.HOLD, "as configured")


def test_a_failure_now_and_then_changes_nothing(choice):
    for _ in range(10):
        for _ in range(FAILURES - 1):
            choice.failed(Way.SNAPSHOT, "timeout")
        choice.worked(Way.SNAPSHOT)
    assert choice.choose(BOTH, 10)[0] is Way.SNAPSHOT


def test_what_fails_repeatedly_is_left_and_tried_again_later(choice, clock):
    break_down(choice, Way.SNAPSHOT)
    way, why = choice.choose(BOTH, 10)
    assert way is Way.CONNECT
    assert why.startswith("snapshot failed 3 times (refused), tried again in 10 min; at a picture each 10 s")
    clock.s += AGAIN_S
    assert choice.choose(BOTH, 10)[0] is Way.SNAPSHOT
    choice.worked(Way.SNAPSHOT)
    assert choice.choose(BOTH, 10) == (Way.SNAPSHOT, "the cheapest, and it works")


def test_each_vain_try_makes_the_rest_longer(choice, clock):
    break_down(choice, Way.SNAPSHOT)
    rests = []
    for _ in range(8):
        began = clock.s
        while (way := choice.choose(BOTH, 10)[0]) is not Way.SNAPSHOT:
            choice.worked(way)
            clock.s += 60
        rests.append(clock.s - began)
        choice.failed(Way.SNAPSHOT, "timeout")
    assert rests[:3] == [AGAIN_S, 2 * AGAIN_S, 4 * AGAIN_S]
    assert rests[-1] == LONGEST_AGAIN_S


def test_a_stream_that_cannot_be_connected_to_each_time_is_held(choice):
    break_down(choice, Way.CONNECT, "timeout")
    way, why = choice.choose(STREAM, 60)
    assert way is Way.HOLD
    assert "connect failed 3 times (timeout)" in why


def test_where_everything_fails_all_are_tried_in_turn(choice, clock):
    tried = set()
    for _ in range(200):
        way, _ = choice.choose(BOTH, 10)
        tried.add(way)
        choice.failed(way, "timeout")
        clock.s += 60
    assert tried == set(Way)


def test_after_a_start_the_cheapest_is_never_long_untried(choice, clock):
    tried = []
    for _ in range(20):
        way, _ = choice.choose(BOTH, 10)
        tried.append(way)
        choice.failed(way, "garbled")
        clock.s += 30
    assert all(Way.SNAPSHOT in pair for pair in pairwise(tried))


def test_where_everything_fails_what_worked_last_is_never_long_untried(choice, clock):
    choice.worked(Way.SNAPSHOT)
    tried = []
    for _ in range(60):
        clock.s += 60
        way, _ = choice.choose(BOTH, 10)
        tried.append(way)
        choice.failed(way, "timeout")
    assert set(tried) == set(Way)
    assert tried[: FAILURES + 1] == [*[Way.SNAPSHOT] * FAILURES, Way.CONNECT]
    assert all(Way.SNAPSHOT in pair for pair in pairwise(tried))
    assert choice.choose(BOTH, 10)[1].startswith("every way failed")
    choice.worked(Way.SNAPSHOT)
    assert choice.choose(BOTH, 10) == (Way.SNAPSHOT, "the cheapest, and it works")


def test_a_camera_without_anything_says_so(choice):
    assert (
        choice.choose(Offer(snapshot=False, stream=False), 10)[1]
        == "the camera offers neither snapshots nor a stream"
    )


def test_the_stream_is_looked_at_now_and_then_while_snapshots_are_taken(choice, clock):
    due_s = choice.probe_due_s(Way.SNAPSHOT, BOTH)
    assert clock.s <= due_s <= clock.s + PROBE_S
    clock.s = due_s
    choice.probed()
    assert choice.probe_due_s(Way.SNAPSHOT, BOTH) == due_s + PROBE_S
    assert choice.probe_due_s(Way.CONNECT, BOTH) is None
    assert choice.probe_due_s(Way.SNAPSHOT, Offer(snapshot=True, stream=False)) is None


def test_twenty_cameras_are_looked_at_one_after_the_other(clock):
    due = {int(Choice(f"camera-{each}", None, clock).probe_due_s(Way.SNAPSHOT, BOTH)) for each in range(20)}
    assert len(due) >= 18
