"""What a paced detector sees of a series, however often it is fed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.anomaly.ewma import Ewma
from pipelines.anomaly.paced import Paced
from pipelines.state import decode, encode


class Recorder:
    """A detector that keeps what it was fed; its score is the value."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, float]] = []

    def feed(self, at_ms: int, value: float) -> float:
        self.seen.append((at_ms, value))
        return value

    def state(self) -> dict:
        return {"seen": [list(each) for each in self.seen]}

    def restore(self, state: dict) -> None:
        self.seen = [(at_ms, value) for at_ms, value in state["seen"]]


def test_the_first_of_each_stretch_is_passed_on_and_the_others_score_nothing():
    inner = Recorder()
    paced = Paced(inner, 300_000)
    scores = [paced.feed(at_s * 1000, 1.0 + at_s) for at_s in (10, 299, 300, 301, 599, 650, 1500)]
    assert inner.seen == [(10_000, 11.0), (300_000, 301.0), (650_000, 651.0), (1_500_000, 1501.0)]
    assert scores == [11.0, 0.0, 301.0, 0.0, 0.0, 651.0, 1501.0]


@given(st.lists(st.integers(1, 900), max_size=60), st.integers(0, 59))
def test_it_goes_on_after_a_restart_as_if_there_had_been_none(steps, cut):
    whole, first = Paced(Ewma(), 300_000), Paced(Ewma(), 300_000)
    at_ms, second = 0, None
    for number, step in enumerate(steps):
        if number == cut:
            second = Paced(Ewma(), 300_000)
            second.restore(decode(encode(first.state())))
        at_ms += step * 1000
        value = float(step % 7)
        assert whole.feed(at_ms, value) == (second or first).feed(at_ms, value)


def test_another_pace_does_not_take_its_state():
    with pytest.raises(ValueError, match="every_ms: expected 60000, got 300000"):
        Paced(Ewma(), 60_000).restore(Paced(Ewma(), 300_000).state())
