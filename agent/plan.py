"""Buses and devices as they will run: everything resolved, nothing opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agent.camera.config import Camera
from agent.judge.judgement import JudgementPlan
from drivers.endpoints import Endpoint, Framing
from firmware_profiles.points import Point, Timing
from firmware_profiles.schema import FrameInstrument, ModbusInstrument


class Measuring(Protocol):
    """Whatever gives samples: a gauge, or a camera by what its pictures tell in numbers."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def profile(self) -> str: ...
    @property
    def every_s(self) -> float: ...
    @property
    def points(self) -> Sequence[Point]: ...
    @property
    def channels(self) -> tuple[str, ...]: ...


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
    def every_s(self) -> float:
        """Between two samples, s."""
        return self.timing.every_s

    @property
    def points(self) -> Sequence[Point]:
        """Its values, in the order of its readings."""
        return self.instrument.points

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names in the order of its readings."""
        return tuple(point.channel for point in self.points)

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
class CameraPlan:
    """One camera as it is configured; it has no bus, the vision worker serves it."""

    name: str
    camera: Camera

    @property
    def title(self) -> str:
        """For a person."""
        return self.camera.title or self.name

    @property
    def profile(self) -> str:
        """What stands for an instrument's profile in the inventory."""
        return "camera"

    @property
    def every_s(self) -> float:
        """Between two pictures, s."""
        return self.camera.every_s

    @property
    def points(self) -> tuple[Point, ...]:
        """What its pictures tell in numbers."""
        return tuple(Point(channel=channel) for channel in self.channels)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names in the order of its readings."""
        return self.camera.channels


@dataclass(frozen=True, slots=True)
class StationPlan:
    """All buses and cameras of the station, and what their readings are judged by."""

    buses: tuple[BusPlan, ...]
    cameras: tuple[CameraPlan, ...] = ()
    judgement: JudgementPlan = field(default_factory=JudgementPlan)

    @property
    def devices(self) -> dict[str, DevicePlan]:
        """Every device on a bus by name."""
        return {device.name: device for bus in self.buses for device in bus.devices}

    @property
    def measuring(self) -> dict[str, Measuring]:
        """Everything that gives samples by name: devices and cameras."""
        return {**self.devices, **{camera.name: camera for camera in self.cameras}}
