"""How warm the gateway is."""

from __future__ import annotations

from collections.abc import Iterator

from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown, warn
from agent.machine.heat import Zone, zones

HOT_C = 80.0
"""Where nothing says when it switches off: warm for a processor, and far above any cabinet."""

SCALDING_C = 95.0
WARN_BELOW_LIMIT_C, FAIL_BELOW_LIMIT_C = 15.0, 5.0


def check(case: Case) -> Iterator[Finding]:
    """Each thermal zone."""
    found = list(zones(case.machine))
    if not found:
        yield unknown(say.HEAT_NONE)
    yield from map(judge, found)


def judge(zone: Zone) -> Finding:
    """Against the place's own limit, or what is hot for any."""
    warm = HOT_C if zone.critical is None else zone.critical - WARN_BELOW_LIMIT_C
    hot = SCALDING_C if zone.critical is None else zone.critical - FAIL_BELOW_LIMIT_C
    limit = "" if zone.critical is None else say.HEAT_LIMIT.format(celsius=zone.critical)
    if zone.celsius < warm:
        return ok(say.HEAT_OK.format(zone=zone.name, celsius=zone.celsius))
    found = say.HEAT_HIGH.format(zone=zone.name, celsius=zone.celsius, limit=limit)
    return (fail if zone.celsius >= hot else warn)(found, say.HEAT_WHY, say.HEAT_DO)
