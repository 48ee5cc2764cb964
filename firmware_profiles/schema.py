"""Instrument profiles: model + firmware -> bus settings, points, timing, and vectors that prove them."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from firmware_profiles.declared import Limits, Strict, Told
from firmware_profiles.frames import FramePoint, FrameSpec
from firmware_profiles.points import Confirmed, LineSettings, Point, Timing

Table = Literal["holding", "input", "coil", "discrete"]
Order = Literal["ABCD", "DCBA", "BADC", "CDAB"]
RegisterType = Literal[
    "uint16", "int16", "uint32", "int32", "uint48", "int48", "uint64", "int64",
    "float32", "float64", "bcd16", "bcd32", "bcd48", "bcd64", "bit", "bitfield", "string",
]  # fmt: skip
Address = Annotated[int, Limits(ge=0, le=0xFFFF)]
Rs485 = Literal["auto", "kernel", "none"]
UnitId = Annotated[int, Limits(ge=0, le=255)]

WORDS: dict[str, int] = {
    "uint16": 1, "int16": 1, "bcd16": 1, "bit": 1, "bitfield": 1,
    "uint32": 2, "int32": 2, "float32": 2, "bcd32": 2,
    "uint48": 3, "int48": 3, "bcd48": 3, "uint64": 4, "int64": 4, "float64": 4, "bcd64": 4,
}  # fmt: skip


class RegisterPoint(Point):
    """A value in the Modbus tables (Modbus Application Protocol V1.1b3, 4.3).

    `address` is the protocol address, from 0, not the 40001 notation. `order` names the bytes of a 32-bit
    value as they arrive, A the most significant; for 16 bits only the byte swap of BADC and DCBA counts, for
    48 and 64 bits the pattern goes on. `bit` is the lowest bit of a bit or bit field, 0 the least
    significant; `length` the registers of a string or the bits of a bit field.
    """

    table: Table = "holding"
    address: Address
    type: RegisterType = "uint16"
    order: Order = "ABCD"
    bit: Annotated[int, Limits(ge=0, le=15)] = 0
    length: Annotated[int, Limits(ge=1, le=125)] = 1
    writable: bool = False

    @property
    def words(self) -> int:
        """Registers it takes; 1 for a coil or discrete input."""
        return self.length if self.type == "string" else WORDS[self.type]

    @property
    def is_numeric(self) -> bool:
        """Whether it gives numbers, which alone can be scaled."""
        return not self.labels and self.type not in ("bit", "string")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.table in ("coil", "discrete") and self.type != "bit":
            raise ValueError(
                f'table "{self.table}" holds single bits: expected type = "bit", got "{self.type}"'
            )
        if self.type == "bitfield" and self.bit + self.length > 16:
            raise ValueError(f"bit {self.bit} + length {self.length} passes the register's 16 bits")
        if self.address + self.words > 0x10000:
            raise ValueError(f"address {self.address} + {self.words} registers passes 65535")
        if self.writable and self.table in ("input", "discrete"):
            raise ValueError(f'table "{self.table}" is read only in Modbus: remove writable')
        self._check_keys_fit_type()

    def _check_keys_fit_type(self) -> None:
        if self.labels and self.type in ("float32", "float64", "string"):
            raise ValueError(f'labels name whole numbers and bits, not type = "{self.type}"')
        if self.type == "bit" and (never := self.labels.keys() - {0, 1}):
            raise ValueError(f"a bit is 0 or 1: remove the label of {min(never)}")
        if self.absent and self.type == "string":
            raise ValueError('absent lists numbers, which type = "string" never gives')


class ModbusSettings(Strict):
    """How the device wants to be read: at most `max_registers` a request, `hole` unused ones read along.

    `unit` is the factory's unit id.
    """

    unit: UnitId = 1
    max_registers: Annotated[int, Limits(ge=1, le=125)] = 125
    max_bits: Annotated[int, Limits(ge=1, le=2000)] = 2000
    hole: Annotated[int, Limits(ge=0, le=124)] = 8


class ModbusVector(Strict):
    """A frame pair from the field or the manual, in hex: the RTU response with its checksum, the request
    with or without.

    `expect` gives values by channel; `refuse` the reason a wrong frame must be refused for instead.
    """

    name: str
    request: str
    response: str
    expect: dict[str, float | int | str | bool] = field(default_factory=dict)
    refuse: Literal["garbled", "refused"] | None = None


class FrameVector(Strict):
    """A pushed or answered frame, as hex or text, and what it must give."""

    name: str
    hex: str = ""
    text: str = ""
    expect: dict[str, float | int | str | bool] = field(default_factory=dict)
    refuse: Literal["garbled"] | None = None


class Instrument(Strict):
    """What every instrument profile says, whatever its protocol."""

    title: str
    vendor: str
    model: str
    firmware: str = "any"
    confirmed: Confirmed
    source: str
    note: str = ""
    line: LineSettings = LineSettings()
    timing: Timing = Timing()

    def __post_init__(self) -> None:
        super().__post_init__()
        channels = [point.channel for point in self.points]  # type: ignore[attr-defined]
        if twice := sorted({name for name in channels if channels.count(name) > 1}):
            raise ValueError(
                f"channel given twice: {', '.join(twice)}; add a qualifier, e.g. {twice[0]}.upper"
            )


class ModbusInstrument(Instrument):
    """A Modbus device: register map."""

    protocol: Literal["modbus"]
    modbus: ModbusSettings = ModbusSettings()
    points: Annotated[tuple[RegisterPoint, ...], Limits(min_length=1)]
    vectors: tuple[ModbusVector, ...] = ()


class FrameInstrument(Instrument):
    """A serial gauge that pushes frames or answers a request with one."""

    protocol: Literal["frames"]
    frames: FrameSpec
    points: Annotated[tuple[FramePoint, ...], Limits(min_length=1)]
    vectors: tuple[FrameVector, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for point in self.points:
            if objection := self.frames.objection(point):
                raise ValueError(f"{point.channel}: {objection}")


AnyInstrument = Annotated[ModbusInstrument | FrameInstrument, Told("protocol")]


class BoardPort(Strict):
    """A serial port of a gateway: its path, the udev facts that identify it, and how it drives RS-485.

    `udev` holds properties such as ID_PATH; `rs485` is auto (the hardware turns the direction), kernel (by
    ioctl) or none (RS-232); `echoes` when the transceiver hears its own requests.
    """

    path: str
    title: str = ""
    udev: dict[str, str] = field(default_factory=dict)
    rs485: Rs485 = "auto"
    echoes: bool = False


class Board(Strict):
    """A gateway model: its named serial ports."""

    title: str
    vendor: str
    source: str
    note: str = ""
    ports: dict[str, BoardPort]
