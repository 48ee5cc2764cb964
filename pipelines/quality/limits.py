"""What one channel's values are judged by. Every part may be left out: what has no limit is not tested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from typing import Literal

Kind = Literal["instant", "interval", "counter"]
Form = Literal["differential", "average"]
Span = tuple[float, float]

KINDS = ("instant", "interval", "counter")
FORMS = ("differential", "average")


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """The values to expect in some months, in some hours of the day, or in both; all ends belong to it.

    `months` (1-12) and `hours` (0-23) are the first and the last, and may run over the end of the year or
    the day: (11, 2) is November to February. None is all.
    """

    span: Span
    months: tuple[int, int] | None = None
    hours: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        _check_span("climatology.span", self.span)
        _check_turn("climatology.months", self.months, 1, 12)
        _check_turn("climatology.hours", self.hours, 0, 23)

    def holds(self, month: int, hour: int) -> bool:
        """Whether this month and this hour of the day belong to it."""
        return _within(self.months, month) and _within(self.hours, hour)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one channel, in its unit; a value exactly on a limit is good.

    Raises:
        ValueError: a limit makes no sense by itself or beside another.
    """

    kind: Kind = "instant"
    """A counter only grows, but for a reset or a rollover; the rate is judged by that."""
    sentinels: tuple[float, ...] = ()
    """Numbers that stand for "no value", such as -9999 or 65535: bad by syntax."""
    gap_ms: int | None = None
    """Longest time between two values that is not a gap."""
    sensor: Span | None = None
    """What the instrument can report: bad outside."""
    site: Span | None = None
    """What can be true at this place: suspect outside."""
    climatology: tuple[Season, ...] = ()
    """What to expect in a season: suspect outside. Where several hold, the last one counts."""
    utc_offset_min: int = 0
    """Minutes that the site's clock is ahead of UTC, for months and hours; no summer time."""
    spike_suspect: float | None = None
    """A value that stands out from both its neighbours by more than this is suspect."""
    spike_fail: float | None = None
    """The same, bad."""
    spike_form: Form = "differential"
    """differential: the smaller of the two jumps, if they go opposite ways, so that a step is no spike.
    average: the distance from the mean of the two neighbours."""
    rate_suspect_per_s: float | None = None
    """A faster change, in units per second, is suspect."""
    rate_least: float = 0.0
    """A change that is no more than this is never too fast: gauges read each second have steps too."""
    rollover: float | None = None
    """Where a counter begins anew at 0."""
    flat_suspect_ms: int | None = None
    """Values that stay closer together than `flat_eps` for so long are suspect."""
    flat_fail_ms: int | None = None
    """The same, bad."""
    flat_eps: float | None = None
    """A range below this is no movement: the resolution, or a little more than it."""
    attenuated_window_ms: int | None = None
    """How far back the range of the values is looked at."""
    attenuated_suspect: float | None = None
    """A smaller range over the window is suspect."""
    attenuated_fail: float | None = None
    """The same, bad."""
    attenuated_min_n: int = 4
    """Fewer values in the window are not judged."""
    not_flat_at: float | None = None
    """Values at or below this may stand still for ever: no rain, no wind."""
    not_flat_from: float | None = None
    """Values at or above this may stand still for ever: air that is saturated."""

    def __post_init__(self) -> None:
        _check_choice("kind", self.kind, KINDS)
        _check_choice("spike_form", self.spike_form, FORMS)
        _check_span("sensor", self.sensor)
        _check_span("site", self.site)
        for key, limit in self._positive():
            if limit is not None and not (isfinite(limit) and limit > 0):
                raise ValueError(f"{key}: expected a number above 0, got {limit!r}")
        if not (isfinite(self.rate_least) and self.rate_least >= 0):
            raise ValueError(f"rate_least: expected 0 or more, got {self.rate_least!r}")
        for key in ("not_flat_at", "not_flat_from"):
            _check_finite(key, getattr(self, key))
        for sentinel in self.sentinels:
            _check_finite("sentinels", sentinel)
        self._check_pairs()

    def _positive(self) -> Iterator[tuple[str, float | None]]:
        for key in (
            "gap_ms", "spike_suspect", "spike_fail", "rate_suspect_per_s", "rollover", "flat_suspect_ms",
            "flat_fail_ms", "flat_eps", "attenuated_window_ms", "attenuated_suspect", "attenuated_fail",
            "attenuated_min_n",
        ):  # fmt: skip
            yield key, getattr(self, key)

    def _check_pairs(self) -> None:
        if self.sensor and self.site and not self.sensor[0] <= self.site[0] <= self.site[1] <= self.sensor[1]:
            raise ValueError(f"site: expected a span within sensor {self.sensor}, got {self.site}")
        _check_order("spike_suspect", self.spike_suspect, "spike_fail", self.spike_fail)
        _check_order("flat_suspect_ms", self.flat_suspect_ms, "flat_fail_ms", self.flat_fail_ms)
        _check_order("attenuated_fail", self.attenuated_fail, "attenuated_suspect", self.attenuated_suspect)
        if (self.flat_suspect_ms or self.flat_fail_ms) and self.flat_eps is None:
            raise ValueError("flat_eps: expected a number, the flat line needs it; got none")
        attenuated = self.attenuated_suspect is not None or self.attenuated_fail is not None
        if attenuated is not (self.attenuated_window_ms is not None):
            raise ValueError("attenuated_window_ms: expected together with attenuated_suspect or _fail only")
        if self.rollover is not None and self.kind != "counter":
            raise ValueError(f"rollover: expected with kind counter only, got kind {self.kind}")
        if self.not_flat_at is not None and self.not_flat_from is not None:
            _check_order("not_flat_at", self.not_flat_at, "not_flat_from", self.not_flat_from)
        if not -24 * 60 < self.utc_offset_min < 24 * 60:
            raise ValueError(f"utc_offset_min: expected less than a day, got {self.utc_offset_min}")

    @property
    def key(self) -> str:
        """Tells these limits from any others; 16 hex digits."""
        return blake2b(repr(self).encode(), digest_size=8).hexdigest()


def _within(turn: tuple[int, int] | None, number: int) -> bool:
    if turn is None:
        return True
    first, last = turn
    return first <= number <= last if first <= last else number >= first or number <= last


def _check_choice(key: str, got: str, choices: tuple[str, ...]) -> None:
    if got not in choices:
        raise ValueError(f"{key}: expected one of {', '.join(choices)}, got {got!r}")


def _check_finite(key: str, got: float | None) -> None:
    if got is not None and not isfinite(got):
        raise ValueError(f"{key}: expected a finite number, got {got!r}")


def _check_span(key: str, span: Span | None) -> None:
    if span is None:
        return
    if len(span) != 2 or not (isfinite(span[0]) and isfinite(span[1]) and span[0] < span[1]):
        raise ValueError(f"{key}: expected a lower and a higher number, got {span!r}")


def _check_turn(key: str, turn: tuple[int, int] | None, first: int, last: int) -> None:
    if turn is not None and not (len(turn) == 2 and all(first <= number <= last for number in turn)):
        raise ValueError(f"{key}: expected two numbers from {first} to {last}, got {turn!r}")


def _check_order(low_key: str, low: float | None, high_key: str, high: float | None) -> None:
    if low is not None and high is not None and not low < high:
        raise ValueError(f"{high_key}: expected more than {low_key} {low}, got {high}")
