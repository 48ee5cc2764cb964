"""Prove an instrument's register map on the frames its profile brings."""

from __future__ import annotations

import struct

from drivers.modbus.codec import compile_block
from drivers.modbus.plan import READ_FUNCTION, Block
from drivers.modbus.transaction import find_answer
from drivers.vectors import Outcome, compare
from firmware_profiles.schema import ModbusInstrument, ModbusVector

_TABLE = {function: table for table, function in READ_FUNCTION.items()}


def check_vectors(instrument: ModbusInstrument) -> list[Outcome]:
    """One outcome a vector: the response, framed as RTU, decoded through the points the request covers."""
    return [_check(instrument, vector) for vector in instrument.vectors]


def _check(instrument: ModbusInstrument, vector: ModbusVector) -> Outcome:
    try:
        request, response = bytes.fromhex(vector.request), bytes.fromhex(vector.response)
        unit, function, address, count = struct.unpack(">BBHH", request[:6])
        table = _TABLE[function]
    except (ValueError, struct.error, KeyError):
        return _outcome(vector, None, "no Modbus read: expected hex of unit, function 1 to 4, address, count")
    pdu = find_answer("rtu", response, unit, function, 0)
    if pdu is None:
        return _outcome(vector, "garbled", "no frame with a right checksum")
    if pdu[0] & 0x80:
        return _outcome(vector, "refused", f"the device refused with exception {pdu[1]}")
    size = (count + 7) // 8 if table in ("coil", "discrete") else 2 * count
    if len(pdu) != size + 2:
        return _outcome(vector, "garbled", f"{len(pdu) - 2} data bytes for a request of {size}")
    if vector.refuse:
        return _outcome(vector, None, f"accepted, expected {vector.refuse}")
    inside = (p for p in instrument.points if p.table == table)
    points = tuple(p for p in inside if address <= p.address and p.address + p.words <= address + count)
    block = Block(table, address, count, tuple(sorted(points, key=lambda p: p.address)))
    return compare(vector.name, vector.expect, compile_block(block)(pdu[2:]))


def _outcome(vector: ModbusVector, refusal: str | None, detail: str) -> Outcome:
    """A frame that was not decoded: right only if the vector says that it must be refused for this."""
    return Outcome(name=vector.name, ok=refusal is not None and vector.refuse == refusal, detail=detail)
