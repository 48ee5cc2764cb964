"""Jumps against the largest jump of an ordinary day: one measure for every sensor, at next to no cost."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite, log2
from statistics import median
from types import MappingProxyType

from pipelines.state import State

DAY_MS = 86_400_000
LARGEST = 1e300

THRESHOLDS: Mapping[float, float] = MappingProxyType({0.5: 2.72, 1.0: 1.95, 2.0: 1.23})
"""Score to alarm at, by the false alarms a sensor-month that rivers then give; see `bench/logan`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EverydaySettings:
    """What an ordinary day is, and how far falls count more than rises."""

    days: int = 120
    """Days that the usual is the median of; those on which nothing moved are left out."""
    jump_share: float = 0.6
    """Weight of a jump either way against the usual day's largest jump; the rest is for a fall against the
    usual day's largest fall. Nature rises at once and falls slowly; faults do as they please."""
    least: float = -3.0
    """Doublings: what a jump counts at least in each of the two, so what a rise counts among the falls."""
    gap_ms: int = 6 * 3_600_000
    """A difference over a longer gap is no jump."""
    floor: float = 0.0
    """The least usual jump, in the channel's unit: the sensor's resolution, where it is known."""

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError(f"days: expected at least 1, got {self.days}")
        if not 0 <= self.jump_share <= 1:
            raise ValueError(f"jump_share: expected 0 to 1, got {self.jump_share}")
        if not self.least <= 0:
            raise ValueError(f"least: expected at most 0, got {self.least}")
        if self.gap_ms < 1:
            raise ValueError(f"gap_ms: expected at least 1, got {self.gap_ms}")
        if not 0 <= self.floor < inf:
            raise ValueError(f"floor: expected 0 or more, got {self.floor}")


class Everyday:
    """The score is how many times a fall doubles the largest of an ordinary day; a rise has to be larger.

    With J and F the medians of the daily largest jump and fall (UTC days before this one), a jump of size s
    scores 0.6 log2(s/J) + 0.4 log2(s/F), the second term being -3 for a rise: a rise scores from 4 J on.
    Nothing is scored before a whole day in which something moved. A value that is not finite is passed over.
    5 KiB a series.
    """

    __slots__ = (
        "_at_ms", "_day", "_fall", "_falls", "_jump", "_jumps", "_last", "_quiet", "_settings",
        "_usual_fall", "_usual_jump",
    )  # fmt: skip

    def __init__(self, settings: EverydaySettings | None = None) -> None:
        self._settings = settings or EverydaySettings()
        self._jumps = array("d")
        """The largest jump of each day, oldest first; and the largest fall."""
        self._falls = array("d")
        self._day = -1
        self._jump = 0.0
        """Today's largest so far."""
        self._fall = 0.0
        self._last: float | None = None
        self._at_ms = 0
        self._look()

    @property
    def ready(self) -> bool:
        """Whether an ordinary day is known, so that there can be scores."""
        return self._usual_jump < inf

    def feed(self, at_ms: int, value: float) -> float:
        if not isfinite(value):
            return 0.0
        day = at_ms // DAY_MS
        if day != self._day:
            self._turn(day)
        last, before_ms = self._last, self._at_ms
        self._last, self._at_ms = value, at_ms
        if last is None or at_ms - before_ms > self._settings.gap_ms:
            return 0.0
        step = value - last
        size = step if step >= 0 else -step
        if size > self._jump:
            self._jump = size = min(size, LARGEST)
        if step < 0 and size > self._fall:
            self._fall = size
        return 0.0 if size <= self._quiet else self._score(step, size)

    def _score(self, step: float, size: float) -> float:
        least, share = self._settings.least, self._settings.jump_share
        jump = max(log2(size / self._usual_jump), least)
        fall = max(log2(size / self._usual_fall), least) if step < 0 else least
        return max(share * jump + (1.0 - share) * fall, 0.0)

    def _turn(self, day: int) -> None:
        for largest, kept in ((self._jump, self._jumps), (self._fall, self._falls)):
            if largest > 0:
                kept.append(largest)
                del kept[: -self._settings.days]
        self._day, self._jump, self._fall = day, 0.0, 0.0
        self._look()

    def _look(self) -> None:
        """Only what is over the lesser of the two usual sizes can score: each term is at most 0 elsewhere."""
        floor = self._settings.floor
        self._usual_jump = max(median(self._jumps), floor) if self._jumps else inf
        self._usual_fall = max(median(self._falls), floor) if self._falls else self._usual_jump
        self._quiet = min(self._usual_jump, self._usual_fall)

    def state(self) -> State:
        return {
            "days": self._settings.days,
            "jumps": self._jumps,
            "falls": self._falls,
            "day": self._day,
            "jump": self._jump,
            "fall": self._fall,
            "last": self._last,
            "at_ms": self._at_ms,
        }

    def restore(self, state: State) -> None:
        if state["days"] != self._settings.days:
            raise ValueError(f"days: expected {self._settings.days}, got {state['days']}")
        self._jumps, self._falls = array("d", state["jumps"]), array("d", state["falls"])
        self._day, self._jump, self._fall = int(state["day"]), float(state["jump"]), float(state["fall"])
        self._last, self._at_ms = state["last"], int(state["at_ms"])
        self._look()
