"""The camera's clock, which every signed request must agree with, often within 5 s."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from drivers.cameras.onvif.envelope import Element, find, text

ClockSource = Literal["utc", "local", "none"]
"""Which reading a camera checks signatures by: its UTC, its local time taken for UTC, or none: our own."""

HALF_SECOND_MS = 500
"""A reading is cut to the whole second: on average half a second has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """What a camera said of its time, ms, when our monotonic clock stood at `at_s`.

    `zone` and `daylight` are its own words, `by_ntp` whether it is set by NTP.
    """

    at_s: float
    utc_ms: int | None = None
    local_ms: int | None = None
    by_ntp: bool = False
    daylight: bool = False
    zone: str = ""

    def time_ms(self, source: ClockSource) -> int | None:
        """What that clock of the camera shows now; None where it gave no such reading."""
        reading = {"utc": self.utc_ms, "local": self.local_ms, "none": None}[source]
        return None if reading is None else reading + round((time.monotonic() - self.at_s) * 1000)


def read_clock(answer: Element, at_s: float) -> ClockReading:
    """From a GetSystemDateAndTimeResponse; `at_s` is the middle of the request, monotonic."""
    said = find(answer, "SystemDateAndTime")
    return ClockReading(
        at_s=at_s,
        utc_ms=_time_ms(find(said, "UTCDateTime")),
        local_ms=_time_ms(find(said, "LocalDateTime")),
        by_ntp=text(said, "DateTimeType").upper() == "NTP",
        daylight=text(said, "DaylightSavings").lower() in ("true", "1"),
        zone=text(said, "TimeZone/TZ"),
    )


def _time_ms(element: Element | None) -> int | None:
    names = ("Date/Year", "Date/Month", "Date/Day", "Time/Hour", "Time/Minute", "Time/Second")
    try:
        year, month, day, hour, minute, second = (int(text(element, name)) for name in names)
        at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return round(at.timestamp() * 1000) + HALF_SECOND_MS
