"""Channels that cannot exceed others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.cross.pairs import PairRule, PairSettings, dew, gusts, particles
from pipelines.events import Kind, Phase, Source

MINUTE = 60_000
T0 = 1_780_272_000_000
FINE, COARSE, RH = Source("air", "pm2_5"), Source("air", "pm10"), Source("air", "relative_humidity")


def pm(**changes):
    from dataclasses import replace

    return lambda: PairRule(replace(particles(FINE, COARSE, RH), **changes))


def readings(pairs, every_ms=MINUTE):
    return [
        (source, T0 + n * every_ms, value)
        for n, pair in enumerate(pairs)
        for source, value in zip((FINE, COARSE), pair, strict=True)
    ]


@pytest.mark.parametrize(
    ("fine", "coarse", "count"),
    [
        (40, 40, 0),
        (45, 40, 0),
        (45.1, 40, 1),
        (110, 100, 0),
        (110.1, 100, 1),
        (12, 8, 0),
        (14, 8, 1),
        (5.1, 0, 1),
    ],
)
def test_both_the_share_and_the_margin_must_be_passed(play, fine, coarse, count):
    events = play(pm(), readings([(fine, coarse)] * 15), T0 + 20 * MINUTE)
    assert len(events) == count


def test_they_disagree_after_the_dwell_and_until_they_agree_as_long(play):
    pairs = [(30, 40)] * 5 + [(60, 40)] * 20 + [(30, 40)] * 20
    opened, closed = play(pm(), readings(pairs), T0 + 60 * MINUTE)
    assert (opened.kind, opened.source, opened.phase) == (Kind.SENSOR_DISAGREES, FINE, Phase.OPENED)
    assert opened.detail == {"other": "air.pm10", "lesser": 60.0, "greater": 40.0}
    assert opened.began_ms == T0 + 5 * MINUTE
    assert opened.at_ms == T0 + 15 * MINUTE
    assert closed.at_ms == T0 + 35 * MINUTE


def test_humid_air_is_said(play):
    humid = [(RH, T0, 90.1)]
    (event,) = play(pm(), [*humid, *readings([(60, 40)] * 12)], T0 + 12 * MINUTE)
    assert event.detail["optical_bias"] == "likely"


def test_a_reading_too_old_or_bad_or_a_label_is_not_compared(play):
    alone = [*readings([(60, 40)]), *((FINE, T0 + n * MINUTE, 60) for n in range(1, 60))]
    assert play(pm(raise_ms=20 * MINUTE), alone, T0 + 60 * MINUTE) == []
    bad = [(*each, Quality.BAD) for each in readings([(60, 40)] * 60)]
    assert play(pm(), bad, T0 + 60 * MINUTE) == []
    words = [
        (source, at_ms, "high" if source == FINE else value)
        for source, at_ms, value in readings([(60, 40)] * 60)
    ]
    assert play(pm(), words, T0 + 60 * MINUTE) == []


@pytest.mark.parametrize(
    ("made", "lesser", "greater", "count"),
    [
        (gusts, 8.0, 7.5, 0),
        (gusts, 8.1, 7.5, 1),
        (dew, 12.5, 12.0, 0),
        (dew, -2.0, -2.6, 1),
        (dew, 12.0, 15.0, 0),
    ],
)
def test_a_mean_above_its_gust_and_a_dew_point_above_the_temperature(play, made, lesser, greater, count):
    one, other = Source("met", "lesser"), Source("met", "greater")
    pairs = [
        (source, T0 + n * MINUTE, value)
        for n in range(15)
        for source, value in ((one, lesser), (other, greater))
    ]
    assert len(play(lambda: PairRule(made(one, other)), pairs, T0 + 15 * MINUTE)) == count


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 120)), min_size=5, max_size=60),
    st.integers(0, 60_000),
    st.integers(0, 60_000),
    st.integers(0, 200),
)
def test_neither_the_order_of_arrival_nor_a_restart_changes_anything(play, pairs, ahead, other, restart_at):
    made = pm(raise_ms=MINUTE, clear_ms=MINUTE)
    until = T0 + len(pairs) * MINUTE
    plain = play(made, readings(pairs), until)
    assert play(made, readings(pairs), until, from_ms=T0, ahead_ms={FINE: ahead, COARSE: other}) == plain
    assert play(made, readings(pairs), until, restart_at=restart_at) == plain


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match=r"^greater: expected"):
        PairSettings(name="same", lesser=FINE, greater=FINE)
    with pytest.raises(ValueError, match=r"^margin: expected"):
        PairSettings(name="same", lesser=FINE, greater=COARSE, margin=-1)
