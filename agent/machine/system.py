"""What the gateway is, how long it is up, and what it has to do."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import time
from dataclasses import dataclass

from agent.machine.files import Files

RESET = {
    0x01: "overheated",
    0x02: "fan_failed",
    0x10: "under_voltage",
    0x20: "watchdog",
    0x40: "over_voltage",
}
"""Why a watchdog's chip says that it reset the board (Linux, WDIOF_* of include/uapi/linux/watchdog.h)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What does not change while the gateway is up; "" where the system does not say.

    `reset` are words of RESET: none where it was just switched on, None where no watchdog tells.
    """

    python: str
    os: str
    kernel: str
    board: str
    reset: tuple[str, ...] | None


def system(files: Files) -> System:
    """Interpreter, distribution, kernel, and the board's own name: device tree, else the firmware's."""
    board = files.read("/sys/firmware/devicetree/base/model").rstrip("\0")
    return System(
        python=platform.python_version(),
        os=_os_name(files.read("/etc/os-release")),
        kernel=f"{os.uname().release} {os.uname().machine}",
        board=board or files.read("/sys/class/dmi/id/product_name"),
        reset=_reset(files),
    )


def uptime_s() -> float:
    """Since the kernel was started, suspended or not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def load() -> float:
    """Processes that ran or wanted to, on average of the last minute (sysinfo(2)).

    /proc/loadavg, which os.getloadavg() reads, is hidden from a service with ProcSubset=pid.
    """
    words = (ctypes.c_ulong * 64)()
    ctypes.CDLL(None).sysinfo(words)
    return words[1] / (1 << 16)


def _os_name(release: str) -> str:
    """PRETTY_NAME of os-release(5), e.g. Debian GNU/Linux 12 (bookworm)."""
    match = re.search(r'^PRETTY_NAME="?([^"\n]*)"?$', release, re.MULTILINE)
    return match[1] if match else ""


def _reset(files: Files) -> tuple[str, ...] | None:
    """/sys/class/watchdog/watchdog0/bootstatus."""
    bits = files.number("/sys/class/watchdog/watchdog0/bootstatus")
    return None if bits is None else tuple(word for bit, word in RESET.items() if bits & bit)
