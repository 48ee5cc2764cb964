"""A simulated instrument read by our own drivers and by others, over a pty and over TCP."""

from __future__ import annotations

import array
import fcntl
import termios
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.waiting import wait_until
from pymodbus.client import AsyncModbusTcpClient, ModbusSerialClient

from drivers.endpoints import SerialEndpoint, TcpEndpoint
from drivers.errors import LinkTimeout, Refused
from drivers.links import open_link
from drivers.modbus.unit import ModbusUnit
from drivers.readings import Quality
from drivers.serialframes.driver import FrameListener, FrameUnit
from drivers.simulation import serving
from drivers.simulation.instrument import SimulatedInstrument
from drivers.simulation.serving import on_pty, on_tcp
from firmware_profiles.loader import list_instruments, load_instrument
from firmware_profiles.points import Timing
from firmware_profiles.schema import FrameInstrument, ModbusInstrument

ALL = [pytest.param(load_instrument(name), id=name) for name in list_instruments()]


def unit_of(profile: ModbusInstrument, unit: int, framing="rtu", timeout_s=0.5) -> ModbusUnit:
    return ModbusUnit(
        device="d", unit=unit, framing=framing, points=profile.points, settings=profile.modbus,
        timing=Timing(timeout_s=timeout_s),
    )  # fmt: skip


@pytest.mark.parametrize("profile", ALL)
async def test_every_built_in_instrument_is_read_by_its_own_driver(profile) -> None:
    simulated = SimulatedInstrument(profile)
    async with on_pty(simulated) as path, open_link(SerialEndpoint(str(path), profile.line)) as link:
        if isinstance(profile, ModbusInstrument):
            readings = await unit_of(profile, profile.modbus.unit).read(link)
        elif profile.frames.mode == "request":
            readings = await FrameUnit("d", profile, profile.points, Timing(timeout_s=0.5)).read(link)
        else:
            timing = Timing(every_s=0.1, timeout_s=2.0)
            readings = await anext(FrameListener("d", profile, profile.points, timing).stream(link))
    assert [reading.channel for reading in readings] == [point.channel for point in profile.points]
    assert {reading.quality for reading in readings} == {Quality.NOT_EVALUATED}
    asked_or_pushed = simulated.requests + simulated.pushed
    assert asked_or_pushed >= 1
    assert simulated.refusals == 0


async def test_modbus_tcp_read_by_another_client() -> None:
    simulated = SimulatedInstrument(load_instrument("renke-rs-fsxcs"), unit=9, framing="tcp")
    simulated.scene.hold("air_temperature", -12.3)
    async with on_tcp(simulated, "127.0.0.1", 0) as (host, port):
        client = AsyncModbusTcpClient(host, port=port)
        await client.connect()
        good = await client.read_holding_registers(505, count=1, device_id=9)
        assert good.registers == [0x10000 - 123]
        refused = await client.read_holding_registers(0, count=1, device_id=9)
        assert (refused.exception_code, simulated.requests, simulated.refusals) == (2, 2, 1)
        client.close()


def test_rtu_read_by_another_client(polling) -> None:
    with polling(SimulatedInstrument(load_instrument("keller-36x"), unit=7)) as path:
        client = ModbusSerialClient(str(path), baudrate=9600, timeout=0.5)
        assert client.connect()
        assert len(client.read_holding_registers(0x100, count=4, device_id=7).registers) == 4
        client.close()


async def test_rtu_over_tcp_as_a_converter_has_it() -> None:
    profile = load_instrument("eastron-sdm120")
    async with (
        on_tcp(SimulatedInstrument(profile, unit=3), "127.0.0.1", 0) as (host, port),
        open_link(TcpEndpoint(host, port)) as link,
    ):
        readings = await unit_of(profile, 3).read(link)
        assert 200 < readings[0].value < 260
        with pytest.raises(LinkTimeout):
            await unit_of(profile, 4, timeout_s=0.1).read(link)


async def test_strict_hears_only_the_right_baud_rate() -> None:
    profile = load_instrument("renke-rs-fsxcs")  # 4800
    async with on_pty(SimulatedInstrument(profile), strict=True) as path:
        wrong = replace(profile.line, baud=9600)
        async with open_link(SerialEndpoint(str(path), wrong)) as link:
            with pytest.raises(LinkTimeout):
                await unit_of(profile, 1, timeout_s=0.1).read(link)
        async with open_link(SerialEndpoint(str(path), profile.line)) as link:
            assert len(await unit_of(profile, 1).read(link)) == len(profile.points)


async def test_silence_and_writes() -> None:
    simulated = SimulatedInstrument(load_instrument("wl991-ultrasonic"))
    unit = unit_of(simulated.profile, 1, timeout_s=0.1)
    async with (
        on_pty(simulated) as path,
        open_link(SerialEndpoint(str(path), simulated.profile.line)) as link,
    ):
        with pytest.raises(Refused, match="illegal function"):
            await unit.write_raw(link, "holding", 0, [1])
        simulated.silent = True
        with pytest.raises(LinkTimeout):
            await unit.read(link)
    assert simulated.requests == 1


def test_a_program_that_comes_late_finds_no_stale_frames() -> None:
    def unread() -> int:
        found = array.array("i", [0])
        fcntl.ioctl(held, termios.FIONREAD, found)
        return found[0]

    with serving._pty() as (fd, held, _):
        most = 0
        for _ in range(500):
            before = unread()
            serving._write(fd, held, bytes(10))
            wait_until(
                lambda before=before: unread() not in (0, before)
            )  # the kernel hands on in its own time
            most = max(most, unread())
        assert serving.MOST_UNREAD < most <= serving.MOST_UNREAD + 10


async def test_the_link_is_gone_afterwards(tmp_path: Path) -> None:
    link = tmp_path / "gauge"
    async with on_pty(SimulatedInstrument(load_instrument("wl991-ultrasonic")), link=link) as path:
        assert path == link
        assert link.is_symlink()
    assert not link.is_symlink()
    link.write_text("mine")
    with pytest.raises(FileExistsError):
        async with on_pty(SimulatedInstrument(load_instrument("wl991-ultrasonic")), link=link):
            pass
    assert link.read_text() == "mine"


async def test_two_clients_hear_a_gauge_that_pushes() -> None:
    profile = load_instrument("gill-windsonic")
    assert isinstance(profile, FrameInstrument)
    async with (
        on_tcp(SimulatedInstrument(profile), "127.0.0.1", 0) as (host, port),
        open_link(TcpEndpoint(host, port)) as one,
        open_link(TcpEndpoint(host, port)) as other,
    ):
        heard = [await link.receive(3.0) for link in (one, other)]
        assert all(text.startswith(b"\x02Q,") for text in heard)
