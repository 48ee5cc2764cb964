"""The buses and devices a configuration amounts to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from agent.amounts import span
from agent.cli import screen, texts
from agent.cli.line_load import bus_load, device_load, requests
from agent.plan import DevicePlan, StationPlan
from firmware_profiles.schema import ModbusInstrument

_NUMBERS = ("unit", "every", "channels", "requests", "line")
_HEADINGS = ("  device", "instrument", *_NUMBERS)


def summary(plan: StationPlan) -> Iterator[RenderableType]:
    """A table a bus, all with the same columns."""
    columns = zip(_HEADINGS, *(_cells(device) for device in plan.devices.values()), strict=True)
    widths = [max(map(len, column)) for column in columns]
    for bus in plan.buses:
        load = bus_load(bus)
        head = str(bus.endpoint) + ("" if load is None else texts.LINE_LOAD.format(load=load))
        yield Text(f"\n{head}", screen.BOLD)
        rows = screen.table(*_HEADINGS, right=_NUMBERS, whole=("every",), widths=widths)
        for device in bus.devices:
            rows.add_row(*_cells(device))
        yield rows


def _cells(device: DevicePlan) -> tuple[str, ...]:
    return (
        f"  {device.name}",
        device.profile,
        _unit(device),
        span(device.timing.every_s),
        str(len(device.channels)),
        "pushes" if device.listens else str(requests(device)),
        _percent(device_load(device)),
    )


def _unit(device: DevicePlan) -> str:
    return str(device.unit) if isinstance(device.instrument, ModbusInstrument) else ""


def _percent(load: float | None) -> str:
    return "" if load is None else f"{load:.1%}"


def facts(plan: StationPlan) -> list[dict[str, Any]]:
    return [
        {
            "bus": str(bus.endpoint),
            "load": bus_load(bus),
            "devices": [
                {
                    "device": device.name,
                    "instrument": device.profile,
                    "unit": device.unit,
                    "every_s": device.timing.every_s,
                    "channels": list(device.channels),
                    "requests": requests(device),
                    "load": device_load(device),
                }
                for device in bus.devices
            ],
        }
        for bus in plan.buses
    ]
