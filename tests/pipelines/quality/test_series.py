"""The one pass against the single tests, its revisions, its state and its size."""

import math
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.quality.checks import Climatology, Gap, GrossRange, RateOfChange, Spike, Syntax
from pipelines.quality.limits import Limits, Season
from pipelines.quality.series import Series
from pipelines.quality.still import Attenuated, FlatLine
from pipelines.quality.verdicts import aggregate
from pipelines.state import decode, encode

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
START_MS = 1_767_225_600_000
REFUSING = (Syntax, GrossRange)
OTHERS = (Climatology, Spike, RateOfChange, FlatLine, Attenuated, Gap)

FULL = Limits(
    gap_ms=HOUR_MS, sentinels=(4.75,), sensor=(-5.0, 5.0), site=(-4.0, 4.0),
    climatology=(Season(span=(-3.0, 3.0), months=(1, 6)), Season(span=(-2.0, 3.0), hours=(22, 4))), utc_offset_min=-90,
    spike_suspect=1.0, spike_fail=2.0, rate_suspect_per_s=0.01, flat_suspect_ms=HOUR_MS, flat_fail_ms=2 * HOUR_MS,
    flat_eps=0.75, attenuated_window_ms=2 * HOUR_MS, attenuated_suspect=1.0, attenuated_fail=0.5, attenuated_min_n=3,
)  # fmt: skip
VARIANTS = {
    "full": FULL,
    "average": replace(FULL, spike_form="average", rate_least=1.0, not_flat_at=-0.5, not_flat_from=2.5),
    "no gap": replace(FULL, gap_ms=None, climatology=()),
    "fail only": replace(FULL, spike_suspect=None, flat_suspect_ms=None, attenuated_suspect=None),
    "counter": Limits(
        kind="counter", rate_suspect_per_s=0.01, rollover=8.0, sensor=(0.0, 8.0), gap_ms=HOUR_MS
    ),
    "still only": Limits(flat_suspect_ms=HOUR_MS, flat_eps=0.5, not_flat_at=0.0),
    "none": Limits(),
}

quarters = st.integers(-10, 10).map(lambda number: number / 4)
values = st.one_of(
    quarters, quarters, quarters, st.integers(-6, 6),
    st.sampled_from([None, math.nan, math.inf, -math.inf, 4.75, "text", True, 4.25, -4.5, 7.0]),
)  # fmt: skip
minutes = st.sampled_from([1, 5, 5, 5, 10, 10, 25, 40, 61, 200, 3000])


@st.composite
def walks(draw):
    """Readings of which some repeat for a while, as (ms UTC, value)."""
    found, at_ms = [], START_MS
    for _ in range(draw(st.integers(1, 12))):
        value, step, again = draw(values), draw(minutes), draw(st.integers(1, 16))
        for _ in range(again):
            at_ms += step * MINUTE_MS + draw(st.integers(0, 1))
            found.append((at_ms, value))
            if draw(st.integers(0, 3)) == 0:
                value = draw(values)
    return found


class Singles:
    """The same verdicts, by the single tests."""

    def __init__(self, limits):
        self.refusing = [make(limits) for make in REFUSING]
        self.others = [make(limits) for make in OTHERS]
        self.spike, self.gap = self.others[1], self.others[-1]
        self.published = Quality.NOT_EVALUATED
        self.at_ms = 0

    def judge(self, at_ms, value):
        """Flags by name, verdict, revision."""
        flags = {check.name: check.feed(at_ms, value) for check in self.refusing}
        if flags["syntax"] is Quality.BAD:
            flags["gross_range"] = Quality.NOT_EVALUATED
        refused = Quality.BAD in flags.values()
        for check in self.others:
            flag = check.feed(at_ms, None if refused else value)
            flags[check.name] = Quality.NOT_EVALUATED if refused else flag
        verdict = aggregate(flags)
        again = self.spike.previous
        worse = again in (Quality.SUSPECT, Quality.BAD) and again > self.published
        revision = (self.at_ms, again, "spike") if worse else None
        self.at_ms, self.published = at_ms, verdict[0]
        return flags, verdict, revision


def as_number(value):
    return math.nan if isinstance(value, str) else value


@pytest.mark.parametrize("name", VARIANTS)
@given(walk=walks())
def test_the_one_pass_agrees_with_the_single_tests(name, walk):
    limits = VARIANTS[name]
    series, singles = Series(limits), Singles(limits)
    for at_ms, value in walk:
        verdict = series.judge(at_ms, value)
        flags, expected, revision = singles.judge(at_ms, as_number(value))
        assert verdict == expected
        assert series.revision == revision
        assert series.jumped is singles.spike.jumped
        for later_ms in (0, HOUR_MS, HOUR_MS + 1):
            assert series.overdue(at_ms + later_ms) is singles.gap.overdue(at_ms + later_ms)
        assert series.flags == {name: flags[name] for name in series.flags}


def test_a_counter_that_falls_by_little_is_looked_at():
    series = Series(VARIANTS["counter"])
    series.judge(START_MS, 5.0)
    assert series.judge(START_MS + 300_000, 4.0) == (Quality.SUSPECT, "rate_of_change")


