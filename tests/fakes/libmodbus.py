"""A Modbus slave's protocol engine: Debian's libmodbus.so.5 through ctypes, one whole ADU in, one out.

The transport is the caller's. libmodbus reads each request from, and writes each answer to, one end of a
socket pair, so that every byte on the line was checked and made by libmodbus itself.
"""

from __future__ import annotations

import ctypes
import mmap
import socket
import time
from collections import deque
from ctypes import POINTER, c_char, c_char_p, c_int, c_uint8, c_uint16, c_uint32, c_void_p
from dataclasses import dataclass, field
from typing import Any, Literal

from fakes.children import missing

Kind = Literal["coils", "discrete", "holding", "input"]
Registers = dict[Kind, dict[int, int]]
KINDS: tuple[Kind, ...] = ("coils", "discrete", "holding", "input")

SPACE = 65536
MAX_ADU_BYTES = 260
LOG_LENGTH = 65536
TARGET_FAILED_TO_RESPOND = 11
ILLEGAL_DATA_ADDRESS = 2
BROADCAST = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request that came with a good checksum; `at_ns` is CLOCK_MONOTONIC and not compared."""

    unit: int
    function: int
    address: int
    count: int
    at_ns: int = field(compare=False, default=0)


class _Mapping(ctypes.Structure):
    """modbus_mapping_t of modbus.h, 3.1."""

    _fields_ = (
        ("nb_bits", c_int),
        ("start_bits", c_int),
        ("nb_input_bits", c_int),
        ("start_input_bits", c_int),
        ("nb_input_registers", c_int),
        ("start_input_registers", c_int),
        ("nb_registers", c_int),
        ("start_registers", c_int),
        ("tab_bits", c_void_p),
        ("tab_input_bits", c_void_p),
        ("tab_input_registers", c_void_p),
        ("tab_registers", c_void_p),
    )


def _load() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libmodbus.so.5", use_errno=True)
    except OSError as error:
        raise missing("libmodbus.so.5", "libmodbus5") from error
    for name, result, arguments in (
        ("modbus_new_tcp", c_void_p, [c_char_p, c_int]),
        ("modbus_new_rtu", c_void_p, [c_char_p, c_int, c_char, c_int, c_int]),
        ("modbus_set_socket", c_int, [c_void_p, c_int]),
        ("modbus_set_slave", c_int, [c_void_p, c_int]),
        ("modbus_set_indication_timeout", c_int, [c_void_p, c_uint32, c_uint32]),
        ("modbus_set_byte_timeout", c_int, [c_void_p, c_uint32, c_uint32]),
        ("modbus_set_response_timeout", c_int, [c_void_p, c_uint32, c_uint32]),
        ("modbus_receive", c_int, [c_void_p, POINTER(c_uint8)]),
        ("modbus_reply", c_int, [c_void_p, POINTER(c_uint8), c_int, POINTER(_Mapping)]),
        ("modbus_reply_exception", c_int, [c_void_p, POINTER(c_uint8), c_int]),
    ):
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


class Unit:
    """One unit id's four address spaces of 65536, of which only the defined addresses answer."""

    def __init__(self, registers: Registers) -> None:
        # 2 bit tables of 1 B, 2 register tables of 2 B, 4 tables of 1 B "defined" flags = 10 B an address.
        self._memory = mmap.mmap(-1, 10 * SPACE)
        self._defined = dict(zip(KINDS, range(6 * SPACE, 10 * SPACE, SPACE), strict=True))
        self._values: dict[Kind, Any] = {
            "coils": (c_uint8 * SPACE).from_buffer(self._memory, 0),
            "discrete": (c_uint8 * SPACE).from_buffer(self._memory, SPACE),
            "holding": (c_uint16 * SPACE).from_buffer(self._memory, 2 * SPACE),
            "input": (c_uint16 * SPACE).from_buffer(self._memory, 4 * SPACE),
        }
        tables = [ctypes.addressof(self._values[kind]) for kind in ("coils", "discrete", "input", "holding")]
        self.mapping = _Mapping(*(SPACE, 0) * 4, *tables)
        self.paused = False
        self.exception = 0
        self.exceptions_left = 0
        self.delay_s = 0.0
        self.free_at_s = 0.0
        for kind, values in registers.items():
            self.write(kind, values)

    def write(self, kind: Kind, values: dict[int, int]) -> None:
        top = 1 if kind in ("coils", "discrete") else 0xFFFF
        for address, value in values.items():
            if not (0 <= address < SPACE and 0 <= value <= top):
                raise ValueError(
                    f"{kind} {address} = {value}: expected an address below 65536, a value up to {top}"
                )
            self._values[kind][address] = int(value)
            self._memory[self._defined[kind] + address] = 1

    def read(self, kind: Kind, address: int, count: int) -> list[int]:
        if not self.has(kind, address, count):
            raise ValueError(f"{kind} {address}, {count} long, is not all defined")
        return list(self._values[kind][address : address + count])

    def has(self, kind: Kind, address: int, count: int) -> bool:
        start = self._defined[kind] + address
        return address + count <= SPACE and self._memory.find(b"\0", start, start + count) == -1

    def take_exception(self) -> int:
        """The exception code to answer with, 0 for none; counts down when it was set for some requests."""
        if self.exceptions_left == 0:
            return self.exception
        self.exceptions_left -= 1
        code = self.exception
        if self.exceptions_left == 0:
            self.exception = 0
        return code


