"""systemd's notification protocol, sd_notify(3): datagrams to the socket in $NOTIFY_SOCKET."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


class Notifier:
    """Tells systemd how the service is doing; silent when systemd did not start it."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        env = dict(os.environ) if environment is None else environment
        address = env.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        own = env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = int(env.get("WATCHDOG_USEC", "0")) / 1e6 if own else 0.0

    def ready(self, status: str) -> None:
        """READY=1: started, or reloaded."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self, monotonic_us: int) -> None:
        """RELOADING=1 until the next ready."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={monotonic_us}")

    def status(self, status: str) -> None:
        """One line for systemctl status."""
        self._send(f"STATUS={status}")

    def resting(self, status: str, within_s: int) -> None:
        """Not ready yet and in no hurry: EXTEND_TIMEOUT_USEC= until it will be heard of again."""
        self._send(f"EXTEND_TIMEOUT_USEC={within_s * 1_000_000}", f"STATUS={status}")

    def alive(self) -> None:
        """WATCHDOG=1."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """STOPPING=1."""
        self._send("STOPPING=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        with (
            socket.socket(socket.AF_UNIX, kind) as sender,
            suppress(OSError),
        ):  # a supervisor that does not read
            sender.connect(self._address)
            sender.send("\n".join(" ".join(each.splitlines()) for each in lines).encode())
