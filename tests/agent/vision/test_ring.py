"""The last pictures, and those that events keep of them and of the next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.vision.ring import EARLY_S, LATE_S, MOST_EVENTS, Picture, Ring, Wanted


def picture(at_s: float, size: int = 3) -> Picture:
    return Picture(round(at_s * 1000), bytes(size))


def filled(*at_s: float) -> Ring:
    ring = Ring(most=20)
    for each in at_s:
        ring.add(picture(each))
    return ring


def seconds(pictures) -> list[float]:
    return [each.at_ms / 1000 for each in pictures]


def test_it_holds_the_last_pictures():
    ring = Ring(most=3)
    for at_s in range(10):
        ring.add(picture(at_s))
    assert seconds(ring.before(9000, 100)) == [7, 8, 9]
    assert seconds(ring.before(8500, 1)) == [8]
    assert seconds(ring.before(8000, 1)) == [7, 8]
    assert seconds(ring.after(8000)) == [8, 9]
    assert (len(ring), ring.octets) == (3, 9)


@given(st.lists(st.integers(0, 150), max_size=40))
def test_it_is_bounded_in_bytes(sizes):
    ring = Ring(most=8, most_octets=100)
    for at_s, size in enumerate(sizes):
        ring.add(picture(at_s, size))
        held = ring.before(at_s * 1000, 1e6)
        assert sum(len(each.encoded) for each in held) == ring.octets <= 100
        assert size > 100 or held[-1].at_ms == at_s * 1000


def test_an_event_keeps_pictures_before_at_and_after_it():
    ring = filled(80, 85, 90, 95)
    wanted = Wanted(ring)
    (early,) = wanted.ask("e1", 100_000)
    assert (early.picture.at_ms, early.events) == (90_000, {"e1": -10.0})
    assert wanted.due() == 100_000
    assert wanted.offer(picture(99)) is None
    assert wanted.offer(picture(101)).events == {"e1": 0.0}
    assert wanted.due() == 110_000
    assert wanted.offer(picture(105)) is None
    assert wanted.offer(picture(110)).events == {"e1": 10.0}
    assert wanted.offer(picture(131)).events == {"e1": 30.0}
    assert (wanted.due(), wanted.missed) == (None, 0)


def test_an_event_told_late_finds_its_moment_in_the_ring():
    wanted = Wanted(filled(85, 95, 101, 105, 111))
    assert [(keep.picture.at_ms, keep.events["e1"]) for keep in wanted.ask("e1", 100_000)] == [
        (85_000, -10.0), (101_000, 0.0), (111_000, 10.0),
    ]  # fmt: skip
    assert wanted.due() == 130_000


def test_a_seldom_camera_keeps_one_picture_for_several_moments():
    wanted = Wanted(filled(40), (-20.0, -10.0, 0.0, 10.0, 30.0))
    (early,) = wanted.ask("e1", 100_000)
    assert early.picture.at_ms == 40_000
    keep = wanted.offer(picture(140))
    assert keep.events == {"e1": 30.0}
    assert wanted.due() is None


def test_events_share_a_picture():
    wanted = Wanted(filled(95), (0.0, 10.0))
    wanted.ask("e1", 100_000)
    wanted.ask("e2", 108_000)
    assert wanted.offer(picture(100)).events == {"e1": 0.0}
    assert wanted.offer(picture(110)).events == {"e1": 10.0, "e2": 0.0}
    assert wanted.offer(picture(118)).events == {"e2": 10.0}


def test_an_event_is_served_once():
    wanted = Wanted(filled(95))
    assert len(wanted.ask("e1", 105_000)) == 1
    assert wanted.ask("e1", 105_000) == []
    assert wanted.offer(picture(106)).events == {"e1": 0.0}


def test_pictures_of_other_times_are_none_of_the_event():
    wanted = Wanted(filled(100 - 10 - EARLY_S - 1), (-10.0, 0.0))
    assert wanted.ask("e1", 100_000) == []
    assert wanted.missed == 1
    assert wanted.offer(picture(100 + LATE_S + 1)) is None
    assert (wanted.missed, wanted.due()) == (2, None)


def test_what_no_picture_came_for_is_given_up():
    wanted = Wanted(Ring(), (0.0, 30.0))
    wanted.ask("e1", 100_000)
    wanted.give_up(round((100 + LATE_S) * 1000))
    assert (wanted.missed, wanted.due()) == (0, 100_000)
    wanted.give_up(round((100 + LATE_S) * 1000) + 1)
    assert (wanted.missed, wanted.due()) == (1, 130_000)


def test_too_many_events_at_once_are_counted():
    wanted = Wanted(Ring())
    for each in range(MOST_EVENTS + 5):
        wanted.ask(f"e{each}", 100_000)
    assert wanted.refused == 5
    assert len(wanted.offer(picture(100)).events) == MOST_EVENTS


@given(
    st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=60),
    st.lists(st.integers(-30, 60), min_size=1, max_size=4, unique=True),
)
def test_each_event_has_each_picture_once_and_no_moment_is_lost(steps, offsets_s):
    ring, at_s, events, kept = Ring(), 0, 0, 0
    wanted = Wanted(ring, [float(each) for each in offsets_s])
    had: set[tuple[str, int]] = set()
    for passed_s, is_event in steps:
        at_s += passed_s
        if is_event:
            keeps = wanted.ask(f"e{events}", at_s * 1000)
            events += 1
        else:
            new = picture(at_s)
            ring.add(new)
            keep = wanted.offer(new)
            keeps = [keep] if keep else []
        for keep in keeps:
            for event in keep.events:
                assert (event, keep.picture.at_ms) not in had
                had.add((event, keep.picture.at_ms))
                kept += 1
    wanted.give_up(10**12)
    assert wanted.due() is None
    assert kept + wanted.missed <= events * len(offsets_s)
    assert not events or kept + wanted.missed >= events
