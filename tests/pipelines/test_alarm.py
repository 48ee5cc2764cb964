"""What every rule is made of: a condition with dwell, and an alarm that is one event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.alarm import Alarm, Latch
from pipelines.events import Kind, Nature, Phase, Severity, Source, event_id
from pipelines.state import decode, encode

SOURCE = Source("river", "level")


def fed(latch: Latch, *steps: tuple[int, bool, bool]) -> list[int]:
    """The times at which it changed; a step is a time, over, back."""
    return [at_ms for at_ms, over, back in steps if latch.feed(at_ms, over=over, back=back)]


def test_without_dwell_it_follows_at_once():
    assert fed(Latch(), (0, False, True), (1, True, False), (2, True, False), (3, False, True)) == [1, 3]


def test_it_is_on_after_the_dwell_and_knows_when_that_began():
    latch = Latch(raise_ms=100)
    assert fed(latch, (0, True, False), (99, True, False)) == []
    assert not latch.on
    assert fed(latch, (100, True, False)) == [100]
    assert (latch.on, latch.since_ms) == (True, 0)


def test_a_break_begins_the_dwell_anew():
    latch = Latch(raise_ms=100)
    assert fed(latch, (0, True, False), (50, False, True), (60, True, False), (159, True, False)) == []
    assert fed(latch, (160, True, False)) == [160]


def test_between_over_and_back_nothing_changes_and_no_dwell_goes_on_anew():
    latch = Latch(raise_ms=100, clear_ms=100)
    assert fed(latch, (0, True, False), (50, False, False), (100, True, False)) == [100]
    assert fed(latch, (110, False, True), (150, False, False), (210, False, True)) == [210]
    assert latch.since_ms == 110


def test_while_on_it_is_off_only_after_its_own_dwell():
    latch = Latch(clear_ms=100)
    assert fed(latch, (0, True, False), (10, False, True), (109, False, True)) == [0]
    assert fed(latch, (109, True, False), (110, False, True), (209, False, True), (210, False, True)) == [210]


STEPS = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from([(True, False), (False, True), (False, False)]))
)


@given(STEPS, STEPS, st.integers(0, 60), st.integers(0, 60))
def test_a_latch_goes_on_over_a_restart(before, after, raise_ms, clear_ms):
    latch, fresh, at_ms = Latch(raise_ms, clear_ms), Latch(raise_ms, clear_ms), 0
    for passed_ms, (over, back) in before:
        at_ms += passed_ms
        latch.feed(at_ms, over=over, back=back)
    fresh.restore(decode(encode(latch.state())))
    for passed_ms, (over, back) in after:
        at_ms += passed_ms
        assert latch.feed(at_ms, over=over, back=back) is fresh.feed(at_ms, over=over, back=back)
        assert latch.state() == fresh.state()


def alarm(**facts) -> Alarm:
    return Alarm("stage", SOURCE, Kind.WATER_STAGE, Nature.HAPPENING, **facts)


def test_an_event_has_one_id_from_its_opening_to_its_closing():
    it = alarm(version=3)
    opened = it.opened(100, 150, Severity.WATCH, value=1.5)
    assert it.is_open
    events = [opened, it.updated(200, Severity.CRITICAL), it.updated(250, value=2.0), it.closed(300)]
    assert not it.is_open
    assert {event.id for event in events} == {event_id("stage", SOURCE, 100)}
    assert {(event.began_ms, event.version, event.source) for event in events} == {(100, 3, SOURCE)}
    assert [event.phase.value for event in events] == ["opened", "updated", "updated", "closed"]
    assert [event.severity for event in events] == [Severity.WATCH, *[Severity.CRITICAL] * 3]
    assert (opened.at_ms, opened.value) == (150, 1.5)


def test_the_next_event_has_another_id():
    it = alarm()
    first = it.opened(100, 100, Severity.WATCH)
    it.closed(200)
    assert it.opened(300, 300, Severity.WATCH).id != first.id


def test_what_is_over_at_once_opens_and_closes():
    it = alarm(pictures=True)
    opened, closed = it.once(100, 150, Severity.WARNING, value=1.0)
    assert (opened.phase, closed.phase, opened.id) == (Phase.OPENED, Phase.CLOSED, closed.id)
    assert (opened.pictures, closed.pictures) == (True, False)
    assert not it.is_open


@pytest.mark.parametrize("open_", [False, True])
def test_an_alarm_goes_on_over_a_restart(open_):
    it, fresh = alarm(), alarm()
    if open_:
        it.opened(100, 150, Severity.WARNING)
    fresh.restore(decode(encode(it.state())))
    assert (fresh.is_open, fresh.updated(200)) == (open_, it.updated(200))
