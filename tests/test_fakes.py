"""The real servers under the tests prove themselves: a fault here would be taken for one in the product."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import serial
from fakes.certificates import Authority
from fakes.children import TESTS, ChildError, MissingPackage, program
from fakes.leftovers import leftovers
from fakes.modbus_slave import ModbusRtuSlave, ModbusTcpSlave, Request
from fakes.platform import Platform
from fakes.pty_bus import Noise, PtyBus, Side
from fakes.waiting import wait_until, wait_until_async
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fakes.line_gauge import LineGauge
    from fakes.mosquitto import Mosquitto

UNITS: dict[int, Any] = {
    1: {"holding": {0: 10, 1: 11, 3: 13}, "coils": {0: 1, 1: 0, 2: 1}, "discrete": {9: 1}, "input": {7: 77}},
    2: {"holding": {0: 20}, "input": {65535: 9}},
}


@asynccontextmanager
async def tcp_client(slave: ModbusTcpSlave, timeout_s: float = 2.0) -> AsyncIterator[AsyncModbusTcpClient]:
    client = AsyncModbusTcpClient(
        slave.host, port=slave.port, timeout=timeout_s, retries=0, reconnect_delay=0
    )
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


@asynccontextmanager
async def serial_client(bus: PtyBus, timeout_s: float = 2.0) -> AsyncIterator[AsyncModbusSerialClient]:
    client = AsyncModbusSerialClient(
        str(bus.master_path), baudrate=115200, timeout=timeout_s, retries=0, reconnect_delay=0
    )
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


def closed_by_peer(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


class TestModbusTcpSlave:
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
    async def test_serves_the_four_address_spaces(
        self, modbus_tcp_slave: Callable[..., ModbusTcpSlave], host: str
    ) -> None:
        async with tcp_client(modbus_tcp_slave(UNITS, host=host)) as client:
            assert (await client.read_holding_registers(0, count=2, device_id=1)).registers == [10, 11]
            assert (await client.read_input_registers(7, count=1, device_id=1)).registers == [77]
            assert (await client.read_coils(0, count=3, device_id=1)).bits[:3] == [True, False, True]
            assert (await client.read_discrete_inputs(9, count=1, device_id=1)).bits[0] is True
            assert (await client.read_holding_registers(0, count=1, device_id=2)).registers == [20]
            assert (await client.read_input_registers(65535, count=1, device_id=2)).registers == [9]

    async def test_refuses_holes_quantities_and_absent_units_as_the_standard_says(
        self, modbus_tcp_slave: Callable[..., ModbusTcpSlave]
    ) -> None:
        slave = modbus_tcp_slave(UNITS)
        async with tcp_client(slave) as client:
            assert (await client.read_holding_registers(0, count=4, device_id=1)).exception_code == 2
            assert (await client.read_holding_registers(2, count=1, device_id=1)).exception_code == 2
            assert (await client.write_register(2, 1, device_id=1)).exception_code == 2
            assert (await client.read_device_information(device_id=1)).exception_code == 1
            assert (await client.read_holding_registers(0, count=1, device_id=9)).exception_code == 11
            slave.write(1, "holding", {2: 12})
            filled = await client.read_holding_registers(0, count=4, device_id=1)
            assert filled.registers == [10, 11, 12, 13]
        with socket.create_connection((slave.host, slave.port), timeout=2.0) as raw:
            raw.sendall(bytes.fromhex("0001 0000 0006 01 03 0000 007e"))  # 126 registers, one too many
            assert raw.recv(64) == bytes.fromhex("0001 0000 0003 01 83 03")

    async def test_keeps_what_a_master_writes(self, modbus_tcp_slave: Callable[..., ModbusTcpSlave]) -> None:
        slave = modbus_tcp_slave(UNITS)
        async with tcp_client(slave) as client:
            await client.write_coil(1, True, device_id=1)
            await client.write_register(3, 0xBEEF, device_id=1)
            await client.write_coils(0, [False, True, False], device_id=1)
            await client.write_registers(0, [7, 8], device_id=1)
            assert slave.read(1, "coils", 0, 3) == [0, 1, 0]
            assert slave.read(1, "holding", 0, 2) == [7, 8]
            assert slave.read(1, "holding", 3) == [0xBEEF]
        asked = [(request.function, request.address, request.count) for request in slave.requests()]
        assert asked == [(5, 1, 1), (6, 3, 1), (15, 0, 3), (16, 0, 2)]

    async def test_counts_requests(self, modbus_tcp_slave: Callable[..., ModbusTcpSlave]) -> None:
        slave = modbus_tcp_slave(UNITS)
        async with tcp_client(slave) as client:
            await client.read_holding_registers(0, count=2, device_id=1)
            await client.read_holding_registers(0, count=2, device_id=1)
            await client.read_holding_registers(5, count=1, device_id=9)
            expected = Counter(
                {
                    Request(unit=1, function=3, address=0, count=2): 2,
                    Request(unit=9, function=3, address=5, count=1): 1,
                }
            )
            assert slave.counts() == expected
            slave.forget_requests()
            assert slave.requests() == []

    async def test_a_paused_unit_is_silent_and_the_others_answer(
        self, modbus_tcp_slave: Callable[..., ModbusTcpSlave]
    ) -> None:
        slave = modbus_tcp_slave(UNITS)
        slave.pause(1)
        async with tcp_client(slave, timeout_s=0.2) as client:
            with pytest.raises(ModbusIOException):
                await client.read_holding_registers(0, count=1, device_id=1)
        assert len(slave.requests()) == 1
        async with tcp_client(slave) as client:
            assert (await client.read_holding_registers(0, count=1, device_id=2)).registers == [20]
            slave.resume(1)
            assert (await client.read_holding_registers(0, count=1, device_id=1)).registers == [10]

    async def test_forces_exceptions_for_a_number_of_requests(
        self, modbus_tcp_slave: Callable[..., ModbusTcpSlave]
    ) -> None:
        slave = modbus_tcp_slave(UNITS)
        async with tcp_client(slave) as client:
            slave.fail(1, 6, times=2)
            for _ in range(2):
                assert (await client.read_holding_registers(0, count=1, device_id=1)).exception_code == 6
            assert not (await client.read_holding_registers(0, count=1, device_id=1)).isError()
            slave.fail(1, 4)
            assert (await client.read_holding_registers(0, count=1, device_id=1)).exception_code == 4

    async def test_a_delayed_unit_answers_one_request_after_another_and_holds_up_no_other_unit(
        self, modbus_tcp_slave: Callable[..., ModbusTcpSlave]
    ) -> None:
        slave = modbus_tcp_slave(UNITS)
        slave.delay(1, 0.15)
        finished: list[int] = []

        async def read(unit: int) -> None:
            async with tcp_client(slave) as client:
                await client.read_holding_registers(0, count=1, device_id=unit)
                finished.append(unit)

        began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(read(1))
            group.create_task(read(1))
            group.create_task(read(2))
        assert finished == [2, 1, 1]
        assert time.monotonic() - began_s >= 0.3

    async def test_serves_many_connections_and_drops_them(
        self, modbus_tcp_slave: Callable[..., ModbusTcpSlave]
    ) -> None:
        slave = modbus_tcp_slave(UNITS)
        clients = [socket.create_connection((slave.host, slave.port), timeout=2.0) for _ in range(50)]
        try:
            for number, client in enumerate(clients):
                client.sendall(number.to_bytes(2, "big") + bytes.fromhex("0000 0006 01 03 0000 0001"))
            for number, client in enumerate(clients):
                answer = number.to_bytes(2, "big") + bytes.fromhex("0000 0005 01 03 02 000a")
                assert client.recv(64) == answer
            assert slave.connections() == slave.accepted() == 50
            slave.drop_connections()
            assert all(closed_by_peer(client) for client in clients)
            assert slave.connections() == 0
        finally:
            for client in clients:
                client.close()
        async with tcp_client(slave) as again:
            assert (await again.read_holding_registers(0, count=1, device_id=1)).registers == [10]

    def test_answers_requests_that_arrive_in_pieces_or_together(
        self, modbus_tcp_slave: Callable[..., ModbusTcpSlave]
    ) -> None:
        slave = modbus_tcp_slave(UNITS)
        request = bytes.fromhex("0001 0000 0006 01 03 0000 0001")
        answer = bytes.fromhex("0001 0000 0005 01 03 02 000a")
        with socket.create_connection((slave.host, slave.port), timeout=2.0) as raw:
            raw.sendall(request + request[:5])
            assert raw.recv(64) == answer
            raw.sendall(request[5:])
            assert raw.recv(64) == answer

    def test_hangs_up_on_what_is_not_modbus(self, modbus_tcp_slave: Callable[..., ModbusTcpSlave]) -> None:
        slave = modbus_tcp_slave(UNITS)
        with socket.create_connection((slave.host, slave.port), timeout=2.0) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert closed_by_peer(raw)

    def test_says_what_is_wrong_with_a_control(self, modbus_tcp_slave: Callable[..., ModbusTcpSlave]) -> None:
        slave = modbus_tcp_slave(UNITS)
        with pytest.raises(ValueError, match="unit 9 is not configured"):
            slave.pause(9)
        with pytest.raises(ValueError, match="holding 2"):
            slave.read(1, "holding", 2)
        with pytest.raises(ValueError, match="up to 1"):
            slave.write(1, "coils", {0: 2})
        slave.kill()
        with pytest.raises(ChildError, match="gone"):
            slave.requests()

    def test_takes_the_port_it_is_given(self) -> None:
        with ModbusTcpSlave(UNITS) as slave:
            port = slave.port
            with pytest.raises(OSError, match="in use"):
                ModbusTcpSlave(UNITS, port=port)
        with ModbusTcpSlave(UNITS, port=port) as again:
            assert again.port == port


class TestModbusRtuSlave:
    async def test_serves_several_units_on_one_line(
        self, pty_bus: PtyBus, modbus_rtu_slave: Callable[..., ModbusRtuSlave]
    ) -> None:
        slave = modbus_rtu_slave(UNITS)
        async with serial_client(pty_bus) as client:
            assert (await client.read_holding_registers(0, count=2, device_id=1)).registers == [10, 11]
            assert (await client.read_holding_registers(0, count=1, device_id=2)).registers == [20]
            assert (await client.read_holding_registers(0, count=4, device_id=1)).exception_code == 2
            await client.write_registers(0, [5, 6], device_id=1)
            await client.write_coils(0, [False], device_id=1)
            assert slave.read(1, "holding", 0, 2) == [5, 6]
            assert slave.read(1, "coils", 0) == [0]

    @pytest.mark.parametrize("unit", [2, 7])
    async def test_a_paused_or_absent_unit_is_silent_and_the_line_lives_on(
        self, pty_bus: PtyBus, modbus_rtu_slave: Callable[..., ModbusRtuSlave], unit: int
    ) -> None:
        slave = modbus_rtu_slave(UNITS)
        slave.pause(2)
        async with serial_client(pty_bus, timeout_s=0.1) as client:
            with pytest.raises(ModbusIOException):
                await client.read_holding_registers(0, count=1, device_id=unit)
        async with serial_client(pty_bus) as client:
            assert (await client.read_holding_registers(0, count=1, device_id=1)).registers == [10]
        assert pty_bus.traffic()["slave"].frames == 1
        assert [request.unit for request in slave.requests()] == [unit, 1]

    async def test_a_broadcast_reaches_every_unit_and_nobody_answers(
        self, pty_bus: PtyBus, modbus_rtu_slave: Callable[..., ModbusRtuSlave]
    ) -> None:
        slave = modbus_rtu_slave(UNITS)
        async with serial_client(pty_bus) as client:
            await client.write_register(0, 99, device_id=0, no_response_expected=True)
            await wait_until_async(slave.requests)
            assert slave.read(1, "holding", 0) == slave.read(2, "holding", 0) == [99]
            assert (await client.read_holding_registers(0, count=1, device_id=1)).registers == [99]
        assert pty_bus.traffic()["slave"].frames == 1


REQUEST = bytes.fromhex("01 03 0000 0002 c40b")
ANSWER = bytes.fromhex("01 03 04 000a 000b 9bf6")


def ask(line: serial.Serial, size: int = len(ANSWER)) -> bytes:
    line.write(REQUEST)
    return bytes(line.read(size))


class TestPtyBus:
    @pytest.fixture
    def line(
        self, pty_bus: PtyBus, modbus_rtu_slave: Callable[..., ModbusRtuSlave]
    ) -> Callable[..., serial.Serial]:
        """Opens the master's end of a bus with a slave on the other."""
        modbus_rtu_slave(UNITS)
        return lambda timeout_s=2.0: serial.Serial(str(pty_bus.master_path), 115200, timeout=timeout_s)

    def test_carries_frames_unchanged(self, pty_bus: PtyBus, line: Callable[..., serial.Serial]) -> None:
        with line() as master:
            assert [ask(master) for _ in range(3)] == [ANSWER] * 3
        traffic = pty_bus.traffic()
        assert (traffic["master"].frames, traffic["master"].bytes) == (3, 24)
        assert (traffic["slave"].frames, traffic["slave"].bytes) == (3, 27)
        assert traffic["master"].damaged_frames == traffic["slave"].lost_bytes == 0

    def test_a_paced_line_takes_at_least_the_time_of_its_characters(
        self, pty_bus: PtyBus, line: Callable[..., serial.Serial]
    ) -> None:
        pty_bus.pace(9600)
        with line() as master:
            began_s = time.monotonic()
            for _ in range(5):
                assert ask(master) == ANSWER
            took_s = time.monotonic() - began_s
        characters_s = 5 * (len(REQUEST) + len(ANSWER)) * 10 / 9600  # 5 * 17 * 10 bits / 9600 = 88.5 ms
        assert took_s >= characters_s
        traffic = pty_bus.traffic()
        assert traffic["master"].busy_s + traffic["slave"].busy_s == pytest.approx(characters_s)
        assert traffic["master"].collisions == traffic["slave"].collisions == 0

    def test_parity_makes_a_character_longer(self) -> None:
        with PtyBus(baud=9600, bits_per_character=11) as bus, serial.Serial(str(bus.master_path)) as master:
            master.write(bytes(96))
            wait_until(lambda: bus.traffic()["master"].bytes == 96)
            assert bus.traffic()["master"].busy_s == pytest.approx(96 * 11 / 9600)  # 110 ms

    def test_counts_a_collision_when_both_sides_speak(self) -> None:
        with (
            PtyBus(baud=1200) as bus,
            serial.Serial(str(bus.master_path)) as master,
            serial.Serial(str(bus.slave_path)) as slave,
        ):
            master.write(bytes(12))  # 12 * 10 bits / 1200 = 100 ms
            wait_until(lambda: bus.traffic()["master"].bytes == 12)
            slave.write(b"\1")
            wait_until(lambda: bus.traffic()["slave"].bytes == 1)
            assert bus.traffic()["slave"].collisions == 1

    def test_echoes_the_request(self, pty_bus: PtyBus, line: Callable[..., serial.Serial]) -> None:
        pty_bus.echo(True)
        with line() as master:
            assert ask(master, len(REQUEST + ANSWER)) == REQUEST + ANSWER
            pty_bus.echo(False)
            assert ask(master) == ANSWER

    @pytest.mark.parametrize(("kind", "longer"), [("flip", 0), ("drop", -1), ("insert", 1)])
    @pytest.mark.parametrize("sender", ["master", "slave"])
    def test_noise_damages_each_second_frame(self, kind: Any, longer: int, sender: Side) -> None:
        with (
            PtyBus() as bus,
            serial.Serial(str(bus.master_path), timeout=2.0) as master,
            serial.Serial(str(bus.slave_path), timeout=2.0) as slave,
        ):
            bus.noise(sender, Noise(kind=kind, every=2, seed=3))
            received: dict[Side, list[bytes]] = {"master": [], "slave": []}
            for turn in range(4):
                hit: dict[Side, int] = {"master": 0, "slave": 0, sender: longer if turn % 2 else 0}
                master.write(REQUEST)
                received["master"].append(slave.read(len(REQUEST) + hit["master"]))
                slave.write(ANSWER)
                received["slave"].append(master.read(len(ANSWER) + hit["slave"]))
            traffic = bus.traffic()
        sent: dict[Side, bytes] = {"master": REQUEST, "slave": ANSWER}
        for side, frames in received.items():
            hits = [frame != sent[side] for frame in frames]
            assert hits == ([False, True, False, True] if side == sender else [False] * 4)
            assert traffic[side].damaged_frames == sum(hits)

    def test_noise_by_probability_repeats_with_its_seed(self) -> None:
        def damaged(seed: int) -> list[int]:
            counts = []
            with (
                PtyBus() as bus,
                serial.Serial(str(bus.master_path), timeout=2.0) as master,
                serial.Serial(str(bus.slave_path), timeout=2.0) as slave,
            ):
                bus.noise("master", Noise(kind="flip", probability=0.5, seed=seed))
                for _ in range(20):
                    master.write(REQUEST)
                    slave.read(len(REQUEST))
                    slave.write(b"\0")
                    master.read(1)
                    counts.append(bus.traffic()["master"].damaged_frames)
            return counts

        first = damaged(seed=5)
        assert 0 < first[-1] < 20
        assert damaged(seed=5) == first
        assert damaged(seed=6) != first

    async def test_a_damaged_request_is_not_answered_and_the_next_is(
        self, pty_bus: PtyBus, modbus_rtu_slave: Callable[..., ModbusRtuSlave]
    ) -> None:
        slave = modbus_rtu_slave(UNITS)
        async with serial_client(pty_bus, timeout_s=0.2) as client:
            for kind in ("flip", "drop", "insert"):
                pty_bus.noise("master", Noise(kind=kind, every=1, seed=1))
                with pytest.raises(ModbusIOException):
                    await client.read_holding_registers(0, count=2, device_id=1)
                pty_bus.noise("master", None)
                assert (await client.read_holding_registers(0, count=2, device_id=1)).registers == [10, 11]
        assert len(slave.requests()) == 3

    def test_a_cut_line_loses_everything_until_it_is_joined(
        self, pty_bus: PtyBus, line: Callable[..., serial.Serial]
    ) -> None:
        with line(0.1) as master:
            pty_bus.cut()
            assert ask(master) == b""
            assert pty_bus.traffic()["master"].lost_bytes == len(REQUEST)
            pty_bus.join()
            master.timeout = 2.0
            assert ask(master) == ANSWER

    def test_an_unplugged_adapter_disappears_and_comes_back_under_its_path(
        self, pty_bus: PtyBus, line: Callable[..., serial.Serial]
    ) -> None:
        with line() as master:
            pty_bus.unplug()
            assert not pty_bus.master_path.exists()
            with pytest.raises(serial.SerialException):
                ask(master)
        with pytest.raises(serial.SerialException):
            line()
        pty_bus.plug()
        with line() as master:
            assert ask(master) == ANSWER

    def test_leaves_no_path_behind(self) -> None:
        with PtyBus() as bus:
            directory = bus.master_path.parent
            assert bus.slave_path.exists()
        assert not directory.exists()