# Function code: (address space, most per request). Modbus Application Protocol V1.1b3, section 6.
_SPANS: dict[int, tuple[Kind, int]] = {
    1: ("coils", 2000),
    2: ("discrete", 2000),
    3: ("holding", 125),
    4: ("input", 125),
    5: ("coils", 1),
    6: ("holding", 1),
    15: ("coils", 1968),
    16: ("holding", 123),
    22: ("holding", 1),
}


def _spans(pdu: bytes) -> list[tuple[Kind, int, int]]:
    """The (space, address, count) a request touches; empty when libmodbus is to refuse the quantity."""
    function = pdu[0]
    if function == 23:
        read_at, read_count, write_at, write_count = (_word(pdu, at) for at in (1, 3, 5, 7))
        good = 1 <= read_count <= 125 and 1 <= write_count <= 121
        return [("holding", read_at, read_count), ("holding", write_at, write_count)] if good else []
    if function not in _SPANS:
        return []
    kind, most = _SPANS[function]
    count = 1 if function in (5, 6, 22) else _word(pdu, 3)
    return [(kind, _word(pdu, 1), count)] if 1 <= count <= most else []


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


class Engine:
    """Answers whole ADUs for a set of units, framed as RTU or TCP. Raises ValueError for a malformed one."""

    def __init__(self, units: dict[int, Registers], *, rtu: bool) -> None:
        self._library = _load()
        self._rtu = rtu
        if rtu:
            self._context = self._library.modbus_new_rtu(b"/dev/null", 9600, b"N", 8, 1)
        else:
            self._context = self._library.modbus_new_tcp(b"127.0.0.1", 502)
        self._outer, self._inner = socket.socketpair()
        self._outer.setblocking(False)
        self._library.modbus_set_socket(self._context, self._inner.fileno())
        for timeout in ("indication", "byte", "response"):
            getattr(self._library, f"modbus_set_{timeout}_timeout")(self._context, 0, 1000)
        self._request = (c_uint8 * MAX_ADU_BYTES)()
        self.units = {unit: Unit(registers) for unit, registers in units.items()}
        self.log: deque[Request] = deque(maxlen=LOG_LENGTH)

    def answer(self, adu: bytes) -> tuple[bytes, float]:
        """The answer (empty: silence) and the CLOCK_MONOTONIC second it is due, one unit at a time."""
        header = 1 if self._rtu else 7
        unit_id = adu[header - 1]
        received = self._receive(adu, unit_id)
        self._note(unit_id, bytes(self._request[header:received]))
        if self._rtu and unit_id == BROADCAST:
            for listener in self.units.values():
                if not listener.paused:
                    self._reply(listener, received, header)
            return b"", 0.0
        unit = self.units.get(unit_id)
        if unit is None:
            return (b"" if self._rtu else self._except(TARGET_FAILED_TO_RESPOND)), 0.0
        if unit.paused:
            return b"", 0.0
        unit.free_at_s = max(time.monotonic(), unit.free_at_s) + unit.delay_s
        return self._reply(unit, received, header), unit.free_at_s

    def _receive(self, adu: bytes, unit_id: int) -> int:
        # A unit id that libmodbus filters would make it ignore the next frame as that unit's answer.
        if self._rtu and self._library.modbus_set_slave(self._context, unit_id) != 0:
            raise ValueError(f"unit id {unit_id} does not exist on a serial line")
        self._outer.send(adu)
        received: int = self._library.modbus_receive(self._context, self._request)
        if received != len(adu):
            while self._drain(self._inner):
                pass
        if received <= 0:
            raise ValueError(f"libmodbus refused {adu.hex()}: errno {ctypes.get_errno()}")
        return received

    def _note(self, unit: int, pdu: bytes) -> None:
        function = pdu[0]
        address, count = (_word(pdu, 1), _word(pdu, 3)) if function in _SPANS or function == 23 else (0, 0)
        if function in (5, 6, 22):
            count = 1
        now_ns = time.monotonic_ns()
        self.log.append(Request(unit=unit, function=function, address=address, count=count, at_ns=now_ns))

    def _reply(self, unit: Unit, received: int, header: int) -> bytes:
        code = unit.take_exception()
        pdu = bytes(self._request[header:received])
        if not code and not all(unit.has(*span) for span in _spans(pdu)):
            code = ILLEGAL_DATA_ADDRESS
        if code:
            return self._except(code)
        self._library.modbus_reply(self._context, self._request, received, ctypes.byref(unit.mapping))
        return self._drain(self._outer)

    def _except(self, code: int) -> bytes:
        self._library.modbus_reply_exception(self._context, self._request, code)
        return self._drain(self._outer)

    @staticmethod
    def _drain(end: socket.socket) -> bytes:
        try:
            return end.recv(MAX_ADU_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""
