"""One row for each window of a channel: what the values were, how many, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from drivers.readings import Quality
from pipelines.reduction.forms import Form, tally_of
from pipelines.state import State

DAY_MS = 86_400_000
INCOMPLETE = "incomplete"
"""The test that makes a window SUSPECT when too many of its readings are missing."""
MIXED = "mixed"
"""The test that makes a window SUSPECT when too few of its values are good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateSettings:
    """Windows of one channel. Raises ValueError for a setting that does not hold."""

    window_ms: int
    """Length; it divides a day, so that windows begin at the same times every day."""
    every_ms: int
    """How often the channel is read, for the count that is expected."""
    form: Form = Form.INSTANT
    """What a value means."""
    utc_offset_ms: int = 0
    """By how much local standard time is ahead of UTC: windows begin at multiples of their length there."""
    wraps_at: float | None = None
    """One above the greatest value of a counter that goes over to 0; None if it does not."""
    enough: float = 0.75
    """The least share of readings, and of good ones among them, for a window to be good."""

    def __post_init__(self) -> None:
        if self.window_ms < 1 or DAY_MS % self.window_ms:
            raise ValueError(f"window_ms: expected a part of {DAY_MS}, got {self.window_ms!r}")
        if not 1 <= self.every_ms <= self.window_ms:
            raise ValueError(f"every_ms: expected 1 to {self.window_ms}, got {self.every_ms!r}")
        if not abs(self.utc_offset_ms) <= DAY_MS:
            raise ValueError(f"utc_offset_ms: expected at most a day, got {self.utc_offset_ms!r}")
        if self.wraps_at is not None and not 0 < self.wraps_at < float("inf"):
            raise ValueError(f"wraps_at: expected a number above 0, got {self.wraps_at!r}")
        if not 0 < self.enough <= 1:
            raise ValueError(f"enough: expected a share above 0, got {self.enough!r}")


class Row(NamedTuple):
    """A window that has ended, `begin_ms` to `end_ms` (ms UTC).

    `expected` is how many readings it should have had; then how many there were of each flag. The figures are
    in the channel's unit and None where the form has none (`forms`). `last` is the last value that counts.
    """

    begin_ms: int
    end_ms: int
    expected: int
    good: int
    not_evaluated: int
    suspect: int
    bad: int
    missing: int
    min: float | None
    max: float | None
    mean: float | None
    last: float | None
    total: float | None
    quality: Quality
    test: str

    @property
    def values(self) -> int:
        """How many values the figures are made of."""
        return self.good + self.not_evaluated + self.suspect


