"""How the scores of one device heighten each other, for how long, and what frost does to a gauge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.anomaly.company import THRESHOLDS, Company, CompanySettings
from pipelines.anomaly.everyday import THRESHOLDS as ALONE
from pipelines.state import decode, encode

MINUTE_MS = 60_000
PROPERTIES = ("water_temperature", "ph", "water_level")
WARM = (12.0, 8.1, 40.0)
scores = st.lists(st.floats(0, 20), min_size=3, max_size=3)
samples = st.lists(
    st.tuples(st.integers(1, 90), scores, st.sampled_from([None, -9999.0, 0.1, 9.0])), max_size=30
)


def stamped(rows, at_ms=0):
    found = []
    for wait, score, celsius in rows:
        at_ms += wait * MINUTE_MS
        found.append((at_ms, score, (celsius, 8.0, 40.0)))
    return found


def test_each_grows_by_a_quarter_of_what_the_others_show_over_one():
    joined = Company(PROPERTIES).feed(0, [3.0, 2.0, 0.5], WARM)
    assert joined == pytest.approx([3.0 + 0.25 * 1.0, 2.0 + 0.25 * 2.0, 0.5 + 0.25 * 3.0])


def test_one_channel_cannot_shout_down_the_others():
    assert Company(PROPERTIES).feed(0, [15.0, 0.5, 0.0], WARM) == pytest.approx([15.0, 1.5, 0.0])


def test_evidence_holds_for_an_hour_and_no_longer():
    company = Company(PROPERTIES)
    company.feed(0, [3.0, 0.0, 0.0], WARM)
    assert company.feed(45 * MINUTE_MS, [0.0, 1.0, 0.25], WARM) == pytest.approx([0.0, 1.5, 0.75])
    assert company.feed(60 * MINUTE_MS, [0.0, 1.0, 0.0], WARM) == [0.0, 1.0, 0.0]
    assert company.feed(61 * MINUTE_MS, [0.5, 3.0, 0.0], WARM) == pytest.approx([1.0, 3.0, 0.0])


def test_a_channel_alone_keeps_its_score():
    company = Company(("ph",))
    assert [company.feed(n, [score], (8.0,)) for n, score in enumerate([0.0, 7.0, 3.0])] == [
        [0.0],
        [7.0],
        [3.0],
    ]


@pytest.mark.parametrize(
    ("celsius", "more"), [(0.2, 1.5), (-0.01, 1.5), (0.3, 0.0), (-9999.0, 0.0), (None, 0.0)]
)
def test_in_frost_a_level_that_jumps_is_believed_less(celsius, more):
    values = (celsius, 8.0, 40.0)
    assert Company(PROPERTIES).feed(0, [0.0, 0.0, 0.9], values) == pytest.approx([0.0, 0.0, 0.9 + more])
    assert Company(PROPERTIES).feed(0, [0.0, 0.0, 0.0], values) == [0.0, 0.0, 0.0]


def test_without_a_thermometer_there_is_no_frost():
    assert Company(("water_level", "ph")).feed(0, [0.9, 0.0], (40.0, 0.0)) == [0.9, 0.0]


@given(samples)
def test_no_score_is_ever_lowered(rows):
    company = Company(PROPERTIES)
    for at_ms, score, values in stamped(rows):
        joined = company.feed(at_ms, score, values)
        assert all(
            own - 1e-9 <= new <= own + 0.25 * 8.0 + 1.5 + 1e-9 for own, new in zip(score, joined, strict=True)
        )


@given(samples, st.integers(0, 30))
def test_a_restart_changes_nothing(rows, at):
    whole, first, second = (Company(PROPERTIES) for _ in range(3))
    readings = stamped(rows)
    expected = [whole.feed(*reading) for reading in readings]
    before = [first.feed(*reading) for reading in readings[:at]]
    second.restore(decode(encode(first.state())))
    assert before + [second.feed(*reading) for reading in readings[at:]] == expected
    assert encode(second.state()) == encode(whole.state())


def test_a_state_of_other_channels_is_refused():
    with pytest.raises(ValueError, match=r"properties: expected .*ph.*, got .*turbidity"):
        Company(PROPERTIES).restore(Company(("turbidity",)).state())


@pytest.mark.parametrize(
    ("key", "value"), [("weight", -1.0), ("over", -0.1), ("most", -1.0), ("frost_more", -1.0), ("hold_ms", 0)]
)
def test_settings_that_cannot_be_are_refused(key, value):
    with pytest.raises(ValueError, match=f"{key}: expected .* got {value}"):
        CompanySettings(**{key: value})


@pytest.mark.parametrize("thresholds", [THRESHOLDS, ALONE])
def test_fewer_false_alarms_take_a_higher_threshold(thresholds):
    assert list(thresholds) == [0.5, 1.0, 2.0]
    assert sorted(thresholds.values(), reverse=True) == list(thresholds.values())


def test_a_crowd_is_no_louder_than_five():
    few, many = Company(["ph"] * 6), Company(["ph"] * 21)
    (*_, of_six) = few.feed(0, [5.0] * 5 + [0.5], [7.0] * 6)
    (*_, of_many) = many.feed(0, [5.0] * 20 + [0.5], [7.0] * 21)
    assert of_six == of_many == pytest.approx(0.5 + 0.25 * 5 * 4.0)
