"""When each unit of a bus is asked: pure, so played through on a clock of its own."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from drivers.schedule import LONGEST_PROBE_WAIT_S, Schedule


def play(intervals, cost_s, dead, until):
    """Polls answered and seconds wasted by device, on a bus where the dead cost their timeout."""
    schedule, now = Schedule(intervals, 0.0), 0.0
    answered: Counter[str] = Counter()
    wasted: Counter[str] = Counter()
    while now < until:
        device, due = schedule.next()
        now = max(now, due)
        if now >= until:
            break
        if device in dead:
            now += dead[device]
            wasted[device] += dead[device]
            schedule.silent(device, now, dead[device])
        else:
            now += cost_s
            answered[device] += 1
            schedule.answered(device, now)
    return answered, wasted, schedule


def test_polls_do_not_drift():
    answered, _, schedule = play({"a": 1.0}, 0.3, {}, 60.0)
    assert answered["a"] == 60
    assert schedule.slots["a"].due == 60.0


def test_one_dead_unit_leaves_the_others_95_percent():
    intervals = {"dead": 1.0, "a": 1.0, "b": 1.0, "c": 1.0}
    answered, wasted, _ = play(intervals, 0.05, {"dead": 0.55}, 60.0)
    assert all(answered[device] >= 57 for device in "abc")
    assert wasted["dead"] <= 0.05 * 60 + 2 * 0.55


def test_a_unit_never_heard_costs_one_time_out_before_it_is_only_probed():
    answered, wasted, _ = play({"dead": 1.0, "a": 1.0}, 0.05, {"dead": 3.0}, 60.0)
    assert wasted["dead"] == 3.0
    assert answered["a"] >= 57


def test_many_dead_units_together_keep_to_their_share():
    dead = {f"dead{i}": 0.5 for i in range(5)}
    answered, wasted, _ = play({"a": 1.0, **dict.fromkeys(dead, 1.0)}, 0.05, dead, 600.0)
    assert answered["a"] >= 0.95 * 600
    assert sum(wasted.values()) <= 0.05 * 600 + 2 * 0.5 * 5 + 2.5


def test_a_unit_that_is_back_is_polled_at_its_interval_at_once():
    schedule = Schedule({"a": 1.0}, 0.0)
    for now in (0.5, 1.5):
        schedule.silent("a", now, 0.5)
    assert schedule.slots["a"].offline
    schedule.answered("a", 20.0)
    assert not schedule.slots["a"].offline
    assert schedule.next() == ("a", 21.0)


def test_a_poll_that_cannot_be_held_is_skipped_and_counted():
    schedule = Schedule({"a": 1.0}, 0.0)
    schedule.answered("a", 3.5)
    assert schedule.next() == ("a", 4.0)
    assert schedule.slots["a"].missed == 3


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0.2, 30), min_size=1),
    st.lists(st.tuples(st.booleans(), st.floats(0.001, 3)), max_size=200),
)
def test_the_next_deadline_is_never_in_the_past_and_probes_come_within_a_minute(intervals, story):
    schedule, now = Schedule(intervals, 0.0), 0.0
    for ok, cost_s in story:
        device, due = schedule.next()
        now = max(now, due) + cost_s
        if ok:
            schedule.answered(device, now)
        else:
            schedule.silent(device, now, cost_s)
        slot = schedule.slots[device]
        assert slot.due > now - 1e-9
        assert slot.due <= now + max(slot.every_s, LONGEST_PROBE_WAIT_S) + 1e-9


def test_a_hastened_unit_is_asked_besides_its_regular_polls_and_keeps_their_beat():
    schedule = Schedule({"gauge": 60.0}, now=0.0)
    schedule.answered("gauge", 0.1)
    schedule.hasten("gauge", 0.1, 5.0, times=3)
    polls = []
    for _ in range(5):
        device, due = schedule.next()
        polls.append(round(due, 1))
        schedule.answered(device, due)
    assert polls == [5.1, 10.1, 15.1, 60.0, 120.0]
    assert schedule.slots["gauge"].missed == 0


def test_a_hastened_poll_that_meets_the_regular_one_counts_for_both():
    schedule = Schedule({"gauge": 10.0}, now=0.0)
    schedule.answered("gauge", 0.0)
    schedule.hasten("gauge", 0.0, 6.0, times=2)
    schedule.answered("gauge", schedule.next()[1])
    assert schedule.next() == ("gauge", 10.0)
    schedule.answered("gauge", 12.5)
    assert schedule.next() == ("gauge", 20.0)


def test_a_unit_that_falls_silent_is_not_hurried_any_more():
    schedule = Schedule({"gauge": 10.0}, now=0.0)
    schedule.answered("gauge", 0.0)
    schedule.hasten("gauge", 0.0, 1.0, times=4)
    schedule.silent("gauge", 1.0, 0.5)
    assert schedule.next() == ("gauge", 10.0)
