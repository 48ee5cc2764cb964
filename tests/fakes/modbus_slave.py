"""libmodbus slaves over TCP and RTU, each in its own process, controlled by the test while they run.

`units` is `{unit id: {"holding": {address: value}, "input": ..., "coils": ..., "discrete": ...}}`. An address
that was not given answers exception 2. A unit that was not given is silent on a serial line and answers
exception 11 over TCP, as a gateway does.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from fakes.children import Child
from fakes.libmodbus import Kind, Registers, Request

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Kind", "ModbusRtuSlave", "ModbusTcpSlave", "Registers", "Request"]

MODULE = "fakes.modbus_slave_child"


class _ModbusSlave(Child):
    """The controls that both slaves have. Raises ValueError for a unit or an address that is not there."""

    def write(self, unit: int, kind: Kind, values: dict[int, int]) -> None:
        """Set values {address: value}; new addresses become defined."""
        self.call("write", unit, kind, values)

    def read(self, unit: int, kind: Kind, address: int, count: int = 1) -> list[int]:
        """Values as they stand now, with what a master has written."""
        return cast("list[int]", self.call("read", unit, kind, address, count))

    def pause(self, unit: int) -> None:
        """The unit hears and counts requests, and stays silent."""
        self.call("pause", unit, True)

    def resume(self, unit: int) -> None:
        self.call("pause", unit, False)

    def delay(self, unit: int, delay_s: float) -> None:
        """Seconds the unit takes over each answer, one request after another."""
        self.call("delay", unit, delay_s)

    def fail(self, unit: int, code: int, times: int = 0) -> None:
        """Answer with exception `code` for the next `times` requests; 0 times: until code 0 is set."""
        self.call("fail", unit, code, times)

    def requests(self) -> list[Request]:
        """The last 65536 requests with a good checksum, in order, paused and absent units included."""
        return cast("list[Request]", self.call("requests"))

    def counts(self) -> Counter[Request]:
        """How often each (unit, function, address, count) was asked."""
        return Counter(self.requests())

    def forget_requests(self) -> None:
        self.call("forget_requests")


class ModbusTcpSlave(_ModbusSlave):
    """Modbus TCP slave on loopback, `host` "127.0.0.1" or "::1"; port 0 takes a free one."""

    def __init__(self, units: dict[int, Registers], *, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(MODULE, units, (host, port))
        self.host = host
        self.port = cast("int", self.greeting)

    def connections(self) -> int:
        """Connections open now."""
        return cast("tuple[int, int]", self.call("connections"))[0]

    def accepted(self) -> int:
        """Connections accepted since the start."""
        return cast("tuple[int, int]", self.call("connections"))[1]

    def drop_connections(self) -> None:
        """Hang up on every client; the port goes on listening."""
        self.call("drop_connections")


class ModbusRtuSlave(_ModbusSlave):
    """Modbus RTU slave on a serial line or pty; answers only its configured units."""

    def __init__(self, units: dict[int, Registers], path: str | Path) -> None:
        super().__init__(MODULE, units, str(path))
        self.path = str(path)
