"""The rule operators write: takes, limits, dwell, hysteresis, and what else must hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.cross.limits import Condition, Limits
from pipelines.events import Kind, Nature, Phase, Severity, Source
from pipelines.state import decode, encode
from pipelines.threshold import Take, ThresholdRule, ThresholdSettings

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
T0 = 1_780_272_000_000
LEVEL, RAIN, PUMP = (
    Source("gauge", "water_level"),
    Source("gauge", "rainfall"),
    Source("station", "switch.pump"),
)


def make(above=None, **changes):
    limits = changes.pop("limits", None) or Limits(above=above, hysteresis=changes.pop("hysteresis", 0.0))
    return lambda: ThresholdRule(
        ThresholdSettings(**{"name": "high", "source": LEVEL, "limits": limits} | changes)
    )


def play(made, readings, until_ms=None, *, ahead_ms=None, restart_at=None):
    """All readings up to a time, then the tick of that time; `ahead_ms` lets a source run ahead."""
    rule, events, ahead = made(), [], ahead_ms or {}
    waiting = sorted(readings, key=lambda each: each[1] - ahead.get(each[0], 0))
    last_ms = max(each[1] for each in readings) if until_ms is None else until_ms
    for n, now_ms in enumerate(range(T0, last_ms + 10 * SECOND, 10 * SECOND)):
        while waiting and waiting[0][1] - ahead.get(waiting[0][0], 0) <= now_ms:
            source, at_ms, value, *quality = waiting.pop(0)
            events += rule.feed(source, at_ms, value, *(quality or [Quality.GOOD]))
        if n == restart_at:
            stored = decode(encode(rule.state()))
            rule = made()
            rule.restore(stored)
        events += rule.tick(now_ms)
    return events


def series(values, source=LEVEL, every_ms=MINUTE):
    return [(source, T0 + n * every_ms, value) for n, value in enumerate(values) if value is not None]


def told(events):
    return [(event.phase, (event.at_ms - T0) // MINUTE) for event in events]


def test_a_value_is_told_of_at_its_own_reading_with_all_that_was_asked_for():
    rule = make(2.0, title="Bank", severity=Severity.CRITICAL, pictures=True, nature=Nature.FAULT)()
    assert rule.feed(LEVEL, T0, 2.0, Quality.GOOD) == ()
    (event,) = rule.feed(LEVEL, T0 + 1, 2.001, Quality.SUSPECT)
    assert (event.kind, event.nature, event.severity, event.pictures) == (
        Kind.THRESHOLD,
        Nature.FAULT,
        Severity.CRITICAL,
        True,
    )
    assert (event.rule, event.value, event.threshold) == ("high", 2.001, 2.0)
    assert event.detail == {"take": "value", "title": "Bank", "quality": "suspect"}
    (closed,) = rule.feed(LEVEL, T0 + 2, 2.0, Quality.GOOD)
    assert closed.phase is Phase.CLOSED
    assert closed.id == event.id
    assert rule.tick(T0 + 10) == ()


@pytest.mark.parametrize(
    ("limits", "value", "over", "back"),
    [
        (Limits(above=2.0, hysteresis=0.5), 2.0, False, False),
        (Limits(above=2.0, hysteresis=0.5), 2.01, True, False),
        (Limits(above=2.0, hysteresis=0.5), 1.5, False, True),
        (Limits(above=2.0, hysteresis=0.5), 1.51, False, False),
        (Limits(below=2.0, hysteresis=0.5), 1.99, True, False),
        (Limits(below=2.0, hysteresis=0.5), 2.49, False, False),
        (Limits(below=2.0, hysteresis=0.5), 2.5, False, True),
        (Limits(outside=(1.0, 3.0)), 1.0, False, True),
        (Limits(outside=(1.0, 3.0)), 0.99, True, False),
        (Limits(outside=(1.0, 3.0)), 3.01, True, False),
        (Limits(outside=(1.0, 3.0), hysteresis=0.25), 2.9, False, False),
        (Limits(equals=1), 1.0, True, False),
        (Limits(equals=1), 0, False, True),
        (Limits(equals="open"), "open", True, False),
        (Limits(equals="open"), "shut", False, True),
        (Limits(above=1.0), "open", False, True),
        (Limits(above=5.0, equals=0), 0, True, False),
    ],
)
def test_over_back_and_what_lies_between(limits, value, over, back):
    assert limits.judge(value) == (over, back)


def test_the_dwell_counts_readings_without_a_break():
    values = [1, 3, 3, 1, 3, 3, 3, 3, 1, 1, 3, 1, 1, 1, 1]
    made = make(2.0, raise_ms=3 * MINUTE, clear_ms=2 * MINUTE)
    events = play(made, series(values))
    assert told(events) == [(Phase.OPENED, 7), (Phase.CLOSED, 13)]
    assert events[0].began_ms == T0 + 4 * MINUTE


def test_bad_values_count_only_where_the_rule_says_so():
    bad = [(*each, Quality.BAD) for each in series([9.0])]
    assert play(make(2.0), bad) == []
    (event,) = play(make(2.0, use_bad=True), bad)
    assert event.detail["quality"] == "bad"
    assert play(make(2.0, use_bad=True), [(LEVEL, T0, None, Quality.MISSING)]) == []


@pytest.mark.parametrize(
    ("take", "limit", "figure"),
    [
        (Take.MEAN, 2.9, 3.0),
        (Take.MAX, 4.9, 5.0),
        (Take.SUM, 14.0, 15.0),
        (Take.CHANGE, 3.9, 4.0),
        (Take.SLOPE, 59.0, 60.0),
    ],
)
def test_what_is_taken_of_a_window(take, limit, figure):
    (event,) = play(make(limit, take=take, window_ms=10 * MINUTE, least_n=5), series([1, 2, 3, 4, 5]))
    assert event.value == pytest.approx(figure)
    assert event.window.n == 5
    assert event.at_ms == T0 + 4 * MINUTE
    assert event.detail["take"] == take


def test_the_least_of_a_window():
    (event,) = play(make(limits=Limits(below=1.5), take=Take.MIN, window_ms=10 * MINUTE), series([2, 1, 2]))
    assert event.value == 1.0
    assert event.at_ms == T0 + MINUTE


def test_what_leaves_the_window_no_longer_counts():
    values = [5.0] + [0.0] * 30
    events = play(make(4.0, take=Take.SUM, window_ms=10 * MINUTE), series(values))
    assert told(events) == [(Phase.OPENED, 0), (Phase.CLOSED, 10)]


def test_a_window_slides_on_between_readings_and_takes_each_reading_at_once():
    summed = make(4.0, take=Take.SUM, window_ms=10 * MINUTE)
    assert told(play(summed, series([5.0, 0.0]), T0 + HOUR)) == [(Phase.OPENED, 0), (Phase.CLOSED, 10)]
    hourly = make(4.0, take=Take.SUM, window_ms=HOUR)
    events = play(hourly, [(LEVEL, T0, 3.0), (LEVEL, T0 + 20 * SECOND, 3.0)])
    assert [event.at_ms for event in events] == [T0 + 20 * SECOND]


def test_the_slope_is_not_bent_by_one_wild_reading():
    values = [1.0 + 0.01 * n for n in range(31)]
    values[15] = 50.0
    assert play(make(1.0, take=Take.SLOPE, window_ms=30 * MINUTE, least_n=20), series(values)) == []
    assert len(play(make(0.5, take=Take.SLOPE, window_ms=30 * MINUTE, least_n=20), series(values))) == 1


def test_nothing_changes_while_the_source_says_nothing():
    (event,) = play(make(2.0, take=Take.MEAN, window_ms=10 * MINUTE), series([3.0] * 5), T0 + 2 * HOUR)
    assert event.phase is Phase.OPENED


def test_also_and_unless_must_hold_and_their_values_are_told():
    wet = Condition(source=RAIN, limits=Limits(above=1.0))
    pumped = Condition(source=PUMP, limits=Limits(equals=1))
    made = make(2.0, also=(wet,), unless=(pumped,))
    level, rain = series([3.0] * 10), series([0.0] * 3 + [5.0] * 7, RAIN)
    pump = series([0] * 6 + [1] * 4, PUMP)
    events = play(made, [*level, *rain, *pump])
    assert told(events) == [(Phase.OPENED, 3), (Phase.CLOSED, 6)]
    assert events[0].detail["also_1"] == 5.0
    assert told(play(made, [*level, *rain])) == [(Phase.OPENED, 3)], (
        "what is unknown does not hold against it"
    )
    assert play(made, level) == []


def test_a_condition_on_a_label_and_one_too_old():
    door = Condition(source=PUMP, limits=Limits(equals="open"))
    made = make(2.0, also=(door,), oldest_ms=5 * MINUTE)
    events = play(made, [*series([3.0] * 10), (PUMP, T0, "open")])
    assert told(events) == [(Phase.OPENED, 0), (Phase.CLOSED, 5)]


def test_a_label_is_told_as_such():
    (event,) = play(make(limits=Limits(equals="fault")), series(["ok", "fault"]))
    assert event.value is None
    assert event.detail["label"] == "fault"


WRITTEN = [
    make(2.0, hysteresis=0.5),
    make(2.0, raise_ms=2 * MINUTE, clear_ms=MINUTE),
    make(2.0, take=Take.MEAN, window_ms=5 * MINUTE),
    make(1.0, take=Take.SLOPE, window_ms=10 * MINUTE, least_n=3),
    make(2.0, also=(Condition(source=RAIN, limits=Limits(above=1.0)),)),
    make(
        2.0, take=Take.MAX, window_ms=5 * MINUTE, unless=(Condition(source=RAIN, limits=Limits(below=0.5)),)
    ),
]


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(WRITTEN),
    st.lists(st.tuples(st.integers(0, 16), st.integers(0, 12)), min_size=3, max_size=30),
    st.integers(0, 2 * MINUTE),
    st.integers(0, 2 * MINUTE),
    st.integers(0, 180),
)
def test_neither_the_order_of_arrival_nor_a_restart_changes_anything(
    made, pairs, level_ahead, rain_ahead, restart_at
):
    readings = [
        *series([pair[0] / 4 for pair in pairs]),
        *series([pair[1] / 4 for pair in pairs], RAIN),
    ]
    readings = [each for each in readings if each[0] in made().sources]
    until = T0 + (len(pairs) + 3) * MINUTE
    plain = play(made, readings, until)
    assert play(made, readings, until, restart_at=restart_at) == plain
    assert play(made, readings, until, ahead_ms={LEVEL: level_ahead, RAIN: rain_ahead}) == plain


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"name": ""}, "name"),
        ({"window_ms": 10}, "window_ms"),
        ({"least_n": 0}, "least_n"),
        ({"raise_ms": -1}, "raise_ms"),
        ({"limits": Limits(equals="x"), "take": Take.MEAN}, "equals"),
    ],
)
def test_a_wrong_setting_is_named(changes, key):
    with pytest.raises(ValueError, match=f"^{key}: expected"):
        make(2.0, **changes)()


def test_limits_must_say_something():
    with pytest.raises(ValueError, match=r"^limits: expected one of above"):
        Limits()
    with pytest.raises(ValueError, match=r"^outside: expected"):
        Limits(outside=(3.0, 1.0))
    with pytest.raises(ValueError, match=r"^outside: expected"):
        Limits(outside=(3.0, 3.0))
    with pytest.raises(ValueError, match="other settings"):
        make(2.0)().restore(make(3.0)().state())
