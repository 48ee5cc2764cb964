"""One channel: doubted at once, asked again, and what that says of it later."""

from __future__ import annotations

import pytest

from drivers.readings import Quality, Reading
from pipelines.events import Kind, Phase, Source
from pipelines.lane import BACKWARDS, Lane, Outcome, Revision, Stages, Watched
from pipelines.quality.limits import Limits
from pipelines.quality.series import Series
from pipelines.reduction.aggregate import Aggregate, AggregateSettings
from pipelines.reduction.deadband import Deadband, DeadbandSettings
from pipelines.reduction.forms import Form
from pipelines.state import decode, encode
from pipelines.watch import ERRATIC_COUNT, SensorWatch, UnusualWatch
from pipelines.water.reread import Reread, RereadSettings

SOURCE = Source("river", "level")
LEVEL = Limits(gap_ms=120_000, sensor=(-10.0, 100.0), spike_suspect=0.2, spike_fail=2.0)
T0_MS = 1_790_000_000_000
GOOD, SUSPECT, BAD, MISSING = Quality.GOOD, Quality.SUSPECT, Quality.BAD, Quality.MISSING


class Bench:
    """A lane, and all that came out of it; seconds from T0."""

    def __init__(self, limits: Limits = LEVEL, *, sends_raw: bool = True, **stages) -> None:
        self.lane = Lane(
            SOURCE, Stages(series=Series(limits), watch=SensorWatch(SOURCE), **stages), sends_raw=sends_raw
        )
        self.out = Outcome()

    def feed(self, at_s: float, value, test: str = "", *, answered: bool = True) -> tuple[Quality, str]:
        missing = test or value is None
        reading = Reading("level", value, MISSING if missing else Quality.NOT_EVALUATED, test)
        judged = self.lane.feed(T0_MS + round(at_s * 1000), reading, self.out, answered=answered)
        assert judged.value is value
        return judged.quality, judged.test

    def calm(self, until_s: int = 60, value: float = 1.0, every_s: int = 10) -> None:
        for at_s in range(0, until_s + 1, every_s):
            assert self.feed(at_s, value)[0] is GOOD

    @property
    def revisions(self) -> list[tuple[float, Quality, str, str]]:
        return [((each.at_ms - T0_MS) / 1000, *each[2:]) for each in self.out.revisions]


class Scores:
    """A detector that says what it is told to."""

    def __init__(self, *scores: float) -> None:
        self.scores, self.fed = list(scores), []

    def feed(self, at_ms: int, value: float) -> float:
        self.fed.append(value)
        return self.scores.pop(0) if self.scores else 0.0

    def state(self):
        return {}

    def restore(self, state) -> None:
        pass


def reread(**settings) -> Reread:
    return Reread(RereadSettings(**settings))


def test_a_jump_is_suspect_at_once_and_the_device_is_asked_again():
    bench = Bench(reread=reread())
    bench.calm()
    assert bench.feed(70, 3.0) == (SUSPECT, "spike")
    assert bench.out.doubtful == {"river"}
    assert bench.revisions == []


def test_a_step_is_borne_out_by_rereads_and_never_bad():
    bench = Bench(reread=reread())
    bench.calm()
    bench.feed(70, 3.0)
    flags = [bench.feed(at_s, 3.0 + at_s / 1000) for at_s in (75, 80, 85, 90, 95)]
    assert flags == [(GOOD, "")] * 5
    assert bench.revisions == [(70.0, GOOD, "", "reread_confirmed")]


def test_a_spike_is_withdrawn_by_rereads_and_the_return_is_good():
    bench = Bench(reread=reread())
    bench.calm()
    bench.feed(70, 3.0)
    flags = [bench.feed(at_s, 1.0) for at_s in (75, 80, 85, 90)]
    assert flags == [(GOOD, "")] * 4
    assert bench.revisions == [(70.0, BAD, "spike", "reread_withdrawn")]


