"""The dwell of a condition starts when the condition does, not when the state before it did."""

from __future__ import annotations

from pipelines.alarm import Latch


def test_the_clearing_time_counts_from_the_first_value_that_is_back():
    latch = Latch(0, 1000)
    assert latch.feed(0, over=True, back=False)
    assert not latch.feed(2000, over=False, back=False)
    assert not latch.feed(5000, over=False, back=True)
    assert latch.since_ms == 5000
    assert latch.feed(6000, over=False, back=True)
    assert not latch.on


def test_the_raising_time_counts_anew_after_an_end():
    latch = Latch(1000, 0)
    latch.feed(0, over=True, back=False)
    assert latch.feed(1000, over=True, back=False)
    assert latch.since_ms == 0
    assert latch.feed(1500, over=False, back=True)
    assert not latch.feed(9000, over=True, back=False)
    assert latch.feed(10_000, over=True, back=False)
    assert latch.since_ms == 9000


def test_a_state_taken_at_the_change_goes_on_the_same():
    latch, twin = Latch(0, 1000), Latch(0, 1000)
    latch.feed(0, over=True, back=False)
    twin.restore(latch.state())
    assert not twin.feed(5000, over=False, back=True)
    assert twin.feed(6000, over=False, back=True)
