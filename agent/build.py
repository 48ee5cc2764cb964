"""From a bus's plan to the objects that serve it."""

from __future__ import annotations

from agent.plan import BusPlan, DevicePlan
from drivers.bus import Bus, ListeningPost, Outside
from drivers.modbus.unit import ModbusUnit
from drivers.protocol import Unit
from drivers.serialframes.driver import FrameListener, FrameUnit
from firmware_profiles.schema import FrameInstrument, ModbusInstrument

Served = Bus | ListeningPost


def build_bus(plan: BusPlan, outside: Outside) -> Served:
    """The owner of the plan's link."""
    first = plan.devices[0]
    if first.listens and isinstance(first.instrument, FrameInstrument):
        listener = FrameListener(first.name, first.instrument, first.instrument.points, first.timing)
        return ListeningPost(plan.endpoint, listener, outside)
    return Bus(plan.endpoint, [build_unit(device) for device in plan.devices], outside)


def build_unit(plan: DevicePlan) -> Unit:
    """The unit of one device that answers requests."""
    instrument = plan.instrument
    if isinstance(instrument, ModbusInstrument):
        return ModbusUnit(
            device=plan.name,
            unit=plan.unit,
            framing=plan.framing,
            points=instrument.points,
            settings=instrument.modbus,
            timing=instrument.timing,
        )
    return FrameUnit(plan.name, instrument, instrument.points, instrument.timing)
