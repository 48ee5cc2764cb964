import re
from dataclasses import FrozenInstanceError

import pytest

from pipelines.quality.limits import Limits, Season


def test_every_part_may_be_left_out_and_none_can_be_changed():
    limits = Limits()
    with pytest.raises(FrozenInstanceError):
        limits.gap_ms = 5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sensor": (5.0, 1.0)}, "sensor: expected a lower and a higher number, got (5.0, 1.0)"),
        ({"sensor": (0.0, float("nan"))}, "sensor: expected a lower and a higher number, got (0.0, nan)"),
        ({"sensor": (0.0, 5.0), "site": (1.0, 6.0)}, "site: expected a span within sensor (0.0, 5.0), got (1.0, 6.0)"),
        ({"gap_ms": 0}, "gap_ms: expected a number above 0, got 0"),
        ({"spike_suspect": -0.1}, "spike_suspect: expected a number above 0, got -0.1"),
        ({"spike_suspect": 2.0, "spike_fail": 1.0}, "spike_fail: expected more than spike_suspect 2.0, got 1.0"),
        ({"spike_form": "median"}, "spike_form: expected one of differential, average, got 'median'"),
        ({"kind": "total"}, "kind: expected one of instant, interval, counter, got 'total'"),
        ({"flat_suspect_ms": 5}, "flat_eps: expected a number, the flat line needs it; got none"),
        (
            {"flat_suspect_ms": 5, "flat_fail_ms": 5, "flat_eps": 1.0},
            "flat_fail_ms: expected more than flat_suspect_ms 5, got 5",
        ),
        (
            {"attenuated_suspect": 1.0},
            "attenuated_window_ms: expected together with attenuated_suspect or _fail only",
        ),
        (
            {"attenuated_window_ms": 1000},
            "attenuated_window_ms: expected together with attenuated_suspect or _fail only",
        ),
        (
            {"attenuated_window_ms": 9, "attenuated_suspect": 1.0, "attenuated_fail": 2.0},
            "attenuated_suspect: expected more than attenuated_fail 2.0, got 1.0",
        ),
        ({"rollover": 65536.0}, "rollover: expected with kind counter only, got kind instant"),
        ({"sentinels": (float("inf"),)}, "sentinels: expected a finite number, got inf"),
        ({"not_flat_at": float("nan")}, "not_flat_at: expected a finite number, got nan"),
        ({"rate_least": -1.0}, "rate_least: expected 0 or more, got -1.0"),
        ({"utc_offset_min": 1440}, "utc_offset_min: expected less than a day, got 1440"),
    ],
)  # fmt: skip
def test_a_wrong_limit_is_named(wrong, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Limits(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"span": (1.0, 1.0)}, "climatology.span: expected a lower and a higher number, got (1.0, 1.0)"),
        (
            {"span": (0.0, 1.0), "months": (0, 3)},
            "climatology.months: expected two numbers from 1 to 12, got (0, 3)",
        ),
        (
            {"span": (0.0, 1.0), "hours": (0, 24)},
            "climatology.hours: expected two numbers from 0 to 23, got (0, 24)",
        ),
    ],
)
def test_a_wrong_season_is_named(wrong, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Season(**wrong)


@pytest.mark.parametrize(
    ("months", "held"),
    [(None, range(1, 13)), ((5, 9), range(5, 10)), ((11, 2), (11, 12, 1, 2)), ((4, 4), (4,))],
)
def test_a_season_may_run_over_the_end_of_the_year(months, held):
    season = Season(span=(0.0, 1.0), months=months)
    assert [month for month in range(1, 13) if season.holds(month, 0)] == sorted(held)


def test_limits_that_differ_have_different_keys():
    keys = {limits.key for limits in (Limits(), Limits(gap_ms=5), Limits(gap_ms=6), Limits(site=(0.0, 1.0)))}
    assert len(keys) == 4
    assert Limits(gap_ms=5).key == Limits(gap_ms=5).key
