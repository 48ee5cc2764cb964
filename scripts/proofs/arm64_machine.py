"""A virtual arm64 machine: qemu-system-aarch64, emulated, a serial adapter on USB, one broker to reach."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from fakes.children import end, program, spawn
from fakes.waiting import wait_until

from scripts.proofs.arm64_image import Image

BROKER = ("10.0.2.100", 1883)
"""Where the machine finds the broker of this host's loopback; it reaches nothing else (restrict=on)."""

ANSWERS_WITHIN_S = 120.0


class Failed(RuntimeError):
    """The machine, or a command in it, did not do as it should."""


class Machine:
    """Runs from `with` on; writes its console to `folder`/console. Times are this host's time.monotonic()."""

    def __init__(
        self, image: Image, folder: Path, *, line: Path, broker_port: int, bundle: Path | None = None
    ) -> None:
        self._folder = folder
        self._console = folder / "console"
        self._command = [
            program("qemu-system-aarch64", "qemu-system-arm"),
            *("-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", "1024", "-accel", "tcg,thread=multi"),
            *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
            *("-append", "root=LABEL=gateway rw console=ttyAMA0 quiet"),
            *_drives([("system", image.disk), *([("bundle", bundle)] if bundle else [])]),
            *("-netdev", _network(broker_port), "-device", "virtio-net-device,netdev=net"),
            *("-device", "qemu-xhci", "-chardev", f"serial,id=line,path={line}"),
            *("-device", "usb-serial,chardev=line"),
            *("-device", "virtio-serial-device", "-device", "virtserialport,chardev=control,name=control"),
            *("-chardev", f"socket,id=control,path={folder / 'control'},server=on,wait=off"),
            *("-device", "virtio-rng-device", "-display", "none", "-monitor", "none"),
            *("-serial", "stdio", "-no-reboot"),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self.began_s = 0.0
        """When it was switched on; there is no firmware, the kernel runs at once."""

    def __enter__(self) -> Self:
        (self._folder / "control").unlink(missing_ok=True)
        self.began_s = time.monotonic()
        with self._console.open("wb") as console:
            self._process = spawn(self._command, output=console)
        try:
            wait_until(self._listens, 30)
            self._control = socket.socket(socket.AF_UNIX)
            self._control.connect(str(self._folder / "control"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._control:
            self._control.close()
        if self._process:
            end(self._process, grace_s=2)

    def run(self, command: str, within_s: float = ANSWERS_WITHIN_S) -> str:
        """What a shell command of root says; waits for the machine to be up.

        Raises:
            Failed: it ended with another status than 0, or said nothing in time.
        """
        code, said = self.try_(command, within_s)
        if code:
            raise Failed(f"in the machine: {command}: status {code}\n{said}")
        return said

    def write(self, path: str, text: str) -> None:
        """Make a file in it."""
        self.run(f"base64 -d <<<{base64.b64encode(text.encode()).decode()} >{path}")

    def try_(self, command: str, within_s: float = ANSWERS_WITHIN_S) -> tuple[int, str]:
        """Status and words of a shell command of root."""
        assert self._control is not None
        self._control.settimeout(within_s)
        self._control.sendall(base64.b64encode(command.encode()) + b"\n")
        answer = bytearray()
        try:
            while not answer.endswith(b"\n"):
                piece = self._control.recv(65536)
                if not piece:
                    raise Failed(f"the machine is gone; its console said\n{self.console()[-2000:]}")
                answer += piece
        except TimeoutError:
            raise Failed(f"no answer within {within_s} s to {command}\n{self.console()[-2000:]}") from None
        code, said = bytes(answer).split()
        return int(code), base64.b64decode(said).decode(errors="replace").strip()

    def power_off(self, within_s: float = ANSWERS_WITHIN_S) -> float:
        """Seconds until the machine was off.

        Raises:
            Failed: it was not.
        """
        assert self._process is not None
        began_s = time.monotonic()
        self.run("systemctl --no-block poweroff")
        try:
            code = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise Failed(f"not off within {within_s} s\n{self.console()[-2000:]}") from None
        if code:
            raise Failed(f"qemu ended with {code}\n{self.console()[-2000:]}")
        return time.monotonic() - began_s

    def worked_s(self) -> float:
        """Processor time of this host that it has taken."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def console(self) -> str:
        """All it has written there."""
        return self._console.read_text(errors="replace")

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise Failed(f"qemu ended with {self._process.returncode}: {self.console()}")
        return (self._folder / "control").exists()


def _drives(disks: Sequence[tuple[str, Path]]) -> list[str]:
    """Each is /dev/disk/by-id/virtio-NAME; in which order the kernel finds them is its own affair."""
    return [
        word
        for name, disk in disks
        for word in (
            *("-drive", f"file={disk},format=raw,if=none,id={name},cache=unsafe"),
            *("-device", f"virtio-blk-device,drive={name},serial={name}"),
        )
    ]


def _network(broker_port: int) -> str:
    host, port = BROKER
    socat = program("socat", "socat")
    return f"user,id=net,restrict=on,guestfwd=tcp:{host}:{port}-cmd:{socat} - TCP4:127.0.0.1:{broker_port}"
