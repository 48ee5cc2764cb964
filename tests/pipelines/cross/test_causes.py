"""Which fault explains which: one root, the others caused by it."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from pipelines.cross.causes import MOST_OPEN, Causes, CausesSettings
from pipelines.docket import Docket
from pipelines.events import Event, Kind, Nature, Phase, Severity, Source, event_id
from pipelines.state import decode, encode

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
T0 = 1_780_272_000_000
BUSES = {"level": "rs485-1", "rain": "rs485-1", "wind": "rs485-1", "air": "rs485-2", "noise": "rs485-2"}


def fault(kind, device, at_ms, channel="", *, began_ms=None, nature=Nature.FAULT, phase=Phase.OPENED):
    source, began = Source(device, channel), at_ms if began_ms is None else began_ms
    return Event(
        id=event_id(kind, source, began),
        kind=kind,
        nature=nature,
        rule=kind,
        version=1,
        source=source,
        severity=Severity.WATCH,
        phase=phase,
        began_ms=began,
        at_ms=at_ms,
    )


def silent(device, at_ms):
    return fault(Kind.DEVICE_UNREADABLE, device, at_ms)


def over(event, at_ms):
    return replace(event, phase=Phase.CLOSED, at_ms=at_ms)


def station(causes=None):
    """Enters events the way the station does; returns what the platform has heard of last, by id."""
    causes = causes or Causes(BUSES)
    docket = Docket(causes)
    heard = {}

    def enter(*events):
        for event in events:
            heard.update({told.id: told for told in docket.enter(event)})
        return heard

    return enter, causes


@pytest.mark.parametrize("order", list(permutations(["level", "rain", "wind"])))
def test_a_silent_bus_is_one_root_and_its_devices_are_caused_by_it(order):
    enter, _ = station()
    faults = [silent(device, T0 + n * 30 * SECOND) for n, device in enumerate(order)]
    heard = enter(*faults)
    (root,) = [event for event in heard.values() if event.kind is Kind.BUS_SILENT]
    assert root.source == Source("rs485-1")
    assert root.began_ms == T0
    assert root.at_ms == T0 + MINUTE
    assert root.caused_by == ""
    assert [heard[each.id].caused_by for each in faults] == [root.id] * 3


def test_one_device_of_a_bus_stands_for_itself():
    enter, _ = station()
    heard = enter(silent("level", T0), silent("rain", T0 + SECOND))
    assert {event.kind for event in heard.values()} == {Kind.DEVICE_UNREADABLE}
    assert {event.caused_by for event in heard.values()} == {""}


def test_a_device_that_was_dead_for_weeks_does_not_hide_or_make_a_silent_bus():
    enter, _ = station()
    old = silent("level", T0 - 500 * HOUR)
    assert len(enter(old, silent("rain", T0), silent("wind", T0 + 5 * SECOND))) == 4
    enter, _ = station()
    assert len(enter(silent("air", T0 - 500 * HOUR), silent("noise", T0))) == 2, "one new silence is no root"


def test_the_root_ends_when_any_of_its_devices_answers():
    enter, causes = station()
    faults = [silent(device, T0) for device in ("air", "noise")]
    heard = enter(*faults)
    enter(over(faults[1], T0 + HOUR))
    (root,) = [event for event in heard.values() if event.kind is Kind.BUS_SILENT]
    assert root.phase is Phase.CLOSED
    assert root.at_ms == T0 + HOUR
    assert heard[faults[0].id].phase is Phase.UPDATED
    assert causes.explain(silent("noise", T0 + 2 * HOUR)) == ""


def test_a_device_on_no_bus_comes_and_goes_alone():
    enter, causes = station()
    alone = silent("modem", T0)
    assert enter(alone, over(alone, T0 + MINUTE))[alone.id].caused_by == ""
    assert causes.note(over(alone, T0 + MINUTE)) == []


def test_the_oldest_of_very_many_open_faults_is_forgotten():
    _, causes = station()
    for n in range(MOST_OPEN):
        causes.note(fault(Kind.SENSOR_STUCK, f"d{n}", T0, "x"))
    causes.note(silent("level", T0))
    assert len(causes.state()["open"]) == MOST_OPEN
    assert causes.state()["open"][0]["source"] == ["d1", "x"]


def test_a_closed_link_is_the_root_itself():
    enter, causes = station()
    link = fault(Kind.BUS_SILENT, "rs485-2", T0)
    heard = enter(link, silent("air", T0 + SECOND), silent("noise", T0 + 2 * SECOND))
    assert len(heard) == 3
    assert {event.caused_by for event in heard.values()} == {"", link.id}
    assert causes.explain(silent("level", T0 + SECOND)) == ""


def test_the_sensors_of_a_silent_device_are_caused_by_it():
    enter, _ = station()
    dead = silent("level", T0)
    gap = fault(Kind.READINGS_MISSING, "level", T0 + 5 * MINUTE, "water_level", began_ms=T0 - MINUTE)
    other = fault(Kind.READINGS_MISSING, "rain", T0 + 5 * MINUTE, "rainfall")
    heard = enter(dead, gap, other)
    assert heard[gap.id].caused_by == dead.id
    assert heard[other.id].caused_by == ""


def test_a_fault_long_before_its_cause_is_not_caused_by_it():
    enter, _ = station()
    stuck = fault(Kind.SENSOR_STUCK, "level", T0, "water_level", began_ms=T0 - 5 * HOUR)
    heard = enter(stuck, silent("level", T0 + MINUTE))
    assert heard[stuck.id].caused_by == ""


def test_power_is_above_the_bus_and_the_devices():
    enter, _ = station()
    faults = [silent(device, T0 + n * SECOND) for n, device in enumerate(("air", "noise", "level"))]
    power = fault(Kind.POWER_FAILED, "ups", T0 + 10 * SECOND, "voltage")
    low = fault(Kind.BATTERY_LOW, "ups", T0 + HOUR, "supply_voltage")
    heard = enter(*faults, power, low)
    (root,) = [event for event in heard.values() if event.kind is Kind.BUS_SILENT]
    assert heard[root.id].caused_by == power.id
    assert heard[low.id].caused_by == power.id
    assert heard[faults[2].id].caused_by == power.id
    assert [heard[each.id].caused_by for each in faults[:2]] == [root.id] * 2
    assert heard[power.id].caused_by == ""


def test_a_low_battery_explains_what_fails_while_it_lasts():
    enter, causes = station()
    low = fault(Kind.BATTERY_LOW, "ups", T0, "supply_voltage")
    heard = enter(low, silent("air", T0 + HOUR))
    assert [event.caused_by for event in heard.values()] == ["", low.id]
    enter(over(low, T0 + 2 * HOUR))
    assert causes.explain(silent("level", T0 + 3 * HOUR)) == ""


@pytest.mark.parametrize(
    ("kind", "explained"),
    [
        (Kind.READINGS_MISSING, True),
        (Kind.SENSOR_STUCK, True),
        (Kind.SENSOR_ERRATIC, True),
        (Kind.SENSOR_OUT_OF_RANGE, False),
        (Kind.DEVICE_UNREADABLE, False),
    ],
)
@pytest.mark.parametrize("apart_ms", [-10 * MINUTE, 0, 10 * MINUTE])
def test_a_step_of_the_clock_explains_gap_rate_and_flat(kind, explained, apart_ms):
    enter, _ = station()
    step = fault(Kind.CLOCK_STEPPED, "", T0)
    near = fault(kind, "level", T0 + apart_ms, "" if kind is Kind.DEVICE_UNREADABLE else "water_level")
    far = fault(kind, "rain", T0 + apart_ms + (1 if apart_ms >= 0 else -1) * 11 * MINUTE, "rainfall")
    heard = enter(step, over(step, T0), near, far)
    assert heard[near.id].caused_by == (step.id if explained else "")
    assert heard[far.id].caused_by == ""


def test_a_step_told_after_its_effect_is_put_right():
    enter, _ = station()
    flat = fault(Kind.SENSOR_STUCK, "level", T0, "water_level")
    step = fault(Kind.CLOCK_STEPPED, "", T0 + MINUTE)
    heard = enter(flat, step, over(step, T0 + MINUTE))
    assert heard[flat.id].caused_by == step.id


def test_an_untrusted_clock_explains_while_it_lasts():
    enter, causes = station()
    clock = fault(Kind.CLOCK_UNSYNCED, "", T0)
    gap = fault(Kind.READINGS_MISSING, "level", T0 + HOUR, "water_level")
    assert enter(clock, gap)[gap.id].caused_by == clock.id
    enter(over(clock, T0 + 2 * HOUR))
    assert causes.explain(fault(Kind.READINGS_MISSING, "rain", T0 + 3 * HOUR, "rainfall")) == ""


def test_a_happening_is_never_explained_away():
    enter, _ = station()
    rise = fault(Kind.WATER_RISE, "level", T0 + SECOND, "water_level", nature=Nature.HAPPENING)
    heard = enter(
        fault(Kind.POWER_FAILED, "ups", T0), silent("level", T0), fault(Kind.CLOCK_STEPPED, "", T0), rise
    )
    assert heard[rise.id].caused_by == ""


@pytest.mark.parametrize("restart_at", range(7))
def test_a_restart_changes_nothing(restart_at):
    faults = [silent(device, T0 + n * SECOND) for n, device in enumerate(("level", "rain", "wind"))]
    events = [
        fault(Kind.CLOCK_STEPPED, "", T0 - MINUTE),
        *faults,
        fault(Kind.READINGS_MISSING, "rain", T0 + MINUTE, "rainfall"),
        fault(Kind.BATTERY_LOW, "ups", T0 + MINUTE, "supply_voltage"),
        over(faults[0], T0 + HOUR),
    ]

    def run(restart):
        causes, out = Causes(BUSES), []
        for n, event in enumerate(events):
            if n == restart:
                stored = decode(encode(causes.state()))
                causes = Causes(BUSES)
                causes.restore(stored)
            out.append((causes.explain(event), causes.note(event)))
        return out

    assert run(restart_at) == run(None)


def test_a_state_of_another_tree_is_refused_and_a_wrong_setting_named():
    with pytest.raises(ValueError, match="another tree"):
        Causes({}).restore(Causes(BUSES).state())
    with pytest.raises(ValueError, match=r"^step_ms: expected"):
        CausesSettings(step_ms=0)
