"""The owner of a link against real slaves: dead units, unplugged adapters, devices that hang up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fakes.modbus_slave import ModbusRtuSlave, ModbusTcpSlave
from fakes.pty_bus import PtyBus
from fakes.waiting import wait_until_async

from drivers.bus import Bus, DeviceHealth, Outside
from drivers.links import SerialEndpoint, TcpEndpoint
from drivers.modbus.unit import ModbusUnit
from drivers.readings import Quality, Sample
from firmware_profiles.points import LineSettings, Timing
from firmware_profiles.schema import ModbusSettings, RegisterPoint


class Listener:
    """Where a bus's samples and changes go in these tests."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.changes: list[tuple[str, str]] = []
        self.promised_s = 0.0
        self.field = Outside(
            now=lambda: (1_800_000_000_000 + len(self.samples), True),
            emit=self.samples.append,
            changed=self._changed,
            promise=self._promise,
        )

    def good(self) -> Counter[str]:
        return Counter(s.device for s in self.samples if s.readings[0].quality is not Quality.MISSING)

    def last(self, device: str) -> Sample:
        return next(s for s in reversed(self.samples) if s.device == device)

    def _changed(self, device: str, health: DeviceHealth) -> None:
        self.changes.append((device, health.reason))

    def _promise(self, within_s: float) -> None:
        self.promised_s = within_s


def gauge(device: str, unit: int, *, framing="rtu", every_s=0.1, timeout_s=0.1) -> ModbusUnit:
    return ModbusUnit(
        device=device, unit=unit, framing=framing, points=(RegisterPoint(channel="raw.a", address=0),),
        settings=ModbusSettings(), timing=Timing(every_s=every_s, timeout_s=timeout_s),
    )  # fmt: skip


@asynccontextmanager
async def serving(bus: Bus) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bus.run())
        yield
        task.cancel()


def serial(path) -> SerialEndpoint:
    return SerialEndpoint(str(path), LineSettings())


async def test_a_dead_unit_is_demoted_and_the_others_go_on():
    out = Listener()
    with (
        PtyBus(baud=9600) as line,
        ModbusRtuSlave({u: {"holding": {0: u}} for u in (1, 2)}, line.slave_path) as slave,
    ):
        units = [gauge("one", 1, every_s=0.25), gauge("two", 2, every_s=0.25), gauge("dead", 9, every_s=0.25)]
        bus = Bus(serial(line.master_path), units, out.field)
        async with serving(bus):
            await wait_until_async(lambda: out.good()["one"] >= 20)
        asked = Counter(request.unit for request in slave.requests())
    assert bus.is_offline("dead")
    assert not bus.is_offline("one")
    assert asked[9] <= 5
    assert out.good()["two"] >= 19
    assert bus.missed["one"] <= 1
    assert ("dead", "timeout") in out.changes
    assert out.last("dead").readings[0].test == "timeout"
    assert [s.seq for s in out.samples if s.device == "dead"] == list(
        range(1, bus.health["dead"].samples + 1)
    )


async def test_a_unit_that_comes_back_is_told_once_and_read_again():
    out = Listener()
    with PtyBus() as line, ModbusRtuSlave({1: {"holding": {0: 5}}}, line.slave_path) as slave:
        bus = Bus(serial(line.master_path), [gauge("one", 1, timeout_s=0.02)], out.field)
        async with serving(bus):
            await wait_until_async(lambda: out.good()["one"] >= 2)
            slave.pause(1)
            await wait_until_async(lambda: bus.is_offline("one"))
            slave.resume(1)
            await wait_until_async(lambda: out.last("one").readings[0].value == 5)
    assert out.changes == [("one", "timeout"), ("one", "")]


async def test_a_bus_started_anew_goes_on_counting_and_tells_that_a_device_is_back():
    out = Listener()
    with ModbusTcpSlave({1: {"holding": {0: 5}}}) as slave:
        for paused, reason in ((True, "timeout"), (False, "")):
            (slave.pause if paused else slave.resume)(1)
            bus = Bus(TcpEndpoint(slave.host, slave.port), [gauge("one", 1, framing="tcp")], out.field)
            async with serving(bus):
                await wait_until_async(lambda reason=reason: out.changes[-1:] == [("one", reason)])
    assert out.changes == [("one", "timeout"), ("one", "")]
    assert [sample.seq for sample in out.samples] == list(range(1, len(out.samples) + 1))
    assert bus.health["one"].samples == len(out.samples)


async def test_an_unplugged_adapter_is_missing_and_found_again_when_it_is_back():
    out = Listener()
    with PtyBus() as line, ModbusRtuSlave({1: {"holding": {0: 5}}}, line.slave_path):
        bus = Bus(serial(line.master_path), [gauge("one", 1)], out.field)
        async with serving(bus):
            await wait_until_async(lambda: out.good()["one"] >= 2)
            line.unplug()
            await wait_until_async(lambda: out.last("one").readings[0].test == "closed")
            assert not bus.connected
            line.plug()
            before = out.good()["one"]
            await wait_until_async(lambda: out.good()["one"] > before)
    assert out.changes[:2] == [("one", "closed"), ("one", "")]
    assert out.promised_s > 0


async def test_a_device_that_hangs_up_between_polls_loses_no_sample():
    out = Listener()
    with ModbusTcpSlave({1: {"holding": {0: 5}}}) as slave:
        bus = Bus(
            TcpEndpoint(slave.host, slave.port), [gauge("one", 1, framing="tcp", every_s=0.3)], out.field
        )
        async with serving(bus):
            for wanted in range(1, 5):
                await wait_until_async(lambda wanted=wanted: out.good()["one"] >= wanted)
                slave.drop_connections()
    assert not out.changes
    assert all(sample.readings[0].value == 5 for sample in out.samples)


async def test_an_unreachable_device_says_so_and_is_reached_when_it_appears():
    out = Listener()
    with ModbusTcpSlave({1: {"holding": {0: 5}}}) as slave:
        host, port = slave.host, slave.port
    bus = Bus(TcpEndpoint(host, port), [gauge("one", 1, framing="tcp")], out.field)
    async with serving(bus):
        await wait_until_async(lambda: out.samples)
        assert "connection refused" in bus.health["one"].error
        with ModbusTcpSlave({1: {"holding": {0: 5}}}, port=port):
            await wait_until_async(lambda: out.good()["one"])
    assert out.changes[:2] == [("one", "closed"), ("one", "")]


async def test_a_refusing_device_is_told_but_not_demoted():
    out = Listener()
    with ModbusTcpSlave({1: {"holding": {0: 5}}}) as slave:
        slave.fail(1, 4)
        bus = Bus(TcpEndpoint(slave.host, slave.port), [gauge("one", 1, framing="tcp")], out.field)
        async with serving(bus):
            await wait_until_async(lambda: len(out.samples) >= 4)
            assert not bus.is_offline("one")
            slave.fail(1, 0)
            await wait_until_async(lambda: out.good()["one"])
    assert out.changes == [("one", "refused"), ("one", "")]
    assert "device failure (4)" not in bus.health["one"].error