def test_a_spike_of_several_readings_returns_without_a_new_doubt():
    bench = Bench(reread=reread())
    bench.calm()
    bench.feed(70, 3.0)
    assert [bench.feed(at_s, 3.0)[0] for at_s in (72, 74)] == [GOOD] * 2
    assert [bench.feed(at_s, 1.0)[0] for at_s in (75, 80, 85, 90)] == [GOOD] * 4
    assert bench.revisions == [(70.0, BAD, "spike", "reread_withdrawn")]


def test_rereads_that_disagree_leave_it_suspect():
    bench = Bench(reread=reread())
    bench.calm()
    bench.feed(70, 3.0)
    for at_s, value in ((75, 1.0), (80, 3.0), (85, 1.0), (90, 3.0), (100, 3.0), (110, 3.0)):
        bench.feed(at_s, value)
    assert [each for each in bench.revisions if each[0] == 70.0] == []


def test_a_value_that_makes_no_sense_is_no_answer():
    bench = Bench(reread=reread())
    bench.calm()
    bench.feed(70, 3.0)
    for at_s in (75, 80):
        assert bench.feed(at_s, 1e6) == (BAD, "gross_range")
    bench.feed(85, None, "timeout")
    bench.feed(90, 3.0)
    assert not bench.lane.expire(T0_MS + 110_000, bench.out)
    assert bench.revisions == []


@pytest.mark.parametrize("ticked", [False, True])
def test_a_listener_is_judged_by_the_next_value_when_nobody_answers(ticked):
    for after, found in ((3.0, (60.0, GOOD, "", "successor")), (1.0, (60.0, BAD, "spike", "successor"))):
        bench = Bench(reread=reread())
        for at_s in (-120, -60, 0):
            bench.feed(at_s, 1.0)
        assert bench.feed(60, 3.1) == (SUSPECT, "spike")
        if ticked:
            assert not bench.lane.expire(T0_MS + 100_000, bench.out)
        assert bench.feed(120, after)[0] is GOOD
        assert bench.revisions == [found]


def test_without_rereads_and_with_none_left_the_next_value_decides():
    for stages in ({}, {"reread": reread(most_per_hour=1)}):
        bench = Bench(**stages)
        bench.calm()
        for at_s in (70, 75, 80, 85, 90):
            bench.feed(at_s, 3.1)  # uses the one doubt of the hour
        bench.out = Outcome()
        assert bench.feed(100, 6.0) == (SUSPECT, "spike")
        assert bench.out.doubtful == set()
        bench.feed(110, 6.0)
        assert bench.feed(120, 8.5) == (SUSPECT, "spike")
        assert bench.feed(130, 6.0) == (GOOD, "")
        assert bench.revisions == [(100.0, GOOD, "", "successor"), (120.0, BAD, "spike", "successor")]


def test_a_spike_that_stays_suspect_is_borne_out_by_the_next_value():
    bench = Bench()
    bench.calm()
    bench.feed(70, 1.5)
    assert bench.feed(80, 1.0) == (GOOD, "")
    assert bench.revisions == [(70.0, SUSPECT, "spike", "successor")]


@pytest.mark.parametrize("between", [(None, "timeout"), (1e6, ""), "gap"])
def test_a_value_without_a_neighbour_after_it_stays_suspect(between):
    bench = Bench()
    bench.calm()
    bench.feed(70, 3.1)
    if between != "gap":
        bench.feed(80, *between)
    bench.feed(500, 3.1)
    bench.feed(510, 3.1)
    assert bench.revisions == []


def test_what_else_is_against_a_value_stands_whatever_rereads_say():
    bench = Bench(Limits(gap_ms=120_000, site=(0.0, 2.0), spike_suspect=0.2), reread=reread())
    bench.calm()
    assert bench.feed(70, 3.0) == (SUSPECT, "gross_range")
    assert bench.out.doubtful == {"river"}
    for at_s in (75, 80, 85, 90):
        bench.feed(at_s, 3.0)
    assert bench.revisions == []


