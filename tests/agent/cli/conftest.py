"""The command line against a real control socket, whose verbs give answers the test has set."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest
from click.testing import CliRunner, Result

from agent.cli.main import group
from agent.control import Control

NOW_MS = 1_795_420_800_000  # 2026-11-23T08:00:00Z

Run = Callable[..., Result]


def value(channel: str, number: object, unit: str, decimals: int, **judged: object) -> dict[str, object]:
    known = {"channel": channel, "value": number, "unit": unit, "decimals": decimals}
    return {**known, "quality": 2, "test": "", **judged}


@pytest.fixture
def healthy() -> dict[str, Any]:
    """A station that is well."""
    return _healthy()


def _healthy() -> dict[str, Any]:
    """What agent.health.status says of a station that is well."""
    return {
        "version": "0.1.0",
        "epoch": "vkr4fv6q.1",
        "pid": 4242,
        "uptime_s": 273_720,
        "now_ms": NOW_MS,
        "station": {"site": "riverside", "gateway": "pole-7", "title": "Pole 7 by the bridge"},
        "clock": {"trusted": True, "source": "ntp"},
        "uplink": {
            "url": "mqtts://broker.example", "state": "connected", "since_ms": NOW_MS - 7_800_000, "error": "",
            "published": 274_119, "acknowledged": 274_118, "repeated": 3, "rejected": 0, "bytes": 61_865_984,
        },
        "outbox": {
            "batches": 0, "items": 0, "bytes": 0, "max_bytes": 536_870_912, "oldest_ms": None,
            "expired": 0, "evicted": 0, "rejected": 0, "damaged": 0, "dropped": 0, "dead_letters": 0,
            "by_priority": {name: {"batches": 0, "items": 0, "bytes": 0} for name in PRIORITIES},
        },
        "parts": {name: {"state": "running", "error": ""} for name in ("bus /dev/ttyS1", "uplink", "health")},
        "devices": [
            {
                "device": "level", "title": "River level", "bus": "/dev/ttyS1", "state": "ok", "error": "",
                "every_s": 10.0, "samples": 27_372, "missed": 0, "last_ms": NOW_MS - 3_000, "counts": {},
                "values": [
                    value("water_level", 1.2344, "m", 3),
                    value("water_temperature", 12.31, "Cel", 1, quality=3, test="range"),
                ],
            },
            {
                "device": "weather", "title": "Weather", "bus": "/dev/ttyS1", "state": "ok", "error": "",
                "every_s": 10.0, "samples": 27_000, "missed": 2, "last_ms": NOW_MS - 4_100,
                "counts": {"timeout": 2, "garbled": 1},
                "values": [
                    value("wind_speed", 2.5, "m/s", 2), value("wind_direction", 90, "deg", 0),
                    value("wind_force", 2, "{Beaufort}", 0), value("switch", True, "1", 0),
                    value("air_pressure", 1013.2, "hPa", 1),
                ],
            },
        ],
        "cameras": [],
        "pictures": {},
        "worker": {},
        "faults": [],
        "events": {"open": 0, "worst": ""},
        "process": {"rss_bytes": 49_283_072, "cpu_s": 1204.3},
        "config": {"files": ["/etc/polegate/polegate.toml"], "loaded_ms": NOW_MS - 273_720_000, "refused": ""},
    }  # fmt: skip


VERBS = ("status", "events", "buses", "outbox", "reload", "learned", "learn", "accept")
PRIORITIES = ("alarm", "event", "readings", "health", "pictures", "scheduled")


@pytest.fixture
def troubled() -> dict[str, Any]:
    """The same station after a bad night."""
    answer = _healthy()
    answer["station"]["title"] = ""
    answer["clock"]["trusted"] = False
    answer["events"] = {"open": 3, "worst": "critical"}
    answer["uplink"] |= {"state": "disconnected", "error": "no address is known for broker.example"}
    answer["outbox"] |= {
        "batches": 1_204, "items": 340_112, "bytes": 43_620_761, "oldest_ms": NOW_MS - 29_400_000,
        "evicted": 12_000, "dropped": 40,
    }  # fmt: skip
    silent = "unit 3 did not answer within 0.5 s"
    answer["devices"][1] |= {"state": "timeout", "error": silent, "last_ms": NOW_MS - 18_000_000}
    answer["devices"].append(
        {
            "device": "rain", "title": "Rain", "bus": "/dev/ttyS2", "state": "starting", "error": "",
            "every_s": 10.0, "samples": 0, "missed": 0, "last_ms": None, "counts": {},
            "values": [value("rainfall_total", None, "mm", 1, quality=9, test="not_read_yet")],
        }
    )  # fmt: skip
    answer["faults"] = [
        fault("device_unreadable", "weather", "timeout", silent, NOW_MS - 17_980_000),
        fault(
            "store_unwritable",
            "/var/lib/polegate/outbox.db",
            "OutboxFull",
            "no room on the disk",
            NOW_MS - 60_000,
        ),
        fault(
            "config_refused",
            "/etc/polegate/polegate.toml",
            "invalid",
            "polegate.toml:3: site: missing",
            NOW_MS,
        ),
    ]
    answer["parts"]["bus /dev/ttyS2"] = {"state": "parked", "error": "ValueError: no such thing"}
    answer["config"]["refused"] = "polegate.toml:3: site: missing"
    return answer


def fault(kind: str, subject: str, reason: str, message: str, began_ms: int) -> dict[str, Any]:
    return {"kind": kind, "subject": subject, "reason": reason, "message": message, "began_ms": began_ms}


class Daemon:
    """The real control socket in a thread; `answers` by verb, `items` for tail, `requests` as they came."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.answers: dict[str, Mapping[str, Any]] = {}
        self.items: list[Mapping[str, Any]] = []
        self.hang_up = False
        self.requests: list[Mapping[str, Any]] = []
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(5.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        verbs = {name: self._verb(name) for name in VERBS}
        async with Control(verbs, {"tail": self._tail}).listening(self.socket):
            self._up.set()
            await self._stop.wait()
        # The clients have gone: let the socket's tasks notice, and the transports close.
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=5.0)
        await asyncio.sleep(0)

    def _verb(self, name: str) -> Callable[[Mapping[str, Any]], Any]:
        async def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
            self.requests.append(request)
            return self.answers[name]

        return answer

    async def _tail(self, request: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
        self.requests.append(request)
        for item in self.items:
            yield item
        if self.hang_up:
            raise ConnectionResetError
        await self._stop.wait()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path / "control.sock") as running:
        yield running


