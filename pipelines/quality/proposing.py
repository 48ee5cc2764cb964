"""From what was seen of a channel to limits for it, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, floor, inf, log10
from typing import Any

from pipelines.quality.limits import Limits
from pipelines.quality.sketch import Around, Fewest, Sizes
from pipelines.quality.verdicts import Name

DAY_MS = 86_400_000
LEAST_N = 500
"""Fewer values teach nothing."""
LEAST_MS = 7 * DAY_MS
"""A shorter time teaches neither the site's span nor how long it stands still."""

SITE_SHARE, SITE_MARGIN = 0.001, 5.0
"""The site's span goes on beyond what was ordinary by so many times the ordinary span: there was no flood."""
SPIKE_SHARE, SPIKE_MARGIN = 0.998, 10.0
"""On the height that 1 in 500 values exceeds: fewer than those were true spikes."""
RATE_SHARE, RATE_MARGIN = 0.999, 6.0
PAUSE_SHARE, PAUSE_MARGIN = 0.99, 3.0
STILL_MARGIN, STILL_LEAST_MS = 3.0, 6 * 3_600_000
STILL_LEAST_N = 50
"""With fewer movements nobody knows how long it may stand still, such as a door's contact."""
RANGE_MARGIN = 0.1
"""A day that moves less than this part of the least ordinary day is suspect."""
KEPT = 16
"""Extremes that are remembered: of standstills the longest, of days those with the smallest range."""
THIRD = 2
"""The third of the extremes counts as ordinary; the two beyond it may be faults."""
SHARES = (0.001, 0.01, 0.05, 0.5, 0.95, 0.99, 0.999)


