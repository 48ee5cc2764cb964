"""The field: nature, and the gauges in it on real interfaces (Modbus TCP, an RS-485 bus, a serial line)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from fakes.line_gauge import LineGauge
from fakes.ports import free_port
from fakes.pty_bus import PtyBus
from pymodbus.server import ModbusSerialServer, ModbusTcpServer

from scripts.demonstration import stations
from scripts.demonstration.broker import HOST
from scripts.demonstration.children import out_of_ctrl_c
from scripts.demonstration.errors import DemonstrationFailed
from scripts.demonstration.gauges import RegisterGauge, Shown, WindGauge
from scripts.demonstration.nature import Nature

BAUD = 9600
STEP_S = 0.2
WIND_EVERY_S = 1.0


class Field:
    """Nature and its gauges; `tcp_ports`, `wind_port` and `bus_port` say where the gateways find them."""

    def __init__(self, nature: Nature) -> None:
        self.nature = nature
        self.weather = RegisterGauge("renke-rs-fsxcs", 1, partial(stations.weather, nature))
        self.mains = RegisterGauge("eastron-sdm120", 1, partial(stations.mains, nature))
        self.wind = WindGauge(partial(stations.wind, nature))
        self.level = RegisterGauge("keller-36x", 1, partial(stations.level, nature))
        self.rain = RegisterGauge("rika-rk400-04-rain", 2, partial(stations.rain, nature))
        self.tcp_ports: dict[str, int] = {}
        self.wind_port = Path()
        self.bus_port = Path()
        self._wind_line: LineGauge

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> AsyncIterator[Field]:
        """All gauges in service while the context is open; time moves only with `run`.

        Raises:
            DemonstrationFailed: a port cannot be listened on.
        """
        field = cls(Nature())
        async with AsyncExitStack() as stack:
            for name, gauge in {"weather": field.weather, "mains": field.mains}.items():
                field.tcp_ports[name] = await stack.enter_async_context(_over_tcp(gauge))
            with out_of_ctrl_c():
                bus = stack.enter_context(PtyBus(baud=BAUD))
                line = stack.enter_context(PtyBus(baud=BAUD))
            field.bus_port, field.wind_port = bus.master_path, line.master_path
            field._wind_line = stack.enter_context(LineGauge(line.slave_path))
            await stack.enter_async_context(_on_bus(bus.slave_path, field.level, field.rain))
            yield field

    async def run(self) -> None:
        """Let time pass, and the wind sensor speak, for ever."""
        then = spoken = time.monotonic()
        while True:
            await asyncio.sleep(STEP_S)
            now = time.monotonic()
            self.nature.advance(now - then)
            then = now
            if now - spoken >= WIND_EVERY_S:
                spoken += WIND_EVERY_S
                self._wind_line.send(self.wind.line())

    def shown(self) -> Iterator[tuple[str, str, str, float, float]]:
        """Gateway, device, channel, lowest and highest value shown so far, in the platform's terms."""
        gauges: dict[tuple[str, str], Shown] = {
            (stations.LAMP_POLE, "weather"): self.weather.shown,
            (stations.LAMP_POLE, "mains"): self.mains.shown,
            (stations.LAMP_POLE, "wind"): self.wind.shown,
            (stations.RIVER, "level"): self.level.shown,
            (stations.RIVER, "rain"): self.rain.shown,
        }
        for (gateway, device), shown in gauges.items():
            for channel, (low, high) in shown.ranges.items():
                name, low_known = stations.as_platform_knows(channel, low)
                yield gateway, device, name, low_known, stations.as_platform_knows(channel, high)[1]


@asynccontextmanager
async def _over_tcp(gauge: RegisterGauge) -> AsyncIterator[int]:
    """The gauge as a Modbus TCP server; yields its port."""
    port = free_port(HOST)
    server = ModbusTcpServer(gauge.device(), address=(HOST, port))
    await _serve(server, f"{HOST}:{port}")
    try:
        yield port
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def _on_bus(line: Path, *gauges: RegisterGauge) -> AsyncIterator[None]:
    """The gauges as RTU units on one line; a unit that is unplugged keeps silent."""
    devices = [gauge.device() for gauge in gauges]
    server = ModbusSerialServer(devices, port=str(line), baudrate=BAUD, ignore_missing_devices=True)
    await _serve(server, str(line))
    try:
        yield
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


async def _serve(server: ModbusTcpServer | ModbusSerialServer, where: str) -> None:
    try:
        await server.serve_forever(background=True)
    except RuntimeError:
        raise DemonstrationFailed(
            f"a simulated gauge cannot listen on {where}: another program has taken it;"
            " start the demonstration again"
        ) from None
