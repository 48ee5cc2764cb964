"""Which events are open, what is told of them, and what a person may do about them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import docket as module
from pipelines.cross.causes import Causes
from pipelines.docket import BURST, GROUP_MS, HOUR_MS, REFILL_MS, Docket, Shelf
from pipelines.events import Event, Kind, Nature, Phase, Severity, Source, event_id
from pipelines.state import decode, encode

T0_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS
LEVEL = Source("river", "level")
OPENED, UPDATED, CLOSED = Phase.OPENED, Phase.UPDATED, Phase.CLOSED
WATCH, WARNING, CRITICAL = Severity.WATCH, Severity.WARNING, Severity.CRITICAL


def docket(buses: dict[str, str] | None = None) -> Docket:
    return Docket(Causes(buses or {}))


def event(phase=OPENED, at_s: float = 0, severity=WATCH, *, n: int = 0, **facts) -> Event:
    """`n` counts the events of its rule about its source."""
    at_ms = T0_MS + round(at_s * 1000)
    usual = {
        "kind": Kind.WATER_STAGE, "nature": Nature.HAPPENING, "rule": "stage", "version": 1, "source": LEVEL,
        "began_ms": T0_MS + n,
    }  # fmt: skip
    made = usual | facts
    made.setdefault("id", event_id(made["rule"], made["source"], made["began_ms"]))
    return Event(phase=phase, at_ms=at_ms, severity=severity, **made)


def fault(kind: Kind, source: Source, phase=OPENED, began_s: float = 0, at_s: float | None = None, **facts):
    began_ms = T0_MS + round(began_s * 1000)
    rule = facts.pop("rule", f"sensor.{kind.name.lower()}")
    return event(
        phase, began_s if at_s is None else at_s, kind=kind, nature=Nature.FAULT, rule=rule, source=source,
        began_ms=began_ms, **facts,
    )  # fmt: skip


def told(events: list[Event]) -> list[tuple[Phase, int]]:
    return [(each.phase, each.suppressed) for each in events]


def test_an_event_is_open_from_its_opening_to_its_closing_and_then_recent():
    kept = docket()
    assert told(kept.enter(event())) == [(OPENED, 0)]
    assert kept.subjects[LEVEL] == 1
    assert told(kept.enter(event(UPDATED, 10))) == [(UPDATED, 0)]
    assert len(kept.open) == 1
    assert told(kept.enter(event(CLOSED, 20))) == [(CLOSED, 0)]
    assert (kept.open, kept.subjects, len(kept.recent)) == ({}, {}, 1)


def test_who_has_seen_it_stands_until_it_gets_worse():
    kept = docket()
    kept.enter(event(pictures=True))
    seen = kept.acknowledge(event().id, "li", T0_MS + 5000)
    assert (seen.acknowledged, seen.phase, seen.at_ms, seen.pictures) == ("li", UPDATED, T0_MS + 5000, False)
    assert [each.acknowledged for each in kept.enter(event(UPDATED, 10))] == ["li"]
    assert [each.acknowledged for each in kept.enter(event(UPDATED, 20, CRITICAL))] == [""]
    assert [each.acknowledged for each in kept.enter(event(CLOSED, 30))] == [""]
    with pytest.raises(KeyError):
        kept.acknowledge(event().id, "li", T0_MS)


def shelf(until_s: float, rule: str = "stage", source: str = "") -> Shelf:
    return Shelf(rule, source, T0_MS + round(until_s * 1000), "li", "dredging")


def test_a_shelf_covers_what_is_open_and_what_comes_until_it_is_over():
    kept = docket()
    kept.enter(event())
    (covered,) = kept.shelve(shelf(100), T0_MS)
    assert (covered.shelved, covered.phase) == (True, UPDATED)
    assert [each.shelved for each in kept.enter(event(UPDATED, 50))] == [True]
    assert kept.tick(T0_MS + 99_000) == []
    (free,) = kept.tick(T0_MS + 100_000)
    assert (free.shelved, free.at_ms, kept.shelves) == (False, T0_MS + 100_000, [])
    assert kept.tick(T0_MS + 110_000) == []
    assert [each.shelved for each in kept.enter(event(UPDATED, 120))] == [False]


def test_a_shelf_may_be_taken_away_and_replaced():
    kept = docket()
    kept.enter(event())
    kept.shelve(shelf(100), T0_MS)
    assert kept.shelve(shelf(900), T0_MS) == []
    assert [each.until_ms for each in kept.shelves] == [T0_MS + 900_000]
    assert [each.shelved for each in kept.unshelve("stage", "", T0_MS)] == [False]
    with pytest.raises(KeyError):
        kept.unshelve("stage", "", T0_MS)


@pytest.mark.parametrize(
    ("rule", "source", "covers"),
    [
        ("stage", "", True), ("stage", "river", True), ("stage", "river.level", True),
        ("stage.low", "", True), ("stage", "river.flow", False), ("other", "", False), ("stag", "", False),
    ],
)  # fmt: skip
def test_a_shelf_is_for_a_rule_or_a_part_of_it_and_for_a_source_or_any(rule, source, covers):
    kept = docket()
    kept.shelve(shelf(100, rule, source), T0_MS)
    (low,) = kept.enter(event(rule="stage.low"))
    assert low.shelved is covers


def test_what_is_critical_is_never_shelved():
    kept = docket()
    kept.shelve(shelf(1000), T0_MS)
    assert [each.shelved for each in kept.enter(event())] == [True]
    assert [each.shelved for each in kept.enter(event(UPDATED, 10, CRITICAL))] == [False]
    assert [each.shelved for each in kept.enter(event(UPDATED, 20, WARNING))] == [True]


def test_shelves_are_bounded():
    kept = docket()
    for n in range(module.MOST_SHELVES + 5):
        kept.shelve(shelf(1000, f"rule{n}"), T0_MS)
    assert len(kept.shelves) == module.MOST_SHELVES
    assert kept.shelves[-1].rule == f"rule{n}"


def test_a_rule_that_says_too_much_is_told_in_part_and_what_is_left_out_is_counted():
    kept = docket()
    kept.enter(event())
    found = [kept.enter(event(UPDATED, n)) for n in range(1, 20)]
    assert [bool(each) for each in found] == [True] * (BURST - 1) + [False] * (20 - BURST)
    assert kept.suppressed == 20 - BURST
    again = kept.enter(event(UPDATED, 2 + REFILL_MS / 1000))
    assert told(again) == [(UPDATED, 20 - BURST)]
    assert kept.enter(event(UPDATED, 3 + REFILL_MS / 1000)) == []
    other = kept.enter(event(rule="rise"))
    assert told(other) == [(OPENED, 0)], "each rule has messages of its own"


def spend(kept: Docket) -> None:
    for n in range(BURST):
        kept.enter(event(n=100 + n))


def test_worse_than_all_that_was_told_is_told_but_once_and_critical_always():
    kept = docket()
    kept.enter(event(severity=WATCH))
    spend(kept)
    assert told(kept.enter(event(UPDATED, 10, WARNING))) == [(UPDATED, 1)]
    assert kept.enter(event(UPDATED, 20, WATCH)) == []
    assert kept.enter(event(UPDATED, 30, WARNING)) == [], "to and fro is no news"
    for at_s in (40, 50, 60):
        assert len(kept.enter(event(UPDATED, at_s, CRITICAL))) == 1


def test_an_end_is_told_if_and_only_if_its_beginning_was():
    kept = docket()
    kept.enter(event())
    spend(kept)
    assert kept.enter(event(n=1)) == []
    assert kept.enter(event(CLOSED, 10, n=1)) == []
    assert told(kept.enter(event(CLOSED, 20))) == [(CLOSED, 3)]
    assert kept.enter(event(CLOSED, 30)) == [], "nobody knows it"


def test_what_was_left_out_opens_when_it_is_told_at_last():
    kept = docket()
    spend(kept)
    assert kept.enter(event()) == []
    assert told(kept.enter(event(UPDATED, REFILL_MS / 1000))) == [(OPENED, 1)]
    spend(kept)
    kept.enter(event(n=7))
    assert kept.acknowledge(event(n=7).id, "li", T0_MS).phase is OPENED
    kept.enter(event(n=8))
    assert [each.id for each in kept.shelve(shelf(9000), T0_MS)].count(event(n=8).id) == 0


PHASES = st.sampled_from([OPENED, UPDATED, CLOSED])


@given(st.lists(st.tuples(PHASES, st.integers(0, 3), st.integers(0, 3), st.integers(0, 400))))
def test_for_whoever_listens_an_event_opens_first_and_closes_once(steps):
    kept, known, at_s = docket(), set(), 0
    for phase, n, severity, passed_s in steps:
        at_s += passed_s
        for each in kept.enter(event(phase, at_s, Severity(severity), n=n)):
            assert (each.phase is OPENED) is (each.id not in known)
            (known.discard if each.phase is CLOSED else known.add)(each.id)
        assert known <= kept.open.keys()
        assert sum(kept.subjects.values()) == len(kept.open)
        kept = _restarted(kept)


def _restarted(kept: Docket) -> Docket:
    fresh = docket()
    fresh.restore(decode(encode(kept.state())))
    assert encode(fresh.state()) == encode(kept.state())
    assert (fresh.open, fresh.subjects) == (kept.open, kept.subjects)
    return fresh


def test_faults_of_one_devices_sensors_within_a_minute_have_the_first_as_their_cause():
    kept = docket()
    (first,) = kept.enter(fault(Kind.SENSOR_STUCK, Source("air", "pm2_5")))
    (second,) = kept.enter(fault(Kind.SENSOR_STUCK, Source("air", "pm10"), began_s=GROUP_MS / 1000))
    (third,) = kept.enter(fault(Kind.READINGS_MISSING, Source("air", "co"), began_s=GROUP_MS / 1000 + 1))
    (other,) = kept.enter(fault(Kind.SENSOR_STUCK, Source("wind", "speed"), began_s=1))
    (door,) = kept.enter(fault(Kind.SENSOR_DISAGREES, Source("air", "pm1"), began_s=2, rule="agree"))
    assert (first.caused_by, second.caused_by, third.caused_by) == ("", first.id, "")
    assert (other.caused_by, door.caused_by) == ("", "")
    (update,) = kept.enter(replace(second, phase=UPDATED, caused_by=""))
    assert update.caused_by == first.id


def unreadable(device: str, phase=OPENED, began_s: float = 0) -> Event:
    return fault(Kind.DEVICE_UNREADABLE, Source(device), phase, began_s, rule="station")


def test_a_silent_bus_is_one_root_that_explains_its_devices_and_their_faults():
    kept = docket({"a": "bus", "b": "bus", "c": "other"})
    (missing,) = kept.enter(fault(Kind.READINGS_MISSING, Source("a", "x")))
    kept.note(unreadable("a", began_s=10))
    found = kept.note(unreadable("b", began_s=20))
    (root,) = [each for each in found if each.kind is Kind.BUS_SILENT]
    assert root.id in kept.open
    explained = {(each.kind, each.caused_by) for each in found if each is not root}
    assert (Kind.DEVICE_UNREADABLE, root.id) in explained
    assert kept.open[missing.id].caused_by != ""
    (late,) = kept.enter(fault(Kind.READINGS_MISSING, Source("b", "y"), began_s=25))
    assert late.caused_by
    ended = kept.note(unreadable("a", CLOSED))
    assert [(each.id, each.phase) for each in ended] == [(root.id, CLOSED)]
    assert root.id not in kept.open


def test_a_new_epoch_ends_silences_and_finds_them_again():
    kept = docket({"a": "bus", "b": "bus"})
    kept.note(unreadable("a"))
    kept.note(unreadable("b", began_s=1))
    ended = kept.new_epoch(T0_MS + 60_000)
    assert [(each.kind, each.phase, each.detail["closed_because"]) for each in ended] == [
        (Kind.BUS_SILENT, CLOSED, "restarted")
    ]
    assert kept.open == {}
    (alone,) = kept.enter(fault(Kind.READINGS_MISSING, Source("a", "x"), began_s=61))
    assert alone.caused_by == "", "what the last run said is over"
    kept.note(unreadable("a", began_s=70))
    again = kept.note(unreadable("b", began_s=71))
    assert [each.phase for each in again if each.kind is Kind.BUS_SILENT] == [OPENED]


def test_what_nobody_will_close_is_closed_with_the_reason():
    kept = docket()
    kept.enter(event())
    kept.enter(event(rule="gone"))
    (closed,) = kept.close_unless(lambda each: each.rule == "stage", T0_MS + 5000, "rule_removed")
    assert (closed.rule, closed.phase, closed.at_ms) == ("gone", CLOSED, T0_MS + 5000)
    assert closed.detail == {"closed_because": "rule_removed"}
    assert [each.rule for each in kept.open.values()] == ["stage"]


def test_the_oldest_is_forgotten_when_too_many_are_open(monkeypatch):
    monkeypatch.setattr(module, "MOST_OPEN", 3)
    kept = docket()
    for n in range(5):
        kept.enter(event(n=n))
    assert list(kept.open) == [event(n=n).id for n in (2, 3, 4)]
    assert kept.subjects[LEVEL] == 3
    assert kept.suppressed == 2


def test_what_a_rule_may_still_say_is_forgotten_when_it_is_as_if_new():
    kept = docket()
    for n in range(BURST + 1):
        kept.enter(event(n=n))
        kept.enter(event(rule="rise", n=0))
    kept.tick(T0_MS + 2 * HOUR_MS)
    assert [rule for rule, *_ in kept.state()["budgets"]] == ["stage", "rise"], "something was left out"
    kept.tick(T0_MS + 25 * HOUR_MS)
    assert kept.state()["budgets"] == []
    kept.enter(event(rule="quiet", at_s=0))
    kept.tick(T0_MS + HOUR_MS)
    assert kept.state()["budgets"] == [], "nothing was left out, and an hour fills it"


def test_a_state_of_another_tree_of_buses_loses_the_causes_only():
    kept = docket({"a": "bus"})
    kept.enter(event())
    fresh = docket({"a": "wire"})
    fresh.restore(decode(encode(kept.state())))
    assert fresh.open == kept.open


def test_what_was_left_out_and_lasts_is_told_as_soon_as_its_rule_may_say_something_again():
    kept = docket()
    for n in range(BURST // 2):
        kept.enter(event(OPENED, n, n=n))
        kept.enter(event(CLOSED, n, n=n))
    assert kept.enter(event(OPENED, 10, n=99)) == []
    ticks = range(T0_MS + 10_000, T0_MS + 2 * REFILL_MS, 10_000)
    found = [(at_ms, each) for at_ms in ticks for each in kept.tick(at_ms)]
    assert [(each.phase, each.id in kept.open, each.suppressed) for _, each in found] == [(OPENED, True, 1)]
    (at_ms, only) = found[0]
    assert (only.at_ms, only.severity) == (at_ms, WATCH)
    assert at_ms <= T0_MS + REFILL_MS + 10_000
    assert told(kept.enter(event(CLOSED, 3000, n=99))) == [(CLOSED, 0)]


def test_a_flood_is_not_forgotten_for_faults(monkeypatch):
    monkeypatch.setattr(module, "MOST_OPEN", 5)
    kept = docket()
    kept.enter(event(OPENED))
    for n in range(9):
        kept.enter(fault(Kind.SENSOR_STUCK, Source(f"d{n}", "x")))
    assert len(kept.open) == 5
    assert told(kept.enter(event(CLOSED, 60))) == [(CLOSED, 0)]


def test_a_first_warning_of_a_happening_is_told_however_much_its_rule_has_said():
    kept = docket()
    for n in range(BURST):
        kept.enter(event(OPENED, n, n=n))
        kept.enter(event(CLOSED, n, n=n))
    assert kept.enter(event(OPENED, 20, n=90)) == []
    assert told(kept.enter(event(OPENED, 21, WARNING, n=91)))[0][0] is OPENED
    assert kept.enter(event(UPDATED, 22, WARNING, n=91)) == [], "news of it has to wait"
    assert told(kept.enter(event(CLOSED, 23, WARNING, n=91)))[0][0] is CLOSED
    assert kept.enter(fault(Kind.SENSOR_ERRATIC, LEVEL, rule="stage", began_s=24, severity=WARNING)) == []