class TestLineGauge:
    def test_pushes_its_frames_in_turn(self, line_gauge: Callable[..., LineGauge]) -> None:
        gauge = line_gauge(interval_s=0.01)
        with serial.Serial(gauge.path, timeout=2.0) as driver:
            gauge.push([b"BM1.", b"BM2."], 0.01)
            assert driver.read(12) == b"BM1.BM2.BM1."
            gauge.push([])
            driver.read_all()
            gauge.send(b"half")
            assert driver.read(4) == b"half"
        assert gauge.pushed >= 3

    def test_answers_known_requests(self, line_gauge: Callable[..., LineGauge]) -> None:
        gauge = line_gauge(answers={b"\xff\x01\x86": b"\x01\x90", b"Q\r": b"42\r"})
        with serial.Serial(gauge.path, timeout=2.0) as driver:
            driver.write(b"\xff\x01")
            wait_until(lambda: gauge.heard == b"\xff\x01")
            driver.write(b"\x86")
            assert driver.read(2) == b"\x01\x90"
            driver.write(b"Q\r")
            assert driver.read(3) == b"42\r"
        assert gauge.heard == b"\xff\x01\x86Q\r"

    def test_asks_a_function_and_sits_on_a_noisy_line(
        self, pty_bus: PtyBus, line_gauge: Callable[..., LineGauge]
    ) -> None:
        line_gauge(pty_bus.slave_path, answers=lambda heard: heard[::-1] if heard.endswith(b"\n") else None)
        with serial.Serial(str(pty_bus.master_path), timeout=2.0) as driver:
            driver.write(b"abc\n")
            assert driver.read(4) == b"\ncba"
            pty_bus.noise("slave", Noise(kind="drop", every=1))
            driver.write(b"abc\n")
            assert len(driver.read(3)) == 3


