"""Each built-in instrument, simulated, is recognised among all the others; and what is none is not."""

from __future__ import annotations

import pytest

from drivers.scanning.examining import registers
from drivers.scanning.order import Ask
from drivers.scanning.recognition import Answers, Said, ask_of, blocks_of, parts_of, recognise
from drivers.simulation.registers import Image
from drivers.simulation.scene import Scene
from firmware_profiles.loader import list_instruments, load_instrument
from firmware_profiles.points import LineSettings
from firmware_profiles.schema import ModbusInstrument

PROFILES = {n: i for n in list_instruments() if isinstance(i := load_instrument(n), ModbusInstrument)}


def said_by(image: Image, unit: int) -> dict[Ask, Said]:
    """All that a scan would ask, answered by the image."""
    found: dict[Ask, Said] = {}
    for profile in PROFILES.values():
        for block in blocks_of(profile):
            for each in (block, *parts_of(block)):
                ask = ask_of(unit, each)
                pdu = image.answer(ask.pdu)
                found[ask] = pdu[1] if pdu[0] & 0x80 else pdu[2:]
    return found


def simulated(name: str, seed: int) -> Image:
    profile = PROFILES[name]
    image, values = Image(profile.points, profile.modbus.hole), Scene(profile.points, seed).at(600)
    for point in profile.points:
        image.put(point, values[point.channel])
    return image


def shape(name: str) -> list[tuple[str, int, str, str]]:
    return [(each.table, each.address, each.type, each.order) for each in PROFILES[name].points]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", PROFILES)
def test_an_instrument_at_factory_settings_is_among_the_best(name: str, seed: int) -> None:
    profile = PROFILES[name]
    unit = profile.modbus.unit
    answers = Answers(said_by(simulated(name, seed), unit), strict=True)
    matches = recognise(unit, profile.line, answers, PROFILES)
    found = {match.profile: match for match in matches}
    assert name in found
    best = matches[0]
    # Gauges of one or two bare registers at 0 cannot be told apart by anybody; then none is called certain.
    if best.profile != name:
        assert best.verdict != "certain"
        assert best.bits - found[name].bits < 8
    if best.verdict == "certain":
        assert best.profile == name
    assert all(match.verdict != "certain" for match in matches[1:])


@pytest.mark.parametrize("name", ["renke-rs-fsxcs", "eastron-sdm630", "hx-radar-flow", "pzem-004t-v3"])
def test_a_map_of_its_own_is_certain(name: str) -> None:
    answers = Answers(said_by(simulated(name, 1), 9), strict=True)
    best, *others = recognise(9, LineSettings(baud=38400), answers, PROFILES)
    assert (best.profile, best.verdict) == (name, "certain")
    assert "all its registers answer, others are refused" in best.reasons
    assert len(best.readings) == len(PROFILES[name].points)
    assert all(other.verdict == "possible" for other in others)


def test_the_same_map_under_two_names_is_never_certain_and_says_so() -> None:
    answers = Answers(said_by(simulated("keller-36x", 1), 1), strict=True)
    first, second, *_ = recognise(1, LineSettings(), answers, PROFILES)
    assert {first.profile, second.profile} == {"keller-36x", "keller-acculevel"}
    assert first.verdict == second.verdict == "likely"
    assert first.reasons[-1] == f"the same map as {second.profile}"


def test_a_device_that_answers_zero_to_anything_is_nothing() -> None:
    said = {
        ask_of(1, block): bytes(2 * block.count) for each in PROFILES.values() for block in blocks_of(each)
    }
    matches = recognise(1, LineSettings(), Answers(said, strict=False), PROFILES)
    assert all(match.verdict == "possible" for match in matches)
    assert all("but so does any other" in match.reasons[0] for match in matches)


def test_a_device_of_noise_is_not_recognised() -> None:
    said = {
        ask_of(1, block): bytes((37 * i + 250) & 0xFF for i in range(2 * block.count))
        for each in PROFILES.values()
        for block in blocks_of(each)
    }
    matches = recognise(1, LineSettings(), Answers(said, strict=False), PROFILES)
    assert all(match.verdict == "possible" for match in matches)


def test_a_refused_map_is_none() -> None:
    said: dict[Ask, Said] = {ask_of(1, block): 2 for each in PROFILES.values() for block in blocks_of(each)}
    assert recognise(1, LineSettings(), Answers(said, strict=True), PROFILES) == []


def test_impossible_values_are_named() -> None:
    image = simulated("rika-rk330-01-weather", 1)
    humidity = PROFILES["rika-rk330-01-weather"].points[1]
    image.put(humidity, 6000.0)
    found = recognise(1, LineSettings(), Answers(said_by(image, 1), strict=True), PROFILES)
    assert "rika-rk330-01-weather" not in {match.profile for match in found if match.verdict != "possible"}


def test_registers_by_function_and_address() -> None:
    said: dict[Ask, Said] = {
        Ask(1, 3, 8, 2): bytes((1, 2, 3, 4)),
        Ask(1, 4, 0, 1): b"\0\x07",
        Ask(1, 3, 0, 9): 2,
    }
    assert registers(said) == {(3, 8): 0x0102, (3, 9): 0x0304, (4, 0): 7}
