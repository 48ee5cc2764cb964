"""Whether the supply sags, where the board says."""

from __future__ import annotations

from collections.abc import Iterator

from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown, warn
from agent.cli.checks.machine import Machine

THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled"
UNDER_VOLTAGE_NOW, THROTTLED_NOW = 1 << 0, 1 << 1 | 1 << 2 | 1 << 3
UNDER_VOLTAGE_EVER, THROTTLED_EVER = 1 << 16, 1 << 17 | 1 << 18 | 1 << 19
"""Bits of the Raspberry Pi firmware's get_throttled: under-voltage, capped, throttled, soft limit."""


def check(case: Case) -> Iterator[Finding]:
    """The firmware's word, else the hardware monitor's."""
    bits = look(case.machine)
    if bits is None:
        yield unknown(say.POWER_UNKNOWN)
    else:
        yield from judge(bits)


def look(machine: Machine) -> int | None:
    """get_throttled; on kernels without it the alarm of the monitor `rpi_volt`, which means under-voltage."""
    try:
        return int(machine.read(THROTTLED), 16)
    except ValueError:
        pass
    for place in machine.folders("sys/class/hwmon/hwmon*"):
        if machine.read(place / "name") == "rpi_volt":
            alarm = machine.number(place / "in0_lcrit_alarm")
            return None if alarm is None else UNDER_VOLTAGE_NOW * alarm
    return None


def judge(bits: int) -> Iterator[Finding]:
    """Under-voltage damages; throttling only slows."""
    if bits & UNDER_VOLTAGE_NOW:
        yield fail(say.POWER_NOW, say.POWER_WHY, say.POWER_DO)
    elif bits & UNDER_VOLTAGE_EVER:
        yield warn(say.POWER_BEFORE, say.POWER_WHY, say.POWER_DO)
    else:
        yield ok(say.POWER_OK)
    if bits & (THROTTLED_NOW | THROTTLED_EVER):
        found = say.THROTTLED_NOW if bits & THROTTLED_NOW else say.THROTTLED_BEFORE
        yield warn(found, say.HEAT_WHY, f"{say.HEAT_DO}. {say.POWER_DO}")
