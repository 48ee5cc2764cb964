"""The part of the configuration that says how readings are judged and what of them is sent."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from firmware_profiles.declared import Limits, Strict, Then, entry

_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_LONGEST_OFFSET_MIN = 14 * 60


def _rising(pair: tuple[float, float]) -> tuple[float, float]:
    if not pair[0] < pair[1]:
        raise ValueError("expected the lower number first")
    return pair


Positive = Annotated[float, Limits(gt=0)]
Hours = Annotated[float, Limits(gt=0, le=24 * 366)]
Span = Annotated[tuple[float, float], Then(_rising)]
Pair = Annotated[tuple[Positive, Positive], Then(_rising)]


def offset_min(text: str) -> int:
    """`+08:00` in minutes.

    Raises:
        ValueError: not of this form, or beyond 14 hours.
    """
    match = _OFFSET.fullmatch(text)
    minutes = int(match[2]) * 60 + int(match[3]) if match else _LONGEST_OFFSET_MIN + 1
    if match is None or minutes > _LONGEST_OFFSET_MIN or int(match[3]) >= 60:
        raise ValueError('expected an offset from UTC such as "+08:00"')
    return -minutes if match[1] == "-" else minutes


def _offset(text: str) -> str:
    offset_min(text)
    return text


Offset = Annotated[str, Then(_offset)]


class Judgement(Strict):
    """How every channel is judged; what holds for one of them stands under limits."""

    unusual: Literal["off", "few", "normal", "many"] = entry(
        default="normal", description="False alarms to put up with: a half, one or two a sensor and month"
    )
    slow: bool = entry(default=True, description="Watch for slow change, too, by likelihood")
    shapes: bool = entry(default=False, description="Watch shapes and sequences, too: three times the work")
    reread: bool = entry(default=True, description="Ask a gauge again whose value is doubted")


class Season(Strict):
    """What to expect in some months, some hours of the day, or both."""

    span: Span = entry(description="Lowest and highest value")
    months: tuple[int, int] | None = entry(default=None, description="First and last, 1 to 12; [11, 2] wraps")
    hours: tuple[int, int] | None = entry(default=None, description="First and last, 0 to 23; [22, 5] wraps")


class Attenuated(Strict):
    """A series that moves less than it ever does."""

    hours: Hours = entry(description="How far back its range is looked at")
    suspect: Positive | None = entry(default=None, description="A smaller range is suspect")
    fail: Positive | None = entry(default=None, description="A smaller range is bad")


class Neighbours(Strict):
    """Other channels of the same quantity that this one cannot be far from."""

    of: tuple[str, ...] = entry(min_length=1, description="Channels, DEVICE.CHANNEL")
    suspect: Positive = entry(description="Further from their median is suspect")
    fail: Positive | None = entry(default=None, description="Further is bad")


class Together(Strict):
    """Other channels that jump when this one truly does."""

    of: tuple[str, ...] = entry(min_length=1, description="Channels, DEVICE.CHANNEL")
    deviations: Positive = entry(default=2.0, description="A jump is more than so many standard deviations")
    floor: float = entry(default=0.0, ge=0, description="The least standard deviation here")


class ChannelLimits(Strict):
    """What one channel is judged by, in its own unit; what is left out is as the property table says."""

    sensor: Span | None = entry(default=None, description="What the instrument can report: bad outside")
    site: Span | None = entry(default=None, description="What can be true here: suspect outside")
    seasons: tuple[Season, ...] = entry(default=(), description="What to expect when: suspect outside")
    spike: Positive | Pair | None = entry(
        default=None, description="Stands out from both neighbours: suspect, or [suspect, bad]"
    )
    rate_per_min: Positive | None = entry(default=None, description="A faster change is suspect")
    rate_least: float | None = entry(default=None, ge=0, description="Smaller changes are never too fast")
    flat_h: Hours | tuple[Hours, Hours] | None = entry(
        default=None, description="No movement for so long: suspect, or [suspect, bad]"
    )
    resolution: Positive | None = entry(default=None, description="A range below this is no movement")
    attenuated: Attenuated | None = None
    gap_s: Positive | None = entry(default=None, description="A longer pause between values is a gap")
    sentinels: tuple[float, ...] | None = entry(default=None, description="Numbers that mean: no value")
    not_flat_at: float | None = entry(default=None, description="May stand still at or below this")
    not_flat_from: float | None = entry(default=None, description="May stand still at or above this")
    rollover: Positive | None = entry(default=None, description="Where a counter begins anew at 0")
    neighbours: Neighbours | None = None
    together: Together | None = None
    unusual: Literal["off", "few", "normal", "many"] | None = entry(
        default=None, description="As in [judgement], for this channel"
    )
    slow: bool | None = entry(default=None, description="As in [judgement], for this channel")
    shapes: bool | None = entry(default=None, description="As in [judgement], for this channel")
    reread: bool | None = entry(default=None, description="As in [judgement], for this channel")


class Report(Strict):
    """Send a channel only when it says something new."""

    deadband: float = entry(default=0.0, ge=0, description="In the channel's unit")
    percent: float = entry(default=0.0, ge=0, le=100, description="Of the last value sent")
    at_least_s: float = entry(default=600.0, gt=0, le=86400, description="Send it so often all the same")


class Windows(Strict):
    """Send a channel as aggregates by window."""

    window_s: int = entry(ge=10, le=86400, description="Length; it divides a day")
    raw: bool = entry(default=False, description="Send the readings themselves, too")

    def __post_init__(self) -> None:
        super().__post_init__()
        if 86400 % self.window_s:
            raise ValueError("window_s: expected a divisor of 86400, e.g. 60, 300, 600, 3600")