class TestMosquitto:
    def test_records_messages_as_they_were_published(self, platform: Platform) -> None:
        properties = {"ContentType": "application/json", "UserProperty": [("site", "quay 4")]}
        platform.publish("a/b", b"1", qos=1, retain=True, properties=properties)
        platform.publish("a/c", b"2", qos=0)
        first, second = platform.wait_for(lambda messages: messages if len(messages) == 2 else None) or []
        assert (first.topic, first.payload, first.qos, first.retain) == ("a/b", b"1", 1, True)
        assert first.properties == properties
        assert (second.topic, second.qos, second.retain, second.properties) == ("a/c", 0, False, {})
        assert platform.on("a/+") == [first, second]
        assert platform.on("a/c") == [second]

    @pytest.mark.parametrize("how", ["stop", "kill"])
    def test_comes_back_on_its_port_and_the_platform_with_it(
        self, mosquitto: Mosquitto, platform: Platform, how: str
    ) -> None:
        platform.publish("before", b"")
        platform.wait_for(lambda messages: messages)
        port = mosquitto.port
        getattr(mosquitto, how)()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((mosquitto.host, port), timeout=2.0)
        mosquitto.start()
        assert mosquitto.port == port
        platform.publish("after", b"")
        platform.wait_for(lambda messages: any(message.topic == "after" for message in messages))
        assert [message.topic for message in platform.messages if not message.dup] == ["before", "after"]
        assert mosquitto.log().count(" running") == 2

    def test_keeps_the_session_of_an_absent_platform_over_a_restart(self, mosquitto: Mosquitto) -> None:
        with Platform(mosquitto), Platform(mosquitto, client_id="pole", topics=["none"]) as pole:
            pole.publish("while/here", b"")
        with Platform(mosquitto, client_id="pole", topics=["none"]) as pole:
            pole.publish("while/away", b"")
            mosquitto.restart()
            with Platform(mosquitto) as platform:
                platform.wait_for(lambda _: platform.on("while/away"))

    def test_a_frozen_broker_accepts_and_says_nothing(self, mosquitto: Mosquitto) -> None:
        # CONNECT, MQTT 5, clean start, no properties, empty client id; the answer is a CONNACK, type 2.
        connect = bytes.fromhex("10 0d 0004 4d515454 05 02 003c 00 0000")
        mosquitto.freeze()
        with socket.create_connection((mosquitto.host, mosquitto.port), timeout=0.1) as client:
            client.sendall(connect)
            with pytest.raises(TimeoutError):
                client.recv(1)
            mosquitto.thaw()
            client.settimeout(2.0)
            assert client.recv(1) == b"\x20"

    def test_a_frozen_broker_still_stops(self, mosquitto: Mosquitto) -> None:
        pid = mosquitto.pid
        mosquitto.freeze()
        mosquitto.stop()
        assert not Path(f"/proc/{pid}").exists()

    def test_asks_for_a_password_and_obeys_the_access_list(
        self, start_mosquitto: Callable[..., Mosquitto]
    ) -> None:
        acl = "user platform\ntopic readwrite #\nuser pole\ntopic write allowed/#\n"
        broker = start_mosquitto(users={"platform": "p1", "pole": "p2"}, acl=acl)
        with pytest.raises(PermissionError, match="Not authorized"):
            Platform(broker).start()
        with pytest.raises(PermissionError, match="Not authorized"):
            Platform(broker, username="pole", password="wrong").start()
        with Platform(broker, username="platform", password="p1") as platform:
            with Platform(broker, client_id="pole", username="pole", password="p2") as pole:
                pole.publish("denied/x", b"")
                pole.publish("allowed/x", b"")
            platform.wait_for(lambda messages: messages)
            assert [message.topic for message in platform.messages] == ["allowed/x"]

    def test_listens_on_ipv6(self, start_mosquitto: Callable[..., Mosquitto]) -> None:
        with Platform(start_mosquitto(host="::1")) as platform:
            platform.publish("six", b"6")
            assert platform.wait_for(lambda messages: messages)[0].payload == b"6"

    def test_announces_its_largest_packet(self, start_mosquitto: Callable[..., Mosquitto]) -> None:
        broker = start_mosquitto(max_packet_bytes=1000)
        with socket.create_connection((broker.host, broker.port), timeout=2.0) as client:
            client.sendall(bytes.fromhex("10 0d 0004 4d515454 05 02 003c 00 0000"))
            # MQTT 5, 3.2.2.3.6: property 0x27, a four byte integer.
            assert b"\x27" + (1000).to_bytes(4, "big") in client.recv(256)

    def test_takes_further_settings_and_shows_its_log_when_they_are_wrong(
        self, start_mosquitto: Callable[..., Mosquitto]
    ) -> None:
        assert start_mosquitto(settings=["max_inflight_messages 1"]).port
        with pytest.raises(ChildError, match="no_such_setting"):
            start_mosquitto(settings=["no_such_setting 1"])


