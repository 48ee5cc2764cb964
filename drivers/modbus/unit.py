"""One Modbus device on a bus."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from drivers.endpoints import Framing
from drivers.errors import DriverError, Garbled, LinkClosed, LinkTimeout, Refused
from drivers.links import Link
from drivers.modbus.codec import Decode, compile_block, encode_value
from drivers.modbus.plan import Block, plan_blocks, split_block
from drivers.modbus.transaction import longest_s, transact
from drivers.readings import Quality, Reading, Value
from firmware_profiles.points import Timing
from firmware_profiles.schema import ModbusSettings, RegisterPoint

ILLEGAL_DATA_ADDRESS = 2
_WRITE_COIL, _WRITE_REGISTER, _WRITE_COILS, _WRITE_REGISTERS = 5, 6, 15, 16


@dataclass(frozen=True, slots=True)
class _Request:
    block: Block
    pdu: bytes
    size: int
    decode: Decode


@dataclass(slots=True, kw_only=True)
class ModbusUnit:
    """A unit id on a Modbus link and the points to read from it. Implements drivers.protocol.Unit."""

    device: str
    unit: int
    framing: Framing
    points: tuple[RegisterPoint, ...]
    settings: ModbusSettings
    timing: Timing
    channels: tuple[str, ...] = field(init=False)
    """Channel names in the order of the profile, which is the order of the readings."""
    _requests: list[_Request] = field(init=False)

    def __post_init__(self) -> None:
        self.channels = tuple(point.channel for point in self.points)
        self._requests = [_request(block) for block in plan_blocks(self.points, self.settings)]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The read requests as planned, or as learnt from the device's refusals."""
        return tuple(request.block for request in self._requests)

    async def read(self, link: Link) -> Sequence[Reading]:
        """One reading a point. A block the device refuses is MISSING; after a silence the rest is not asked.

        Raises:
            DriverError: no block could be read; the first block's error.
        """
        found: dict[str, Reading] = {}
        failure: DriverError | None = None
        pending = list(self._requests)
        while pending:
            request = pending.pop(0)
            try:
                readings = request.decode(await self._ask(link, request))
            except Refused as error:
                if error.code == ILLEGAL_DATA_ADDRESS and request.block.has_holes:
                    pending[:0] = self._split(request)
                    continue
                failure = failure or error
                readings = _missing(request.block, f"exception_{error.code}")
            except (LinkTimeout, Garbled) as error:
                if not any(reading.quality != Quality.MISSING for reading in found.values()):
                    raise
                failure = error
                readings = [r for lost in (request, *pending) for r in _missing(lost.block, error.reason)]
                pending.clear()
            found.update((reading.channel, reading) for reading in readings)
        if failure and all(reading.test.startswith("exception_") for reading in found.values()):
            raise failure
        return [found[channel] for channel in self.channels]

    async def probe(self, link: Link) -> None:
        """Reads the first point alone; an exception answer also shows that the device is there.

        Raises:
            DriverError: no valid answer.
        """
        first = self._requests[0].block.points[0]
        block = Block(first.table, first.address, first.words, (first,))
        try:
            await self._ask(link, _request(block), retry=False)
        except Refused:
            return

    def longest_s(self, char_s: float) -> float:
        """More than a probe and a read together can take: requests are asked twice, blocks may split."""
        blocks = [request.block for request in self._requests]
        requests = 1 + sum(1 + len(block.points) if block.has_holes else 1 for block in blocks)
        return 2 * requests * longest_s(char_s, self.timing.timeout_s, self.timing.gap_ms / 1000)

    async def write(self, link: Link, channel: str, value: Value) -> None:
        """Write one point: function 5 or 6 for one bit or register, 15 or 16 for more.

        Raises:
            ValueError: no such writable channel, or the value does not fit.
            DriverError: the device did not confirm.
        """
        point = next((p for p in self.points if p.channel == channel and p.writable), None)
        if point is None:
            raise ValueError(f"{self.device} has no writable channel {channel!r}")
        await self.write_raw(link, point.table, point.address, encode_value(point, value))

    async def write_raw(
        self, link: Link, table: str, address: int, values: Sequence[int], *, multiple: bool = False
    ) -> None:
        """Write registers or bits from `address`; `multiple` uses function 15 or 16 even for one.

        Raises:
            Garbled: the confirmation names another address, value or count.
            DriverError: the device did not confirm.
        """
        pdu = _write_pdu(table, address, values, multiple=multiple)
        answer = await self._transact(link, pdu)
        if answer != pdu[1:5]:
            raise Garbled(
                f"unit {self.unit} confirmed {answer.hex(' ')}, expected {pdu[1:5].hex(' ')}", answer
            )

    async def _ask(self, link: Link, request: _Request, *, retry: bool = True) -> bytes:
        """The block's data bytes; one retry for a garbled frame, or a silence the interval can afford."""
        try:
            return self._payload(request, await self._transact(link, request.pdu))
        except LinkClosed:
            raise
        except (LinkTimeout, Garbled) as error:
            # A silent unit may cost the bus at most a tenth of its interval.
            affordable = isinstance(error, Garbled) or self.timing.timeout_s * 10 <= self.timing.every_s
            if not (retry and affordable):
                raise
        return self._payload(request, await self._transact(link, request.pdu))

    async def _transact(self, link: Link, pdu: bytes) -> bytes:
        timing = self.timing
        return await transact(
            link, self.framing, self.unit, pdu, timeout_s=timing.timeout_s, gap_s=timing.gap_ms / 1000
        )

    def _payload(self, request: _Request, answer: bytes) -> bytes:
        if not answer or answer[0] != request.size or len(answer) != request.size + 1:
            raise Garbled(
                f"unit {self.unit} answered {len(answer) - 1} data bytes for {request.block.count}"
                f" of {request.block.table}, expected {request.size}",
                answer,
            )
        return answer[1:]

    def _split(self, refused: _Request) -> list[_Request]:
        """The block without holes from now on: this device does not answer for registers it has not got."""
        parts = [_request(block) for block in split_block(refused.block)]
        at = self._requests.index(refused)
        self._requests[at : at + 1] = parts
        return parts


def _request(block: Block) -> _Request:
    size = (block.count + 7) // 8 if block.table in ("coil", "discrete") else 2 * block.count
    return _Request(
        block, struct.pack(">BHH", block.function, block.address, block.count), size, compile_block(block)
    )


def _missing(block: Block, test: str) -> list[Reading]:
    return [Reading(point.channel, None, Quality.MISSING, test) for point in block.points]


def _write_pdu(table: str, address: int, values: Sequence[int], *, multiple: bool) -> bytes:
    count = len(values)
    if table == "coil":
        if count == 1 and not multiple:
            return struct.pack(">BHH", _WRITE_COIL, address, 0xFF00 if values[0] else 0)
        bits = sum(bool(value) << i for i, value in enumerate(values)).to_bytes((count + 7) // 8, "little")
        return struct.pack(">BHHB", _WRITE_COILS, address, count, len(bits)) + bits
    if count == 1 and not multiple:
        return struct.pack(">BHH", _WRITE_REGISTER, address, values[0])
    return struct.pack(f">BHHB{count}H", _WRITE_REGISTERS, address, count, 2 * count, *values)
