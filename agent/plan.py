"""Buses and devices as they will run: everything resolved, nothing opened."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.judgement import JudgementPlan
from drivers.links import Endpoint
from drivers.modbus.transaction import Framing
from firmware_profiles.points import Timing
from firmware_profiles.schema import FrameInstrument, ModbusInstrument


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePlan:
    """One device, resolved; `instrument` is its profile with this device's own settings laid over it."""

    name: str
    title: str
    profile: str
    instrument: ModbusInstrument | FrameInstrument
    endpoint: Endpoint
    framing: Framing
    unit: int

    @property
    def timing(self) -> Timing:
        """When and how patiently it is asked."""
        return self.instrument.timing

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names in the order of its readings."""
        return tuple(point.channel for point in self.instrument.points)

    @property
    def listens(self) -> bool:
        """Whether the device pushes on a link of its own."""
        return isinstance(self.instrument, FrameInstrument) and self.instrument.frames.mode == "listen"


@dataclass(frozen=True, slots=True)
class BusPlan:
    """One physical link and the devices on it."""

    endpoint: Endpoint
    devices: tuple[DevicePlan, ...]

    @property
    def name(self) -> str:
        """What the bus is called in status, logs and faults."""
        return f"bus {self.endpoint}"


@dataclass(frozen=True, slots=True)
class StationPlan:
    """All buses of the station, and what its readings are judged by."""

    buses: tuple[BusPlan, ...]
    judgement: JudgementPlan = field(default_factory=JudgementPlan)

    @property
    def devices(self) -> dict[str, DevicePlan]:
        """Every device by name."""
        return {device.name: device for bus in self.buses for device in bus.devices}
