"""Mosquitto, the real broker, on a loopback port of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Self

from fakes.children import ChildError, end, program, spawn
from fakes.ports import free_port
from fakes.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fakes.certificates import Certificate

PORT_TRIES = 5
START_TIMEOUT_S = 10.0


class Mosquitto:
    """A broker configured in `directory`, started by `with` or `start`.

    `users` {name: password} turns anonymous clients away; `acl` is the text of an access control file.
    `certificate` makes the listener TLS, signed by `ca`; a client certificate may be required.
    With `persistence` sessions and queues survive `restart`, and `kill` up to about the last second.
    `settings` are further lines of mosquitto.conf(5).
    """

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        users: Mapping[str, str] | None = None,
        acl: str | None = None,
        certificate: Certificate | None = None,
        ca: Path | None = None,
        require_client_certificate: bool = False,
        persistence: bool = False,
        max_packet_bytes: int | None = None,
        settings: Sequence[str] = (),
    ) -> None:
        self._program = program("mosquitto", "mosquitto")
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.host = host
        self.port = 0
        self.ca = ca
        self._process: subprocess.Popen[bytes] | None = None
        self._log = directory / "mosquitto.log"
        self._settings = [
            *("log_dest stderr", "log_type all", "connection_messages true"),
            *self._access(users, acl),
            *_tls(certificate, ca, require=require_client_certificate),
            *self._persistence(wanted=persistence),
            *([f"max_packet_size {max_packet_bytes}"] if max_packet_bytes else []),
            *(["user root"] if os.geteuid() == 0 else []),
            *settings,
        ]

    def start(self) -> None:
        """Start, on the same port as before; raises ChildError with the log when it does not come up."""
        if self.port:
            self._start_on(self.port)
            return
        for tries_left in reversed(range(PORT_TRIES)):
            port = free_port(self.host)
            try:
                self._start_on(port)
            except ChildError:
                if tries_left == 0 or "Address already in use" not in self.log():
                    raise
            else:
                self.port = port
                return

    def stop(self) -> None:
        """SIGTERM: says goodbye and saves."""
        if self._process is not None:
            end(self._process, grace_s=5.0)
            self._process = None

    def kill(self) -> None:
        """SIGKILL: open connections are reset by the kernel, nothing is saved."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nothing is answered."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    @property
    def pid(self) -> int:
        return self._running().pid

    def log(self) -> str:
        """All it has logged since the first start."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()  # a goodbye takes it 0.1 s

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ChildError("mosquitto is not running")
        return self._process

    def _start_on(self, port: int) -> None:
        if self._process is not None:
            raise ChildError(f"mosquitto is already running on port {self.port}")
        config = self._directory / "mosquitto.conf"
        config.write_text("\n".join([f"listener {port} {self.host}", *self._settings, ""]))
        already_logged = len(self.log())
        with self._log.open("ab") as log:
            process = spawn([self._program, "-c", str(config)], output=log)
        try:
            wait_until(lambda: self._is_up(process, port, already_logged), START_TIMEOUT_S)
        except BaseException:
            end(process, grace_s=1.0)
            raise
        self._process = process

    def _is_up(self, process: subprocess.Popen[bytes], port: int, already_logged: int) -> bool:
        if process.poll() is not None:
            raise ChildError(f"mosquitto ended at once: {self.log()[already_logged:]}")
        if " running" not in self.log()[already_logged:]:
            return False
        with socket.create_connection((self.host, port), timeout=1.0):
            return True

    def _access(self, users: Mapping[str, str] | None, acl: str | None) -> list[str]:
        lines = [f"allow_anonymous {'true' if users is None else 'false'}"]
        if users is not None:
            passwords = self._directory / "passwords"
            passwords.write_text("".join(f"{name}:{password}\n" for name, password in users.items()))
            passwords.chmod(0o600)
            hash_in_place = [program("mosquitto_passwd", "mosquitto"), "-U", str(passwords)]
            subprocess.run(hash_in_place, check=True, capture_output=True)
            lines.append(f"password_file {passwords}")
        if acl is not None:
            access = self._directory / "acl"
            access.write_text(acl)
            access.chmod(0o600)
            lines.append(f"acl_file {access}")
        return lines

    def _persistence(self, *, wanted: bool) -> list[str]:
        if not wanted:
            return ["persistence false"]
        store = self._directory / "store"
        store.mkdir(exist_ok=True)
        # Saved after every change and at the latest each second, for `kill`.
        return [
            *("persistence true", f"persistence_location {store}/"),
            *("autosave_on_changes true", "autosave_interval 1"),
        ]


def _tls(certificate: Certificate | None, ca: Path | None, *, require: bool) -> list[str]:
    if certificate is None:
        return []
    return [
        f"certfile {certificate.certificate}",
        f"keyfile {certificate.key}",
        *([f"cafile {ca}"] if ca else []),
        f"require_certificate {'true' if require else 'false'}",
    ]
