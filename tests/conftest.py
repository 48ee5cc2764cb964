"""Fixtures over the real servers of tests/fakes; each test has its own, on ports and ptys of its own.

A missing program or library fails with the name of its apt package; nothing is skipped.
"""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest
from fakes.certificates import Authority
from fakes.leftovers import leftovers, mark_session
from fakes.line_gauge import LineGauge
from fakes.modbus_slave import ModbusRtuSlave, ModbusTcpSlave
from fakes.mosquitto import Mosquitto
from fakes.platform import Platform
from fakes.pty_bus import PtyBus
from fakes.waiting import wait_until
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fakes.modbus_slave import Registers

settings.register_profile("whatever the load", deadline=None)  # how fast a machine is fails no test
settings.load_profile("whatever the load")


@pytest.fixture(scope="session", autouse=True)
def _no_process_left() -> Iterator[None]:
    """Fails the session when a process it started is still running at its end, and ends that process."""
    mark = mark_session()
    yield
    with suppress(TimeoutError):
        wait_until(lambda: not leftovers(mark), timeout_s=3.0)
    left = leftovers(mark)
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    assert not left, f"processes left over by the tests: {left}"


@pytest.fixture
def _servers() -> Iterator[ExitStack]:
    """Closes, in reverse order, what the factories below have started."""
    with ExitStack() as servers:
        yield servers


@pytest.fixture
def pty_bus() -> Iterator[PtyBus]:
    """A serial line at unlimited speed; `pace`, `noise`, `echo`, `cut` and `unplug` change it."""
    with PtyBus() as bus:
        yield bus


@pytest.fixture
def modbus_tcp_slave(_servers: ExitStack) -> Callable[..., ModbusTcpSlave]:
    """Starts slaves: `modbus_tcp_slave({1: {"holding": {0: 7}}}, host="::1")`."""

    def start(units: dict[int, Registers], **options: Any) -> ModbusTcpSlave:
        return _servers.enter_context(ModbusTcpSlave(units, **options))

    return start


@pytest.fixture
def modbus_rtu_slave(pty_bus: PtyBus, _servers: ExitStack) -> Callable[..., ModbusRtuSlave]:
    """Starts a slave on `pty_bus`; a master opens `pty_bus.master_path`."""

    def start(units: dict[int, Registers]) -> ModbusRtuSlave:
        return _servers.enter_context(ModbusRtuSlave(units, pty_bus.slave_path))

    return start


@pytest.fixture
def line_gauge(_servers: ExitStack) -> Callable[..., LineGauge]:
    """Starts serial gauges: `line_gauge(frames=[frame], interval_s=0.05)`."""

    def start(line: Path | None = None, **options: Any) -> LineGauge:
        return _servers.enter_context(LineGauge(line, **options))

    return start


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority for the session; it issues server and client certificates."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def start_mosquitto(tmp_path: Path, _servers: ExitStack) -> Callable[..., Mosquitto]:
    """Starts brokers with Mosquitto's options: `start_mosquitto(host="::1", users={"pole": "secret"})`."""
    started = 0

    def start(**options: Any) -> Mosquitto:
        nonlocal started
        started += 1
        return _servers.enter_context(Mosquitto(tmp_path / f"mosquitto-{started}", **options))

    return start


@pytest.fixture
def mosquitto(start_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """A plain IPv4 broker that keeps sessions over a restart."""
    return start_mosquitto(persistence=True)


@pytest.fixture
def platform(mosquitto: Mosquitto) -> Iterator[Platform]:
    """The platform, subscribed to everything on `mosquitto`."""
    with Platform(mosquitto) as subscriber:
        yield subscriber
