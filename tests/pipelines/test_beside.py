"""A channel beside others: its newest value is flagged a second time, for the worse only."""

from __future__ import annotations

import pytest

from drivers.readings import Quality
from pipelines.beside import TOO_OLD_MS, Beside
from pipelines.events import Source
from pipelines.lane import Revision
from pipelines.quality.across import Neighbour, NeighbourLimits
from pipelines.state import decode, encode

OWN, NEAR, FAR = Source("a", "level"), Source("b", "level"), Source("c", "level")
GOOD, SUSPECT, BAD = Quality.GOOD, Quality.SUSPECT, Quality.BAD


def beside() -> Beside:
    return Beside(OWN, (NEAR, FAR), Neighbour(NeighbourLimits(suspect=0.5, fail=2.0)))


def fed(it: Beside, own: float, others: float, at_ms: int = 1000, quality: Quality = GOOD) -> Beside:
    for source, value in ((NEAR, others), (FAR, others)):
        it.feed(source, at_ms, value, GOOD)
    it.feed(OWN, at_ms, own, quality)
    return it


@pytest.mark.parametrize(
    ("own", "published", "flag"),
    [(1.4, GOOD, None), (1.6, GOOD, SUSPECT), (3.5, GOOD, BAD), (1.6, SUSPECT, None), (3.5, SUSPECT, BAD)],
)
def test_a_value_is_revised_for_the_worse_only(own, published, flag):
    it = fed(beside(), own, 1.0, quality=published)
    expected = None if flag is None else Revision(OWN, 1000, flag, "neighbour", "beside_others")
    assert it.tick(10_000) == expected
    assert it.tick(20_000) is None, "once"


def test_values_after_the_tick_wait_for_the_next_one():
    it = fed(beside(), 5.0, 1.0, at_ms=10_001)
    assert it.tick(10_000) is None
    assert it.tick(20_000).at_ms == 10_001


def test_the_newest_of_several_is_compared():
    it = fed(beside(), 1.0, 1.0)
    it.feed(OWN, 2000, 9.0, GOOD)
    it.feed(OWN, 12_000, 1.0, GOOD)
    assert it.tick(10_000).at_ms == 2000
    assert it.tick(20_000) is None


def test_what_is_bad_missing_or_no_number_is_not_compared():
    it = fed(beside(), 9.0, 1.0, quality=BAD)
    it.feed(OWN, 2000, None, Quality.MISSING)
    assert it.tick(10_000) is None


def test_others_that_are_too_old_say_nothing():
    for late_ms, found in ((0, True), (1, False)):
        it = fed(beside(), 1.0, 1.0)
        at_ms = 1000 + TOO_OLD_MS + late_ms
        it.feed(OWN, at_ms, 9.0, GOOD)
        assert (it.tick(at_ms) is not None) is found


def test_what_waits_is_bounded_and_goes_on_over_a_restart():
    it = fed(beside(), 1.0, 1.0)
    for n in range(300):
        it.feed(OWN, 2000 + n, 9.0, GOOD)
    assert len(it.state()["waiting"]) == 100
    fresh = beside()
    fresh.restore(decode(encode(it.state())))
    assert fresh.tick(10_000) == it.tick(10_000) == Revision(OWN, 2299, BAD, "neighbour", "beside_others")
