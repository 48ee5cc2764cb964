"""A Modbus unit against libmodbus slaves: over TCP, over a pty line, and RTU frames over TCP."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from fakes.modbus_slave import ModbusRtuSlave, ModbusTcpSlave, Request
from fakes.pty_bus import Noise, PtyBus
from fakes.waiting import wait_until_async

from drivers.endpoints import SerialEndpoint, TcpEndpoint
from drivers.errors import Garbled, LinkClosed, LinkTimeout, Refused
from drivers.links import LONGEST_FRAME, open_link
from drivers.modbus.unit import ModbusUnit
from drivers.readings import Quality
from firmware_profiles.points import LineSettings, Timing
from firmware_profiles.schema import ModbusSettings, RegisterPoint

QUICK = Timing(every_s=10.0, timeout_s=0.2)


def unit(*points: RegisterPoint, framing="tcp", timing=QUICK, **settings) -> ModbusUnit:
    return ModbusUnit(
        device="gauge",
        unit=7,
        framing=framing,
        points=points,
        settings=ModbusSettings(**settings),
        timing=timing,
    )


def holding(*addresses: int, **keys) -> tuple[RegisterPoint, ...]:
    return tuple(RegisterPoint(channel=f"raw.h{a}", address=a, **keys) for a in addresses)


def registers(first: int, count: int) -> dict[int, int]:
    return {a: 1000 + a for a in range(first, first + count)}


@asynccontextmanager
async def tcp(units, **keys):
    with ModbusTcpSlave(units, **keys) as slave:
        async with open_link(TcpEndpoint(slave.host, slave.port)) as link:
            yield slave, link


@asynccontextmanager
async def rtu(units, **keys):
    with PtyBus(**keys) as bus, ModbusRtuSlave(units, bus.slave_path) as slave:
        async with open_link(SerialEndpoint(str(bus.master_path), LineSettings())) as link:
            yield slave, link, bus


async def test_32_adjacent_registers_cost_one_request():
    async with tcp({7: {"holding": registers(100, 32)}}) as (slave, link):
        readings = await unit(*holding(*range(100, 132))).read(link)
        assert [r.value for r in readings] == [1000 + a for a in range(100, 132)]
        assert slave.counts() == {Request(unit=7, function=3, address=100, count=32): 1}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_all_four_tables_over_tcp(host):
    tables = {"holding": {0: 11}, "input": {0: 22}, "coils": {0: 1}, "discrete": {3: 1, 4: 0}}
    points = (
        RegisterPoint(channel="raw.h", address=0),
        RegisterPoint(channel="raw.i", address=0, table="input"),
        RegisterPoint(channel="switch.c", address=0, table="coil", type="bit"),
        RegisterPoint(channel="switch.d3", address=3, table="discrete", type="bit"),
        RegisterPoint(channel="switch.d4", address=4, table="discrete", type="bit"),
    )
    async with tcp({7: tables}, host=host) as (slave, link):
        assert [r.value for r in await unit(*points).read(link)] == [11, 22, True, True, False]
        assert {request.function for request in slave.requests()} == {1, 2, 3, 4}


@pytest.mark.parametrize("echo", [False, True])
async def test_reads_and_writes_on_a_serial_line_whether_or_not_it_echoes(echo):
    async with rtu({7: {"holding": registers(0, 10), "coils": {1: 0}}}, echo=echo) as (slave, link, _bus):
        gauge = unit(*holding(*range(10), writable=True), framing="rtu")
        assert [r.value for r in await gauge.read(link)] == [1000 + a for a in range(10)]
        assert link.echoes is echo
        await gauge.write(link, "raw.h3", 42)
        assert slave.read(7, "holding", 3) == [42]
        await gauge.write_raw(link, "holding", 0, [5, 6, 7])
        assert slave.read(7, "holding", 0, 3) == [5, 6, 7]
        await gauge.write_raw(link, "coil", 1, [1])
        assert slave.read(7, "coils", 1) == [1]


async def test_the_four_writing_functions():
    async with tcp({7: {"holding": registers(0, 4), "coils": {0: 0, 1: 0, 2: 0}}}) as (slave, link):
        points = (
            RegisterPoint(channel="raw.f", address=0, type="float32", order="CDAB", writable=True),
            RegisterPoint(channel="switch.c", address=0, table="coil", type="bit", writable=True),
            RegisterPoint(channel="raw.fixed", address=2),
        )
        gauge = unit(*points)
        await gauge.write(link, "raw.f", -123.456)
        await gauge.write(link, "switch.c", value=True)
        await gauge.write_raw(link, "coil", 1, [1, 1])
        await gauge.write_raw(link, "holding", 3, [9])
        assert slave.read(7, "holding", 0, 2) == [0xE979, 0xC2F6]
        assert slave.read(7, "coils", 0, 3) == [1, 1, 1]
        assert [request.function for request in slave.requests()] == [16, 5, 15, 6]
        with pytest.raises(ValueError, match=r"no writable channel 'raw\.fixed'"):
            await gauge.write(link, "raw.fixed", 1)


async def test_a_refused_hole_is_learnt_and_not_asked_again():
    async with tcp({7: {"holding": {0: 10, 1: 11, 5: 15}}}) as (slave, link):
        gauge = unit(*holding(0, 1, 5))
        for _ in range(2):
            assert [r.value for r in await gauge.read(link)] == [10, 11, 15]
        assert slave.counts() == {
            Request(unit=7, function=3, address=0, count=6): 1,
            Request(unit=7, function=3, address=0, count=2): 2,
            Request(unit=7, function=3, address=5, count=1): 2,
        }


async def test_one_refused_block_leaves_the_others():
    points = (*holding(0), RegisterPoint(channel="raw.none", address=500))
    async with tcp({7: {"holding": {0: 10}}}) as (_slave, link):
        good, refused = await unit(*points).read(link)
        assert good.value == 10
        assert (refused.value, refused.quality, refused.test) == (None, Quality.MISSING, "exception_2")


@pytest.mark.parametrize(
    ("code", "words"), [(2, "illegal data address"), (4, "device failure"), (6, "device busy")]
)
async def test_a_device_that_refuses_everything_says_why(code, words):
    async with tcp({7: {"holding": {0: 1}}}) as (slave, link):
        slave.fail(7, code)
        with pytest.raises(Refused, match=rf"unit 7 refused function 3: {words} \({code}\)") as caught:
            await unit(*holding(0)).read(link)
        assert caught.value.code == code


async def test_a_silent_unit_times_out_and_its_late_answer_is_not_taken_for_the_next():
    async with rtu({7: {"holding": {0: 1, 1: 2}}}) as (slave, link, _bus):
        first = unit(*holding(0), framing="rtu", timing=Timing(every_s=0.5, timeout_s=0.1))
        second = unit(*holding(1), framing="rtu")
        slave.delay(7, 0.25)
        with pytest.raises(LinkTimeout, match=r"unit 7 did not answer within 0\.1 s"):
            await first.read(link)
        slave.delay(7, 0.0)
        assert [r.value for r in await second.read(link)] == [2]


async def test_a_unit_slower_than_its_timeout_never_answers_one_block_with_another():
    """Each retry is answered twice: the second answer must not pass for that to the next block."""
    async with rtu({7: {"holding": {0: 1111, 100: 2222}}}) as (slave, link, _bus):
        gauge = unit(*holding(0, 100), framing="rtu", hole=0)
        slave.delay(7, 1.8 * QUICK.timeout_s)
        for _ in range(2):
            first, second = await gauge.read(link)
            assert first.value in (1111, None)  # none: on a busy machine the retry is late, too
            assert second.value in (2222, None)
        slave.delay(7, 0.0)
        assert [reading.value for reading in await gauge.read(link)] == [1111, 2222]


@pytest.mark.parametrize("framing", ["rtu", "tcp"])
async def test_of_a_flood_only_so_much_is_searched_as_may_hold_the_answer(framing):
    async def server(reader, writer):
        while await reader.read(100):
            writer.write(b"\x07\x03" * 50_000)
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, open_link(TcpEndpoint("127.0.0.1", port)) as link:
        with pytest.raises(Garbled) as caught:
            await unit(*holding(0), framing=framing).probe(link)
        assert len(caught.value.data) == 4 * LONGEST_FRAME


@pytest.mark.parametrize("known", [False, True])
async def test_an_echo_that_looks_like_an_answer_is_not_taken_for_one(known):
    """The request of 0x0300 reads 01 03 03 00 ...: an answer of three bytes, from a line that echoes."""
    coils = tuple(
        RegisterPoint(channel=f"switch.c{i}", address=0x300 + i, table="coil", type="bit") for i in range(24)
    )
    units = {7: {"holding": {0x300: 5}, "coils": dict.fromkeys(range(0x300, 0x318), 1)}}
    for points, wanted in ((holding(0x300), [5]), (coils, [True] * 24)):
        async with rtu(units, echo=True) as (_slave, link, _bus):
            link.echoes = known
            gauge = unit(*points, framing="rtu")
            assert [reading.value for reading in await gauge.read(link)] == wanted
            assert link.echoes


async def test_an_affordable_silence_is_asked_once_more():
    async with tcp({7: {"holding": {0: 1}}}) as (slave, link):
        slave.pause(7)
        with pytest.raises(LinkTimeout):
            await unit(*holding(0), timing=Timing(every_s=10.0, timeout_s=0.1)).read(link)
        assert len(slave.requests()) == 2
        slave.forget_requests()
        with pytest.raises(LinkTimeout):
            await unit(*holding(0), timing=Timing(every_s=0.5, timeout_s=0.1)).read(link)
        assert len(slave.requests()) == 1


@pytest.mark.parametrize("kind", ["flip", "drop", "insert"])
async def test_a_garbled_line_never_gives_a_wrong_value(kind):
    async with rtu({7: {"holding": registers(0, 20)}}) as (_slave, link, bus):
        gauge = unit(*holding(*range(20)), framing="rtu", timing=Timing(every_s=0.5, timeout_s=0.05))
        bus.noise("slave", Noise(kind=kind, probability=0.7, seed=3))
        good = failed = 0
        for _ in range(12):
            try:
                readings = await gauge.read(link)
            except (Garbled, LinkTimeout):
                failed += 1
                continue
            assert [r.value for r in readings] == [1000 + a for a in range(20)]
            good += 1
        assert good
        assert failed
        bus.noise("slave", None)
        assert [r.value for r in await gauge.read(link)] == [1000 + a for a in range(20)]


async def test_a_dropped_connection_is_reported_as_closed():
    async with tcp({7: {"holding": {0: 1}}}) as (slave, link):
        await unit(*holding(0)).read(link)
        slave.drop_connections()
        await wait_until_async(lambda: link.lost)
        with pytest.raises(LinkClosed, match="the other end closed the connection"):
            await unit(*holding(0)).read(link)


async def test_a_probe_asks_for_one_point_and_a_refusal_is_an_answer():
    async with tcp({7: {"holding": registers(0, 10)}}) as (slave, link):
        gauge = unit(*holding(*range(10)))
        await gauge.probe(link)
        assert slave.counts() == {Request(unit=7, function=3, address=0, count=1): 1}
        slave.fail(7, 4)
        await gauge.probe(link)
        slave.fail(7, 0)
        slave.pause(7)
        with pytest.raises(LinkTimeout):
            await gauge.probe(link)
