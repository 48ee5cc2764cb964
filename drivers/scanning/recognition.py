"""Which instrument answers like this: each profile weighed by what the device said to its questions. Pure.

Weight is counted in bits: what an answer says against chance. A register that may hold 65,536 numbers, of
which 4,000 would be ordinary, is worth log2(65,536 / 4,000) = 4 bits when it holds an ordinary one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from drivers.modbus.codec import compile_block
from drivers.modbus.plan import Block, plan_blocks, split_block
from drivers.readings import Quality, Reading
from drivers.scanning.order import Ask
from drivers.simulation.scene import value_span
from firmware_profiles.points import LineSettings
from firmware_profiles.properties import property_of
from firmware_profiles.schema import ModbusInstrument, RegisterPoint
from firmware_profiles.typical import typical_of

Verdict = Literal["certain", "likely", "possible"]
Said = bytes | int | None
"""A block's data, an exception code, or silence."""

CERTAIN_BITS, LIKELY_BITS = 24.0, 9.0
LEAD_BITS = 8.0
"""By how much the certain one is ahead of any other profile with another map."""

MOST_BITS = 12.0
ZERO_BITS = 0.5
"""A register that is not used reads zero, too."""

IMPOSSIBLE_BITS = -12.0
UNUSUAL_BITS = -2.0
REFUSED_BITS = -20.0
FACTORY_BITS = 2.0
STRICT_BITS = 3.0
"""That a device refuses what it has not got makes each answered block say more."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one unit said, by question; `strict`: it refuses, or ignores, registers it has not got."""

    said: Mapping[Ask, Said]
    strict: bool


@dataclass(frozen=True, slots=True)
class Match:
    """A profile that may be this device's, why, and what it says then."""

    profile: str
    verdict: Verdict
    bits: float
    reasons: tuple[str, ...]
    readings: tuple[Reading, ...]


def blocks_of(instrument: ModbusInstrument) -> list[Block]:
    """The blocks of registers a profile reads, without those of bits: a scan asks functions 3 and 4 only."""
    blocks = plan_blocks(instrument.points, instrument.modbus)
    return [block for block in blocks if block.function in (3, 4)]


def ask_of(unit: int, block: Block) -> Ask:
    """The question for a block."""
    return Ask(unit, block.function, block.address, block.count)


def parts_of(block: Block) -> Sequence[Block]:
    """What to ask instead if the device refuses the holes of a block."""
    return split_block(block) if block.has_holes else ()


def recognise(
    unit: int, line: LineSettings | None, answers: Answers, profiles: Mapping[str, ModbusInstrument]
) -> list[Match]:
    """The profiles that fit, best first; of those with the same map each is named, and none is certain."""
    weighed = [_weigh(name, each, unit, line, answers) for name, each in profiles.items()]
    fitting = sorted((match for match in weighed if match.bits > 0), key=lambda match: -match.bits)
    return [_judged(match, fitting, profiles) for match in fitting]


def _judged(match: Match, all_of_them: Sequence[Match], profiles: Mapping[str, ModbusInstrument]) -> Match:
    others = [each for each in all_of_them if each is not match]
    lead = match.bits - max((each.bits for each in others), default=-math.inf)
    has_rival = any(each.bits >= match.bits for each in others)
    verdict: Verdict = "possible"
    if match.bits >= CERTAIN_BITS and lead >= LEAD_BITS:
        verdict = "certain"
    elif match.bits >= LIKELY_BITS and lead >= -LEAD_BITS / 2:
        verdict = "likely"
    reasons = match.reasons
    if has_rival and verdict != "possible":
        own = _map(profiles[match.profile])
        twins = [each.profile for each in others if _map(profiles[each.profile]) == own]
        reasons += (f"the same map as {', '.join(twins)}",) if twins else ()
    return Match(match.profile, verdict, match.bits, reasons, match.readings)


def _map(instrument: ModbusInstrument) -> list[tuple[str, str, int, str]]:
    return [(point.channel, point.table, point.address, point.type) for point in instrument.points]


