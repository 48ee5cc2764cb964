"""A station under test: a configuration in a folder of its own and the real daemon as a child process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from fakes.children import end
from fakes.waiting import wait_until

HEAD = """\
[station]
site = "river"
gateway = "gw-1"
[uplink]
url = "{url}"
timeout_s = {timeout_s}
[outbox]
path = "{folder}/outbox.db"
[clock]
source = "system"
[control]
socket = "{folder}/control.sock"
"""


class Notices:
    """systemd's side of sd_notify: every datagram the service sends, in order."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(self.path))
        self._seen: list[str] = []

    def all(self) -> list[str]:
        """Lines such as READY=1 received so far."""
        while True:
            try:
                self._seen += self._socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self._seen

    def close(self) -> None:
        self._socket.close()


class Station:
    """`devices` is TOML text below the head this class writes; `start` runs `polegate run` on it."""

    def __init__(self, folder: Path, url: str, devices: str, *, timeout_s: float = 2.0) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "polegate.toml"
        self.socket = folder / "control.sock"
        self.outbox = folder / "outbox.db"
        self._head = HEAD.format(url=url, folder=folder, timeout_s=timeout_s)
        self.configure(devices)
        self.notices = Notices(folder)
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, devices: str, *, head: str | None = None) -> None:
        """Write the configuration anew; the daemon reads it on `reload`."""
        self.config.write_text((self._head if head is None else head) + devices, encoding="utf-8")

    def start(self, *, watchdog_s: float = 0.0, wait: bool = True, prefix: tuple[str, ...] = ()) -> Self:
        """Run the daemon; with `wait` until it says READY=1."""
        environment = os.environ | {"NOTIFY_SOCKET": str(self.notices.path), "PYTHONWARNINGS": "error"}
        environment |= {"WATCHDOG_USEC": str(int(watchdog_s * 1e6))} if watchdog_s else {}
        said = self.notices.all().count("READY=1")
        with self.log_path.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "agent.cli.main", "--config", str(self.config), "run"],
                stderr=log, stdout=log, env=environment, cwd=Path(__file__).parents[2],
            )  # fmt: skip
        if wait:
            process = self.process
            wait_until(lambda: self.notices.all().count("READY=1") > said or process.poll() is not None)
            assert process.poll() is None, self.log()
        return self

    @property
    def log_path(self) -> Path:
        return self.folder / "daemon.log"

    def log(self) -> str:
        """Everything the daemon wrote to stderr."""
        return self.log_path.read_text(encoding="utf-8") if self.log_path.exists() else ""

    def ask(self, verb: str, **arguments: object) -> dict[str, Any]:
        """One answer from the control socket."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            link.connect(str(self.socket))
            link.sendall(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
            answer: dict[str, Any] = json.loads(link.makefile().readline())
            return answer

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        assert self.process is not None
        return self.process.wait(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            end(self.process, grace_s=10.0)
        self.notices.close()


def messages(payloads: Iterable[bytes]) -> dict[str, dict[str, Any]]:
    """Readings messages by batch id, deduplicated; a repeat must be equal but for `sent` and `delivery`."""
    found: dict[str, dict[str, Any]] = {}
    for payload in payloads:
        message = json.loads(payload)
        content = {key: value for key, value in message.items() if key not in ("sent", "delivery")}
        known = found.setdefault(message["batch"], content)
        assert known == content, f"batch {message['batch']} came twice with different contents"
    return found


def sequences(batches: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], list[int]]:
    """The seq numbers that arrived, sorted, by (boot, device)."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for batch, message in batches.items():
        boot = batch.rpartition("-")[0]
        for block in message["devices"]:
            found[boot, block["device"]] += [row[0] for row in block["rows"]]
    return {key: sorted(numbers) for key, numbers in found.items()}