class TestTls:
    def handshake(self, broker: Mosquitto, ca: Path) -> str | None:
        """The subject's common name, once the certificate has been verified for the broker's address."""
        context = ssl.create_default_context(cafile=ca)
        with (
            socket.create_connection((broker.host, broker.port), timeout=2.0) as plain,
            context.wrap_socket(plain, server_hostname=broker.host) as secured,
        ):
            certificate: Any = secured.getpeercert()
            return dict(pair for names in certificate["subject"] for pair in names).get("commonName")

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
    def test_serves_tls(
        self, start_mosquitto: Callable[..., Mosquitto], authority: Authority, host: str
    ) -> None:
        broker = start_mosquitto(host=host, certificate=authority.server(), ca=authority.ca)
        assert self.handshake(broker, authority.ca) == "localhost"
        with Platform(broker) as platform:
            platform.publish("safe", b"")
            platform.wait_for(lambda messages: messages)

    @pytest.mark.parametrize(
        ("options", "reason"),
        [({"expired": True}, "expired"), ({"hosts": ["elsewhere.example"]}, "mismatch")],
    )
    def test_bad_server_certificates_are_bad_in_the_way_they_say(
        self,
        start_mosquitto: Callable[..., Mosquitto],
        authority: Authority,
        options: dict[str, Any],
        reason: str,
    ) -> None:
        broker = start_mosquitto(certificate=authority.server(**options), ca=authority.ca)
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            self.handshake(broker, authority.ca)

    def test_another_authority_is_not_trusted(
        self, start_mosquitto: Callable[..., Mosquitto], authority: Authority, tmp_path: Path
    ) -> None:
        stranger = Authority(tmp_path / "stranger", "a stranger")
        broker = start_mosquitto(certificate=stranger.server(), ca=stranger.ca)
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed certificate in"):
            self.handshake(broker, authority.ca)

    def test_requires_a_valid_client_certificate(
        self, start_mosquitto: Callable[..., Mosquitto], authority: Authority
    ) -> None:
        broker = start_mosquitto(
            certificate=authority.server(), ca=authority.ca, require_client_certificate=True
        )
        with Platform(broker, certificate=authority.client("pole-17")) as platform:
            platform.publish("known", b"")
            platform.wait_for(lambda messages: messages)
        for certificate in (None, authority.client("pole-18", expired=True)):
            with pytest.raises(PermissionError):
                Platform(broker, certificate=certificate).start()


