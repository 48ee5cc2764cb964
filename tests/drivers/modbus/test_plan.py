"""Which requests read a set of points."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BadConfig
from drivers.modbus.plan import plan_blocks, split_block
from firmware_profiles.schema import WORDS, ModbusSettings, RegisterPoint


def registers(*addresses: int, **keys) -> list[RegisterPoint]:
    return [RegisterPoint(channel=f"raw.r{a}", address=a, **keys) for a in addresses]


def spans(points, **settings) -> list[tuple[int, int]]:
    return [(b.address, b.count) for b in plan_blocks(points, ModbusSettings(**settings))]


def test_32_adjacent_registers_are_one_request():
    assert spans(registers(*range(100, 132))) == [(100, 32)]


def test_a_hole_is_read_along_up_to_the_allowed_size():
    assert spans(registers(0, 9), hole=8) == [(0, 10)]
    assert spans(registers(0, 10), hole=8) == [(0, 1), (10, 1)]
    assert spans(registers(0, 1, 3), hole=0) == [(0, 2), (3, 1)]


def test_the_devices_maximum_splits_a_run():
    assert spans(registers(*range(40)), max_registers=16) == [(0, 16), (16, 16), (32, 8)]


def test_a_wide_value_is_never_cut_by_the_maximum():
    assert spans(registers(0, 2, 4, type="uint32"), max_registers=5) == [(0, 4), (4, 2)]


def test_tables_are_read_apart():
    points = [*registers(0), RegisterPoint(channel="raw.i", address=0, table="input")]
    assert [b.function for b in plan_blocks(points, ModbusSettings())] == [3, 4]


def test_a_point_longer_than_the_device_gives_is_a_configuration_error():
    with pytest.raises(BadConfig, match=r"raw\.r0 takes 4 registers; the device gives at most 3"):
        plan_blocks(registers(0, type="float64"), ModbusSettings(max_registers=3))


def test_a_refused_hole_is_split_away():
    (block,) = plan_blocks(registers(0, 1, 5), ModbusSettings())
    assert block.has_holes
    assert [(b.address, b.count, b.has_holes) for b in split_block(block)] == [(0, 2, False), (5, 1, False)]


@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.sampled_from(sorted(set(WORDS) - {"string"}))),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 20),
    st.integers(4, 125),
)
def test_every_point_lies_whole_in_exactly_one_block(chosen, hole, most):
    points = [RegisterPoint(channel=f"raw.r{i}", address=a, type=t) for i, (a, t) in enumerate(chosen)]
    blocks = plan_blocks(points, ModbusSettings(hole=hole, max_registers=most))
    placed = [p for block in blocks for p in block.points]
    assert sorted(p.channel for p in placed) == sorted(p.channel for p in points)
    for block in blocks:
        assert block.count <= most
        wanted = {a for p in block.points for a in range(p.address, p.address + p.words)}
        assert min(wanted) == block.address
        assert max(wanted) == block.address + block.count - 1
        gaps = sorted(wanted)
        assert all(b - a - 1 <= hole for a, b in itertools.pairwise(gaps))
