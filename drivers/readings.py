"""The word that leaves every driver: Reading."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

Value = float | int | str | bool


class Quality(IntEnum):
    """QARTOD primary flag (IOOS QARTOD Data Flags manual, table 1)."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    BAD = 4
    MISSING = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One value of one channel of one device.

    `at_ms` is the wall time of the read in ms UTC; `seq` counts the device's samples since the daemon
    started, so that a hole in it is a loss. `value` is None exactly when quality is MISSING or the raw
    value was refused; `test` names the check that set the quality ("" when none did). The unit belongs
    to the channel's property (firmware_profiles/properties.toml), not to each value.
    """

    device: str
    channel: str
    value: Value | None
    quality: Quality
    test: str
    at_ms: int
    seq: int
