from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.events import Kind, Nature, Phase, Severity, Source
from pipelines.water.stage import StageRule, StageSettings

LEVEL = Source("gauge", "water_level")
MINUTE = 60_000
T0 = 1_780_272_000_000


def rule(**settings):
    return StageRule(
        StageSettings(name="stage", source=LEVEL, **{"warning_m": 3.0, "guarantee_m": 4.0} | settings)
    )


def feed(stage, *readings):
    """Each is (minute, level) or (minute, level, quality)."""
    events = []
    for minute, level, *quality in readings:
        events += stage.feed(LEVEL, T0 + int(minute * MINUTE), level, *(quality or [Quality.GOOD]))
    return events


def phases(events):
    return [(str(event.phase), event.severity, (event.at_ms - T0) / MINUTE) for event in events]


def test_the_stage_itself_is_reached_and_not_a_hair_under():
    stage = rule()
    assert feed(stage, (0, 2.9999)) == []
    (event,) = feed(stage, (1, 3.0))
    assert (event.kind, event.nature, event.severity) == (
        Kind.WATER_STAGE,
        Nature.HAPPENING,
        Severity.WARNING,
    )
    assert (event.value, event.threshold, event.began_ms, event.pictures) == (3.0, 3.0, T0 + MINUTE, True)
    assert event.evidence == ((T0, 2.9999), (T0 + MINUTE, 3.0))
    assert event.detail == {"stage": "warning", "confidence": 1.0, "highest": 3.0, "news": "reached"}


def test_one_event_from_warning_over_guarantee_to_its_end():
    events = feed(rule(), (0, 3.1), (5, 4.2), (10, 3.9), (40, 3.8), (45, 2.9), (75, 2.8))
    assert phases(events) == [
        ("opened", Severity.WARNING, 0),
        ("updated", Severity.CRITICAL, 5),
        ("updated", Severity.WARNING, 40),
        ("closed", Severity.WARNING, 75),
    ]
    assert len({event.id for event in events}) == 1
    assert events[-1].detail["highest"] == 4.2
    assert events[-1].detail["left_ms"] == T0 + 45 * MINUTE


def test_after_a_hole_both_stages_are_left_at_once_since_the_warning_was():
    events = feed(rule(), (0, 4.5), (10, 3.9), (20, 2.9), (60, 2.9))
    assert [event.phase for event in events] == [Phase.OPENED, Phase.CLOSED]
    assert events[1].detail["left_ms"] == T0 + 20 * MINUTE


def test_a_doubted_fall_leaves_the_confidence_of_the_stage():
    events = feed(rule(clear_ms=0), (0, 4.5), (10, 3.9, Quality.SUSPECT))
    assert [event.detail["confidence"] for event in events] == [1.0, 1.0]


def test_a_leap_over_both_stages_is_one_message():
    (event,) = feed(rule(), (0, 4.5))
    assert (event.severity, event.detail["stage"]) == (Severity.CRITICAL, "guarantee")


def test_the_band_under_a_stage_holds_it_to_its_last_millimetre():
    stage = rule(clear_ms=0, hysteresis_m=0.25)
    assert phases(feed(stage, (0, 3.0), (60, 2.75), (61, 2.7499))) == [
        ("opened", Severity.WARNING, 0), ("closed", Severity.WARNING, 61),
    ]  # fmt: skip


def test_the_end_waits_for_its_dwell_to_the_millisecond():
    stage = rule()
    feed(stage, (0, 3.0), (1, 2.9))
    assert feed(stage, (30.99998, 2.9)) == []
    assert phases(feed(stage, (31, 2.9))) == [("closed", Severity.WARNING, 31)]


def test_being_over_again_starts_the_wait_anew_and_the_band_does_not():
    stage = rule()
    assert len(feed(stage, (0, 3.0), (1, 2.9), (20, 3.0), (25, 2.9), (40, 2.97), (54, 2.9))) == 1
    assert phases(feed(stage, (55, 2.9))) == [("closed", Severity.WARNING, 55)]


def test_time_spent_in_the_band_is_not_time_spent_under_it():
    stage = rule()
    assert len(feed(stage, (0, 3.0), (10, 2.97), (50, 2.97), (51, 2.9), (80, 2.9))) == 1
    assert len(feed(stage, (81, 2.9))) == 1


def test_a_dwell_before_telling_is_kept_and_the_event_began_with_it():
    stage = rule(raise_ms=10 * MINUTE)
    assert feed(stage, (0, 3.1), (5, 2.0), (6, 3.1), (15.99, 3.1)) == []
    (event,) = feed(stage, (16, 3.2))
    assert event.began_ms == T0 + 6 * MINUTE


