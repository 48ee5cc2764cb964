"""The line to the world: cable, Wi-Fi or modem, and how strong it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.cli import signoff_texts as say
from agent.cli.checks.machine import Machine

WEAK_DBM = -75
WEAK_PERCENT = 30


@dataclass(frozen=True, slots=True)
class Signal:
    """`weak` is None where nothing tells."""

    text: str
    weak: bool | None


def signal(machine: Machine) -> Signal:
    """Of the interface that the default route goes through."""
    interface = _default(machine.read("/proc/net/route"))
    if interface is None:
        return Signal(say.NO_ROUTE, None)
    level = _wifi(machine.read("/proc/net/wireless"), interface)
    if level is not None:
        return Signal(say.WIFI.format(interface=interface, level=level), level < WEAK_DBM)
    if re.match(r"wwan|ppp|wwp|cdc-wdm", interface):
        return _modem(machine.run(["mmcli", "-m", "any", "-K"]), interface)
    speed = machine.number(f"/sys/class/net/{interface}/speed")
    if speed is None or speed <= 0:
        return Signal(say.WIRED_DUMB.format(interface=interface), None)
    return Signal(say.WIRED.format(interface=interface, speed=speed), weak=False)


def _default(table: str) -> str | None:
    """Destination 0 with the least metric (/proc/net/route: Iface Destination Gateway Flags ... Metric)."""
    rows = [line.split() for line in table.splitlines()[1:]]
    routes = [
        (int(row[6]), row[0]) for row in rows if len(row) > 7 and row[1] == "0" * 8 and row[7] == "0" * 8
    ]
    return min(routes)[1] if routes else None


def _wifi(table: str, interface: str) -> int | None:
    """DBm (/proc/net/wireless: the fourth column is the level)."""
    match = re.search(rf"^\s*{re.escape(interface)}:\s+\S+\s+\S+\s+(-?\d+)", table, re.MULTILINE)
    return int(match[1]) if match else None


def _modem(said: str, interface: str) -> Signal:
    """ModemManager's `key : value` lines."""
    facts = {
        key.strip(): text.strip() for key, _, text in (line.partition(":") for line in said.splitlines())
    }
    quality = facts.get("modem.generic.signal-quality.value", "")
    text = say.MODEM.format(
        interface=interface,
        operator=facts.get("modem.3gpp.operator-name", "modem"),
        technology=facts.get("modem.generic.access-technologies.value[1]", ""),
        quality=quality or "?",
    )
    return Signal(text, int(quality) < WEAK_PERCENT if quality.isdecimal() else None)