def test_a_second_jump_is_suspect_while_the_first_is_in_doubt():
    bench = Bench(reread=reread())
    bench.calm()
    bench.feed(70, 3.0)
    assert bench.feed(72, 6.0) == (SUSPECT, "spike")
    assert bench.feed(74, 3.0)[0] is SUSPECT, "neither before nor after is known yet"
    assert (72.0, BAD, "spike", "successor") in bench.revisions


def test_what_a_detector_doubts_is_unusual_and_asked_again_but_not_lifted_by_the_next_value():
    scores = Scores(*[0.0] * 7, 9.0)
    watch = UnusualWatch("sensor.unusual", SOURCE, 5.0)
    bench = Bench(watched={"unusual": Watched(scores, 8.0, watch)}, reread=reread())
    bench.calm()
    assert bench.feed(70, 1.1) == (SUSPECT, "unusual")
    assert bench.out.doubtful == {"river"}
    (event,) = bench.out.raised
    assert (event.kind, event.phase, event.rule) == (Kind.UNUSUAL, Phase.OPENED, "sensor.unusual")
    for at_s in (75, 80, 85):
        bench.feed(at_s, 1.1)
    assert bench.revisions == [(70.0, GOOD, "", "reread_confirmed")]
    alone = Bench(watched={"unusual": Watched(Scores(0.0, 9.0), 8.0, watch)})
    alone.feed(0, 1.0)
    assert alone.feed(10, 1.1) == (SUSPECT, "unusual")
    alone.feed(20, 1.1)
    assert alone.revisions == []


def test_a_detector_that_makes_events_only_leaves_the_flag():
    watch = UnusualWatch("sensor.changed", SOURCE, 5.0)
    bench = Bench(watched={"changed": Watched(Scores(0.0, 9.0), float("inf"), watch)})
    bench.feed(0, 1.0)
    assert bench.feed(10, 1.1) == (GOOD, "")
    assert len(bench.out.raised) == 1


def test_bad_and_missing_values_do_not_reach_detectors():
    scores = Scores()
    bench = Bench(watched={"x": Watched(scores, 8.0, UnusualWatch("sensor.unusual", SOURCE, 5.0))})
    for at_s, value in enumerate((1.0, 1e6, None, float("nan"), 1.1)):
        bench.feed(at_s, value)
    assert scores.fed == [1.0, 1.1]


@pytest.mark.parametrize("at_s", [60, 59.999, -10])
def test_a_value_whose_time_does_not_grow_is_suspect_and_changes_nothing(at_s):
    bench, twin = Bench(reread=reread()), Bench(reread=reread())
    for each in (bench, twin):
        each.calm()
    assert bench.feed(at_s, 50.0) == (SUSPECT, BACKWARDS)
    assert bench.feed(at_s, None, "timeout") == (MISSING, "timeout")
    before, after = twin.lane.stages, bench.lane.stages
    assert {name: each.state() for name, each in after.items()} == {
        name: each.state() for name, each in before.items()
    }


def test_whole_numbers_are_judged_as_numbers_and_sent_as_they_came():
    bench = Bench(aggregate=Aggregate(AggregateSettings(window_ms=60_000, every_ms=10_000)))
    bench.calm(value=1)
    assert bench.feed(70, 3) == (SUSPECT, "spike")


def test_a_counter_may_jump_and_is_not_asked_again():
    bench = Bench(Limits(kind="counter", rollover=1000.0, gap_ms=60_000), reread=reread())
    flags = [bench.feed(at_s, value)[0] for at_s, value in ((0, 900.0), (10, 999.0), (20, 0.2), (30, 400.0))]
    assert flags == [GOOD] * 4
    assert not bench.out.doubtful


