"""Which requests read a set of points: blocks of adjacent registers, holes included where that is cheaper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from drivers.errors import BadConfig
from firmware_profiles.schema import ModbusSettings, RegisterPoint, Table

READ_FUNCTION: dict[Table, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


@dataclass(frozen=True, slots=True)
class Block:
    """One read request: `count` registers (or bits) of `table` from `address`, and the points inside."""

    table: Table
    address: int
    count: int
    points: tuple[RegisterPoint, ...]

    @property
    def function(self) -> int:
        """The function code that reads this table (1 to 4)."""
        return READ_FUNCTION[self.table]

    @property
    def has_holes(self) -> bool:
        """Whether it reads addresses no point asked for, which a device may refuse."""
        wanted = {address for p in self.points for address in range(p.address, p.address + p.words)}
        return len(wanted) < self.count


def plan_blocks(points: Iterable[RegisterPoint], settings: ModbusSettings) -> tuple[Block, ...]:
    """The fewest blocks with holes of at most `settings.hole` and the device's maximum per request.

    Raises:
        BadConfig: a single point is longer than the device's maximum.
    """
    ordered = sorted(points, key=lambda p: (p.table, p.address, p.words))
    blocks: list[Block] = []
    for table, group in groupby(ordered, key=lambda p: p.table):
        most = settings.max_bits if table in ("coil", "discrete") else settings.max_registers
        run: list[RegisterPoint] = []
        end = 0
        for point in group:
            if point.words > most:
                raise BadConfig(
                    f"{point.channel} takes {point.words} registers; the device gives at most {most}"
                )
            reach = max(end, point.address + point.words)
            if run and (point.address - end > settings.hole or reach - run[0].address > most):
                blocks.append(_block(table, run, end))
                run, reach = [], point.address + point.words
            run.append(point)
            end = reach
        blocks.append(_block(table, run, end))
    return tuple(blocks)


def split_block(block: Block) -> tuple[Block, ...]:
    """The same points without a register nobody asked for: for a device that refuses holes."""
    settings = ModbusSettings(hole=0, max_registers=125)
    return plan_blocks(block.points, settings)


def _block(table: Table, run: list[RegisterPoint], end: int) -> Block:
    return Block(table, run[0].address, end - run[0].address, tuple(run))
