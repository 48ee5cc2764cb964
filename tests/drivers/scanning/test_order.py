"""The order of a search: what is common first, nothing twice at a setting, read functions only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.scanning.order import Agenda, Ask, Search, Sweep, agenda, ask_s, question
from firmware_profiles.loader import list_instruments, load_instrument
from firmware_profiles.points import LineSettings
from firmware_profiles.schema import ModbusInstrument

PROFILES = [i for name in list_instruments() if isinstance(i := load_instrument(name), ModbusInstrument)]
PLAIN = LineSettings()


def asked(found: Agenda) -> list[tuple[LineSettings | None, Ask]]:
    return [(sweep.line, ask) for sweep in list(found) for ask in sweep.asks]


@given(
    effort=st.sampled_from(["quick", "normal", "thorough"]),
    bauds=st.none() | st.sets(st.sampled_from([2400, 9600, 19200]), min_size=1).map(tuple),
    parities=st.none() | st.sets(st.sampled_from(["N", "E", "O"]), min_size=1).map(tuple),
    units=st.none() | st.sets(st.integers(1, 247), min_size=1, max_size=9).map(tuple),
    serial=st.booleans(),
)
def test_no_question_is_asked_twice_and_none_writes(effort, bauds, parities, units, serial) -> None:
    search = Search(effort=effort, bauds=bauds, parities=parities, units=units)
    everything = asked(agenda(PROFILES, search, serial=serial))
    assert len(everything) == len(set(everything))
    for line, ask in everything:
        assert ask.pdu[0] in (3, 4)
        assert units is None or ask.unit in units
        if serial:
            assert line.data_bits == 8
            assert bauds is None or line.baud in bauds
            assert parities is None or line.parity in parities
        else:
            assert line is None


def test_profiles_at_their_factory_settings_come_first() -> None:
    sweeps = agenda(PROFILES, Search()).sweeps
    factory = {each.line for each in PROFILES}
    assert {sweep.line for sweep in sweeps[: len(factory)]} == factory
    assert sweeps[0].line == PLAIN
    assert Ask(1, 3, 256, 4) in sweeps[0].asks, "the Keller's own registers"
    assert Ask(53, 3, 1, 2) in sweeps[0].asks, "the flow meter's own unit id"


def test_the_normal_effort_asks_every_unit_at_every_common_setting() -> None:
    everything = asked(agenda(PROFILES, Search()))
    lines = {(line.baud, line.parity) for line, ask in everything if ask == question(200)}
    assert lines == {(9600, "N"), (19200, "E"), (4800, "N"), (19200, "N"), (9600, "E"), (2400, "N")}
    for baud, parity in lines:
        units = {
            a.unit
            for line, a in everything
            if a == question(a.unit) and (line.baud, line.parity) == (baud, parity)
        }
        assert units >= set(range(1, 248)) - {1}, "unit 1 is asked by some profile in the same words"


def test_the_thorough_one_goes_through_all_settings_and_input_registers() -> None:
    everything = asked(agenda(PROFILES, Search(effort="thorough")))
    settings = {(line.baud, line.parity) for line, ask in everything if ask == Ask(247, 4, 0, 1)}
    assert len(settings) == 8 * 3


def test_the_quick_one_is_over_in_a_quarter_of_a_minute_and_the_normal_one_in_four_minutes() -> None:
    assert agenda(PROFILES, Search(effort="quick")).left_s < 15
    assert agenda(PROFILES, Search()).left_s < 240


def test_a_line_where_somebody_answered_is_swept_next() -> None:
    other = LineSettings(baud=4800)
    sweeps = [Sweep(line, (question(unit),), 0.1) for unit in (1, 2) for line in (PLAIN, other)]
    plan = Agenda(list(sweeps))
    order = iter(plan)
    assert next(order) is sweeps[0]
    assert next(order) is sweeps[1]
    plan.found_on(other)
    assert [next(order), next(order)] == [sweeps[3], sweeps[2]]
    assert plan.left_s == 0


@pytest.mark.parametrize(("baud", "expected_ms"), [(9600, 123.4), (1200, 254.2), (115200, 103.1)])
def test_the_time_of_an_unanswered_question(baud: int, expected_ms: float) -> None:
    # 8 characters of request, 7 of the longest answer, 3.5 of silence, at least 1.75 ms; 10 bits each.
    character_s = 10 / baud
    silence_s = max(3.5 * character_s, 0.00175)
    assert ask_s(character_s, 0.1) == pytest.approx(0.1 + 15 * character_s + silence_s)
    assert 1000 * ask_s(character_s, 0.1) == pytest.approx(expected_ms, rel=0.05)
