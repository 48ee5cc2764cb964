"""Where a device is reached: words alone, nothing is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from firmware_profiles.points import LineSettings

Framing = Literal["rtu", "tcp"]
"""How a Modbus request is put on the link."""


@dataclass(frozen=True, slots=True)
class SerialEndpoint:
    """A serial port by path.

    `echoes`: its transceiver hears its own requests; `kernel_rs485`: the kernel's driver turns its direction.
    """

    path: str
    line: LineSettings
    echoes: bool = False
    kernel_rs485: bool = False

    def __str__(self) -> str:
        return self.path

    @property
    def char_s(self) -> float:
        """Seconds one character takes: start + data + parity + stop bits over baud."""
        bits = 1 + self.line.data_bits + (self.line.parity != "N") + self.line.stop_bits
        return bits / self.line.baud


@dataclass(frozen=True, slots=True)
class TcpEndpoint:
    """A TCP server: a Modbus TCP device or a serial-to-Ethernet converter."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def char_s(self) -> float:
        """The converter keeps the line's timing, not we."""
        return 0.0


Endpoint = SerialEndpoint | TcpEndpoint
