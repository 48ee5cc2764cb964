"""Whether the supply sags, where the board says."""

from __future__ import annotations

from collections.abc import Iterator

from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown, warn
from agent.machine.power import (
    THROTTLED_EVER,
    THROTTLED_NOW,
    UNDER_VOLTAGE_EVER,
    UNDER_VOLTAGE_NOW,
    throttled,
)


def check(case: Case) -> Iterator[Finding]:
    """The firmware's word, else the hardware monitor's."""
    bits = throttled(case.machine)
    if bits is None:
        yield unknown(say.POWER_UNKNOWN)
    else:
        yield from judge(bits)


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
