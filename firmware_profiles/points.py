"""What every point has in common, whatever protocol carries it."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Annotated, Literal

from firmware_profiles.declared import Limits, Strict, Then
from firmware_profiles.properties import property_of

_CHANNEL = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_-]*)?")


def _known_channel(name: str) -> str:
    if not _CHANNEL.fullmatch(name):
        raise ValueError("write it as property or property.qualifier in lower case, e.g. voltage.l1")
    try:
        property_of(name)
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    return name


def _usable_scale(scale: float) -> float:
    if not 1e-12 <= abs(scale) <= 1e12:
        raise ValueError("expected 1e-12 to 1e12, or its negative; 0 would make every value the same")
    return scale


Channel = Annotated[str, Then(_known_channel)]
Scale = Annotated[float, Then(_usable_scale)]
Confirmed = Literal["captured", "documented", "single-source"]


class Point(Strict):
    """How a raw number becomes a value in the property's unit: value = raw * scale + offset.

    `absent` lists raw values that mean "no probe fitted" and give no value; `labels` turns a raw
    integer into text (an enumeration) and excludes scale and offset.
    """

    channel: Channel
    scale: Scale = 1.0
    offset: float = 0.0
    absent: tuple[float, ...] = ()
    labels: dict[int, str] = field(default_factory=dict)
    note: str = ""

    @property
    def is_numeric(self) -> bool:
        """Whether it gives numbers, which alone can be scaled."""
        return not self.labels

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.is_numeric and (self.scale, self.offset) != (1.0, 0.0):
            what = "labels exclude" if self.labels else "bits and strings are no numbers: remove"
            raise ValueError(f"{what} scale and offset")


class LineSettings(Strict):
    """Serial line: baud, data bits, parity (N, E or O) and stop bits."""

    baud: Annotated[int, Limits(ge=300, le=4_000_000)] = 9600
    data_bits: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1


class Timing(Strict):
    """How an instrument wants to be asked.

    `every_s` is the sensible sampling interval; `timeout_s` the longest wait for an answer; `gap_ms`
    extra silence it needs before a request, on top of the 3.5 characters of Modbus RTU; `warm_up_s`
    how long its values are not yet valid after the link first opens, or opens after a failure.
    """

    every_s: Annotated[float, Limits(gt=0, le=86400)] = 10.0
    timeout_s: Annotated[float, Limits(gt=0, le=60)] = 0.5
    gap_ms: Annotated[int, Limits(ge=0, le=1000)] = 0
    warm_up_s: Annotated[float, Limits(ge=0, le=3600)] = 0.0
