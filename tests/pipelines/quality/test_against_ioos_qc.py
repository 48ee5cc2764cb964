"""Each test, fed one value at a time, flags as the batch functions of ioos_qc do.

Where it does not, the difference is meant, and stands as D1, D2, … in docs/platform/quality.md; the tests that
allow for one name it.
"""

import math
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from ioos_qc import qartod

from drivers.readings import Quality
from pipelines.quality.checks import Climatology, GrossRange, RateOfChange, Spike
from pipelines.quality.limits import Limits, Season
from pipelines.quality.still import Attenuated, FlatLine
from pipelines.quality.verdicts import aggregate

ROOT = Path(__file__).parents[3]
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z, a multiple of every bucket below

# Quarters are exact in binary, so that sums, means and differences are too, and thresholds are met exactly.
quarters = st.integers(-16, 16).map(lambda number: number / 4)
odd = st.sampled_from([math.nan, math.inf, -math.inf])
thresholds = st.integers(1, 12).map(lambda number: number / 4)


@st.composite
def series(draw, values=quarters | odd, least=1):
    """Constants, steps and noise, one after the other."""
    found = []
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.booleans()):
            found += [draw(values)] * draw(st.integers(1, 12))
        else:
            found += draw(st.lists(values, min_size=1, max_size=12))
    assume(len(found) >= least)
    return found


def stamps(values, interval_ms):
    return [START_MS + index * interval_ms for index in range(len(values))]


def times(stamps_ms):
    return np.array(stamps_ms, dtype="datetime64[ms]").astype("datetime64[ns]")


def ours(check, stamps_ms, values):
    return [int(check.feed(at_ms, value)) for at_ms, value in zip(stamps_ms, values, strict=True)]


def library(test, *arguments, **options):
    """The flags of a batch function, which subtracts infinities in passing."""
    with np.errstate(invalid="ignore"):
        return [int(flag) for flag in np.ma.getdata(test(*arguments, **options))]


def silences(values, longest):
    """For each value the number of the first one after the last silence of more than `longest` steps."""
    begins, last = [], None
    for index, value in enumerate(values):
        if math.isfinite(value):
            if last is None or index - last > longest:
                begin = index
            last = index
        begins.append(begin if last is not None else index + 1)
    return begins


@given(series(), quarters, thresholds, thresholds)
def test_gross_range(values, low, margin, width):
    site = (low, low + width)
    sensor = (low - margin, low + width + margin)
    flags = library(qartod.gross_range_test, values, list(sensor), list(site))
    assert ours(GrossRange(Limits(sensor=sensor, site=site)), stamps(values, 1000), values) == flags


@given(
    series(), quarters, thresholds, st.tuples(st.integers(1, 12), st.integers(1, 12)).map(sorted), st.data()
)
def test_climatology_by_month(values, low, width, months, data):
    at_ms = data.draw(
        st.lists(
            st.integers(0, 365 * 24).map(lambda hour: START_MS + hour * 3_600_000),
            min_size=len(values), max_size=len(values), unique=True,
        ).map(sorted)
    )  # fmt: skip
    config = qartod.ClimatologyConfig()
    config.add(tspan=[1, 12], vspan=[low - width, low + 2 * width], period="month")
    config.add(tspan=months, vspan=[low, low + width], period="month")
    theirs = library(qartod.climatology_test, config, values, times(at_ms), np.zeros(len(values)))
    seasons = (
        Season(span=(low - width, low + 2 * width)),
        Season(span=(low, low + width), months=tuple(months)),
    )
    found = ours(Climatology(Limits(climatology=seasons)), at_ms, values)
    for value, flag, expected in zip(values, found, theirs, strict=True):
        if math.isfinite(value):
            assert flag == expected
        else:
            assert (flag, expected) == (Quality.MISSING, Quality.GOOD)  # D5


@given(series(), st.sampled_from(["average", "differential"]), thresholds, thresholds)
def test_spike_after_one_further_reading(values, form, suspect, margin):
    theirs = library(qartod.spike_test, values, suspect, suspect + margin, form)
    spike = Spike(Limits(spike_form=form, spike_suspect=suspect, spike_fail=suspect + margin))
    found = []
    for at_ms, value in zip(stamps(values, 1000), values, strict=True):
        newest = spike.feed(at_ms, value)
        assert newest == (Quality.NOT_EVALUATED if math.isfinite(value) else Quality.MISSING)
        found.append(int(spike.previous))
    assert [*found[1:], int(newest)] == theirs


