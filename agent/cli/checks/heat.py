"""How warm the gateway is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown, warn
from agent.cli.checks.machine import Machine

HOT_C = 80.0
"""Where nothing says when it switches off: warm for a processor, and far above any cabinet."""

SCALDING_C = 95.0
WARN_BELOW_LIMIT_C, FAIL_BELOW_LIMIT_C = 15.0, 5.0
LEAST_C, MOST_C = -60.0, 200.0


@dataclass(frozen=True, slots=True)
class Zone:
    """A place whose temperature the kernel knows, °C, and where it switches off."""

    name: str
    celsius: float
    critical: float | None


def check(case: Case) -> Iterator[Finding]:
    """Each thermal zone."""
    zones = list(look(case.machine))
    if not zones:
        yield unknown(say.HEAT_NONE)
    yield from map(judge, zones)


def look(machine: Machine) -> Iterator[Zone]:
    """/sys/class/thermal/thermal_zone*, in thousandths of a degree; sensors that make no sense left out."""
    for place in machine.folders("sys/class/thermal/thermal_zone*"):
        reading = machine.number(place / "temp")
        if reading is None or not LEAST_C < reading / 1000 < MOST_C:
            continue
        limits = [
            limit / 1000
            for trip in machine.folders(f"{str(place).lstrip('/')}/trip_point_*_type")
            if machine.read(trip) == "critical"
            and (limit := machine.number(str(trip).replace("_type", "_temp"))) is not None
            and 0 < limit / 1000 < MOST_C
        ]
        yield Zone(machine.read(place / "type") or place.name, reading / 1000, min(limits, default=None))


def judge(zone: Zone) -> Finding:
    """Against the place's own limit, or what is hot for any."""
    warm = HOT_C if zone.critical is None else zone.critical - WARN_BELOW_LIMIT_C
    hot = SCALDING_C if zone.critical is None else zone.critical - FAIL_BELOW_LIMIT_C
    limit = "" if zone.critical is None else say.HEAT_LIMIT.format(celsius=zone.critical)
    if zone.celsius < warm:
        return ok(say.HEAT_OK.format(zone=zone.name, celsius=zone.celsius))
    found = say.HEAT_HIGH.format(zone=zone.name, celsius=zone.celsius, limit=limit)
    return (fail if zone.celsius >= hot else warn)(found, say.HEAT_WHY, say.HEAT_DO)
