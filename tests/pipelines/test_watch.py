"""A sensor's own faults: when each begins and when it is over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Quality
from pipelines.events import Event, Kind, Nature, Phase, Severity, Source
from pipelines.state import decode, encode
from pipelines.watch import ERRATIC_COUNT, ERRATIC_MS, REST_MS, SensorWatch, UnusualWatch

SOURCE = Source("river", "level")
GOOD, OPEN, SUSPECT, BAD, MISSING = (
    Quality.GOOD, Quality.NOT_EVALUATED, Quality.SUSPECT, Quality.BAD, Quality.MISSING,
)  # fmt: skip
HOUR_S = ERRATIC_MS // 1000


class Watched:
    def __init__(self) -> None:
        self.watch = SensorWatch(SOURCE)
        self.events: list[Event] = []

    def feed(self, at_s: float, quality: Quality = GOOD, test: str = "") -> None:
        value = None if quality is MISSING else 1.0
        if quality is not GOOD or self.watch.busy:
            self.events += self.watch.feed(round(at_s * 1000), value, quality, test)

    @property
    def told(self) -> list[tuple[str, str, float]]:
        return [(each.rule, each.phase.value, each.at_ms / 1000) for each in self.events]


TROUBLES = [
    ("stuck", Kind.SENSOR_STUCK, (SUSPECT, "flat_line"), 0, 600),
    ("stuck", Kind.SENSOR_STUCK, (BAD, "attenuated_signal"), 0, 600),
    ("range", Kind.SENSOR_OUT_OF_RANGE, (BAD, "gross_range"), 60, 300),
    ("range", Kind.SENSOR_OUT_OF_RANGE, (BAD, "syntax"), 60, 300),
    ("range", Kind.SENSOR_OUT_OF_RANGE, (BAD, "not_finite"), 60, 300),
    ("missing", Kind.READINGS_MISSING, (MISSING, "timeout"), 300, 60),
]


@pytest.mark.parametrize(("name", "kind", "sign", "raise_s", "clear_s"), TROUBLES)
def test_a_trouble_begins_and_ends_after_its_dwell(name, kind, sign, raise_s, clear_s):
    it = Watched()
    it.feed(0)
    for at_s in range(10, 10 + raise_s, 10):
        it.feed(at_s, *sign)
    assert it.events == []
    it.feed(10 + raise_s, *sign)
    (event,) = it.events
    assert (event.rule, event.kind, event.nature) == (f"sensor.{name}", kind, Nature.FAULT)
    assert (event.began_ms, event.at_ms) == (10_000, 10_000 + raise_s * 1000)
    assert event.detail == {"test": sign[1]}
    good_s = 20 + raise_s
    for at_s in range(good_s, good_s + clear_s, 10):
        it.feed(at_s)
    assert len(it.events) == 1
    it.feed(good_s + clear_s)
    assert it.told[1:] == [(f"sensor.{name}", "closed", good_s + clear_s)]
    assert it.events[1].id == event.id
    it.feed(good_s + clear_s + 10)
    assert not it.watch.busy


@pytest.mark.parametrize(("name", "kind", "sign", "raise_s", "clear_s"), TROUBLES[2:])
def test_a_trouble_that_breaks_off_is_none(name, kind, sign, raise_s, clear_s):
    it = Watched()
    for at_s in range(0, 3000, 10):
        if at_s % raise_s == raise_s - 10:
            it.feed(at_s)
        else:
            it.feed(at_s, *sign)
    assert it.events == []


@pytest.mark.parametrize(("name", "kind", "sign", "raise_s", "clear_s"), TROUBLES)
def test_an_end_that_breaks_off_is_none(name, kind, sign, raise_s, clear_s):
    it = Watched()
    for at_s in range(0, 5000, 10):
        if at_s <= raise_s or at_s % clear_s == 0:
            it.feed(at_s, *sign)
        else:
            it.feed(at_s)
    assert [phase for _, phase, _ in it.told] == ["opened"]


@pytest.mark.parametrize("test", ["not_installed", "empty", "invalid"])
def test_what_the_device_says_is_not_there_is_no_fault(test):
    it = Watched()
    for at_s in range(0, 3600, 10):
        it.feed(at_s, MISSING, test)
    assert it.events == []


@pytest.mark.parametrize("sign", [(SUSPECT, "gross_range"), (SUSPECT, "climatology"), (SUSPECT, "unusual")])
def test_other_doubts_are_no_trouble_of_the_sensor(sign):
    it = Watched()
    for at_s in range(0, 3600, 10):
        it.feed(at_s, *sign)
    assert it.events == []


@pytest.mark.parametrize("sign", [(MISSING, "timeout"), (SUSPECT, "climatology"), (BAD, "gross_range")])
def test_what_shows_no_movement_does_not_free_a_stuck_sensor(sign):
    it = Watched()
    it.feed(0, BAD, "flat_line")
    for at_s in range(10, 1200, 10):
        it.feed(at_s, *sign)
    assert ("sensor.stuck", "closed") not in [told[:2] for told in it.told]
    for at_s in range(1200, 1810, 10):
        it.feed(at_s)
    assert ("sensor.stuck", "closed", 1800.0) in it.told


def jump(it: Watched, *times_s: float) -> None:
    for at_s in times_s:
        it.feed(at_s, SUSPECT, "spike")
        it.feed(at_s + 1)


def test_so_many_jumps_within_an_hour_are_erratic_and_an_hour_without_is_the_end():
    it = Watched()
    jump(it, 0, 900, 1800, 2700)
    assert it.events == []
    jump(it, HOUR_S)
    assert it.told == [("sensor.erratic", "opened", HOUR_S)]
    assert it.events[0].severity is Severity.WATCH
    for at_s in range(HOUR_S + 2, 3 * HOUR_S, 10):
        it.feed(at_s)
    ((_, _, closed_s),) = it.told[1:]
    assert closed_s == pytest.approx(2 * HOUR_S + 2, abs=10)


def test_jumps_that_are_further_apart_or_were_true_are_not():
    it = Watched()
    jump(it, *(n * (HOUR_S + 1) / (ERRATIC_COUNT - 1) for n in range(20)))
    assert it.events == []
    true = Watched()
    for at_s in range(0, HOUR_S, 60):
        jump(true, at_s)
        true.watch.forgive(at_s * 1000)
    assert true.events == []
    true.watch.forgive(5)


SIGNS = st.sampled_from(
    [
        (GOOD, ""),
        (OPEN, ""),
        (SUSPECT, "spike"),
        *[sign for _, _, sign, *_ in TROUBLES],
        (SUSPECT, "gross_range"),
    ]
)
STEPS = st.lists(st.tuples(st.sampled_from([1, 30, 90, 400, 1800]), SIGNS), max_size=40)


@given(STEPS, STEPS)
def test_a_watch_goes_on_over_a_restart(before, after):
    it, at_s = Watched(), 0
    for passed_s, sign in before:
        at_s += passed_s
        it.feed(at_s, *sign)
    fresh = Watched()
    fresh.watch.restore(decode(encode(it.watch.state())))
    it.events = []
    assert fresh.watch.busy is it.watch.busy
    for passed_s, sign in after:
        at_s += passed_s
        it.feed(at_s, *sign)
        fresh.feed(at_s, *sign)
    assert fresh.events == it.events
    assert fresh.watch.state() == it.watch.state()


@given(STEPS)
def test_good_readings_need_not_be_fed_while_it_is_not_busy(steps):
    lazy, eager, at_s, told = Watched(), SensorWatch(SOURCE), 0, []
    for passed_s, sign in steps:
        at_s += passed_s
        lazy.feed(at_s, *sign)
        told += eager.feed(at_s * 1000, None if sign[0] is MISSING else 1.0, *sign)
    assert lazy.events == told


def scored(watch: UnusualWatch, *steps: tuple[float, float]) -> list[tuple[str, float]]:
    """Phase and hour of its events; a step is an hour and a score."""
    told: list[Event] = []
    for hour, score in steps:
        if score > watch.threshold or watch.busy:
            told += watch.feed(round(hour * 3_600_000), 1.0, score)
    return [(each.phase.value, each.at_ms / 3_600_000) for each in told]


def test_something_unusual_is_one_event_for_a_day_at_least():
    watch = UnusualWatch("sensor.unusual", SOURCE, 5.0)
    assert scored(watch, (0, 5.0)) == []
    assert scored(watch, (1, 5.1), (2, 9.0), (3, 0.0), (20, 8.0), (24.9, 0.0)) == [("opened", 1.0)]
    assert scored(watch, (25, 0.0), (26, 0.0)) == [("closed", 25.0)]
    assert scored(watch, (27, 6.0)) == [("opened", 27.0)]


def test_it_stays_open_while_it_goes_on_and_an_hour_longer():
    watch = UnusualWatch("sensor.unusual", SOURCE, 5.0)
    scored(watch, (0, 6.0), (REST_MS / 3_600_000, 6.0))
    assert scored(watch, (24.9, 1.0), (25.0, 1.0)) == [("closed", 25.0)]


def test_an_unusual_event_says_what_was_measured_and_goes_on_over_a_restart():
    watch, fresh = (UnusualWatch("sensor.changed", SOURCE, 5.0, Severity.INFO) for _ in range(2))
    (event,) = watch.feed(1000, 2.5, 7.123, 2.0)
    assert (event.kind, event.phase, event.severity) == (Kind.UNUSUAL, Phase.OPENED, Severity.INFO)
    assert (event.value, event.baseline) == (2.5, 2.0)
    assert event.detail == {"score": 7.12, "score_threshold": 5.0}
    fresh.restore(decode(encode(watch.state())))
    assert scored(fresh, (25, 1.0)) == scored(watch, (25, 1.0)) == [("closed", 25.0)]
