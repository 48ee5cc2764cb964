"""What keeps the clock: how sure the kernel is, which server a service follows, and how closely."""

from __future__ import annotations

import ctypes
import re
import struct
from dataclasses import dataclass

from agent.cli.checks.machine import Machine

UNSURE_S = 16.0
"""The kernel's greatest error; it is the same as knowing nothing (NTP's MAXDISPERSE)."""

_MAXERROR_AT = 24  # struct timex of a 64-bit kernel: modes, offset, freq, maxerror, in µs
_SPANS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_SPAN = re.compile(r"([+-]?\d+(?:\.\d+)?)(us|µs|ms|min|s|h)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a time service says of what it follows; `offset_s` is by how much the clock is behind it."""

    service: str
    server: str
    offset_s: float | None = None
    stratum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The system's settings, of timedatectl; None where it does not say."""

    ntp: bool | None = None
    local_rtc: bool = False
    zone: str = ""


def kernel_error_s() -> float | None:
    """How wrong the clock may be at most as the kernel reckons, adjtimex(2); None: it does not know."""
    buffer = ctypes.create_string_buffer(512)
    if ctypes.CDLL(None).adjtimex(buffer) == -1:
        return None
    (error_us,) = struct.unpack_from("q", buffer, _MAXERROR_AT)
    return error_us / 1e6 if 0 <= error_us < UNSURE_S * 1e6 else None


def system(machine: Machine) -> System:
    """From timedatectl show."""
    text = machine.run(["timedatectl", "show"])
    facts = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    ntp = facts.get("NTP")
    return System(
        ntp=None if ntp is None else ntp == "yes",
        local_rtc=facts.get("LocalRTC") == "yes",
        zone=facts.get("Timezone", ""),
    )


def sources(machine: Machine) -> list[Source]:
    """Of each service that answers."""
    found = (
        timesyncd(machine.run(["timedatectl", "timesync-status"])),
        chrony(machine.run(["chronyc", "-n", "-c", "tracking"])),
    )
    return [each for each in found if each]


def timesyncd(text: str) -> Source | None:
    """From timedatectl timesync-status: `Server: 10.0.0.1 (ntp.example)`, `Offset: +1.250ms`."""
    facts = dict(line.strip().split(": ", 1) for line in text.splitlines() if ": " in line)
    server = facts.get("Server", "n/a")
    if server.startswith("n/a") or server == "(null) (n/a)":
        return None
    offset = _SPAN.fullmatch(facts.get("Offset", ""))
    stratum = facts.get("Stratum", "")
    return Source(
        service="systemd-timesyncd",
        server=server,
        offset_s=float(offset[1]) * _SPANS[offset[2]] if offset else None,
        stratum=int(stratum) if stratum.isdecimal() else None,
    )


def chrony(text: str) -> Source | None:
    """From chronyc -c tracking: reference id, address, stratum, its time, system time's offset ..., leap."""
    fields = text.strip().split(",")
    if len(fields) < 14 or fields[13] == "Not synchronised":
        return None
    try:
        name = fields[1] or bytes.fromhex(fields[0]).decode("ascii", "replace").strip("\0")
        return Source(service="chronyd", server=name, offset_s=float(fields[4]), stratum=int(fields[2]))
    except ValueError:
        return None
