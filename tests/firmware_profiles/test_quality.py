"""The quality limits of the property table: they are sound limits, and raise no alarm where they need not."""

import pytest
from pydantic import ValidationError

from firmware_profiles.declared import checked
from firmware_profiles.properties import Property, QualityLimits, properties
from pipelines.quality.limits import Limits

JUDGED = {name: row for name, row in properties().items() if row.quality.limits()}


@pytest.mark.parametrize("name", properties())
def test_they_are_sound_beside_the_limits_of_the_instrument(name):
    row = properties()[name]
    limits = Limits(kind=row.kind, sensor=row.limits, **row.quality.limits())
    for key, value in row.quality.limits().items():
        assert getattr(limits, key) == value


def test_units_of_time_are_those_of_the_limits():
    quality = QualityLimits(
        flat_suspect_h=1.5, flat_eps=0.1, rate_suspect_per_min=3.0, rate_least=1.0, site=(0, 1)
    )
    assert quality.limits() == {
        "flat_suspect_ms": 5_400_000, "flat_eps": 0.1, "rate_suspect_per_s": 0.05, "rate_least": 1.0,
        "site": (0.0, 1.0),
    }  # fmt: skip


def test_nothing_is_bad_by_default_but_what_no_instrument_can_report():
    for row in JUDGED.values():
        assert not {"spike_fail", "flat_fail_ms", "attenuated_fail"} & set(row.quality.limits())


def test_a_standstill_takes_an_hour_at_least_and_half_a_shown_digit():
    still = {name: row for name, row in JUDGED.items() if row.quality.flat_suspect_h}
    assert {"water_level", "wind_speed", "noise_level", "pm2_5"} <= set(still)
    for row in still.values():
        assert row.quality.flat_suspect_h >= 1
        assert row.quality.flat_eps <= 0.5 * 10**-row.decimals


def test_a_fast_change_is_a_large_one():
    """A gauge that is read each second and moves by its last digit is not too fast."""
    for row in JUDGED.values():
        if row.quality.rate_suspect_per_min:
            assert row.quality.rate_least >= 20 * 10**-row.decimals


def test_rain_may_stay_away_and_lamps_may_stay_on():
    for name in ("rainfall", "rainfall_total", "rain_intensity", "switch", "dimming", "status"):
        assert properties()[name].quality.flat_suspect_h is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"flat_suspect_h": 5}, "flat_eps: expected a number beside flat_suspect_h"),
        ({"spike_suspect": 0}, "greater than 0"),
        ({"site": (0.0, float("nan"))}, "finite number"),
        ({"spikes": 3}, "Unexpected keyword"),
    ],
)
def test_a_wrong_limit_is_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        checked(Property, {"title": "t", "unit": "m", "quality": wrong})