def test_a_doubted_value_raises_at_once_and_a_good_one_confirms_it():
    stage = rule()
    events = feed(stage, (0, 3.5, Quality.SUSPECT), (1, 3.5, Quality.SUSPECT), (2, 3.5), (3, 3.5))
    assert [(event.detail["confidence"], event.detail["news"]) for event in events] == [
        (0.5, "reached"), (1.0, "confirmed"),
    ]  # fmt: skip


def test_a_value_the_gauge_cannot_report_raises_nothing_and_is_told():
    stage = rule()
    (fault,) = feed(stage, (0, 99.0, Quality.BAD))
    assert (fault.kind, fault.nature, fault.value) == (Kind.SENSOR_OUT_OF_RANGE, Nature.FAULT, 99.0)
    assert fault.detail == {"doubt": "would_raise"}
    assert feed(stage, (1, 99.0, Quality.BAD)) == []
    closing, opening = feed(stage, (2, 3.2))
    assert (closing.id, closing.phase, opening.kind) == (fault.id, Phase.CLOSED, Kind.WATER_STAGE)


def test_a_bad_value_that_would_raise_nothing_is_a_matter_of_quality_control():
    assert feed(rule(), (0, 1.0, Quality.BAD)) == []


def test_a_bad_value_within_the_known_span_is_not_held_back():
    (event,) = feed(rule(span_low_m=0.0, span_high_m=10.0), (0, 5.0, Quality.BAD))
    assert (event.severity, event.detail["confidence"]) == (Severity.CRITICAL, 0.2)


def test_a_gauge_gone_bad_neither_ends_a_stage_nor_goes_untold():
    stage = rule()
    events = feed(stage, (0, 3.5), (10, -5.0, Quality.BAD), (50, -5.0, Quality.BAD))
    assert [(event.kind, event.phase) for event in events] == [
        (Kind.WATER_STAGE, Phase.OPENED), (Kind.SENSOR_OUT_OF_RANGE, Phase.OPENED),
    ]  # fmt: skip
    assert events[1].detail == {"doubt": "during_stage"}


def test_a_spike_that_is_withdrawn_never_stood():
    stage = rule()
    (opening,) = feed(stage, (0, 1.0), (1, 4.5, Quality.SUSPECT))
    (closing,) = stage.withdrawn(T0 + MINUTE)
    assert (closing.id, closing.phase, closing.detail["news"]) == (opening.id, Phase.CLOSED, "withdrawn")
    assert (T0 + MINUTE, 4.5) not in closing.evidence
    assert feed(stage, (2, 1.0), (3, 1.0)) == []
    assert [event.severity for event in feed(stage, (4, 3.0))] == [Severity.WARNING]


def test_a_spike_over_guarantee_leaves_the_warning_standing():
    stage = rule()
    feed(stage, (0, 3.1), (1, 3.1), (2, 4.5, Quality.SUSPECT))
    (event,) = stage.withdrawn(T0 + 2 * MINUTE)
    assert (event.phase, event.severity, event.detail["stage"]) == (
        Phase.UPDATED,
        Severity.WARNING,
        "warning",
    )


def test_what_a_second_reading_has_borne_out_is_not_withdrawn():
    stage = rule()
    feed(stage, (0, 3.5, Quality.SUSPECT), (1, 3.4))
    assert stage.withdrawn(T0) == ()
    assert feed(stage, (2, 3.4)) == []


def test_re_reads_confirm_what_one_doubted_reading_raised():
    stage = rule()
    feed(stage, (0, 3.5, Quality.SUSPECT))
    (event,) = stage.confirmed(T0)
    assert (event.detail["confidence"], event.detail["news"]) == (1.0, "confirmed")
    assert stage.withdrawn(T0) == ()
    assert stage.confirmed(T0) == ()


def test_low_water_is_an_event_of_its_own():
    events = feed(rule(low_m=0.5, clear_ms=0), (0, 0.5), (1, 0.54), (2, 0.56))
    assert phases(events) == [("opened", Severity.WATCH, 0), ("closed", Severity.WATCH, 2)]
    assert events[0].rule == "stage.low"
    assert events[0].detail["stage"] == "low"


@pytest.mark.parametrize("value", [None, "high", True, float("nan"), float("inf")])
def test_what_is_no_number_changes_nothing(value):
    stage = rule()
    before = stage.state()
    assert stage.feed(LEVEL, T0, value, Quality.GOOD) == ()
    assert stage.state() == before


