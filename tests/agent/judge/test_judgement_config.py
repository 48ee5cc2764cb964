"""The models of [judgement], [limits], report and aggregate: what they take, and what they refuse by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.config import Station
from agent.judge.config import ChannelLimits, Judgement, Report, Season, Windows, offset_min
from firmware_profiles.declared import checked, plain


@given(st.integers(-14 * 60, 14 * 60))
def test_every_offset_from_utc_is_read_as_it_is_written(minutes):
    hours, rest = divmod(abs(minutes), 60)
    assert offset_min(f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}") == minutes


@pytest.mark.parametrize("text", ["8", "+8:00", "08:00", "+08:60", "+14:01", "-15:00", "+08:00 ", "Z", ""])
def test_what_is_no_offset_is_refused(text):
    with pytest.raises(ValueError, match="expected an offset from UTC"):
        offset_min(text)
    with pytest.raises(ValidationError, match="expected an offset from UTC"):
        checked(Station, {"site": "a", "gateway": "b", "utc_offset": text})


def test_by_default_every_channel_is_judged_and_every_reading_sent():
    judged = Judgement()
    assert (judged.unusual, judged.slow, judged.shapes, judged.reread) == ("normal", True, False, True)
    assert all(each is None or each == [] for each in plain(ChannelLimits()).values())
    assert Windows(window_s=60).raw is False
    assert (Report().deadband, Report().percent, Report().at_least_s) == (0.0, 0.0, 600.0)


@pytest.mark.parametrize("window_s", [10, 60, 300, 600, 3600, 86_400])
def test_a_window_divides_a_day(window_s):
    assert Windows(window_s=window_s).window_s == window_s


@pytest.mark.parametrize("window_s", [0, 5, 7 * 11, 5000, 86_401, 172_800])
def test_any_other_window_is_refused(window_s):
    with pytest.raises(ValidationError):
        checked(Windows, {"window_s": window_s})


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Season, {"span": [2, 1]}),
        (Season, {"span": [1, 1]}),
        (Season, {"span": [1, 2], "days": [1, 2]}),
        (Report, {"deadband": -1}),
        (Report, {"percent": 101}),
        (Report, {"at_least_s": 0}),
        (ChannelLimits, {"resolution": 0}),
        (ChannelLimits, {"rate_per_min": -1}),
        (ChannelLimits, {"sensor": [0, float("inf")]}),
        (ChannelLimits, {"attenuated": {"hours": 24 * 367, "suspect": 1}}),
        (ChannelLimits, {"neighbours": {"of": [], "suspect": 1}}),
        (ChannelLimits, {"together": {"of": ["a.b"], "deviations": 0}}),
    ],
)
def test_what_makes_no_sense_is_refused(model, values):
    with pytest.raises(ValidationError):
        checked(model, values)