@pytest.mark.parametrize("name", VARIANTS)
@given(walk=walks(), cut=st.integers(0, 100))
def test_a_restart_changes_nothing(name, walk, cut):
    whole, other = Series(VARIANTS[name]), Series(VARIANTS[name])
    for index, (at_ms, value) in enumerate(walk):
        if index == cut:
            state = decode(encode(other.state()))
            other = Series(VARIANTS[name])
            other.restore(state)
            assert other.flags == whole.flags
        assert other.judge(at_ms, value) == whole.judge(at_ms, value)
        assert other.revision == whole.revision
        assert other.flags == whole.flags
    assert encode(other.state()) == encode(whole.state())


def test_it_takes_no_state_made_under_other_limits():
    with pytest.raises(ValueError, match="key: expected the state of limits"):
        Series(FULL).restore(Series(replace(FULL, flat_eps=1.0)).state())


def judged(limits, *values, every_ms=5 * MINUTE_MS):
    series = Series(limits)
    return series, [series.judge(START_MS + index * every_ms, value) for index, value in enumerate(values)]


def test_the_flags_are_those_of_the_tests_asked_for():
    series, _ = judged(Limits(site=(0.0, 1.0), spike_suspect=3.0, gap_ms=1), 2.0)
    assert series.flags == {
        "syntax": Quality.GOOD, "gross_range": Quality.SUSPECT, "spike": Quality.NOT_EVALUATED,
        "gap": Quality.NOT_EVALUATED,
    }  # fmt: skip
    assert all(type(name) is str for name in series.flags)


def test_a_spike_is_published_as_good_and_then_revised():
    series = Series(Limits(spike_suspect=1.0, spike_fail=5.0))
    assert series.judge(1000, 2.0) == (Quality.GOOD, "")
    assert series.judge(2000, 4.0) == (Quality.GOOD, "")
    assert series.jumped
    assert series.revision is None
    assert series.judge(3000, 2.0) == (Quality.GOOD, "")
    assert series.revision == (2000, Quality.SUSPECT, "spike")
    assert series.judge(4000, 2.0) == (Quality.GOOD, "")
    assert series.revision is None


def test_a_step_is_not_revised():
    series = Series(Limits(spike_suspect=1.0))
    for at_ms, value in ((1000, 2.0), (2000, 4.0), (3000, 4.0), (4000, 4.1)):
        series.judge(at_ms, value)
        assert series.revision is None


def test_what_was_already_suspect_is_revised_only_to_bad():
    rate = {"rate_suspect_per_s": 0.5, "spike_suspect": 1.0}
    for more, expected in (({}, None), ({"spike_fail": 1.5}, (2000, Quality.BAD, "spike"))):
        series = Series(Limits(**rate, **more))
        series.judge(1000, 2.0)
        assert series.judge(2000, 4.0) == (Quality.SUSPECT, "rate_of_change")
        series.judge(3000, 2.0)
        assert series.revision == expected


def test_one_wild_number_does_not_flag_its_neighbours():
    limits = Limits(
        sensor=(0.0, 10.0), spike_suspect=1.0, rate_suspect_per_s=0.001, flat_suspect_ms=HOUR_MS, flat_eps=0.1
    )
    _, verdicts = judged(limits, *[2.0] * 6, 65535, *[2.0] * 7)
    assert verdicts == [
        *[(Quality.GOOD, "")] * 6, (Quality.BAD, "gross_range"), *[(Quality.GOOD, "")] * 5,
        *[(Quality.SUSPECT, "flat_line")] * 2,
    ]  # fmt: skip


def test_the_worst_flag_names_its_test():
    limits = Limits(site=(0.0, 10.0), flat_suspect_ms=HOUR_MS, flat_fail_ms=HOUR_MS * 2, flat_eps=0.1)
    _, verdicts = judged(limits, *[11.0] * 25)
    assert verdicts[11] == verdicts[12] == (Quality.SUSPECT, "gross_range")
    assert verdicts[24] == (Quality.BAD, "flat_line")


def test_what_is_missing_is_not_judged():
    series, verdicts = judged(FULL, None)
    assert verdicts == [(Quality.MISSING, "")]
    assert set(series.flags.values()) == {Quality.MISSING}


def noisy(count):
    """Values that never repeat and keep within eps, so that as much as possible is remembered."""
    return [1.0 + (index * 0.618 % 1.0) * 0.7 for index in range(count)]


def test_what_is_remembered_is_bounded():
    series, _ = judged(FULL, *noisy(5000), every_ms=1000)
    assert len(encode(series.state())) < 3 * 1024
    parts = [series, series._run, series._spread, series._run._highs, series._run._lows, series._climate]
    arrays = [
        getattr(part, slot) for part in parts for slot in type(part).__slots__ if hasattr(part, slot)
    ]  # fmt: skip
    size = sum(map(sys.getsizeof, [*parts, *(each for each in arrays if not isinstance(each, Limits))]))
    assert size < 6 * 1024