def test_a_flood_from_a_storm_with_noise_is_four_messages(field, brief):
    events = field.play(rule(), field.series(LEVEL, field.noisy(field.storm(24 * 60))), tick=MINUTE)
    assert [(phase, severity) for _, phase, severity, _ in brief(events)] == [
        ("opened", "WARNING"), ("updated", "CRITICAL"), ("updated", "WARNING"), ("closed", "WARNING"),
    ]  # fmt: skip


LEVELS = st.lists(
    st.sampled_from([0.3, 0.5, 0.52, 1.0, 2.96, 2.9, 3.0, 3.5, 3.97, 3.9, 4.0, 4.4]), min_size=1, max_size=40
)


@given(levels=LEVELS, data=st.data(), raise_min=st.sampled_from([0, 12]))
def test_no_flag_ever_mutes_a_stage(levels, data, raise_min):
    """Whatever quality control says, the same values raise, change and end the same events at the same times."""
    unsure = st.sampled_from([Quality.GOOD, Quality.NOT_EVALUATED, Quality.SUSPECT])
    flags = data.draw(st.lists(unsure, min_size=len(levels), max_size=len(levels)))
    runs = []
    for qualities in ([Quality.GOOD] * len(levels), flags):
        stage = rule(low_m=0.5, raise_ms=raise_min * MINUTE)
        events = feed(stage, *((10 * n, *each) for n, each in enumerate(zip(levels, qualities, strict=True))))
        runs.append(
            [
                (e.kind, e.id, e.phase, e.severity, e.at_ms, e.value)
                for e in events
                if e.detail["news"] != "confirmed"
            ]
        )
    assert runs[0] == runs[1]


@given(
    levels=LEVELS, flags=st.lists(st.sampled_from(Quality), min_size=40, max_size=40), cut=st.integers(0, 39)
)
def test_a_restart_changes_nothing(levels, flags, cut):
    from pipelines.state import decode, encode

    whole, first, second = (rule(low_m=0.5, span_low_m=0.4, span_high_m=4.2) for _ in range(3))
    readings = [(10 * n, *each) for n, each in enumerate(zip(levels, flags, strict=False))]
    events = feed(first, *readings[:cut])
    second.restore(decode(encode(first.state())))
    events += feed(second, *readings[cut:])
    assert events == feed(whole, *readings)
    assert second.state() == whole.state()


def test_a_state_of_other_stages_is_refused():
    with pytest.raises(ValueError, match="other settings"):
        rule(warning_m=2.0).restore(rule().state())


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"warning_m": None, "guarantee_m": None}, "warning_m"),
        ({"warning_m": 4.0}, "guarantee_m"),
        ({"low_m": 3.5}, "guarantee_m"),
        ({"hysteresis_m": -0.1}, "hysteresis_m"),
        ({"raise_ms": -1}, "raise_ms"),
        ({"clear_ms": -1}, "clear_ms"),
        ({"span_low_m": 1.0}, "span_low_m"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings, key):
    with pytest.raises(ValueError, match=f"^{key}: expected .*, got "):
        rule(**settings)


def test_a_spike_while_a_stage_stands_is_withdrawn_and_is_no_peak():
    rule = StageRule(StageSettings(name="flood", source=LEVEL, warning_m=33.5, guarantee_m=35.0))
    for at_ms, level in ((0, 33.0), (1000, 33.67), (2000, 33.68)):
        rule.feed(LEVEL, at_ms, level, Quality.GOOD)
    (reached,) = rule.feed(LEVEL, 3000, 60.6, Quality.SUSPECT)
    assert reached.detail["highest"] == 60.6
    rule.feed(LEVEL, 4000, 33.69, Quality.GOOD)
    (back,) = rule.withdrawn(3000)
    assert (back.severity, back.detail["stage"], back.detail["news"]) == (
        Severity.WARNING,
        "warning",
        "withdrawn",
    )
    assert back.detail["highest"] == 33.68


def test_a_spike_within_a_stage_leaves_no_peak():
    rule = StageRule(StageSettings(name="flood", source=LEVEL, warning_m=33.5, clear_ms=0))
    for at_ms, level in ((0, 33.6), (1000, 60.0), (2000, 33.7)):
        rule.feed(LEVEL, at_ms, level, Quality.GOOD)
    assert rule.withdrawn(1000) == ()
    (left,) = rule.feed(LEVEL, 3000, 33.0, Quality.GOOD)
    assert left.detail["highest"] == 33.6
