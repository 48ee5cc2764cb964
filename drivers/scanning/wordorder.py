"""Two registers read in every order and type: which of them looks like a measurement. Pure."""

from __future__ import annotations

import math
import struct
from typing import Literal, NamedTuple, get_args

from drivers.modbus.codec import reorder
from firmware_profiles.schema import Order

Kind = Literal["float32", "uint32", "int32"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ORDERS: tuple[Order, ...] = ("ABCD", "CDAB", "BADC", "DCBA")
_FORMAT = {"float32": ">f", "uint32": ">I", "int32": ">i"}
_LARGEST_INT = 0x00FF_FFFF
"""A counter beyond this, or one whose low word alone is zero, is more likely read in the wrong order."""


class View(NamedTuple):
    """One reading of a pair of registers."""

    order: Order
    kind: Kind
    value: float
    plausible: bool


def views(high: int, low: int) -> list[View]:
    """The pair, as it stands in the registers, in each order as each type."""
    data = struct.pack(">HH", high, low)
    found = []
    for order in ORDERS:
        for kind in KINDS:
            (value,) = struct.unpack(_FORMAT[kind], reorder(data, order))
            found.append(View(order, kind, value, _is_plausible(kind, value)))
    return found


def _is_plausible(kind: Kind, value: float) -> bool:
    """Floats of an everyday size; whole numbers that are small, or small and negative."""
    if kind == "float32":
        return math.isfinite(value) and 1e-3 <= abs(value) <= 1e6
    if kind == "int32":
        return -_LARGEST_INT <= value < 0
    return 0 < value <= _LARGEST_INT and value & 0xFFFF != 0  # type: ignore[operator]  # an integer
