"""Many Modbus TCP slaves in one child process: libmodbus behind the loopback addresses 127.1.0.1 and up."""

import sys
from ipaddress import IPv4Address
from multiprocessing.connection import Pipe
from typing import Self

from fakes.children import TESTS, ChildError, be_child, end, spawn
from fakes.modbus_slave_child import Slave

FIRST = IPv4Address("127.1.0.1")
UNIT_ID = 1
START_TIMEOUT_S = 20.0


def values(registers: int) -> dict[int, int]:
    """What the holding registers of every slave hold, by address."""
    return {address: 1000 + address for address in range(registers)}


class ModbusFarm:
    """`devices` slaves of `registers` holding registers each: a host each, one `port`, unit 1."""

    def __init__(self, *, devices: int, registers: int) -> None:
        self.hosts = [str(FIRST + number) for number in range(devices)]
        self._registers = registers

    def __enter__(self) -> Self:
        self._connection, theirs = Pipe()
        with theirs:
            self._process = spawn(
                [sys.executable, "-S", __file__, str(theirs.fileno())],
                environment={"PYTHONPATH": str(TESTS)},
                pass_fds=[theirs.fileno()],
            )
        try:
            self._connection.send((self.hosts, self._registers))
            self.port = self._greeting()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        end(self._process, grace_s=2.0)

    @property
    def pid(self) -> int:
        return self._process.pid

    def _greeting(self) -> int:
        if not self._connection.poll(START_TIMEOUT_S):
            raise ChildError(f"the Modbus farm did not start within {START_TIMEOUT_S} s")
        succeeded, port = self._connection.recv()
        if not succeeded:
            raise port
        return int(port)


def build(hosts: list[str], registers: int) -> Slave:
    """One engine behind all hosts, on the port that the first one was given."""
    slave = Slave({UNIT_ID: {"holding": values(registers)}}, rtu=False)
    for host in hosts:
        slave.listen(host, slave.greeting or 0)
    return slave


if __name__ == "__main__":
    be_child(build)
