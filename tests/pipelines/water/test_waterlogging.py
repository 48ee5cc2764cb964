from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.events import Phase, Severity, Source
from pipelines.water.waterlogging import Band, WaterloggingRule, WaterloggingSettings

DEPTH, PUMP = Source("underpass", "water_depth"), Source("pumps", "running")
T0 = 1_780_272_000_000
SECOND = 1000


def rule(**settings):
    return WaterloggingRule(WaterloggingSettings(name="underpass", source=DEPTH, **settings))


def feed(underpass, *readings):
    """Each is (second, depth in m)."""
    return [
        event
        for second, depth in readings
        for event in underpass.feed(DEPTH, T0 + second * SECOND, depth, Quality.GOOD)
    ]


def test_a_wave_of_a_lorry_is_no_flood_and_standing_water_is():
    underpass = rule()
    assert feed(underpass, (0, 0.2), (10, 0.2), (20, 0.02), (30, 0.2), (59, 0.2)) == []
    (event,) = feed(underpass, (60, 0.2))
    assert (event.severity, event.detail["band"], event.began_ms) == (
        Severity.WARNING,
        "caution",
        T0 + 30 * SECOND,
    )
    assert event.pictures


def test_it_deepens_and_drains_in_one_event():
    events = feed(
        rule(),
        (0, 0.15),
        (30, 0.15),
        (40, 0.27),
        (70, 0.31),
        (100, 0.2),
        (700, 0.2),
        (800, 0.12),
        (810, 0.1),
        (1409, 0.1),
        (1410, 0.1),
    )
    assert [(e.phase, e.severity, (e.at_ms - T0) // SECOND) for e in events] == [
        (Phase.OPENED, Severity.WARNING, 30),
        (Phase.UPDATED, Severity.CRITICAL, 70),
        (Phase.UPDATED, Severity.WARNING, 700),
        (Phase.CLOSED, Severity.WARNING, 1410),
    ]
    assert [e.detail["deepest"] for e in events] == [0.15, 0.31, 0.31, 0.31]
    assert len({e.id for e in events}) == 1


def test_the_deepest_is_of_this_event():
    underpass = rule(raise_ms=0, clear_ms=0)
    feed(underpass, (0, 0.9), (1, 0.0))
    (event,) = feed(underpass, (2, 0.2))
    assert event.detail["deepest"] == 0.2


@pytest.mark.parametrize(
    ("value", "quality"), [(None, Quality.MISSING), (9.0, Quality.BAD), ("wet", Quality.GOOD)]
)
def test_what_was_not_read_raises_nothing(value, quality):
    underpass = rule(raise_ms=0)
    assert underpass.feed(DEPTH, T0, value, quality) == ()


def test_a_doubted_depth_raises_with_less_confidence():
    (event,) = rule(raise_ms=0).feed(DEPTH, T0, 0.3, Quality.SUSPECT)
    assert (event.severity, event.detail["confidence"]) == (Severity.CRITICAL, 0.5)


def test_pumps_that_stand_still_are_told_with_the_flood_and_when_they_start():
    underpass = rule(pump=PUMP, raise_ms=0)
    underpass.feed(PUMP, T0, False, Quality.GOOD)
    assert underpass.feed(DEPTH, T0 + SECOND, 0.2, Quality.GOOD) == ()
    (opening,) = underpass.tick(T0 + 10 * SECOND)
    assert opening.detail["pump"] == "stopped"
    underpass.feed(PUMP, T0 + 15 * SECOND, 12.5, Quality.GOOD)
    (update,) = underpass.tick(T0 + 20 * SECOND)
    assert (update.phase, update.detail["pump"], update.severity) == (
        Phase.UPDATED,
        "running",
        Severity.WARNING,
    )
    assert underpass.tick(T0 + 30 * SECOND) == []


def test_readings_from_after_the_tick_wait_for_the_next():
    underpass = rule(pump=PUMP, raise_ms=0)
    underpass.feed(DEPTH, T0 + 11 * SECOND, 0.2, Quality.GOOD)
    assert underpass.tick(T0 + 10 * SECOND) == []
    assert len(underpass.tick(T0 + 20 * SECOND)) == 1
    early = rule(pump=PUMP, raise_ms=0)
    early.feed(PUMP, T0 + 11 * SECOND, True, Quality.GOOD)
    early.feed(DEPTH, T0 + 9 * SECOND, 0.2, Quality.GOOD)
    assert [event.detail["pump"] for event in early.tick(T0 + 10 * SECOND)] == ["unknown"]


READINGS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.13, 0.16, 0.28, 0.4])), min_size=1, max_size=30
)


@given(readings=READINGS, data=st.data())
def test_neither_the_order_of_the_sources_nor_a_restart_matters(readings, data):
    from pipelines.state import decode, encode

    def settings():
        return rule(pump=PUMP, raise_ms=4 * SECOND, clear_ms=20 * SECOND)

    plain, other = settings(), settings()
    expected, found = [], []
    for n in range(0, len(readings), 5):
        batch = [
            (PUMP if pump else DEPTH, T0 + (n + at) * 2 * SECOND, value)
            for at, (pump, value) in enumerate(readings[n : n + 5])
        ]
        for source, at_ms, value in batch:
            expected += plain.feed(source, at_ms, value, Quality.GOOD)
        order = data.draw(st.permutations([PUMP, DEPTH]))
        for wanted in order:
            for source, at_ms, value in batch:
                if source == wanted:
                    found += other.feed(source, at_ms, value, Quality.GOOD)
        at_ms = T0 + (n + 5) * 2 * SECOND - 1
        expected += plain.tick(at_ms)
        found += other.tick(at_ms)
        state, other = other.state(), settings()
        other.restore(decode(encode(state)))
    assert found == expected


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"bands": ()}, "bands"),
        (
            {
                "bands": (
                    Band(name="a", depth_m=0.3, severity=Severity.WATCH),
                    Band(name="b", depth_m=0.2, severity=Severity.WARNING),
                )
            },
            "bands",
        ),
        ({"hysteresis_m": 0.15}, "hysteresis_m"),
        ({"raise_ms": -1}, "raise_ms"),
        ({"clear_ms": -1}, "clear_ms"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings, key):
    with pytest.raises(ValueError, match=f"^{key}: expected .*, got "):
        rule(**settings)


def test_a_state_of_other_settings_is_refused():
    with pytest.raises(ValueError, match="other settings"):
        rule(raise_ms=0).restore(rule().state())
