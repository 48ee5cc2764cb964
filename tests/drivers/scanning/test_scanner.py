"""Whole scans against libmodbus slaves at mixed settings, gauges that push, and gauges that answer in frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from fakes.mixed_bus import MixedBus, Slave, parity_on_ptys
from fakes.pty_bus import Noise

from drivers.endpoints import Endpoint, SerialEndpoint, TcpEndpoint
from drivers.errors import LinkClosed
from drivers.scanning import scanner
from drivers.scanning.order import Search
from drivers.scanning.scanner import Found, Scan, written
from drivers.simulation.instrument import SimulatedInstrument
from drivers.simulation.registers import Image
from drivers.simulation.scene import Scene
from drivers.simulation.serving import on_pty, on_tcp
from firmware_profiles.loader import list_instruments, load_instrument
from firmware_profiles.points import LineSettings
from firmware_profiles.schema import FrameInstrument, ModbusInstrument

ALL = {name: load_instrument(name) for name in list_instruments()}
MODBUS = {name: each for name, each in ALL.items() if isinstance(each, ModbusInstrument)}
GAUGES = {name: each for name, each in ALL.items() if isinstance(each, FrameInstrument)}
RIVER = ("keller-36x", "renke-rs-fsxcs", "eastron-sdm120", "rika-rk330-01-weather", "hz-radar-level")


class Watcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, float, float]] = []
        self.seen: list[Found] = []

    def at(self, what: str, done_s: float, left_s: float) -> None:
        self.said.append((what, done_s, left_s))

    def found(self, found: Found) -> None:
        self.seen.append(found)


def scan_of(endpoint: Endpoint, profiles=RIVER, **search) -> Scan:
    modbus = {name: MODBUS[name] for name in profiles if name in MODBUS}
    gauges = {name: GAUGES[name] for name in profiles if name in GAUGES}
    return Scan(endpoint, modbus, gauges, Search(**({"effort": "quick"} | search)), Watcher())


def serial(path: object) -> SerialEndpoint:
    return SerialEndpoint(str(path), LineSettings())


def registers_of(name: str) -> dict:
    profile = MODBUS[name]
    image, values = Image(profile.points, profile.modbus.hole), Scene(profile.points, 1).at(60)
    for point in profile.points:
        image.put(point, values[point.channel])
    return {table: dict(words) for table, words in image.tables.items() if words}


@pytest.fixture(autouse=True)
def _shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "LISTEN_S", 0.1)
    monkeypatch.setattr(scanner, "LINGER_S", 0.3)


@pytest.fixture
def bus_of() -> Iterator[Callable[..., MixedBus]]:
    opened: list[MixedBus] = []

    def start(*slaves: Slave) -> MixedBus:
        opened.append(MixedBus(*slaves))
        return opened[-1]

    with parity_on_ptys():
        yield start
    for each in opened:
        with closing(each):
            pass


def places(scan: Scan) -> dict[tuple[str, int | None], str]:
    return {(written(f.line), f.unit): f.matches[0].profile if f.matches else "" for f in scan.found}


async def test_four_instruments_at_mixed_settings_are_found_and_recognised(bus_of) -> None:
    bus = bus_of(
        Slave(unit=1, baud=9600, registers=registers_of("keller-36x")),
        Slave(unit=1, baud=4800, registers=registers_of("renke-rs-fsxcs")),
        Slave(unit=52, baud=9600, registers=registers_of("hz-radar-level")),
        Slave(unit=7, baud=19200, parity="E", registers=registers_of("eastron-sdm120")),
    )
    scan = scan_of(serial(bus.path))
    await scan.run(listening=False)
    assert places(scan) == {
        ("9600 8N1", 1): "keller-36x",
        ("4800 8N1", 1): "renke-rs-fsxcs",
        ("9600 8N1", 52): "hz-radar-level",
        ("19200 8E1", 7): "eastron-sdm120",
    }
    assert scan.complete
    assert scan.watcher.seen == scan.found
    asked = bus.requests()
    assert {request.function for request in asked} == {3, 4}
    assert bus.characters() == 8 * scan.frames
    whole = {find.unit: find.matches[0] for find in scan.found if find.line.baud != 9600}
    assert whole[1].verdict == whole[7].verdict == "certain"


async def test_what_no_profile_knows_is_found_with_its_registers(bus_of) -> None:
    bus = bus_of(Slave(unit=9, baud=9600, registers={"holding": {0: 0x41A2, 1: 0, 2: 7, 3: 8}}))
    scan = scan_of(serial(bus.path), profiles=("keller-36x",), bauds=(9600,), parities=("N",))
    await scan.run(listening=False)
    (found,) = scan.found
    assert (found.unit, found.matches) == (9, ())
    assert found.registers == {(3, 0): 0x41A2, (3, 1): 0, (3, 2): 7, (3, 3): 8}


async def test_a_slow_slave_is_found_by_its_late_answer(bus_of) -> None:
    bus = bus_of(Slave(unit=4, baud=9600, registers=registers_of("rika-rk330-01-weather"), delay_s=0.4))
    scan = scan_of(
        serial(bus.path),
        profiles=("rika-rk330-01-weather",),
        bauds=(9600,),
        parities=("N",),
        units=(2, 3, 4, 5, 6),
    )
    await scan.run(listening=False)
    assert places(scan) == {("9600 8N1", 4): "rika-rk330-01-weather"}


async def test_a_slave_that_is_lax_on_parity_is_one_device(pty_bus, modbus_rtu_slave) -> None:
    modbus_rtu_slave({3: registers_of("keller-36x")})
    scan = scan_of(serial(pty_bus.master_path), bauds=(9600,), parities=("N", "E"), units=(3,))
    with parity_on_ptys():
        await scan.run(listening=False)
    (found,) = scan.found
    assert (written(found.line), [written(line) for line in found.also]) == ("9600 8N1", ["9600 8E1"])


async def test_settings_the_port_does_not_take_are_left_out(pty_bus, modbus_rtu_slave) -> None:
    modbus_rtu_slave({3: registers_of("keller-36x")})
    scan = scan_of(serial(pty_bus.master_path), bauds=(9600,), parities=("N", "E"), units=(3,))
    await scan.run(listening=False)  # a pty takes no parity
    assert [written(line) for line in scan.untried] == ["9600 8E1"]
    assert len(scan.found) == 1


async def test_noise_is_told_and_finds_nothing(pty_bus, modbus_rtu_slave) -> None:
    modbus_rtu_slave({3: registers_of("keller-36x")})
    pty_bus.noise("slave", Noise(kind="flip", every=1))
    scan = scan_of(serial(pty_bus.master_path), bauds=(9600,), parities=("N",), units=(2, 3))
    await scan.run(listening=False)
    assert scan.found == []
    assert [written(line) for line in scan.noise] == ["9600 8N1"]


async def test_one_garbled_answer_is_asked_again(pty_bus, modbus_rtu_slave) -> None:
    modbus_rtu_slave({3: registers_of("keller-36x")})
    pty_bus.noise("slave", Noise(kind="flip", every=1))
    scan = scan_of(serial(pty_bus.master_path), bauds=(9600,), parities=("N",), units=(3, 4, 5, 6, 7, 8))
    task = asyncio.create_task(scan.run(listening=False))
    while not pty_bus.traffic()["slave"].damaged_frames:
        await asyncio.sleep(0.005)
    pty_bus.noise("slave", None)
    await task
    assert places(scan) == {("9600 8N1", 3): "keller-36x"}


@pytest.mark.parametrize("name", [name for name, each in GAUGES.items() if each.frames.mode == "listen"])
async def test_a_gauge_that_pushes_is_recognised_by_listening(name, monkeypatch) -> None:
    monkeypatch.setattr(scanner, "LISTEN_S", 1.3)
    monkeypatch.setattr(scanner, "LISTEN_AGAIN_S", 1.3)
    async with on_pty(SimulatedInstrument(ALL[name])) as path:
        scan = scan_of(serial(path), profiles=tuple(ALL))
        await scan.run()
    (found,) = scan.found
    assert name in [match.profile for match in found.matches[:2]]
    assert (found.unit, found.pushes, scan.frames, scan.complete) == (None, True, 0, True)


@pytest.mark.parametrize("name", [name for name, each in GAUGES.items() if each.frames.mode == "request"])
async def test_a_gauge_that_answers_in_frames_is_asked_in_its_own_words(name) -> None:
    profiles = tuple(name for name, each in GAUGES.items() if each.frames.mode == "request")
    async with on_pty(SimulatedInstrument(ALL[name]), strict=True) as path:
        scan = scan_of(serial(path), profiles=profiles, units=(1,))
        await scan.run()
    (found,) = scan.found
    assert (found.matches[0].profile, found.line, found.pushes) == (name, ALL[name].line, False)


async def test_behind_a_converter_only_unit_ids_are_tried() -> None:
    simulated = SimulatedInstrument(MODBUS["renke-rs-fsxcs"], unit=12)
    async with on_tcp(simulated, "127.0.0.1", 0) as (host, port):
        scan = scan_of(TcpEndpoint(host, port), units=tuple(range(10, 15)))
        await scan.run(listening=False)
    assert places(scan) == {("the converter's line", 12): "renke-rs-fsxcs"}


async def test_what_was_found_before_it_was_ended_stays(bus_of) -> None:
    bus = bus_of(Slave(unit=1, baud=9600, registers=registers_of("keller-36x")))
    scan = scan_of(serial(bus.path), effort="normal")
    task = asyncio.create_task(scan.run(listening=False))
    while not scan.found:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert places(scan) == {("9600 8N1", 1): "keller-36x"}
    assert (scan.complete, scan.frames > 0) == (False, True)


async def test_the_time_left_shrinks_and_the_setting_is_named(bus_of) -> None:
    scan = scan_of(serial(bus_of().path), bauds=(9600, 4800), units=(1, 2, 3))
    await scan.run(listening=False)
    said = scan.watcher.said
    left = [seconds for _, _, seconds in said]
    assert left == sorted(left, reverse=True)
    assert "9600 8N1, unit 2" in [what for what, _, _ in said]


async def test_a_port_that_is_not_there(tmp_path) -> None:
    with pytest.raises(LinkClosed, match="no such port"):
        await scan_of(serial(tmp_path / "none")).run()
