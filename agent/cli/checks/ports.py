"""Serial ports: there, open to the service, and nobody else's. None is opened: it could disturb its line."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.amounts import listed
from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown, warn
from agent.cli.checks.machine import SERVICE, Machine, Who, mode_words
from drivers.endpoints import SerialEndpoint

READ_WRITE = os.R_OK | os.W_OK
LOGINS = ("agetty", "getty", "login")


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """What is seen of a port. `real` is the kernel's name for it, `holders` are processes by name and id."""

    path: str
    real: str = ""
    there: bool = True
    device: bool = True
    mode: int = 0o660
    uid: int = 0
    gid: int = 0
    group: str = ""
    holders: tuple[tuple[str, int], ...] = ()
    all_seen: bool = True
    console: bool = False


def check(case: Case) -> Iterator[Finding]:
    """Every port that a device is on."""
    if case.loaded is None:
        yield unknown(say.NO_CONFIG)
        return
    lines = [bus for bus in case.loaded.plan.buses if isinstance(bus.endpoint, SerialEndpoint)]
    if not lines:
        yield ok(say.NO_PORTS)
    for bus in lines:
        devices = listed(device.name for device in bus.devices)
        yield from judge(look(case.machine, str(bus.endpoint)), case.who, case.status.get("pid"), devices)


def look(machine: Machine, path: str) -> Port:
    """What the file system and /proc say."""
    place = machine.at(path)
    try:
        found = place.stat()
    except OSError:
        return Port(path=path, there=False)
    real = Path(os.path.realpath(place))
    holders, all_seen = _holders(machine, real)
    return Port(
        path=path,
        real=real.name,
        device=stat.S_ISCHR(found.st_mode),
        mode=found.st_mode,
        uid=found.st_uid,
        gid=found.st_gid,
        group=machine.group(found.st_gid),
        holders=tuple(holders),
        all_seen=all_seen,
        console=real.name in consoles(machine.read("/proc/cmdline")),
    )


def consoles(command_line: str) -> set[str]:
    """`console=ttyS0,115200` of the kernel's command line -> ttyS0."""
    return set(re.findall(r"(?:^|\s)console=(\w+)", command_line))


def judge(port: Port, who: Who, daemon: int | None, devices: str) -> Iterator[Finding]:
    """What to do about a port that `devices` are on."""
    path, why = port.path, say.PORT_WHY.format(devices=devices)
    if not port.there:
        yield fail(say.PORT_ABSENT.format(path=path), why, say.PORT_ABSENT_DO)
        return
    if not port.device:
        yield fail(say.PORT_NO_DEVICE.format(path=path), why, say.PORT_NO_DEVICE_DO)
        return
    others = [(name, pid) for name, pid in port.holders if not _ours(name, pid, daemon)]
    if others:
        names = listed(f"{name} ({pid})" for name, pid in others)
        taken_why = say.PORT_TAKEN_WHY.format(devices=devices)
        login = any(name in LOGINS for name, _ in others)
        taken_do = say.PORT_LOGIN_DO.format(name=port.real) if login else say.PORT_TAKEN_DO
        yield fail(say.PORT_TAKEN.format(path=path, names=names), taken_why, taken_do)
    if not who.may(port.mode, port.uid, port.gid, READ_WRITE):
        found = say.PORT_FORBIDDEN.format(
            path=path, who=who.name, mode=mode_words(port.mode), group=port.group
        )
        yield fail(found, why, say.PORT_FORBIDDEN_DO.format(group=port.group, who=who.name))
    elif not others:
        yield ok(say.PORT_OK.format(path=path, who=who.name, holder=_holder(port)))
    if port.console:
        found, do = say.PORT_CONSOLE.format(path=path), say.PORT_CONSOLE_DO.format(name=port.real)
        yield warn(found, say.PORT_CONSOLE_WHY, do)


def _ours(name: str, pid: int, daemon: int | None) -> bool:
    """A daemon that does not answer is known by its name."""
    return pid == daemon if daemon else name == SERVICE


def _holder(port: Port) -> str:
    if port.holders:
        return say.HELD_BY_DAEMON
    return say.HELD_BY_NOBODY if port.all_seen else say.HELD_UNSEEN


def _holders(machine: Machine, real: Path) -> tuple[Sequence[tuple[str, int]], bool]:
    """Who has it open, and whether every process could be looked into."""
    found, all_seen = [], True
    for process in machine.processes():
        try:
            held = any(_leads_to(link, real) for link in machine.at(process / "fd").iterdir())
        except PermissionError:
            all_seen = False
        except OSError:  # it has ended
            continue
        else:
            if held:
                found.append((machine.program(process), int(process.name)))
    return sorted(found), all_seen


def _leads_to(link: Path, real: Path) -> bool:
    with suppress(OSError):
        return link.readlink() == real
    return False