def _weigh(
    name: str, instrument: ModbusInstrument, unit: int, line: LineSettings | None, answers: Answers
) -> Match:
    readings: list[Reading] = []
    weights: list[float] = []
    bits, refused = 0.0, 0
    blocks = blocks_of(instrument)
    points = {point.channel: point for point in instrument.points}
    for block in blocks:
        found = _read(unit, block, answers)
        if not found:
            refused += 1
            bits += REFUSED_BITS
        own = [weight(points[each.channel], each) for each in found]
        bits += sum(own) + (STRICT_BITS if answers.strict and sum(own) > 0 else 0)
        readings += found
        weights += own
    reasons = _reasons(len(blocks) - refused, len(blocks), readings, weights, answers)
    if bits > 0 and line in (None, instrument.line) and unit == instrument.modbus.unit:
        bits += FACTORY_BITS
        reasons.append("the factory's unit id" + (" and line" if line else ""))
    return Match(name, "possible", round(bits, 1), tuple(reasons), tuple(readings))


def _reasons(
    answered: int, asked: int, readings: Sequence[Reading], weights: Sequence[float], answers: Answers
) -> list[str]:
    whole = "all its registers answer" if answered == asked else f"{answered} of {asked} of its blocks answer"
    others = ", others are refused" if answers.strict else ", but so does any other"
    ordinary = [r for r, bits in zip(readings, weights, strict=True) if bits > ZERO_BITS]
    odd = [r for r, bits in zip(readings, weights, strict=True) if bits < 0]
    zero = len(readings) - len(ordinary) - len(odd)
    reasons = [whole + others] if readings else []
    if ordinary:
        several = f"{len(ordinary)} of {len(readings)} values are ordinary"
        reasons.append("its value is ordinary" if len(readings) == 1 else several)
    if zero and zero == len(readings):
        reasons.append("all of them are zero or not fitted")
    if odd:
        reasons.append(f"out of the ordinary: {', '.join(map(_named, odd[:3]))}")
    return reasons


def _named(reading: Reading) -> str:
    value = reading.value
    return f"{reading.channel} {value:.6g}" if isinstance(value, float) else f"{reading.channel} {value}"


def _read(unit: int, block: Block, answers: Answers) -> list[Reading]:
    """What the block, or its parts, decode to; empty if a part was refused or silent."""
    said = answers.said.get(ask_of(unit, block))
    if isinstance(said, bytes):
        return compile_block(block)(said)
    readings: list[Reading] = []
    for part in parts_of(block):
        said = answers.said.get(ask_of(unit, part))
        if not isinstance(said, bytes):
            return []
        readings += compile_block(part)(said)
    return readings


def weight(point: RegisterPoint, reading: Reading) -> float:
    """What one value says for the profile, in bits."""
    if reading.quality is Quality.MISSING:
        return 0.0
    value = reading.value
    if reading.quality is Quality.BAD or value is None:
        return IMPOSSIBLE_BITS
    if point.labels:
        raws = 2.0 if point.type == "bit" else 65536.0
        return (
            min(MOST_BITS, math.log2(raws / len(point.labels))) if value not in _first_label(point) else 1.0
        )
    if isinstance(value, str):
        return 2.0 if value.isprintable() and value else ZERO_BITS
    if isinstance(value, bool) or point.type in ("bit", "bitfield"):
        return ZERO_BITS
    return _number_weight(point, value)


def _first_label(point: RegisterPoint) -> tuple[str, ...]:
    """The label of raw 0, which says little."""
    return (point.labels[0],) if 0 in point.labels else ()


def _number_weight(point: RegisterPoint, value: float) -> float:
    known = property_of(point.channel)
    limits = known.limits or (-math.inf, math.inf)
    if not limits[0] <= value <= limits[1] or value in known.quality.sentinels:
        return IMPOSSIBLE_BITS
    ordinary = typical_of(point.channel)
    if not ordinary.low <= value <= ordinary.high:
        return UNUSUAL_BITS
    if value in (0, point.offset):
        return ZERO_BITS
    if point.type.startswith("float"):
        return _float_weight(value)
    low, high = value_span(point)
    share = (min(high, ordinary.high) - max(low, ordinary.low)) / (high - low)
    return min(MOST_BITS, -math.log2(max(share, 1e-9)))


def _float_weight(value: float) -> float:
    """Of all bit patterns few are numbers of an everyday size; a denormal is none."""
    return 8.0 if abs(value) >= 1e-6 else UNUSUAL_BITS
