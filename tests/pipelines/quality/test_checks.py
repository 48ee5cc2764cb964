"""What each test says on worked cases; numbers in flags are QARTOD's: 1, 2, 3, 4, 9."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.quality.checks import Climatology, Gap, GrossRange, RateOfChange, Spike, Syntax
from pipelines.quality.limits import Limits, Season
from pipelines.quality.still import Attenuated, FlatLine
from pipelines.state import decode, encode

NAN, INF = math.nan, math.inf
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def flags(check, values, every_ms=5 * MINUTE_MS):
    return [int(check.feed(START_MS + index * every_ms, value)) for index, value in enumerate(values)]


def flags_at(check, *items):
    return [int(check.feed(START_MS + after_ms, value)) for after_ms, value in items]


def test_gap_is_told_with_the_first_value_after_it():
    gap = Gap(Limits(gap_ms=HOUR_MS))
    items = [(0, 1.0), (HOUR_MS, 1.0), (2 * HOUR_MS + 1, 1.0), (3 * HOUR_MS, None), (3 * HOUR_MS + 2, 1.0)]
    assert flags_at(gap, *items) == [2, 1, 9, 9, 9]


def test_gap_can_be_asked_for_before_it_ends():
    gap = Gap(Limits(gap_ms=HOUR_MS))
    assert not gap.overdue(START_MS)
    gap.feed(START_MS, 1.0)
    assert not gap.overdue(START_MS + HOUR_MS)
    assert gap.overdue(START_MS + HOUR_MS + 1)


def test_syntax():
    syntax = Syntax(Limits(sentinels=(-9999.0, 65535.0)))
    values = [0.0, -9999, 65535.0, 65534.9, NAN, INF, -INF, "ok", None, True]
    assert flags(syntax, values) == [1, 4, 4, 1, 4, 4, 4, 4, 9, 1]


def test_gross_range():
    limits = Limits(sensor=(0.0, 5.0), site=(1.0, 4.0))
    values = [0, 1, 1.5, 4, 4.01, 5, 5.01, -0.01, NAN, None, INF]
    assert flags(GrossRange(limits), values) == [3, 1, 1, 1, 3, 3, 4, 4, 9, 9, 4]


def test_gross_range_with_one_span_only():
    assert flags(GrossRange(Limits(sensor=(0.0, 5.0))), [6, 5]) == [4, 1]
    assert flags(GrossRange(Limits(site=(0.0, 5.0))), [6, 5, INF]) == [3, 1, 3]


def test_climatology_takes_the_last_season_that_holds_by_the_clock_of_the_site():
    limits = Limits(
        climatology=(Season(span=(0.0, 10.0), months=(12, 1)), Season(span=(5.0, 20.0), hours=(8, 17))),
        utc_offset_min=8 * 60,
    )
    check = Climatology(limits)
    items = [(-HOUR_MS, 2.0), (-1, 15.0), (0, 2.0), (0, 15.0), (10 * HOUR_MS - 1, 15.0), (10 * HOUR_MS, 15.0)]
    assert flags_at(check, *items) == [1, 3, 3, 1, 1, 3]
    assert flags_at(check, (31 * 24 * HOUR_MS, NAN), (31 * 24 * HOUR_MS + 16 * HOUR_MS, 2.0)) == [9, 2]


def test_climatology_with_a_clock_half_an_hour_off():
    limits = Limits(climatology=(Season(span=(0.0, 1.0), hours=(6, 6)),), utc_offset_min=330)
    check = Climatology(limits)
    assert flags_at(check, (HOUR_MS // 2 - 1, 2.0), (HOUR_MS // 2, 2.0), (HOUR_MS // 2 * 3, 2.0)) == [2, 3, 2]


SPIKY = [10, 10, 13, 10, 10, 16, 10, 10, 17, 10]


@pytest.mark.parametrize(
    ("form", "values", "expected"),
    [
        ("differential", SPIKY, [2, 1, 1, 1, 1, 3, 1, 1, 4, 2]),
        ("average", SPIKY, [2, 1, 1, 1, 1, 3, 1, 3, 4, 2]),
        ("differential", [10, 10, 10, 20, 20, 20], [2, 1, 1, 1, 1, 2]),
        ("average", [10, 10, 10, 20, 20, 20], [2, 1, 3, 3, 1, 2]),
        ("differential", [10, None, 30, 10, 30, 10], [2, 9, 2, 4, 4, 2]),
    ],
)
def test_spike_judges_the_value_before(form, values, expected):
    spike = Spike(Limits(spike_suspect=3.0, spike_fail=6.0, spike_form=form))
    found = []
    for index, value in enumerate(values):
        newest = spike.feed(START_MS + index, value)
        found.append(int(spike.previous))
    assert [*found[1:], int(newest)] == expected


def test_spike_has_no_neighbour_beyond_a_gap():
    spike = Spike(Limits(spike_suspect=3.0, gap_ms=1000))
    assert [spike.feed(START_MS + at, value) for at, value in ((0, 1.0), (1000, 9.0), (2001, 1.0))] == [
        2,
        2,
        2,
    ]
    assert spike.previous == 2
    assert not spike.jumped


def test_spike_suspects_a_jump_on_arrival():
    spike = Spike(Limits(spike_suspect=3.0))
    jumps = []
    for index, value in enumerate([1.0, 4.0, 7.5, 7.5, None, 0.0]):
        spike.feed(START_MS + index, value)
        jumps.append(spike.jumped)
    assert jumps == [False, False, True, False, False, False]


def test_rate_of_change_by_the_time_that_passed():
    check = RateOfChange(Limits(rate_suspect_per_s=0.5))
    items = [(0, 0.0), (500, 0.25), (1000, 0.75), (2000, None), (11_000, 5.75), (12_000, 6.5)]
    assert flags_at(check, *items) == [2, 1, 3, 9, 1, 3]


def test_rate_of_change_lets_a_small_step_be_as_fast_as_it_likes():
    check = RateOfChange(Limits(rate_suspect_per_s=0.5, rate_least=2.0))
    assert flags_at(check, (0, 0.0), (1, 2.0), (2, 4.25), (10_002, 8.0)) == [2, 1, 3, 1]


@pytest.mark.parametrize(
    ("rollover", "before", "after", "flag"),
    [
        (None, 1000.0, 0.2, 1),  # begun anew
        (None, 1000.0, 998.0, 3),
        (None, 1000.0, 1000.2, 1),
        (6553.6, 6553.0, 0.2, 1),
        (6553.6, 6552.0, 0.2, 1),  # begun anew rather than rolled over
        (6553.6, 6553.0, 3000.0, 3),
        (100.0, 6553.0, 50.0, 3),
    ],
)
def test_a_counter_falls_only_by_beginning_anew(rollover, before, after, flag):
    check = RateOfChange(Limits(kind="counter", rate_suspect_per_s=1.0, rollover=rollover))
    assert flags_at(check, (0, before), (1000, after)) == [2, flag]


FLAT = Limits(flat_suspect_ms=HOUR_MS, flat_fail_ms=2 * HOUR_MS, flat_eps=0.01)


def test_flat_line_by_duration_until_it_moves():
    values = [1.0, 1.0, 1.005, 1.0, 1.0, 1.0, 1.02, 1.02]
    assert flags(FlatLine(FLAT), values, 30 * MINUTE_MS) == [
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
    ]  # a silence of over 15 min
    assert flags(FlatLine(FLAT), values, 15 * MINUTE_MS) == [1, 1, 1, 1, 3, 3, 1, 1]


def test_flat_line_lasts_from_the_value_that_began_it():
    check = FlatLine(FLAT)
    assert flags(check, [1.0] * 9, 15 * MINUTE_MS) == [1, 1, 1, 1, 3, 3, 3, 3, 4]


def test_flat_line_passes_over_missing_values_but_not_over_silence():
    values = [1.0, None, 1.0, 1.0, 1.0, 1.0, None, None, None, 1.0]
    assert flags(FlatLine(FLAT), values, 10 * MINUTE_MS) == [1, 9, 1, 1, 1, 1, 9, 9, 9, 1]
    assert flags(FlatLine(FLAT), values, 5 * MINUTE_MS)[-1] == 1
    assert flags(FlatLine(FLAT), [1.0, 1.0, None] * 5, 5 * MINUTE_MS)[-2] == 3


def test_a_slow_drift_is_no_flat_line():
    values = [1.0 + 0.001 * index for index in range(60)]
    assert set(flags(FlatLine(FLAT), values)) == {1}


def test_flat_line_lets_rain_stop_and_air_saturate():
    limits = Limits(
        flat_suspect_ms=HOUR_MS, flat_eps=0.5, not_flat_at=0.0, not_flat_from=98.0,
    )  # fmt: skip
    values = [0.0] * 20 + [0.4] * 12 + [99.0] * 20 + [97.8] * 13
    assert flags(FlatLine(limits), values) == [2] * 20 + [1] * 12 + [2] * 20 + [1] * 12 + [3]


WEAK = Limits(attenuated_window_ms=HOUR_MS, attenuated_suspect=0.5, attenuated_fail=0.1)


def test_attenuated_signal_once_the_window_is_full():
    values = [1.0, 1.05] * 6 + [1.0] + [1.6] * 12 + [1.2] + [1.6] * 12 + [1.6]
    assert flags(Attenuated(WEAK), values) == [2] * 12 + [4] + [1] * 11 + [4] + [3] * 12 + [4] * 2


def test_attenuated_signal_is_good_as_soon_as_it_has_moved_enough():
    assert flags(Attenuated(WEAK), [1.0, 1.5, 1.5]) == [2, 1, 1]


def test_attenuated_signal_needs_values_without_silence_or_rest():
    limits = Limits(
        attenuated_window_ms=HOUR_MS, attenuated_suspect=0.5, attenuated_min_n=13, not_flat_at=0.0
    )
    assert flags(Attenuated(limits), [1.0] * 14)[-2:] == [2, 2]  # only 12 at a time
    assert flags(Attenuated(WEAK), [1.0] * 14)[-2:] == [4, 4]
    assert flags(Attenuated(WEAK), [1.0] * 5 + [None] * 3 + [1.0] * 12) == [2] * 5 + [9] * 3 + [2] * 12
    assert flags(Attenuated(limits), [1.0] * 14 + [0.0])[-1] == 2


LIMITS = Limits(
    gap_ms=HOUR_MS, sensor=(-50.0, 50.0), site=(-5.0, 5.0), climatology=(Season(span=(-4.0, 4.0)),),
    spike_suspect=1.0, spike_fail=2.0, rate_suspect_per_s=0.01, flat_suspect_ms=HOUR_MS, flat_fail_ms=2 * HOUR_MS,
    flat_eps=0.5, attenuated_window_ms=HOUR_MS, attenuated_suspect=1.0, attenuated_fail=0.5, not_flat_at=-4.5,
)  # fmt: skip
ALL = (Gap, Syntax, GrossRange, Climatology, Spike, RateOfChange, FlatLine, Attenuated)
walks = st.lists(
    st.tuples(st.sampled_from([1, 5, 10, 61]), st.none() | st.integers(-20, 20).map(lambda number: number / 4)),
    min_size=1, max_size=60,
)  # fmt: skip


@pytest.mark.parametrize("make", ALL)
@given(walks, st.integers(0, 60))
def test_a_check_goes_on_after_a_restart_as_if_there_had_been_none(make, walk, cut):
    whole, first = make(LIMITS), make(LIMITS)
    at_ms = START_MS
    expected, found = [], []
    for index, (minutes, value) in enumerate(walk):
        if index == cut:
            state = decode(encode(first.state()))
            first = make(LIMITS)
            first.restore(state)
        at_ms += minutes * MINUTE_MS
        expected.append((whole.feed(at_ms, value), getattr(whole, "previous", None)))
        found.append((first.feed(at_ms, value), getattr(first, "previous", None)))
    assert found == expected
    assert encode(first.state()) == encode(whole.state())


@pytest.mark.parametrize("make", [Gap, Spike, RateOfChange, FlatLine, Attenuated])
def test_a_check_takes_no_state_made_under_other_limits(make):
    with pytest.raises(ValueError, match="key: expected the state of limits"):
        make(LIMITS).restore(make(Limits(attenuated_window_ms=5, attenuated_suspect=1.0)).state())