def test_windows_count_the_flags_as_they_were_published():
    aggregate = Aggregate(AggregateSettings(window_ms=100_000, every_ms=10_000, form=Form.INSTANT))
    bench = Bench(aggregate=aggregate)
    bench.calm(50)
    bench.feed(60, 3.0)
    bench.feed(65, 3.0)
    bench.feed(70, 1e6)
    bench.feed(80, None, "timeout")
    bench.lane.turn(T0_MS + 100_000, bench.out)
    ((source, row),) = bench.out.rows
    assert source == SOURCE
    assert (row.good, row.suspect, row.bad, row.missing) == (7, 1, 1, 1)
    assert (row.min, row.max) == (1.0, 3.0)


def test_time_alone_brings_nothing_before_the_first_reading():
    bench = Bench(aggregate=Aggregate(AggregateSettings(window_ms=10_000, every_ms=10_000)))
    for at_s in range(0, 100, 10):
        bench.lane.turn(T0_MS + at_s * 1000, bench.out)
    assert bench.out == Outcome()
    bench.feed(101, 1.0)
    for at_s in (110, 120, 130):
        bench.lane.turn(T0_MS + at_s * 1000, bench.out)
    assert [row.missing + row.good for _, row in bench.out.rows] == [1, 0, 0]


def test_a_deadband_reports_what_is_new_a_change_of_flag_and_everything_while_an_event_is_open():
    bench = Bench(deadband=Deadband(DeadbandSettings(absolute=0.5)))
    assert bench.lane.selective

    def sends(at_s: int, value: float | str | None, quality=GOOD, test="", *, alarmed=False) -> bool:
        judged = Reading("level", value, quality, test)
        return bench.lane.sends(T0_MS + at_s * 1000, judged, alarmed=alarmed)

    assert sends(0, 1.0)
    assert not sends(10, 1.2)
    assert sends(20, 1.2, SUSPECT, "spike")
    assert sends(30, 1.2)
    assert [sends(40, 1.2, alarmed=True), sends(50, 1.2, alarmed=True)] == [True, True]
    assert not sends(60, 1.2)
    assert sends(70, None, MISSING, "timeout")
    assert sends(80, "open"), "a label where numbers are usual"
    assert not sends(90, "open")


def test_readings_that_go_as_windows_only_are_not_sent():
    bench = Bench(sends_raw=False)
    assert bench.lane.selective
    assert not bench.lane.sends(T0_MS, Reading("level", 1.0, GOOD), alarmed=True)


def test_true_steps_do_not_make_a_sensor_erratic_and_spikes_do():
    for height, erratic in ((3.0, False), (0.0, True)):
        bench, level = Bench(), 1.0
        bench.feed(0, level)
        for n in range(2 * ERRATIC_COUNT):
            at_s = 60 * (n + 1)
            bench.feed(at_s, level + 3.0)
            level += height
            bench.feed(at_s + 10, level)
            bench.feed(at_s + 20, level)
        assert any(event.kind is Kind.SENSOR_ERRATIC for event in bench.out.raised) is erratic


def test_a_silent_device_says_nothing_of_its_channels():
    bench = Bench()
    for at_s in range(0, 1200, 10):
        bench.feed(at_s, None, "timeout", answered=False)
    assert bench.out.raised == []
    for at_s in range(1200, 2400, 10):
        bench.feed(at_s, None, "timeout", answered=True)
    (event,) = bench.out.raised
    assert (event.kind, event.began_ms, event.at_ms) == (
        Kind.READINGS_MISSING,
        T0_MS + 1_200_000,
        T0_MS + 1_500_000,
    )


def test_a_doubt_goes_on_over_a_restart():
    bench, fresh = Bench(reread=reread()), Bench(reread=reread())
    bench.calm()
    bench.feed(70, 3.0)
    for name, stage in fresh.lane.stages.items():
        stage.restore(decode(encode(bench.lane.stages[name].state())))
    for at_s in (75, 80, 85):
        fresh.feed(at_s, 1.0)
    assert fresh.out.revisions == [Revision(SOURCE, T0_MS + 70_000, BAD, "spike", "reread_withdrawn")]
