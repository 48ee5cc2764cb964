"""The judge at work: numbers of rows, revisions, states over restarts and reloads, clocks, causes, haste."""

from __future__ import annotations

import json
from collections import defaultdict
from math import sin
from typing import Any

import pytest
from fakes.judged import BEGIN_MS, Judged, device, loaded

from agent.judge.judging import REREAD_S, REREADS, RISING_S
from agent.wire import FaultKind, Leaf
from drivers.readings import Quality, Reading, Sample
from pipelines.state import decode

LEVEL = device("level", "water_level", "water_temperature", every_s=10)
CALM = '[judgement]\nunusual = "off"\nslow = false\n'
STAGE = '[rules.flood]\nkind = "stage"\ninput = "level.water_level"\nwarning = "3 m"\nclear_after = "1 min"\n'


@pytest.fixture
def start(tmp_path):
    def start(text: str, **options: Any) -> Judged:
        return Judged(loaded(tmp_path, text), **options)

    return start


def wave(at_s: float) -> float:
    return round(0.02 * sin(at_s / 50), 4)


def calm(at_s: float) -> dict[str, Any]:
    return {"water_level": 2 + wave(at_s), "water_temperature": 12 + wave(at_s)}


def test_every_sample_is_shown_under_its_own_number_and_sent_under_the_rows(start):
    it = start(LEVEL + CALM + "[devices.level.channels]\nwater_level.report = { deadband = 0.05, at_least_s = 3600 }\n"
               "water_temperature.report = { deadband = 0.05, at_least_s = 3600 }\n")  # fmt: skip
    for n in range(20):
        it.show(n * 10, "level", water_level=2.0 + 0.1 * (n // 10), water_temperature=12.0 + (n == 15))
    assert [sample.seq for sample in it.shown] == list(range(1, 21))
    sent = [(sample.seq, [reading.channel for reading in sample.readings]) for sample in it.sent]
    assert [seq for seq, _ in sent] == list(range(1, len(sent) + 1))
    assert sent[0] == (1, ["water_level", "water_temperature"])
    assert (len(sent[-1][1]), len(sent) < 8) == (1, True)
    assert [sample.at_ms for sample in it.sent] == sorted({sample.at_ms for sample in it.sent})


def test_a_channel_that_is_only_summed_up_leaves_no_row(start):
    it = start(LEVEL + CALM + "[devices.level.channels]\nwater_level.aggregate = { window_s = 60 }\n"
               "water_temperature.aggregate = { window_s = 120, raw = true }\n")  # fmt: skip
    for n in range(40):
        it.show(n * 10, "level", **calm(n * 10))
    assert {reading.channel for sample in it.sent for reading in sample.readings} == {"water_temperature"}
    assert [sample.seq for sample in it.sent] == list(range(1, 41))
    windows = defaultdict(list)
    for body in it.on(Leaf.AGGREGATES):
        for block in body["channels"]:
            windows[block["channel"], block["window_s"]] += block["rows"]
    assert windows.keys() == {("water_level", 60), ("water_temperature", 120)}
    assert [row[1:4] for row in windows["water_level", 60][:3]] == [[1, "", 6]] * 3


def test_revisions_name_the_row_that_had_the_value(start):
    it = start(LEVEL + CALM)
    it.play("level", 600, 10, calm)
    it.show(610, "level", water_level=4.0, water_temperature=12.0)
    spike = it.sent[-1]
    assert (spike.readings[0].quality, spike.readings[0].test) == (Quality.SUSPECT, "spike")
    assert it.hastened == [("level", REREAD_S, REREADS)]
    it.play("level", 660, 5, calm)
    revisions = [each for body in it.on(Leaf.REVISIONS) for each in body["revisions"]]
    assert revisions == [
        {"device": "level", "seq": spike.seq, "channel": "water_level", "quality": 4, "test": "spike",
         "why": "reread_withdrawn"}
    ]  # fmt: skip


def test_what_was_not_sent_is_not_revised(start):
    it = start(LEVEL + CALM + "[devices.level.channels.water_level]\naggregate = { window_s = 60 }\n")
    it.play("level", 600, 10, calm)
    it.show(610, "level", water_level=4.0, water_temperature=12.0)
    it.play("level", 660, 5, calm)
    assert it.hastened
    assert it.on(Leaf.REVISIONS) == []


def test_a_restart_goes_on_as_if_there_had_been_none(start):
    text = LEVEL + STAGE
    whole, first = start(text), start(text)

    def shape(at_s: float) -> dict[str, Any]:
        return {"water_level": 2.5 + sin(at_s / 400) + wave(at_s), "water_temperature": 12 + wave(at_s)}

    whole.play("level", 9000, 10, shape)
    first.play("level", 4000, 10, shape)
    second = start(text, states=first.states())
    second.now_ms = first.now_ms
    second.play("level", 9000, 10, shape)
    after = first.now_ms
    sent = [(s.at_ms, s.readings) for s in whole.sent if s.at_ms > after]
    assert [(s.at_ms, s.readings) for s in second.sent] == sent
    later = [message for message, _ in whole.told if message.at_ms > after and message.leaf is Leaf.EVENTS]
    assert later
    assert [message for message, _ in second.told if message.leaf is Leaf.EVENTS] == later
    assert [sample.seq for sample in second.sent] == list(range(1, len(second.sent) + 1))


def test_an_event_that_is_told_is_due_with_the_states_behind_it(start):
    it = start(LEVEL + CALM + STAGE)
    it.play("level", 600, 10, calm)
    it.judging.written(it.judging.due())
    it.show(610, "level", water_level=3.4, water_temperature=12.0)
    (opened,) = it.on(Leaf.EVENTS, state="opened")
    states = {name: body for name, body in it.judging.due().items() if body is not None}
    assert {"docket", "rule/flood"} <= states.keys()
    again = start(LEVEL + CALM + STAGE, states=states)
    again.play("level", 700, 10, lambda _: {"water_level": 3.4, "water_temperature": 12.0})
    assert [body["id"] for body in again.on(Leaf.EVENTS) if body["state"] != "updated"] == []
    again.play("level", 900, 10, calm)
    assert [body["id"] for body in again.on(Leaf.EVENTS, state="closed")] == [opened["id"]]


@pytest.mark.parametrize("junk", [b"", b"\xff" * 9, b"\x02\x00\x00\x00{}", b"\x04\x00\x00\x00null"])
def test_states_that_cannot_be_read_begin_anew_and_nothing_fails(start, junk):
    it = start(LEVEL + STAGE)
    names = it.states()
    it = start(LEVEL + STAGE, states=dict.fromkeys(names, junk))
    it.play("level", 100, 10, calm)
    assert len(it.sent) == 10


def opened(start, text: str = LEVEL + CALM + STAGE) -> tuple[Judged, dict[str, Any]]:
    it = start(text)
    it.play("level", 100, 10, lambda _: {"water_level": 3.4, "water_temperature": 12.0})
    (event,) = it.on(Leaf.EVENTS)
    return it, event


def reload(it: Judged, tmp_path, text: str) -> None:
    found = loaded(tmp_path, text)
    it.judging.reload(found.plan.judgement, found.revision)


def test_a_reload_keeps_what_is_the_same(start, tmp_path):
    it, event = opened(start)
    before = it.judging
    reload(it, tmp_path, LEVEL + CALM + STAGE + device("new", "water_level", unit=2))
    assert it.judging is before
    assert [each["id"] for each in it.judging.events()["open"]] == [event["id"]]
    it.play("level", 300, 10, calm)
    (closed,) = it.on(Leaf.EVENTS, state="closed")
    assert (closed["id"], closed["config"] != event["config"]) == (event["id"], True)
    assert [sample.seq for sample in it.sent] == list(range(1, len(it.sent) + 1))


@pytest.mark.parametrize(
    ("rules", "why"),
    [("", "rule_removed"), (STAGE.replace('"3 m"', '"3.1 m"'), "rule_changed")],
)
def test_a_reload_closes_what_nobody_would(start, tmp_path, rules, why):
    it, event = opened(start)
    reload(it, tmp_path, LEVEL + CALM + rules)
    (closed,) = it.on(Leaf.EVENTS, state="closed")
    assert (closed["id"], closed["detail"]["closed_because"]) == (event["id"], why)
    due = it.judging.due()
    assert due["docket"] is not None
    assert event["id"] not in json.dumps(it.judging.events()["open"])
    if not rules:
        it.judging.written({"rule/flood": b"old"})
        reload(it, tmp_path, LEVEL + CALM + rules + device("new", "water_level", unit=2))
        assert it.judging.due()["rule/flood"] is None


def test_a_device_that_is_gone_takes_its_sensors_faults_with_it(start, tmp_path):
    text = LEVEL + CALM + device("other", "air_temperature", unit=2)
    it = start(text)
    for n in range(20):
        it.show(n * 10, "other", air_temperature=999.0)
    (fault,) = it.on(Leaf.FAULTS)
    reload(it, tmp_path, LEVEL + CALM)
    (closed,) = it.on(Leaf.FAULTS, state="closed")
    assert (closed["id"], closed["detail"]["closed_because"]) == (fault["id"], "rule_removed")


def test_a_clock_put_back_closes_what_is_open_and_begins_a_new_time(start):
    it, event = opened(start)
    it.show(-7200, "level", water_level=2.0, water_temperature=12.0)
    (closed,) = it.on(Leaf.EVENTS, state="closed")
    assert (closed["id"], closed["detail"]["closed_because"]) == (event["id"], "clock_put_back")
    names = it.judging.due().keys()
    assert names >= {"docket", "timeline", "judge", "lane/level.water_level/quality"}, (
        "what is on disk lies ahead"
    )
    it.play("level", -7000, 10, lambda _: {"water_level": 3.4, "water_temperature": 12.0})
    fresh = it.on(Leaf.EVENTS, state="opened")
    assert len(fresh) == 2
    assert all(reading.test != "backwards" for sample in it.sent[-5:] for reading in sample.readings)


def test_a_clock_put_back_a_little_holds_time_until_it_has_caught_up(start):
    it, event = opened(start)
    it.play("level", 160, 10, lambda _: {"water_level": 3.4, "water_temperature": 12.0})
    it.show(60, "level", water_level=3.4, water_temperature=12.0)
    assert [each["id"] for each in it.judging.events()["open"]] == [event["id"]]
    assert it.on(Leaf.EVENTS, state="closed") == []
    assert it.sent[-1].at_ms == BEGIN_MS + 60_000, "it goes out under the time it was read"


def test_a_boot_without_a_clock_goes_on_from_the_last_time_and_tells_its_own(start):
    before, event = opened(start)
    it = start(LEVEL + CALM + STAGE, states=before.states())
    it.settled = False
    begin_s = -BEGIN_MS / 1000 + 86_400  # 1970-01-02
    it.now_ms = 86_400_000
    it.play("level", begin_s + 200, 10, calm)
    (closed,) = it.on(Leaf.EVENTS, state="closed")
    assert closed["id"] == event["id"]
    ((message, settled),) = [each for each in it.told if each[0].body.get("state") == "closed"]
    assert settled is False
    assert 86_400_000 < message.at_ms <= 86_400_000 + 200_000
    (row,) = it.judging.events()["recent"]
    assert row["at_ms"] == message.at_ms
    it.settled = True
    it.now_ms = BEGIN_MS + 1_000_000
    it.play("level", 1100, 10, lambda _: {"water_level": 3.4, "water_temperature": 12.0})
    (again,) = [each for each in it.told if each[0].body.get("state") == "opened"]
    assert again[1] is True
    assert again[0].at_ms > BEGIN_MS + 1_000_000


BUS = (
    device("a", "water_level", "water_temperature", unit=1)
    + device("b", "air_temperature", unit=2)
    + device("c", "air_temperature", unit=3, line="127.0.0.2")
)


def silent(it: Judged, *names: str) -> None:
    for name in names:
        it.faults.begin(FaultKind.DEVICE_UNREADABLE, name, "timeout", f"{name} does not answer")


def test_a_silent_bus_is_one_fault_that_explains_its_devices(start):
    it = start(BUS + CALM)
    it.show(0, "a", water_level=2.0, water_temperature=12.0)
    silent(it, "a")
    assert it.on(Leaf.FAULTS) == []
    silent(it, "b", "c")
    (root,) = it.on(Leaf.FAULTS, kind="bus_silent")
    explained = {body["subject"]: body["caused_by"] for body in it.fault_bodies if body.get("caused_by")}
    assert explained == {"a": root["id"], "b": root["id"]}
    it.faults.end(FaultKind.DEVICE_UNREADABLE, "b")
    (closed,) = it.on(Leaf.FAULTS, state="closed")
    assert closed["id"] == root["id"]
    assert all(fault["kind"] != "bus_silent" for fault in it.judging.events()["open"])


def test_a_silence_ends_with_the_daemon_that_told_of_it_and_with_its_bus(start, tmp_path):
    it = start(BUS + CALM)
    it.show(0, "a", water_level=2.0, water_temperature=12.0)
    silent(it, "a", "b")
    again = start(BUS + CALM, states=it.states())
    (closed,) = again.on(Leaf.FAULTS)
    assert (closed["state"], closed["detail"]["closed_because"]) == ("closed", "restarted")
    again.now_ms = it.now_ms
    silent(again, "a")
    assert len(again.on(Leaf.FAULTS)) == 1, "b is not known to be silent now"
    reload(it, tmp_path, BUS.replace("127.0.0.2", "127.0.0.1") + CALM)
    assert [body["state"] for body in it.on(Leaf.FAULTS)] == ["opened", "closed"]
    silent(it, "c")
    assert [body["state"] for body in it.on(Leaf.FAULTS)] == ["opened", "closed", "opened"], (
        "a and b are still"
    )


def test_faults_of_the_agent_that_explain_nothing_are_not_judged(start):
    it = start(LEVEL + CALM)
    it.faults.begin(FaultKind.STORE_UNWRITABLE, "/x", "disk_full", "no room")
    it.faults.once(FaultKind.CLOCK_STEPPED, "clock", "stepped", "somebody set it")
    assert it.judging.events()["open"] == []
    assert it.told == []


def test_while_the_water_rises_its_gauge_is_asked_each_minute_but_re_reads_go_first(start):
    rise = '[rules.fast]\nkind = "rise"\ninput = "level.water_level"\n'
    it = start(LEVEL + CALM + rise)
    it.play("level", 7200, 60, lambda at_s: {"water_level": 2 + 1.2 * at_s / 3600, "water_temperature": 12.0})
    assert it.on(Leaf.EVENTS, kind="water_rise")
    assert it.hastened == [("level", RISING_S, 1)], "once in the minute that this test lasts"
    it.hastened.clear()
    it.show(7260, "level", water_level=9.0, water_temperature=12.0)
    assert it.hastened == [("level", REREAD_S, REREADS)]


def test_figures_of_what_is_open(start):
    it, _ = opened(start)
    assert it.judging.figures() == {"open": 1, "worst": "warning"}
    assert it.judging.by_severity() == {"warning": 1}
    it.play("level", 400, 10, calm)
    assert it.judging.figures() == {"open": 0, "worst": ""}


def test_labels_and_truth_values_pass_through_unjudged(start):
    it = start(LEVEL + CALM)
    readings = (Reading("status", "ok"), Reading("switch", value=True), Reading("water_level", 2.0))
    it.judging.feed(Sample("level", BEGIN_MS, True, 1, readings))
    assert [(reading.value, reading.quality) for reading in it.sent[0].readings[:2]] == [
        ("ok", Quality.NOT_EVALUATED),
        (True, Quality.NOT_EVALUATED),
    ]


def test_no_state_goes_to_disk_without_the_time_it_is_of(start):
    it = start(LEVEL + CALM + STAGE)
    latest, others = [], set()
    for n in range(700):
        it.show(n, "level", **(calm(n) if n % 50 else {"water_level": 3.4, "water_temperature": 12.0}))
        states = it.judging.due()
        it.judging.written(states)
        if states:
            latest.append(decode(states["timeline"])["latest_ms"] == it.now_ms)
            others |= states.keys() - {"timeline"}
    assert len(latest) > 1
    assert all(latest)
    assert "rule/flood" in others


def test_a_clock_that_was_ahead_between_two_samples_stops_no_tick(start):
    it = start(LEVEL + CALM)
    it.play("level", 600, 10, calm)
    it.pass_(30 * 86_400)
    it.pass_(605)
    it.play("level", 2000, 10, lambda at_s: calm(at_s) | {"water_level": -500.0})
    assert [body["kind"] for body in it.on(Leaf.FAULTS)] == ["sensor_out_of_range"]


def test_states_without_their_time_mute_no_flood_after_a_boot_without_a_clock(start):
    it = start(LEVEL + CALM + STAGE)
    it.play("level", 600, 10, lambda _: {"water_level": 3.4, "water_temperature": 12.0})
    states = {name: body for name, body in it.states().items() if name != "timeline"}
    again = start(LEVEL + CALM + STAGE, states=states, now=(1000, False))
    for ms in range(1000, 60_000, 10_000):
        again.now_ms = ms
        again.judging.feed(Sample("level", ms, False, 1, (Reading("water_level", 3.6),)))
        again.judging.tick()
    (before,) = it.on(Leaf.EVENTS, state="opened")
    assert [(body["state"], body["id"] == before["id"]) for body in again.on(Leaf.EVENTS)][:2] == [
        ("closed", True), ("opened", False),
    ]  # fmt: skip
    assert {reading.test for sample in again.shown for reading in sample.readings} == {""}
