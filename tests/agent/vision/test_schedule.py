"""When pictures are due: evenly, apart from the other cameras', in the hours, and faster on an event."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.vision.schedule import DAY_MIN, FIRST_WITHIN_S, Plan, Schedule, Window, phase


def turns(
    schedule: Schedule, start_s: float, end_s: float, *, midnight_s: float = 0.0, late_s=0.0, **facts
) -> list[float]:
    """When pictures are taken by one who waits for what is due, and asks each minute at least."""
    taken, now_s = [], start_s
    while now_s < end_s:
        minute = (now_s - midnight_s) / 60 % DAY_MIN
        due_s = schedule.due(now_s, minute=minute, **facts)
        if due_s <= now_s:
            taken.append(now_s)
            now_s += late_s
            schedule.taken(now_s)
        else:
            now_s = min(due_s, now_s + 60)
    return taken


@pytest.mark.parametrize("late_s", [0.0, 3.0])
def test_pictures_come_evenly_whatever_each_takes(late_s):
    taken = turns(Schedule("north", Plan(every_s=10), 5.0), 5.0, 305.0, late_s=late_s)
    assert 29 <= len(taken) <= 31
    assert {round(later - sooner, 6) for sooner, later in pairwise(taken[1:])} == {10.0}
    assert 5.0 <= taken[0] <= 5.0 + FIRST_WITHIN_S


def test_twenty_cameras_do_not_fire_in_the_same_second():
    seconds = [int(turns(Schedule(f"camera-{each}", Plan(every_s=60), 0), 0, 120)[1]) for each in range(20)]
    assert len(set(seconds)) >= 15
    assert {0.0 <= phase(f"camera-{each}") < 1.0 for each in range(1000)} == {True}


def test_what_was_missed_is_not_made_up_for():
    schedule = Schedule("north", Plan(every_s=10), 0.0)
    turns(schedule, 0.0, 100.0)
    assert len(turns(schedule, 500.0, 540.0)) in (4, 5)


def test_on_battery_pictures_come_slower():
    schedule = Schedule("north", Plan(every_s=10, battery_every_s=300), 0.0)
    assert 9 <= len(turns(schedule, 0.0, 3000.0, on_battery=True)) <= 11
    assert 29 <= len(turns(schedule, 3000.0, 3300.0)) <= 31


def test_an_event_asks_for_pictures_now_and_faster_for_a_while():
    schedule = Schedule("north", Plan(every_s=600), 0.0)
    turns(schedule, 0.0, 700.0)
    schedule.hasten(1000.0, 2.0, 20.0)
    assert schedule.hastened(1000.0)
    assert turns(schedule, 1000.0, 1060.0) == [1000.0 + each for each in range(0, 21, 2)]
    assert not schedule.hastened(1060.0)
    assert len(turns(schedule, 1060.0, 3060.0)) in (3, 4)


def test_an_event_before_the_first_picture():
    schedule = Schedule("north", Plan(every_s=600), 0.0)
    schedule.hasten(0.0, 2.0, 10.0)
    assert turns(schedule, 0.0, 5.0) == [0.0, 2.0, 4.0]


def test_events_that_overlap_end_with_the_last_and_take_the_fastest():
    schedule = Schedule("north", Plan(every_s=6000), 0.0)
    schedule.taken(0.0)
    schedule.hasten(100.0, 10.0, 100.0)
    schedule.hasten(100.0, 5.0, 20.0)
    taken = turns(schedule, 100.0, 150.0)
    schedule.hasten(150.0, 10.0, 60.0)
    taken += turns(schedule, 150.0, 400.0)
    assert taken == [100.0, 105.0, 110.0, 115.0, 120.0, *[130.0 + 10 * each for each in range(9)]]


def test_a_storm_of_events_is_one():
    schedule = Schedule("north", Plan(every_s=6000), 0.0)
    for each in range(500):
        schedule.hasten(100.0 + each / 50, 2.0, 10.0)
    assert turns(schedule, 110.0, 200.0) == [110.0, 112.0, 114.0, 116.0, 118.0]


def test_an_event_asks_outside_the_hours_too():
    schedule = Schedule("north", Plan(every_s=60, windows=[Window(480, 1080)]), 0.0)
    assert turns(schedule, 0.0, 3600.0) == []
    schedule.hasten(3600.0, 10.0, 20.0)
    assert turns(schedule, 3600.0, 7200.0) == [3600.0, 3610.0, 3620.0]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(480, 1080), range(480, 1080)),
        (Window(1320, 300), [*range(300), *range(1320, 1440)]),
        (Window(0, 0), range(DAY_MIN)),
    ],
    ids=["day", "over midnight", "whole day"],
)
def test_pictures_come_in_the_hours_alone(window, expected):
    schedule = Schedule("north", Plan(every_s=60, windows=[window]), 0.0)
    taken = turns(schedule, 0.0, 86400.0)
    minutes = [int(each / 60) for each in taken]
    assert set(minutes) <= set(expected)
    assert len(taken) == pytest.approx(len(expected), abs=3)


def test_hours_shorter_than_the_period_have_a_picture_each_day():
    schedule = Schedule("north", Plan(every_s=7200, windows=[Window(600, 610), Window(900, 905)]), 0.0)
    days = [turns(schedule, day * 86400.0, (day + 1) * 86400.0) for day in range(3)]
    assert [len(day) for day in days] == [2, 2, 2]
    for day in days:
        minutes = [each / 60 % DAY_MIN for each in day]
        assert 600 <= minutes[0] < 610
        assert 900 <= minutes[1] < 905


def test_twenty_cameras_do_not_all_begin_when_the_hours_do():
    windows = [Window(480, 1080)]
    first = {
        turns(Schedule(f"camera-{each}", Plan(every_s=60, windows=windows), 0), 0, 30000)[0]
        for each in range(20)
    }
    assert len({int(each) for each in first}) >= 15
    assert min(first) >= 480 * 60


@given(
    every_s=st.floats(0.5, 7200),
    name=st.text(max_size=8),
    start_s=st.floats(0, 1e6),
    waits=st.lists(st.floats(0, 20000), max_size=20),
    windows=st.lists(st.builds(Window, st.integers(0, 1439), st.integers(0, 1439)), max_size=3),
)
def test_a_due_picture_stays_due_until_it_is_taken_and_is_never_due_twice(
    every_s, name, start_s, waits, windows
):
    schedule, now_s = Schedule(name, Plan(every_s=every_s, windows=windows), start_s), start_s
    for wait_s in waits:
        due_s = schedule.due(now_s, minute=now_s / 60 % DAY_MIN)
        if due_s > now_s:
            then_s = (now_s + due_s) / 2
            again_s = schedule.due(then_s, minute=then_s / 60 % DAY_MIN)
            assert again_s == pytest.approx(due_s, abs=1e-3 + every_s * 1e-6)
            now_s = due_s
        schedule.taken(now_s)
        assert schedule.due(now_s, minute=now_s / 60 % DAY_MIN) > now_s
        now_s += wait_s
