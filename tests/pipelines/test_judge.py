"""The whole judgement: flags, ticks, what is told when, what is never muted, what is remembered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agent.judge.judgement import ChannelPlan, JudgementPlan, RulePlan, compose
from drivers.readings import Quality, Reading, Sample
from pipelines.cross.causes import Causes
from pipelines.cross.limits import Limits as Past
from pipelines.docket import Docket
from pipelines.events import Event, Kind, Nature, Phase, Severity, Source
from pipelines.judge import HOUR_MS, LATE_MS, NOTHING, TICK_MS, Judge
from pipelines.lane import BACKWARDS, Lane, Stages
from pipelines.quality.limits import Limits
from pipelines.quality.series import Series
from pipelines.reduction.aggregate import AggregateSettings
from pipelines.reduction.deadband import DeadbandSettings
from pipelines.state import decode, encode
from pipelines.threshold import ThresholdSettings
from pipelines.watch import SensorWatch
from pipelines.water.reread import Reread, RereadSettings
from pipelines.water.rise import RiseSettings
from pipelines.water.stage import StageSettings

T0_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS
LEVEL, FLOW = Source("river", "level"), Source("river", "flow")
GOOD, SUSPECT, BAD, MISSING = Quality.GOOD, Quality.SUSPECT, Quality.BAD, Quality.MISSING

STRICT = Limits(
    gap_ms=60_000, sensor=(-1.0, 20.0), site=(0.0, 6.0), sentinels=(9.999,), spike_suspect=0.2,
    spike_fail=0.5, rate_suspect_per_s=0.01, flat_suspect_ms=60_000, flat_fail_ms=120_000, flat_eps=0.001,
)  # fmt: skip
STAGE = RulePlan("flood", "stage", StageSettings(name="flood", source=LEVEL, warning_m=3.0, guarantee_m=5.0))


def judge(*rules: RulePlan, limits: Limits = STRICT, **plan) -> Judge:
    channel = ChannelPlan(source=LEVEL, limits=limits, **plan)
    return compose(JudgementPlan(channels=(channel, replace(channel, source=FLOW)), rules=rules))


def sample(at_s: float, level=None, device: str = "river", **others) -> Sample:
    values = {"level": level} | others if level is not None else others
    readings = tuple(
        value if isinstance(value, Reading) else Reading(channel, value) for channel, value in values.items()
    )
    return Sample(device, T0_MS + round(at_s * 1000), True, 1, readings)


def fed(it: Judge, *samples: Sample) -> list[Event]:
    for each in samples:
        it.feed(each)
    return it.take().events


def series(values: Iterable[float], every_s: float = 10, start_s: float = 0) -> list[Sample]:
    return [sample(start_s + n * every_s, value) for n, value in enumerate(values)]


# What is never muted.


def test_a_stage_reached_by_a_doubted_jump_is_told_with_its_reading():
    it = judge(STAGE, reread=RereadSettings())
    fed(it, *series([1.0, 1.001] * 6))
    judged, _ = it.feed(sample(120, 3.2))
    assert (judged.readings[0].quality, judged.readings[0].test) == (SUSPECT, "rate_of_change")
    out = it.take()
    ((event,), doubtful) = out.events, out.doubtful
    assert (event.kind, event.phase, event.at_ms) == (Kind.WATER_STAGE, Phase.OPENED, T0_MS + 120_000)
    assert event.detail["confidence"] == 0.5
    assert doubtful == {"river"}


def test_rereads_that_confirm_are_told_to_the_stage_and_those_that_withdraw_end_it():
    for after, news, phase in ((3.2, "confirmed", Phase.UPDATED), (1.0, "withdrawn", Phase.CLOSED)):
        it = judge(STAGE, limits=Limits(spike_suspect=0.2), reread=RereadSettings())
        fed(it, *series([1.0] * 6))
        (opened,) = fed(it, sample(60, 3.2))
        found = fed(it, *series([after] * 5, 5, 65))
        assert [(each.phase, each.detail["news"]) for each in found] == [(phase, news)]
        assert found[0].id == opened.id


def test_a_stage_is_told_of_a_gauge_that_quality_control_calls_bad():
    it = judge(STAGE, limits=Limits(flat_eps=0.01, flat_suspect_ms=60_000, flat_fail_ms=120_000))
    judged = [it.feed(each)[0].readings[0] for each in series([2.999] * 13)]
    assert judged[-1][2:] == (BAD, "flat_line")
    it.take()
    assert it.feed(sample(130, 3.001))[0].readings[0][2:] == (BAD, "flat_line")
    (event,) = it.take().events
    assert (event.rule, event.phase, event.at_ms) == ("flood", Phase.OPENED, T0_MS + 130_000)


def test_a_value_that_the_gauge_cannot_report_raises_no_stage_but_a_fault():
    it = judge(STAGE)
    told = fed(it, *series([1.0, 21.0, 9.999, 21.0]))
    it.advance(T0_MS + 60_000)
    told += it.take().events
    assert [(each.kind, each.nature) for each in told] == [(Kind.SENSOR_OUT_OF_RANGE, Nature.FAULT)]


FRONTS = st.lists(st.tuples(st.floats(0.05, 4.0), st.integers(3, 12)), min_size=1, max_size=4)


@given(FRONTS, st.sampled_from([2, 5, 10, 30]), st.booleans())
def test_a_wave_front_is_never_bad_and_never_mute(fronts, every_s, asked):
    level, values = 1.0, [1.0 + n % 2 / 100 for n in range(12)]
    for rise, n in fronts:
        level += rise
        values += [level + each % 2 / 100 for each in range(n)]
    it = judge(STAGE, reread=RereadSettings() if asked else None)
    bad, stages = [], set()
    for each in series(values, every_s):
        reading = it.feed(each)[0].readings[0]
        out = it.take()
        bad += [reading] if reading.quality is BAD else []
        bad += [revision for revision in out.revisions if revision.quality is BAD]
        stages |= {event.detail["stage"] for event in out.events if event.kind is Kind.WATER_STAGE}
        over = {name for name, stage in (("warning", 3.0), ("guarantee", 5.0)) if reading.value >= stage}
        assert not over or stages & over, "told with the very reading"
    it.advance(T0_MS + 10_000_000)
    assert bad == []
    assert [each for each in it.take().revisions if each.quality is BAD] == []


# When things are told.


def test_a_happening_is_told_at_once_and_a_fault_with_the_tick_that_covers_it():
    fault = ThresholdSettings(name="fault", source=FLOW, limits=Past(above=3.0), nature=Nature.FAULT)
    it = judge(STAGE, RulePlan("fault", "threshold", fault), limits=Limits())
    assert [each.rule for each in fed(it, sample(1, 4.0, flow=4.0))] == ["flood"]
    it.advance(T0_MS + TICK_MS + LATE_MS)
    assert it.take().events == []
    it.advance(T0_MS + TICK_MS + LATE_MS + 1)
    assert [(each.rule, each.at_ms) for each in it.take().events] == [("fault", T0_MS + 1000)]


def test_a_fault_that_waits_is_told_after_a_restart():
    fault = ThresholdSettings(name="fault", source=FLOW, limits=Past(above=3.0), nature=Nature.FAULT)
    before, after = (judge(RulePlan("fault", "threshold", fault)) for _ in range(2))
    fed(before, sample(1, flow=4.0))
    assert before.take_urgent() >= {"judge", "rule/fault"}
    for name, stage in after.stages.items():
        stage.restore(decode(encode(before.stages[name].state())))
    after.close_orphans(T0_MS + 2000)
    after.advance(T0_MS + 20_000)
    assert [each.rule for each in after.take().events] == ["fault"]


class Ticks:
    """A rule that notes when it is called."""

    def __init__(self) -> None:
        self.sources, self.ticks, self.fed = (LEVEL,), [], []

    def feed(self, source, at_ms, value, quality):
        self.fed.append(((at_ms - T0_MS) / 1000, value, quality))
        return ()

    def tick(self, at_ms):
        self.ticks.append((at_ms - T0_MS) / 1000)
        return ()

    def state(self):
        return {}

    def restore(self, state) -> None:
        pass


class Assured(Ticks):
    """One that is told what re-reads bore out."""

    def confirmed(self, at_ms):
        self.ticks.append(f"confirmed {(at_ms - T0_MS) // 1000}")


def test_a_rule_that_judges_at_the_tick_hears_of_rereads_before_the_tick_that_covers_them():
    lane = Lane(
        LEVEL,
        Stages(
            series=Series(Limits(spike_suspect=0.2)),
            watch=SensorWatch(LEVEL),
            reread=Reread(RereadSettings()),
        ),
    )
    before, after = (Judge([lane], {"assured": Assured()}, Docket(Causes({}))) for _ in range(2))
    fed(before, *series([1.0] * 3), *series([3.0] * 4, 5, 22))
    for name in ("judge", "lane/river.level/reread"):
        after.stages[name].restore(decode(encode(before.stages[name].state())))
    for it in (before, after):
        rule = it.stages["rule/assured"]
        assert "confirmed 22" not in rule.ticks
        it.advance(T0_MS + 60_000)
        assert rule.ticks[-3:] == ["confirmed 22", 40.0, 50.0]


def ticking() -> tuple[Judge, Ticks]:
    rule = Ticks()
    return Judge((), {"ticks": rule}, Docket(Causes({}))), rule


def test_a_tick_comes_when_no_reading_before_it_can_come_any_more():
    it, rule = ticking()
    it.feed(sample(3, 1.0))
    it.feed(sample(15, 1.0))
    assert rule.ticks == []
    it.feed(sample(10.0, 1.0, device="other"))
    it.feed(sample(15.001, 1.0, device="other"))
    it.feed(sample(35.001, 1.0))
    assert rule.ticks == [10.0, 20.0, 30.0]
    it.advance(T0_MS)
    assert rule.ticks == [10.0, 20.0, 30.0]


def test_of_a_long_pause_the_beginning_is_made_up_for_and_ticks_go_on_with_the_first_reading():
    it, rule = ticking()
    it.feed(sample(5, 1.0))
    it.advance(T0_MS + 2 * HOUR_MS)
    assert rule.ticks == [float(at_s) for at_s in range(10, 7200, 10)]
    rule.ticks.clear()
    it.feed(sample(108_003, 1.0))
    it.feed(sample(107_999, 1.0, device="late"))
    assert rule.ticks == [float(at_s) for at_s in range(7200, 7190 + 7200 + 1, 10)]
    rule.ticks.clear()
    it.feed(sample(108_020, 1.0))
    assert rule.ticks == [108_000.0, 108_010.0]


def test_a_sample_that_is_not_after_the_one_before_is_flagged_and_nothing_else():
    it, rule = ticking()
    it.feed(sample(10, 1.0))
    absent = Reading("flow", None, MISSING, "timeout")
    judged, sent = it.feed(sample(10, 2.0, flow=absent))
    assert judged is sent
    assert judged.readings == (Reading("level", 2.0, SUSPECT, BACKWARDS), absent)
    assert rule.fed == [(10.0, 1.0, Quality.NOT_EVALUATED)]


def test_a_channel_that_comes_twice_in_a_sample_counts_once():
    rule = RulePlan("high", "threshold", ThresholdSettings(name="high", source=LEVEL, limits=Past(above=2.0)))
    it = judge(rule)
    twice = Sample("river", T0_MS, True, 1, (Reading("level", 1.0), Reading("level", 3.0)))
    assert [each.test for each in it.feed(twice)[0].readings] == ["", BACKWARDS]
    assert it.take() is NOTHING


# What is sent.


def test_devices_and_channels_that_are_not_judged_pass_as_they_are():
    it = judge()
    stranger = sample(0, 1.0, device="stranger")
    assert it.feed(stranger) == (stranger, stranger)
    judged, sent = it.feed(sample(0, 1.0, door="open", lamp=True))
    assert judged is sent
    assert judged.readings[1:] == (Reading("door", "open"), Reading("lamp", True))


def test_a_label_where_numbers_are_usual_passes_unjudged():
    it = judge(deadband=DeadbandSettings(absolute=1.0))
    for n, value in enumerate(("fault", True, 1.0)):
        judged, sent = it.feed(sample(n, value))
        assert sent == judged
    assert judged.readings[0].quality is GOOD


def test_only_what_says_something_is_sent_and_all_of_a_channel_with_an_open_event():
    rule = RulePlan("high", "threshold", ThresholdSettings(name="high", source=FLOW, limits=Past(above=2.0)))
    it = judge(rule, limits=Limits(), deadband=DeadbandSettings(absolute=0.5))
    assert it.feed(sample(0, 1.0, flow=1.0))[1] is not None
    assert it.feed(sample(10, 1.1, flow=1.1))[1] is None
    assert len(it.feed(sample(20, 1.2, flow=2.1))[1].readings) == 1
    (sent,) = it.feed(sample(30, 1.2, flow=2.1))[1].readings
    assert sent == Reading("flow", 2.1, GOOD)


def test_windows_are_told_of_a_device_that_has_fallen_silent():
    it = judge(
        limits=Limits(), aggregate=AggregateSettings(window_ms=20_000, every_ms=10_000), sends_raw=False
    )
    assert it.feed(sample(0, 1.0))[1] is None
    it.advance(T0_MS + 50_000)
    rows = [(source.channel, (row.begin_ms - T0_MS) // 1000, row.good) for source, row in it.take().rows]
    assert rows == [("level", 0, 1), ("level", 20, 0)]
    assert it.take() is NOTHING


# What is remembered, and what is forgotten.


def test_what_an_event_rests_on_is_urgent_once():
    it = judge(STAGE)
    fed(it, *series([1.0] * 3))
    assert it.take_urgent() == set()
    fed(it, sample(30, 3.5))
    assert it.take_urgent() == {"rule/flood", "docket", "judge"}
    assert it.take_urgent() == set()
    told = fed(it, *series([25.0] * 20, 10, 40))
    assert [each.rule for each in told if each.rule.startswith("sensor")] == ["sensor.range"]
    assert {name for name in it.take_urgent() if name.startswith("lane")} == {"lane/river.level/watch"}


def test_stages_are_the_same_mapping_with_every_memory():
    it = judge(STAGE, reread=RereadSettings())
    assert it.stages is it.stages
    assert {
        "judge",
        "docket",
        "rule/flood",
        "lane/river.level/lane",
        "lane/river.flow/quality",
    } <= it.stages.keys()


def test_events_that_nobody_remembers_are_closed_at_the_start():
    before = judge(STAGE, RulePlan("gone", "stage", replace(STAGE.settings, name="gone")))
    fed(before, *series([25.0] * 12), *series([3.5, 3.55] * 6, 10, 120))
    before.advance(T0_MS + 400_000)
    before.take()
    assert {each.rule for each in before.docket.open.values()} == {"flood", "gone", "sensor.range"}
    after = judge(STAGE)
    for name, stage in after.stages.items():
        if name != "lane/river.level/watch":
            stage.restore(decode(encode(before.stages[name].state())))
    after.close_orphans(T0_MS + 500_000)
    closed = after.take().events
    assert {each.rule for each in closed} == {"gone", "sensor.range"}
    assert {each.detail["closed_because"] for each in closed} == {"rule_removed"}
    assert [each.rule for each in after.docket.open.values()] == ["flood"]


def test_events_of_stages_that_begin_anew_are_closed():
    it = judge(STAGE)
    fed(it, sample(0, 3.5))
    it.close_events_of({"rule/other", "lane/river.level/watch"}, T0_MS + 1000)
    assert it.take() is NOTHING
    it.close_events_of({"rule/flood"}, T0_MS + 1000)
    assert [each.detail["closed_because"] for each in it.take().events] == ["rule_changed"]


def test_a_fault_of_the_station_is_not_listed_but_explains():
    plan = JudgementPlan(channels=(ChannelPlan(source=LEVEL, limits=STRICT),), buses={"river": "a"})
    it = compose(plan)
    silent = Event(
        id="s", kind=Kind.DEVICE_UNREADABLE, nature=Nature.FAULT, rule="station", version=1,
        source=Source("river"), severity=Severity.WARNING, phase=Phase.OPENED, began_ms=T0_MS, at_ms=T0_MS,
    )  # fmt: skip
    it.note(silent)
    assert it.docket.open == {}
    absent = Reading("level", None, MISSING, "timeout")
    there = Reading("lamp", 1)
    (event,) = fed(it, *(sample(at_s, level=absent, lamp=there) for at_s in range(0, 400, 10)))
    assert (event.kind, event.caused_by) == (Kind.READINGS_MISSING, "s")
    it.new_epoch(T0_MS + 600_000)
    assert it.take() is NOTHING


def test_rules_are_known_by_name_and_by_the_name_of_a_part():
    it = judge(STAGE)
    known = [it.knows(name) for name in ("flood", "flood.low", "sensor.stuck", "bus_silent", "other")]
    assert known == [True, True, True, True, False]


def test_a_device_whose_water_rises_is_worth_more_readings():
    rise = RulePlan("rise", "rise", RiseSettings(name="rise", source=LEVEL))
    it = judge(rise, limits=Limits())
    fed(it, *series([1.0 + n / 100 for n in range(40)], 60))
    it.advance(T0_MS + 2500_000)
    assert it.rising == {"river"}
