"""How warm the gateway is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agent.machine.files import Files

LEAST_C, MOST_C = -60.0, 200.0


@dataclass(frozen=True, slots=True)
class Zone:
    """A place whose temperature the kernel knows, °C, and where it switches off."""

    name: str
    celsius: float
    critical: float | None


def zones(files: Files) -> Iterator[Zone]:
    """/sys/class/thermal/thermal_zone*, in thousandths of a degree; sensors that make no sense left out."""
    for place in files.folders("sys/class/thermal/thermal_zone*"):
        celsius = _celsius(files.number(place / "temp"))
        if celsius is None:
            continue
        limits = [
            limit / 1000
            for trip in files.folders(f"{str(place).lstrip('/')}/trip_point_*_type")
            if files.read(trip) == "critical"
            and (limit := files.number(str(trip).replace("_type", "_temp"))) is not None
            and 0 < limit / 1000 < MOST_C
        ]
        yield Zone(files.read(place / "type") or place.name, celsius, min(limits, default=None))


def monitors(files: Files) -> Iterator[Zone]:
    """/sys/class/hwmon/*/temp1_input, the same units: disks and boards that are no thermal zone."""
    for place in files.folders("sys/class/hwmon/hwmon*"):
        celsius = _celsius(files.number(place / "temp1_input"))
        if celsius is not None:
            yield Zone(files.read(place / "name") or place.name, celsius, None)


def temperatures(files: Files) -> dict[str, float]:
    """°C by place: zones first; a place of the same name as another has a number behind it."""
    found: dict[str, float] = {}
    known = list(zones(files))
    # A zone shows up again as a monitor of its own name, in which - has become _.
    again = {zone.name.replace("-", "_") for zone in known}
    for zone in (*known, *(each for each in monitors(files) if each.name not in again)):
        name, number = zone.name, 1
        while name in found:
            number += 1
            name = f"{zone.name}-{number}"
        found[name] = zone.celsius
    return found


def _celsius(thousandths: int | None) -> float | None:
    if thousandths is None or not LEAST_C < thousandths / 1000 < MOST_C:
        return None
    return thousandths / 1000
