"""The words that leave every driver: Reading and Sample."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

Value = float | int | str | bool


class Quality(IntEnum):
    """QARTOD primary flag (IOOS QARTOD Data Flags manual, table 1)."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    BAD = 4
    MISSING = 9


class Reading(NamedTuple):
    """One value of one channel; `test` names the check that set the quality, "" when none did.

    `value` is None exactly when nothing was read (MISSING) or the raw number was refused (BAD). The unit
    belongs to the channel's property (firmware_profiles/properties.toml), not to each value. A tuple, because
    thousands are made each second and a frozen dataclass takes twice as long to make.
    """

    channel: str
    value: Value | None
    quality: Quality = Quality.NOT_EVALUATED
    test: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything one device said at one instant.

    `at_ms` is the wall time of the answer in ms UTC, `settled` whether the clock was trusted then; `seq`
    counts the device's samples from 1 since the daemon started, so that a hole in it is a loss.
    """

    device: str
    at_ms: int
    settled: bool
    seq: int
    readings: tuple[Reading, ...]
