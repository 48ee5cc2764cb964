from __future__ import annotations

import math
import random

import pytest

from pipelines.anomaly.ewma import HIGHEST
from pipelines.anomaly.holt_winters import DAY_MS, HoltWinters, HoltWintersSettings

QUARTER_MS = DAY_MS // 96


def tide(at_ms: int) -> float:
    return 3 * math.sin(2 * math.pi * at_ms / DAY_MS)


def run(detector, times, value_at):
    return [detector.feed(at_ms, value_at(at_ms)) for at_ms in times]


def test_a_daily_wave_is_expected_after_some_days_and_its_absence_is_not():
    noise = random.Random(1)
    detector = HoltWinters()
    days = range(0, 30 * DAY_MS, QUARTER_MS)
    usual = run(detector, days, lambda at_ms: tide(at_ms) + noise.gauss(0, 0.1))
    assert max(usual[-96:]) < 4
    noon_ms = 30 * DAY_MS + DAY_MS // 4
    assert detector.feed(noon_ms, tide(noon_ms)) < 4
    assert detector.feed(noon_ms + QUARTER_MS, 0.0) > 4


def test_the_time_of_day_survives_a_gap_and_another_interval():
    detector, plain = HoltWinters(), HoltWinters(HoltWintersSettings(season=0))
    run(detector, range(0, 20 * DAY_MS, QUARTER_MS), tide)
    run(plain, range(0, 20 * DAY_MS, QUARTER_MS), tide)
    after = range(23 * DAY_MS + 7 * QUARTER_MS, 24 * DAY_MS, QUARTER_MS // 3)
    assert sum(run(detector, after, tide)) < 0.5 * sum(run(plain, after, tide))


def test_a_steady_rise_is_followed():
    """Without a trend the level stays behind by the rise of one reading over its weight: 1 / 0.1."""
    times = range(0, 3000 * 60_000, 60_000)
    behind = []
    for trend in (0.0, 0.1):
        detector = HoltWinters(HoltWintersSettings(level=0.1, trend=trend, season=0))
        run(detector, times, lambda at_ms: at_ms / 60_000)
        state = detector.state()
        behind.append(3000 - state["level"] - state["trend"])
    assert behind == [pytest.approx(10), pytest.approx(0, abs=0.01)]


def test_the_first_residual_is_worked_out_by_hand():
    detector = HoltWinters(HoltWintersSettings(level=0.5, trend=0.5, season=0.5, warm_up=2))
    assert [detector.feed(0, 10.0), detector.feed(QUARTER_MS, 14.0)] == [0.0, 0.0]
    state = detector.state()
    assert (state["level"], state["trend"], state["variance"]) == (12.0, 1.0, 16.0)
    assert list(state["parts"][:3]) == [0.0, 1.0, 0.0]
    assert detector.feed(DAY_MS + QUARTER_MS, 16.0) == pytest.approx((16 - (12 + 1) - 1) / 4)


def test_a_still_series_that_moves_scores_highest_and_less_than_a_resolution_does_not():
    times = range(0, 200 * 60_000, 60_000)
    for resolution, expected in ((0.0, HIGHEST), (0.1, 1.0)):
        detector = HoltWinters(HoltWintersSettings(resolution=resolution))
        run(detector, times, lambda _: 20.0)
        assert detector.feed(times[-1] + 1, 20.1) == pytest.approx(expected)


def test_what_is_no_number_is_not_learnt():
    detector = HoltWinters()
    run(detector, range(0, DAY_MS, QUARTER_MS), tide)
    before = detector.state()
    for value in (math.nan, math.inf, -math.inf, 1e200):
        assert detector.feed(DAY_MS, value) == 0
    assert detector.state() == before


def test_every_time_of_day_has_its_part():
    for parts in (1, 7, 96, 288):
        detector = HoltWinters(HoltWintersSettings(parts_of_day=parts))
        for at_ms in (0, DAY_MS // 2, DAY_MS - 1, -1):
            detector.feed(at_ms, 1.0)


@pytest.mark.parametrize(
    "bad",
    [{"level": 0}, {"spread": 1}, {"trend": -0.1}, {"season": 1.1}, {"parts_of_day": 289}, {"warm_up": 1},
     {"resolution": -1}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(bad):
    (key,) = bad
    with pytest.raises(ValueError, match=f"{key}: expected"):
        HoltWintersSettings(**bad)
