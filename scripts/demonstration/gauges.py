"""Simulated gauges: what they would show now, as the registers or frames of their instrument profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.modbus.codec import encode_value
from drivers.serialframes.checksums import xor8
from firmware_profiles.loader import load_instrument
from firmware_profiles.schema import ModbusInstrument

Quantities = Callable[[], Mapping[str, float]]
"""What the gauge measures at this moment, by the channels of its profile."""

STX, ETX = b"\x02", b"\x03"


@dataclass(slots=True)
class Shown:
    """The lowest and highest value that a gauge has shown of each channel."""

    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)

    def note(self, channel: str, value: float, resolution: float) -> None:
        low, high = self.ranges.get(channel, (value, value))
        self.ranges[channel] = min(low, value - resolution), max(high, value + resolution)


class RegisterGauge:
    """A Modbus unit; its registers are encoded, when read, from the profile that the daemon decodes with.

    Channels of the profile that are not measured read 0, as probes that are not fitted do. `plugged` False:
    no answer.
    """

    def __init__(self, profile: str, unit: int, quantities: Quantities) -> None:
        instrument = load_instrument(profile)
        if not isinstance(instrument, ModbusInstrument):
            raise TypeError(f"{profile} has no registers")
        self.unit = unit
        self.plugged = True
        self.shown = Shown()
        self._points = instrument.points
        self._quantities = quantities

    def device(self) -> SimDevice:
        """The unit as pymodbus serves it."""
        first = min(point.address for point in self._points)
        after = max(point.address + point.words for point in self._points)
        registers = SimData(first, values=[0] * (after - first), datatype=DataType.REGISTERS)
        return SimDevice(self.unit, simdata=[registers], action=self._refresh)

    def registers(self) -> dict[int, list[int]]:
        """What stands in the registers now, by the address of each point."""
        quantities = self._quantities()
        found = {}
        for point in self._points:
            if point.channel in quantities:
                value = quantities[point.channel]
                found[point.address] = encode_value(point, value)
                self.shown.note(point.channel, value, max(abs(point.scale), 1e-6 * abs(value)))
        return found

    async def _refresh(
        self,
        _function: int,
        first: int,
        _address: int,
        _count: int,
        registers: list[int],
        _written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if not self.plugged:
            raise NoSuchIdException(f"unit {self.unit} is unplugged")
        for address, words in self.registers().items():
            registers[address - first : address - first + len(words)] = words
        return None


class WindGauge:
    """A Gill WindSonic that pushes `<STX>Q,ddd,sss.ss,M,00,<ETX>cs` (manual 1405-PS-0019, 9.1)."""

    def __init__(self, quantities: Quantities) -> None:
        self.shown = Shown()
        self._quantities = quantities

    def line(self) -> bytes:
        """What it says now; the checksum is the exclusive or of what stands between STX and ETX."""
        wind = self._quantities()
        direction = round(wind["wind_direction"]) % 360
        body = f"Q,{direction:03d},{wind['wind_speed']:06.2f},M,00,".encode("ascii")
        self.shown.note("wind_direction", direction, 0.5)
        self.shown.note("wind_speed", wind["wind_speed"], 0.005)
        return STX + body + ETX + b"%02X\r\n" % xor8(body)
