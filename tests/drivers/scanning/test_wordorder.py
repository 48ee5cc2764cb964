"""Registers side by side in every order: the right one is among the plausible."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus.codec import reorder
from drivers.scanning.wordorder import ORDERS, views

KINDS = {"float32": ">f", "uint32": ">I", "int32": ">i"}


@given(value=st.floats(2.0**-7, 2.0**17, width=32), order=st.sampled_from(ORDERS), negative=st.booleans())
def test_a_float_is_plausible_in_its_own_order(value: float, order: str, negative: bool) -> None:
    value = -value if negative else value
    high, low = struct.unpack(">HH", reorder(struct.pack(">f", value), order))
    (own,) = [each for each in views(high, low) if (each.order, each.kind) == (order, "float32")]
    assert own.value == value
    assert own.plausible


def test_every_order_and_type_once() -> None:
    found = views(0x41A2, 0x0000)
    assert len({(each.order, each.kind) for each in found}) == len(found) == 12
    plausible = {(each.order, each.kind): each.value for each in found if each.plausible}
    assert plausible[("ABCD", "float32")] == 20.25
    assert ("CDAB", "float32") not in plausible


@pytest.mark.parametrize(
    ("registers", "order", "kind", "value"),
    [
        ((0, 1234), "ABCD", "uint32", 1234),
        ((1234, 0), "CDAB", "uint32", 1234),
        ((0xFFFF, 0xFF9C), "ABCD", "int32", -100),
    ],
)
def test_whole_numbers(registers, order, kind, value) -> None:
    found = views(*registers)
    (own,) = [each for each in found if (each.order, each.kind) == (order, kind)]
    assert (own.value, own.plausible) == (value, True)