@given(series(), st.integers(1, 900), thresholds)
def test_rate_of_change(values, interval_s, threshold):
    at_ms = stamps(values, interval_s * 1000)
    found = ours(RateOfChange(Limits(rate_suspect_per_s=threshold / interval_s)), at_ms, values)
    there = [index for index, value in enumerate(values) if math.isfinite(value)]
    assert all((flag == Quality.MISSING) is (index not in there) for index, flag in enumerate(found))
    # D3: over missing values, the change since the last value and the time since then.
    theirs = library(
        qartod.rate_of_change_test,
        [values[index] for index in there],
        times([at_ms[index] for index in there]),
        threshold / interval_s,
    )
    assert [found[index] for index in there][1:] == theirs[1:]
    assert [found[index] for index in there][:1] == [Quality.NOT_EVALUATED] * bool(there)  # D2


@given(series(least=3), st.sampled_from([1, 60, 300]), st.integers(4, 16), st.integers(1, 4), thresholds)
def test_flat_line(values, interval_s, count, more, eps):
    at_ms = stamps(values, interval_s * 1000)
    suspect_s, fail_s = count * interval_s, (count + more) * interval_s
    theirs = library(qartod.flat_line_test, values, times(at_ms), suspect_s, fail_s, eps)
    limits = Limits(flat_suspect_ms=suspect_s * 1000, flat_fail_ms=fail_s * 1000, flat_eps=eps)
    found = ours(FlatLine(limits), at_ms, values)
    for index, begin in enumerate(silences(values, count / 4)):
        assert found[index] <= theirs[index]
        starts = [index - length for length in (count, count + more) if index >= length]
        within = all(start >= begin for start in starts)  # D7
        if within and all(math.isfinite(values[start]) for start in starts):  # D6
            assert found[index] == theirs[index]


@given(series(least=3), st.sampled_from([1, 3, 675]), st.sampled_from([4, 8, 16, 32]), thresholds)
def test_attenuated_signal(values, bucket_s, n, fail):
    """A bucket ends with each reading, so that the window is exact."""
    window_s = 64 * bucket_s
    at_ms = stamps(values, window_s * 1000 // n)
    theirs = library(
        qartod.attenuated_signal_test,
        values, times(at_ms), fail + 0.25, fail, test_period=window_s, min_obs=n, check_type="range",
    )  # fmt: skip
    limits = Limits(
        attenuated_window_ms=window_s * 1000,
        attenuated_suspect=fail + 0.25,
        attenuated_fail=fail,
        attenuated_min_n=n,
    )
    found = ours(Attenuated(limits), at_ms, values)
    for index, begin in enumerate(silences(values, n / 4)):
        window = values[max(0, index - n + 1) : index + 1]
        if not math.isfinite(values[index]):
            assert found[index] == theirs[index] == Quality.MISSING
        elif index - begin < n:
            assert found[index] in (Quality.GOOD, Quality.NOT_EVALUATED)  # D8
        elif all(map(math.isfinite, window)):
            assert found[index] == theirs[index]
        else:
            assert theirs[index] == Quality.NOT_EVALUATED  # D6: one missing value silences the library


@given(st.lists(st.sampled_from(list(Quality)), min_size=1, max_size=6))
def test_the_verdict_out_of_many(flags):
    (theirs,) = library(qartod.qartod_compare, [np.array([flag]) for flag in flags])
    verdict, name = aggregate({str(index): flag for index, flag in enumerate(flags)})
    assert verdict == theirs
    assert (name == "") is (verdict in (Quality.GOOD, Quality.NOT_EVALUATED, Quality.MISSING))


def test_every_difference_named_here_is_written_down():
    page = (ROOT / "docs/platform/quality.md").read_text(encoding="utf-8")
    written = set(re.findall(r"^\| (D\d+) \|", page, re.MULTILINE))
    named = set(re.findall(r"# (D\d+)", Path(__file__).read_text(encoding="utf-8")))
    assert named <= written
    assert named


@pytest.mark.parametrize("hour", [0, 23])
def test_the_months_are_those_of_the_library(hour):
    """January to April in UTC, on the days where a month ends."""
    config = qartod.ClimatologyConfig()
    config.add(tspan=[1, 4], vspan=[0.0, 1.0], period="month")
    days = [datetime(2026, 4, 30, hour, tzinfo=UTC), datetime(2026, 5, 1, hour, tzinfo=UTC)]
    at_ms = [int(day.timestamp() * 1000) for day in days]
    theirs = library(qartod.climatology_test, config, [2.0, 2.0], times(at_ms), np.zeros(2))
    limits = Limits(climatology=(Season(span=(0.0, 1.0), months=(1, 4)),))
    assert ours(Climatology(limits), at_ms, [2.0, 2.0]) == theirs == [Quality.SUSPECT, Quality.NOT_EVALUATED]
