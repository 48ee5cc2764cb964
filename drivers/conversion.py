"""From a raw number to a value in the property's unit, compiled once per point."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from decimal import Decimal

from drivers.readings import Quality, Value
from firmware_profiles.points import Point

Raw = int | float | str | bool
Converted = tuple[Value | None, Quality, str]
Convert = Callable[[Raw], Converted]


def compile_conversion(point: Point, *, single_precision: bool = False) -> Convert:
    """A function raw -> (value, quality, test) for this point.

    A raw value listed as absent gives MISSING "not_installed"; NaN and infinity give BAD "not_finite"; an
    integer without a label gives BAD "unknown_label". Everything else is NOT_EVALUATED: judging is the
    pipelines' work. `single_precision` cuts the noise digits of a 32-bit float (7 significant).
    """
    absent = frozenset(point.absent)
    if single_precision:  # the device sends -9999.9 as -9999.900390625
        absent |= frozenset(map(_single, absent))
    linear = _linear(point.scale, point.offset)

    def convert(raw: Raw) -> Converted:
        if raw in absent:
            return None, Quality.MISSING, "not_installed"
        if isinstance(raw, float):
            if not math.isfinite(raw):
                return None, Quality.BAD, "not_finite"
            if single_precision:
                raw = float(f"{raw:.7g}")
        if linear is None or isinstance(raw, str):
            return raw, Quality.NOT_EVALUATED, ""
        value = linear(raw)
        return (
            (value, Quality.NOT_EVALUATED, "") if abs(value) < math.inf else (None, Quality.BAD, "not_finite")
        )

    def label(raw: Raw) -> Converted:
        if raw in absent:
            return None, Quality.MISSING, "not_installed"
        text = point.labels.get(int(raw))
        return (None, Quality.BAD, "unknown_label") if text is None else (text, Quality.NOT_EVALUATED, "")

    return label if point.labels else convert


def _single(number: float) -> float:
    """The nearest 32-bit float; a number beyond their range stays itself."""
    try:
        (nearest,) = struct.unpack("f", struct.pack("f", number))
    except OverflowError:
        return number
    return float(nearest)


def _linear(scale: float, offset: float) -> Callable[[float], float] | None:
    """Raw * scale + offset without the noise of binary fractions: 246 at 0.1 is 24.6."""
    if scale == 1.0 and offset == 0.0:
        return None
    places = max(_decimals(scale), _decimals(offset))
    reciprocal = round(1 / scale) if scale else 0
    if offset == 0.0 and reciprocal and math.isclose(reciprocal * scale, 1.0, rel_tol=1e-12):
        return lambda raw: raw / reciprocal
    return lambda raw: round(raw * scale + offset, places) if isinstance(raw, int) else raw * scale + offset


def _decimals(number: float) -> int:
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
