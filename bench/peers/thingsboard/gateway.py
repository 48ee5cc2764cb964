"""ThingsBoard Gateway 3.8.5 as a child process: polls Modbus devices, publishes to a broker on loopback."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fakes.children import program

VENV = Path(__file__).resolve().parents[2] / ".cache" / "thingsboard"
ACCESS_TOKEN = "gateway"  # its MQTT user name
STOP_TIMEOUT_S = 10.0


class Polling(StrEnum):
    """How its configuration names the registers of a device."""

    TAGS = "tags"  # one entry, and so one request, for each register
    RANGES = "ranges"  # one "first-last" entry, read in one request of up to 125 registers


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpDevice:
    """Holding registers 0 to `registers` - 1 of one unit behind Modbus TCP."""

    name: str
    host: str
    port: int
    unit_id: int
    registers: int

    def link(self) -> dict[str, Any]:
        return {
            "type": "tcp",
            "method": "socket",
            "host": self.host,
            "port": self.port,
            "timeout": 35,  # s, and 3 retries, as in the modbus.json it ships
            "retries": 3,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RtuDevice:
    """Holding registers 0 to `registers` - 1 of one unit on a serial bus, 8N1."""

    name: str
    path: str
    unit_id: int
    registers: int
    baud_rate: int = 9600
    timeout_s: int = 3
    retries: int = 1

    def link(self) -> dict[str, Any]:
        return {
            "type": "serial",
            "method": "rtu",
            "port": self.path,
            "baudrate": self.baud_rate,
            "bytesize": 8,
            "parity": "N",
            "stopbits": 1,
            "timeout": self.timeout_s,
            "retries": self.retries,
        }


Device = TcpDevice | RtuDevice


class ThingsBoardGateway:
    """Runs the gateway while the context is open; its `folder` (configuration, store, logs) goes with it.

    Raises `FileNotFoundError` when `setup` has not been run.
    """

    def __init__(
        self,
        devices: Sequence[Device],
        *,
        broker_port: int,
        polling: Polling,
        period_s: float = 1.0,
        cpus: Collection[int] | None = None,
    ) -> None:
        self._devices = devices
        self._broker_port = broker_port
        self._polling = polling
        self._period_ms = round(period_s * 1000)
        self._cpus = cpus

    def __enter__(self) -> Self:
        command = VENV / "bin" / "thingsboard-gateway"
        if not command.exists():
            raise FileNotFoundError(f"{command} is missing: run {Path(__file__).with_name('setup')} once")
        self.folder = Path(tempfile.mkdtemp(prefix="thingsboard-gateway-"))
        self._configure()
        with (self.folder / "output.txt").open("wb") as output:
            self._process = subprocess.Popen(
                [program("setpriv", "util-linux"), "--pdeathsig", "KILL", command],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that stopping takes every descendant along
            )
        if self._cpus is not None:
            os.sched_setaffinity(self.pid, self._cpus)  # inherited by the threads it starts later
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT_S)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self.folder)

    @property
    def pid(self) -> int:
        return self._process.pid

    def output(self) -> str:
        """What it has printed so far."""
        return (self.folder / "output.txt").read_text(errors="replace")

    def check(self) -> None:
        """Raises `ChildProcessError` with its last lines if it has ended by itself."""
        status = self._process.poll()
        if status is not None:
            raise ChildProcessError(f"ThingsBoard Gateway ended with {status}:\n{self.output()[-2000:]}")

    def _configure(self) -> None:
        (self.folder / "logs").mkdir()
        (self.folder / "data").mkdir()
        shipped = next(VENV.glob("lib/python3*/site-packages/thingsboard_gateway/config/logs.json"))
        shutil.copy(shipped, self.folder / "logs.json")
        slaves = [_slave(device, self._polling, self._period_ms) for device in self._devices]
        (self.folder / "modbus.json").write_text(json.dumps({"master": {"slaves": slaves}}))
        (self.folder / "tb_gateway.json").write_text(json.dumps(_general(self._broker_port)))

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{VENV / 'bin'}:{os.defpath}",
            "HOME": str(self.folder),
            "TB_GW_CONFIG_DIR": f"{self.folder}/",
            "PIP_NO_INDEX": "1",  # it would install at start what it misses; the venv has everything
            "HTTPS_PROXY": "http://127.0.0.1:9",  # it would ask its maker for updates; nothing listens here
        }


def _general(broker_port: int) -> dict[str, Any]:
    """tb_gateway.json as shipped, but on SQLite and without what a bench has no use for."""
    return {
        "thingsboard": {
            "host": "127.0.0.1",
            "port": broker_port,
            "remoteShell": False,
            "remoteConfiguration": False,
            "statistics": {"enable": False, "enableCustom": False},
            "deviceFiltering": {"enable": False},
            "checkingDeviceActivity": {"checkDeviceInactivity": False},
            "maxPayloadSizeBytes": 8196,
            "minPackSendDelayMS": 50,
            "minPackSizeToSend": 500,
            "qos": 1,
            "reportStrategy": {"type": "ON_RECEIVED"},
            "security": {"type": "accessToken", "accessToken": ACCESS_TOKEN},
        },
        "storage": {"type": "sqlite", "data_file_path": "./data/", "max_read_records_count": 1000},
        "grpc": {"enabled": False},
        "connectors": [{"type": "modbus", "name": "Modbus", "configuration": "modbus.json"}],
    }


def _slave(device: Device, polling: Polling, period_ms: int) -> dict[str, Any]:
    return device.link() | {
        "unitId": device.unit_id,
        "deviceName": device.name,
        "deviceType": "default",
        "byteOrder": "BIG",
        "wordOrder": "BIG",
        "pollPeriod": period_ms,
        "attributes": [],
        "timeseries": _timeseries(device.registers, polling),
        "attributeUpdates": [],
        "rpc": [],
    }


def _timeseries(registers: int, polling: Polling) -> list[dict[str, Any]]:
    """The entries for registers 0 to `registers` - 1, published under the keys r0, r1, ..."""
    register = {"type": "16uint", "functionCode": 3, "objectsCount": 1}
    match polling:
        case Polling.TAGS:
            return [register | {"tag": f"r{address}", "address": address} for address in range(registers)]
        case Polling.RANGES:
            whole = {"tag": "r${address}", "address": f"0-{registers - 1}", "maxRegistersPerRequest": 125}
            return [register | whole]