PARENT = """
import sys, tempfile, time
from pathlib import Path
from fakes.modbus_slave import ModbusTcpSlave
from fakes.mosquitto import Mosquitto
from fakes.pty_bus import PtyBus
slave, bus, broker = ModbusTcpSlave({}), PtyBus(), Mosquitto(Path(sys.argv[1]))
broker.start()
print(slave.process.pid, bus.process.pid, broker.pid, flush=True)
sys.stdin.read()
"""


class TestProcesses:
    def test_servers_die_with_a_killed_parent(self, tmp_path: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(TESTS), "TMPDIR": str(tmp_path)}
        with subprocess.Popen(
            [sys.executable, "-c", PARENT, str(tmp_path / "broker")],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as parent:
            assert parent.stdout is not None
            pids = [int(pid) for pid in parent.stdout.readline().split()]
            assert len(pids) == 3
            assert all(is_running(pid) for pid in pids)
            parent.send_signal(signal.SIGKILL)
            wait_until(lambda: not any(is_running(pid) for pid in pids))

    def test_finds_an_orphan_and_not_what_has_ended(self) -> None:
        mark = f"POLEGATE_TEST_SESSION={os.environ['POLEGATE_TEST_SESSION']}".encode()
        done = subprocess.run(["sh", "-c", "sleep 60 >&- 2>&- & echo $!"], capture_output=True, check=True)
        orphan = int(done.stdout)
        try:
            assert orphan in [process.pid for process in leftovers(mark)]
        finally:
            os.kill(orphan, signal.SIGKILL)
        wait_until(lambda: orphan not in [process.pid for process in leftovers(mark)])

    def test_a_missing_program_names_its_package(self) -> None:
        with pytest.raises(MissingPackage, match="apt-get install mosquitto-next"):
            program("no-such-broker", "mosquitto-next")

    def test_the_deadline_of_a_wait_names_its_last_value(self) -> None:
        with pytest.raises(TimeoutError, match="still 0"):
            wait_until(lambda: 0, timeout_s=0.02)


def is_running(pid: int) -> bool:
    """True for a process that is neither gone nor a zombie that nobody reaps."""
    try:
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