@dataclass(slots=True)
class Seen:
    """What is remembered of a channel's values."""

    values: Around = field(default_factory=Around)
    pauses: Sizes = field(default_factory=Sizes)
    """Between values, ms."""
    moves: Sizes = field(default_factory=Sizes)
    """Changes from one value to the next, without sign."""
    rates: Sizes = field(default_factory=Sizes)
    """The same, by second."""
    heights: Sizes = field(default_factory=Sizes)
    """Of each value over or under both its neighbours."""
    steps: Fewest = field(default_factory=lambda: Fewest(4 * KEPT))
    """The smallest changes that are not 0."""
    runs: Fewest = field(default_factory=lambda: Fewest(KEPT))
    """Negative durations of standstills, ms."""
    runs_at_0: Fewest = field(default_factory=lambda: Fewest(KEPT))
    """The same of those at 0."""
    days: Fewest = field(default_factory=lambda: Fewest(KEPT))
    """Ranges of days of which at least half was seen."""
    lowest: float = inf
    refused: int = 0
    first_ms: int = 0
    last_ms: int = 0

    @property
    def mean_pause_ms(self) -> float:
        """From one value to the next."""
        return (self.last_ms - self.first_ms) / max(1, self.pauses.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What was learned.

    `limits` are those that were given, with what was learned put in; `reasons` says of each limit, by its
    name, where it comes from or why there is none; `flagged` is how many of the values seen each test
    would have flagged, to about 1/32 of the limit; `quantiles` are of the values, by share; `refused` is
    how many were left out as bad by syntax or gross range.
    """

    limits: Limits
    n: int
    refused: int
    first_ms: int
    last_ms: int
    quantiles: Mapping[float, float]
    reasons: Mapping[str, str]
    flagged: Mapping[str, int]


def propose(given: Limits, seen: Seen) -> Proposal:
    """Limits that what was ordinary keeps within. What makes a value bad is never proposed."""
    lessons = _Lessons(given, seen)
    if seen.values.n < LEAST_N:
        lessons.reasons["n"] = f"{seen.values.n} values; {LEAST_N} are needed"
    else:
        lessons.learn()
    return Proposal(
        limits=replace(given, **lessons.found),
        n=seen.values.n,
        refused=seen.refused,
        first_ms=seen.first_ms,
        last_ms=seen.last_ms,
        quantiles={share: seen.values.quantile(share) for share in SHARES} if seen.values.n else {},
        reasons=lessons.reasons,
        flagged={str(name): n for name, n in lessons.flagged.items()},
    )


class _Lessons:
    def __init__(self, given: Limits, seen: Seen) -> None:
        self._given = given
        self._seen = seen
        self._step = _resolution(seen)
        self.found: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}
        self.flagged: dict[str, int] = {}

    def learn(self) -> None:
        self._gap()
        if self._given.kind == "interval":
            self.reasons["kind"] = "amounts of an interval neither spike nor stand still"
            return
        self._rate()
        if self._given.kind == "counter":
            self.reasons["kind"] = "a counter grows and stands still as it likes: gap and rate only"
            return
        self._spike()
        days = (self._seen.last_ms - self._seen.first_ms) / DAY_MS
        if days * DAY_MS < LEAST_MS:
            short = f"{days:.1f} days; {LEAST_MS // DAY_MS} are needed"
            self.reasons |= dict.fromkeys(("site", "flat_suspect_ms", "attenuated_suspect"), short)
            return
        self._site(days)
        self._flat()
        self._attenuated()

    def _gap(self) -> None:
        pauses = self._seen.pauses
        usual_ms = pauses.quantile(PAUSE_SHARE)
        gap_ms = 1000 * ceil(PAUSE_MARGIN * usual_ms / 1000)
        self._take(
            "gap_ms",
            gap_ms,
            f"{PAUSE_MARGIN:g} x {usual_ms / 1000:.3g} s, which 99 % of the pauses keep within",
        )
        self.flagged[Name.GAP] = pauses.above(gap_ms)

    def _rate(self) -> None:
        rates = self._seen.rates
        usual = rates.quantile(RATE_SHARE)
        least = _up(self._seen.moves.quantile(RATE_SHARE))
        if usual == 0 or self._too_wide(least):
            self.reasons["rate_suspect_per_s"] = "it hardly ever moves, or over all that can be"
            return
        rate = _up(RATE_MARGIN * usual)
        why = f"{RATE_MARGIN:g} x {usual:.3g} /s, which 99.9 % of the changes keep within"
        self._take("rate_suspect_per_s", rate, why)
        self._take("rate_least", least, "99.9 % of the changes are no larger")
        self.flagged[Name.RATE_OF_CHANGE] = rates.above(rate)

    def _spike(self) -> None:
        heights = self._seen.heights
        usual = max(heights.quantile(SPIKE_SHARE), self._step)
        height = _up(SPIKE_MARGIN * usual)
        if usual == 0 or self._too_wide(height):
            self.reasons["spike_suspect"] = "it hardly ever moves, or over all that can be"
            return
        why = f"{SPIKE_MARGIN:g} x {usual:.3g}, which 99.8 % of the values keep within"
        self._take("spike_suspect", height, why)
        self.found["spike_fail"] = None
        self.flagged[Name.SPIKE] = heights.above(height)

    def _site(self, days: float) -> None:
        values = self._seen.values
        low, high = values.quantile(SITE_SHARE), values.quantile(1 - SITE_SHARE)
        margin = SITE_MARGIN * max(high - low, self._step)
        if margin == 0:
            self.reasons["site"] = "it never moved"
            return
        digits = -floor(log10(margin))
        bottom, top = self._given.sensor or (-inf, inf)
        span = max(bottom, _down(low - margin, digits)), min(top, -_down(-high - margin, digits))
        why = f"{SITE_MARGIN:g} x the range {low:.4g} to {high:.4g} on both sides; {days:.0f} days were seen"
        self._take("site", span, why)
        self.flagged[Name.GROSS_RANGE] = values.outside(*span)

    def _flat(self) -> None:
        seen = self._seen
        usual_ms, at_0_ms = (-(runs.number(THIRD) or 0.0) for runs in (seen.runs, seen.runs_at_0))
        rests = seen.lowest >= 0 and at_0_ms > STILL_MARGIN * usual_ms
        if rests:
            self._take("not_flat_at", 0.0, f"it rests at 0 for up to {at_0_ms / 3.6e6:.1f} h")
        else:
            usual_ms = max(usual_ms, at_0_ms)
        moved = seen.moves.n - seen.moves.zeros
        if moved < STILL_LEAST_N:
            why = f"it moved {moved} times; {STILL_LEAST_N} are needed" if moved else "it never moved"
            self.reasons["flat_suspect_ms"] = why
            return
        still_ms = max(STILL_LEAST_MS, 60_000 * ceil(STILL_MARGIN * usual_ms / 60_000))
        why = f"{STILL_MARGIN:g} x {usual_ms / 3.6e6:.2g} h, the third longest standstill; 6 h at least"
        self._take("flat_suspect_ms", still_ms, why)
        self._take("flat_eps", self._step / 2, f"half of {self._step:.3g}, the smallest step it makes")
        self.found["flat_fail_ms"] = None
        longest = seen.runs.sorted() + ([] if rests else seen.runs_at_0.sorted())
        late_ms = sum(max(0.0, -run - still_ms) * n for run, n in longest)
        self.flagged[Name.FLAT_LINE] = round(late_ms / seen.mean_pause_ms)

    def _attenuated(self) -> None:
        days = self._seen.days
        usual = days.number(THIRD) or 0.0
        least = _up(RANGE_MARGIN * usual)
        if self.found.get("not_flat_at") is not None or least < 3 * self._step or least == 0:
            self.reasons["attenuated_suspect"] = "ordinary days move too little"
            return
        self._take("attenuated_window_ms", DAY_MS, "a day")
        why = f"{RANGE_MARGIN:g} of {usual:.3g}, the third smallest range of a day"
        self._take("attenuated_suspect", least, why)
        self.found["attenuated_fail"] = None
        weak = sum(n for width, n in days.sorted() if width < least)
        self.flagged[Name.ATTENUATED_SIGNAL] = round(weak * DAY_MS / self._seen.mean_pause_ms)

    def _take(self, key: str, limit: object, reason: str) -> None:
        self.found[key] = limit
        self.reasons[key] = reason

    def _too_wide(self, limit: float) -> bool:
        """Whether nothing the instrument can report would exceed it."""
        sensor = self._given.sensor
        return sensor is not None and limit >= sensor[1] - sensor[0]


def _resolution(seen: Seen) -> float:
    """The smallest step that came at least 3 times and in 1 of 1000 changes; 0 if it never moved."""
    steps = seen.steps.sorted()
    enough = max(3, (seen.moves.n - seen.moves.zeros) // 1000)
    return next((step for step, n in steps if n >= enough), steps[0][0] if steps else 0.0)


def _up(limit: float) -> float:
    """Two digits, rounded up."""
    if limit == 0:
        return 0.0
    return -_down(-limit, 1 - floor(log10(limit)))


def _down(limit: float, digits: int) -> float:
    """Rounded down to so many decimals, or, below 0, to tens, hundreds, ..."""
    rounded = round(limit, digits)
    return rounded if rounded <= limit else round(rounded - 10.0**-digits, digits)
