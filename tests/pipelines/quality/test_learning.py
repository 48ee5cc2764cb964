"""What a few simulated weeks teach: quiet afterwards on the same kind of days, awake to faults."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.quality.learning import Learner
from pipelines.quality.limits import Limits
from pipelines.quality.series import Series
from pipelines.state import decode, encode

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
START_MS = 1_767_225_600_000
GIVEN = Limits(sensor=(-1.0, 20.0), sentinels=(-9.99,))


def river(seed, days, every_min=10):
    """A level in m to 1 mm that wanders about 2 m and moves by a few mm."""
    source = random.Random(seed)
    level = 2.0
    for index in range(days * 24 * 60 // every_min):
        level += source.gauss(0.0, 0.003) - (level - 2.0) * 0.002
        yield START_MS + index * every_min * MINUTE_MS, round(level, 3)


def learned(items, given=GIVEN):
    learner = Learner(given)
    for at_ms, value in items:
        learner.feed(at_ms, value)
    return learner.propose()


def fired(limits, items):
    """The names of the tests that flag anything."""
    series, found = Series(limits), set()
    for at_ms, value in items:
        quality, test = series.judge(at_ms, value)
        found |= {test} if quality is not Quality.GOOD else set()
        found |= {series.revision[2]} if series.revision else set()
    return found


WEEKS = list(river(1, 28))
PROPOSAL = learned(WEEKS)


def test_it_tells_what_it_has_seen():
    assert PROPOSAL.n == len(WEEKS)
    assert (PROPOSAL.first_ms, PROPOSAL.last_ms) == (WEEKS[0][0], WEEKS[-1][0])
    assert PROPOSAL.refused == 0
    values = sorted(value for _, value in WEEKS)
    for share, quantile in PROPOSAL.quantiles.items():
        assert quantile == pytest.approx(values[int(share * len(values))], abs=0.01)


def test_every_limit_has_a_reason():
    changed = {
        key for key in Limits.__dataclass_fields__ if getattr(PROPOSAL.limits, key) != getattr(GIVEN, key)
    }
    assert (
        changed
        == set(PROPOSAL.reasons)
        >= {"site", "spike_suspect", "rate_suspect_per_s", "flat_suspect_ms", "gap_ms"}
    )


def test_the_limits_are_those_of_the_series():
    limits = PROPOSAL.limits
    values = [value for _, value in WEEKS]
    assert limits.flat_eps == 0.0005
    assert limits.gap_ms == pytest.approx(30 * MINUTE_MS, rel=1 / 16)
    assert limits.site[0] <= min(values) < max(values) <= limits.site[1]
    assert (limits.sensor, limits.sentinels) == (GIVEN.sensor, GIVEN.sentinels)
    largest = max(abs(value - before) for before, value in pairwise(values))
    assert largest < limits.spike_suspect < 20 * largest
    assert largest / 600 < limits.rate_suspect_per_s < 20 * largest / 600


def test_nothing_is_bad_by_what_was_learned():
    given = replace(GIVEN, spike_fail=5.0, flat_fail_ms=HOUR_MS, flat_eps=1.0)
    limits = learned(WEEKS, given).limits
    assert (limits.spike_fail, limits.flat_fail_ms, limits.attenuated_fail) == (None, None, None)


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_it_is_quiet_on_other_weeks(seed):
    assert fired(PROPOSAL.limits, river(seed, 28)) == set()


def spiked(items):
    return [(at_ms, value + 0.5 if index == 100 else value) for index, (at_ms, value) in enumerate(items)]


def stuck(items):
    return [
        (at_ms, items[50][1] if 50 <= index < 200 else value) for index, (at_ms, value) in enumerate(items)
    ]


def paused(items):
    return [item for index, item in enumerate(items) if not 50 <= index < 60]


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        (spiked, "spike"),
        (spiked, "rate_of_change"),
        (stuck, "flat_line"),
        (lambda items: [(at_ms, value + 12.0) for at_ms, value in items], "gross_range"),
    ],
)
def test_it_wakes_to_faults(fault, test):
    limits = PROPOSAL.limits
    if test == "spike":  # else the rate has said as much before
        limits = replace(limits, rate_suspect_per_s=None)
    assert test in fired(limits, fault(list(river(5, 7))))


@pytest.mark.parametrize("fault", [spiked, stuck, paused])
def test_a_fault_in_the_weeks_teaches_little(fault):
    proposal = learned(fault(WEEKS))
    same = {"site": None, "attenuated_window_ms": None, "attenuated_suspect": None}
    for key in ("spike_suspect", "rate_suspect_per_s", "rate_least"):
        assert getattr(proposal.limits, key) == pytest.approx(getattr(PROPOSAL.limits, key), rel=0.3)
        same[key] = 0.0 if key == "rate_least" else None
    assert replace(proposal.limits, **same) == replace(PROPOSAL.limits, **same)
    assert proposal.limits.site == pytest.approx(PROPOSAL.limits.site, abs=0.2)


def test_it_counts_what_it_would_have_flagged():
    proposal = learned(stuck(spiked(WEEKS)))
    series, counts = Series(proposal.limits), {"flat_line": 0, "spike": 0, "rate_of_change": 0, "gap": 0}
    for at_ms, value in stuck(spiked(WEEKS)):
        series.judge(at_ms, value)
        for test in ("flat_line", "rate_of_change"):
            counts[test] += series.flags[test] is Quality.SUSPECT
        counts["spike"] += series.revision is not None
    assert counts["flat_line"] > 100
    for test, count in counts.items():
        assert proposal.flagged[test] == pytest.approx(count, abs=2)


def test_what_the_given_limits_refuse_teaches_nothing():
    spoilt = [
        (at_ms, (-9.99, 65535.0, None)[index % 3] if index % 7 == 3 else value)
        for index, (at_ms, value) in enumerate(WEEKS)
    ]
    proposal = learned(spoilt)
    bad = sum(value in (-9.99, 65535.0) for _, value in spoilt)
    assert proposal.refused == bad > 300
    assert proposal.limits.site[1] < 20.0
    assert proposal.limits.spike_suspect < 0.3


def test_too_little_teaches_nothing():
    few = learned(WEEKS[:499])
    assert few.limits == GIVEN
    assert few.reasons == {"n": "499 values; 500 are needed"}
    short = learned(WEEKS[: 6 * 144])
    assert short.limits.spike_suspect is not None
    assert short.limits.site is None
    assert short.reasons["site"] == "6.0 days; 7 are needed"
    assert learned([]).quantiles == {}


def test_a_channel_that_never_moves():
    proposal = learned([(at_ms, 5.0) for at_ms, _ in WEEKS])
    assert proposal.limits == replace(GIVEN, gap_ms=proposal.limits.gap_ms)
    assert proposal.reasons["site"] == proposal.reasons["flat_suspect_ms"] == "it never moved"


def test_a_door_that_was_opened_twice_may_stand_still():
    days = [(START_MS + n * 10 * MINUTE_MS, float(n in (700, 701, 1500))) for n in range(14 * 144)]
    proposal = learned(days, Limits())
    assert proposal.reasons["flat_suspect_ms"].startswith("it moved 4 times")
    assert fired(proposal.limits, days) <= {""}


def test_wind_may_rest():
    source = random.Random(6)
    items = [
        (at_ms, 0.0 if at_ms // HOUR_MS % 24 < 9 else round(abs(source.gauss(3, 1)), 1)) for at_ms, _ in WEEKS
    ]
    proposal = learned(items, Limits(sensor=(0.0, 75.0)))
    assert proposal.limits.not_flat_at == 0.0
    assert proposal.limits.flat_suspect_ms == 6 * HOUR_MS
    assert "flat_line" not in fired(proposal.limits, items)


def test_a_counter_and_an_amount():
    total = [(at_ms, round(0.2 * (index // 40), 1)) for index, (at_ms, _) in enumerate(WEEKS)]
    counter = learned(total, Limits(kind="counter", sensor=(0.0, 1e5)))
    assert counter.limits.rate_suspect_per_s == pytest.approx(6 * 0.2 / 600, rel=0.1)
    assert counter.limits.spike_suspect is counter.limits.flat_suspect_ms is counter.limits.site is None
    amount = learned([(at_ms, 0.0) for at_ms, _ in total], Limits(kind="interval"))
    assert amount.limits == Limits(kind="interval", gap_ms=amount.limits.gap_ms)


@settings(max_examples=20)
@given(st.integers(0, 2000), st.integers(1, 3))
def test_a_restart_changes_nothing(cut, seed):
    items = [
        (at_ms, None if index % 50 == 9 else value) for index, (at_ms, value) in enumerate(river(seed, 10))
    ]
    whole, other = Learner(GIVEN), Learner(GIVEN)
    for index, (at_ms, value) in enumerate(items):
        if index == cut:
            state = decode(encode(other.state()))
            other = Learner(GIVEN)
            other.restore(state)
        whole.feed(at_ms, value)
        other.feed(at_ms, value)
    assert other.propose() == whole.propose()
    assert encode(other.state()) == encode(whole.state())
    assert len(encode(other.state())) < 32 * 1024


def test_it_takes_no_state_made_under_other_limits():
    with pytest.raises(ValueError, match="key: expected the state of limits"):
        Learner(GIVEN).restore(Learner(Limits()).state())