class Aggregate:
    """Sums up one channel by windows.

    A window holds the readings from its begin to before its end; of amounts and counters, whose readings tell
    of the time before them, those after its begin and up to its end. BAD and missing values count as such but
    not in the figures, nor do numbers that are not finite or beyond all measure: these count as BAD.

    The flag of a window, the first that holds: MISSING without any reading or value; BAD if no value counts;
    SUSPECT, `incomplete`, if fewer than `enough` of the expected count; GOOD if `enough` of the readings are
    good; NOT_EVALUATED if that is so with those not evaluated; SUSPECT, `mixed`.

    A reading of a window that has ended is not counted but in `late`. A window without readings is told of
    if `tick` is called in the one after it; those that passed with no call at all are not.
    """

    __slots__ = (
        "_begin_ms",
        "_counts",
        "_end_ms",
        "_enough",
        "_expected",
        "_lag_ms",
        "_last",
        "_made_by",
        "_most",
        "_offset_ms",
        "_tally",
        "_window_ms",
        "late",
    )

    def __init__(self, settings: AggregateSettings) -> None:
        self.late = 0
        """Readings of windows that had ended."""
        self._made_by = repr(settings)
        self._window_ms = settings.window_ms
        self._offset_ms = settings.utc_offset_ms
        self._lag_ms = int(settings.form in (Form.INTERVAL, Form.COUNTER))
        self._enough = settings.enough
        self._expected = settings.window_ms // settings.every_ms
        self._tally = tally_of(settings.form, settings.wraps_at)
        self._most = self._tally.most
        # Nothing lies between these: the first call opens a window.
        self._begin_ms = self._end_ms = -(2**62)
        self._last: float | None = None
        self._counts = [0] * (Quality.MISSING + 1)

    def feed(self, at_ms: int, value: float | None, quality: Quality) -> Row | None:
        """Count a reading; the row of the window before it, if it is the first of another."""
        row = None
        if not self._begin_ms <= at_ms - self._lag_ms < self._end_ms:
            if at_ms - self._lag_ms < self._begin_ms:
                self.late += 1
                return None
            row = self._turn(at_ms)
        if value is None:
            quality = Quality.BAD if quality == Quality.BAD else Quality.MISSING
        elif not -self._most < value < self._most:
            quality = Quality.BAD
        elif quality in _COUNTS:
            self._last = number = float(value)
            self._tally.add(number, sure=quality != Quality.SUSPECT)
        self._counts[quality] += 1
        return row

    def tick(self, at_ms: int) -> Row | None:
        """Every reading up to `at_ms` has been fed: the row of the window that has ended, if one has."""
        return self._turn(at_ms) if at_ms - self._lag_ms >= self._end_ms else None

    def state(self) -> State:
        return {
            "made_by": self._made_by,
            "window": [self._begin_ms, self._end_ms, self._last, self.late],
            "counts": list(self._counts),
            "tally": self._tally.state(),
        }

    def restore(self, state: State) -> None:
        if state["made_by"] != self._made_by:
            raise ValueError(f"made_by: expected {self._made_by}, got {state['made_by']!r}")
        begin_ms, end_ms, last, late = state["window"]
        counts = [int(count) for count in state["counts"]]
        if len(counts) != len(self._counts):
            raise ValueError(f"counts: expected {len(self._counts)}, got {len(counts)}")
        self._tally.restore(state["tally"])
        self._begin_ms, self._end_ms, self._last, self.late = begin_ms, end_ms, last, late
        self._counts = counts

    def _turn(self, at_ms: int) -> Row | None:
        """Open the window of `at_ms`, and return the row of the one open before."""
        row = self._row() if self._begin_ms < self._end_ms else None
        number = (at_ms - self._lag_ms + self._offset_ms) // self._window_ms
        self._begin_ms = number * self._window_ms - self._offset_ms
        self._end_ms = self._begin_ms + self._window_ms
        return row

    def _row(self) -> Row:
        _, good, not_evaluated, suspect, bad, *_, missing = self._counts
        figures = self._tally.take()
        quality, test = self._judge(good, not_evaluated, suspect, bad)
        row = Row(
            begin_ms=self._begin_ms,
            end_ms=self._end_ms,
            expected=self._expected,
            good=good,
            not_evaluated=not_evaluated,
            suspect=suspect,
            bad=bad,
            missing=missing,
            min=figures.min,
            max=figures.max,
            mean=figures.mean,
            last=self._last,
            total=figures.total,
            quality=quality,
            test=test,
        )
        self._last = None
        self._counts = [0] * len(self._counts)
        return row

    def _judge(self, good: int, not_evaluated: int, suspect: int, bad: int) -> tuple[Quality, str]:
        count = good + not_evaluated + suspect
        if not count:
            return (Quality.BAD if bad else Quality.MISSING), ""
        if count < self._enough * self._expected:
            return Quality.SUSPECT, INCOMPLETE
        least = self._enough * (count + bad)
        if good >= least:
            return Quality.GOOD, ""
        if good + not_evaluated >= least:
            return Quality.NOT_EVALUATED, ""
        return Quality.SUSPECT, MIXED


_COUNTS = frozenset((Quality.GOOD, Quality.NOT_EVALUATED, Quality.SUSPECT))
