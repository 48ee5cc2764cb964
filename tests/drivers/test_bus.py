"""The owner of a link against real slaves: dead units, unplugged adapters, devices that hang up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fakes.modbus_slave import ModbusRtuSlave, ModbusTcpSlave
from fakes.pty_bus import PtyBus
from fakes.waiting import wait_until_async

from drivers.bus import Bus, DeviceHealth, Outside
from drivers.endpoints import SerialEndpoint, TcpEndpoint
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


def gauge(device: str, unit: int, *, framing="rtu", addresses=(0,), **timing: float) -> ModbusUnit:
    return ModbusUnit(
        device=device, unit=unit, framing=framing, settings=ModbusSettings(hole=10),
        points=tuple(RegisterPoint(channel=f"raw.r{address}", address=address) for address in addresses),
        timing=Timing(**{"every_s": 0.1, "timeout_s": 0.1} | timing),
    )  # fmt: skip


@asynccontextmanager
async def serving(bus: Bus) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bus.run())
        yield
        task.cancel()


def serial(path, **line) -> SerialEndpoint:
    return SerialEndpoint(str(path), LineSettings(**line))


@asynccontextmanager
async def tcp_server(talk) -> AsyncIterator[TcpEndpoint]:
    async def serve(reader, writer):
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await talk(reader, writer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield TcpEndpoint("127.0.0.1", listening.sockets[0].getsockname()[1])


async def answer_one(reader, writer, *, deaf_to=None) -> None:
    """Answer one read of one holding register with 5, as Modbus TCP has it; not for the address `deaf_to`."""
    request = await reader.readexactly(12)
    if int.from_bytes(request[8:10]) != deaf_to:
        writer.write(request[:4] + b"\0\5" + request[6:8] + b"\2\0\5")


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


async def test_a_session_that_hangs_is_opened_anew():
    async def talk(reader, writer):
        for _ in range(3):
            await answer_one(reader, writer)
        await reader.read()

    out = Listener()
    one = gauge("one", 1, framing="tcp", timeout_s=0.02)
    async with tcp_server(talk) as endpoint, serving(Bus(endpoint, [one], out.field)):
        await wait_until_async(lambda: out.good()["one"] >= 7)
    assert out.changes[:2] == [("one", "timeout"), ("one", "")]


async def test_a_device_that_hangs_up_while_it_warms_up_is_read_all_the_same():
    async def talk(reader, writer):
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await answer_one(reader, writer)

    out = Listener()
    one = gauge("one", 1, framing="tcp", every_s=0.3, warm_up_s=0.5)
    async with tcp_server(talk) as endpoint, serving(Bus(endpoint, [one], out.field)):
        await wait_until_async(lambda: out.good()["one"] >= 3)
    assert not out.changes


async def test_a_port_that_goes_away_while_its_device_warms_up_is_told():
    out = Listener()
    with PtyBus() as line:
        bus = Bus(serial(line.master_path), [gauge("one", 1, warm_up_s=0.3)], out.field)
        async with serving(bus):
            await wait_until_async(lambda: bus.connected)
            line.unplug()
            line.plug()
            await wait_until_async(lambda: out.changes == [("one", "closed")])


async def test_a_device_that_answers_in_part_has_it_counted():
    async def talk(reader, writer):
        while True:
            await answer_one(reader, writer, deaf_to=100)

    out = Listener()
    async with tcp_server(talk) as endpoint:
        bus = Bus(endpoint, [gauge("half", 1, framing="tcp", timeout_s=0.02, addresses=(0, 100))], out.field)
        async with serving(bus):
            await wait_until_async(lambda: len(out.samples) >= 3)
            assert bus.health["half"].counts == {"timeout": len(out.samples)}
    assert [reading.value for reading in out.samples[0].readings] == [5, None]
    assert not out.changes


async def test_a_bus_promises_no_less_than_its_slowest_unit_can_take():
    out = Listener()
    patient = gauge("patient", 1, timeout_s=60.0, addresses=(0, 100, 200))
    with PtyBus() as line, ModbusRtuSlave({1: {"holding": dict.fromkeys((0, 100, 200), 5)}}, line.slave_path):
        async with serving(Bus(serial(line.master_path), [patient], out.field)):
            await wait_until_async(lambda: out.good()["patient"])
    assert out.promised_s > 3 * 2 * 60.0
    slow_line = serial("", baud=300)
    long = gauge("long", 1, addresses=tuple(range(1000)))
    line_s = sum(5 + 2 * block.count for block in long.blocks) * slow_line.char_s
    assert long.longest_s(slow_line.char_s) > 2 * line_s


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