@pytest.fixture
def polegate(tmp_path: Path) -> Run:
    """Runs a verb in this process: `polegate("status", "--json", columns=50)`."""

    def run(*arguments: object, columns: int = 80) -> Result:
        places = ["--socket", str(tmp_path / "control.sock"), "--config", str(tmp_path / "polegate.toml")]
        words = [*places, *map(str, arguments)]
        environment = {"COLUMNS": str(columns)}
        return CliRunner().invoke(group, words, env=environment, catch_exceptions=False, prog_name="polegate")

    return run


class Terminal:
    """A verb in a process of its own on a pty of `columns` x `rows`; `screen` is all it wrote so far."""

    def __init__(self, words: list[str], columns: int, rows: int, environment: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        clean = {
            name: text for name, text in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent.cli.main", *words],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**clean, "TERM": "xterm-256color", **environment},
        )  # fmt: skip
        os.close(slave)
        self._written = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def screen(self) -> str:
        return self._written.decode(errors="replace")

    @property
    def text(self) -> str:
        """Without the control sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.screen).replace("\r", "")

    def type(self, text: str) -> None:
        """As if on the keyboard."""
        os.write(self._master, text.encode())

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(10.0)
        self._reader.join(10.0)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # the other side is closed
                return
            self._written += data


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Starts a verb on a terminal: `terminal("status", "--watch", columns=60)`."""
    opened: list[Terminal] = []

    def start(*arguments: str, columns: int = 80, rows: int = 24, **environment: str) -> Terminal:
        places = ["--socket", str(tmp_path / "control.sock"), "--config", str(tmp_path / "polegate.toml")]
        opened.append(Terminal([*places, *arguments], columns, rows, environment))
        return opened[-1]

    yield start
    for each in opened:
        each.close()
