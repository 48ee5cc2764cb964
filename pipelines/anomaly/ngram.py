"""How surprising the band a value lies in is, after the bands of the values before it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import astuple, dataclass
from math import log, sqrt

from pipelines.anomaly.ewma import LARGEST
from pipelines.state import State

BITS = 3
"""Of a symbol: eight of them."""

SYMBOLS = 1 << BITS


@dataclass(frozen=True, slots=True, kw_only=True)
class NgramSettings:
    """Constants of Ngram; the same for every channel but for its resolution."""

    order: int = 3
    """How many symbols before the newest are looked at, 1 to 4; memory grows eightfold with each."""
    weight: float = 0.002
    """Of the newest value in mean and variance, which say what its symbol is; above 0 and below 1."""
    cuts: tuple[float, ...] = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
    """Where one symbol ends and the next begins, in standard deviations from the mean; seven that grow."""
    most: int = 255
    """When a context has been seen so often, its counts are halved: the old is forgotten; 2 to 255."""
    warm_up: int = 50
    """Readings before the first score."""
    resolution: float = 0.0
    """The least standard deviation, in the channel's unit: what the gauge can tell apart, 0 if not known."""

    def __post_init__(self) -> None:
        if not 1 <= self.order <= 4:
            raise ValueError(f"order: expected 1 to 4, got {self.order}")
        if not 0 < self.weight < 1:
            raise ValueError(f"weight: expected a number between 0 and 1, got {self.weight}")
        if len(self.cuts) != SYMBOLS - 1 or list(self.cuts) != sorted(set(self.cuts)):
            raise ValueError(f"cuts: expected {SYMBOLS - 1} numbers that grow, got {self.cuts}")
        if not 2 <= self.most <= 255:
            raise ValueError(f"most: expected 2 to 255, got {self.most}")
        if self.warm_up < 2:
            raise ValueError(f"warm_up: expected at least 2, got {self.warm_up}")
        if not 0 <= self.resolution < LARGEST:
            raise ValueError(f"resolution: expected 0 or more, got {self.resolution}")


class Ngram:
    """-ln of the probability of a value's symbol after the symbols before it; a Detector.

    The probability after 0, 1, ... `order` symbols is the share seen there, with the probability after one
    symbol less counted as one more sighting. Counts are bytes: a table of 8 for each context of each length.
    """

    __slots__ = (
        "_context", "_counts", "_cuts", "_floor", "_made_by", "_mask", "_mean", "_most", "_n", "_starts",
        "_steady", "_totals", "_variance", "_warm_up", "_weight",
    )  # fmt: skip

    def __init__(self, settings: NgramSettings | None = None) -> None:
        settings = settings or NgramSettings()
        self._made_by = [*astuple(settings)[:2], list(settings.cuts), *astuple(settings)[3:]]
        self._weight = settings.weight
        self._steady = 1 / settings.weight
        self._cuts = settings.cuts
        self._most = settings.most
        self._warm_up = settings.warm_up
        self._floor = settings.resolution**2 + 1e-18
        lengths = [SYMBOLS**length for length in range(settings.order + 1)]
        self._starts = [(sum(lengths[:length]), size - 1) for length, size in enumerate(lengths)]
        """Of each length of context: where its contexts begin, and the mask that shortens one to it."""
        self._totals = array("B", bytes(sum(lengths)))
        self._counts = array("B", bytes(SYMBOLS * sum(lengths)))
        self._mask = lengths[-1] - 1
        self._context = 0
        self._n = 0
        self._mean = 0.0
        self._variance = 0.0

    def feed(self, at_ms: int, value: float) -> float:  # noqa: ARG002  a Detector's
        """0 while warming up."""
        if not -LARGEST < value < LARGEST:
            return 0.0
        symbol = self._symbol(value)
        context = self._context
        counts = self._counts
        totals = self._totals
        most = self._most
        chance = 1 / SYMBOLS
        for start, mask in self._starts:
            row = start + (context & mask)
            cell = (row << BITS) + symbol
            total = totals[row]
            count = counts[cell]
            chance = (count + chance) / (total + 1)
            if total < most:
                totals[row] = total + 1
                counts[cell] = count + 1
            else:
                self._halve(row, cell)
        self._context = (context << BITS | symbol) & self._mask
        return -log(chance) if self._n >= self._warm_up else 0.0

    def _symbol(self, value: float) -> int:
        mean = self._mean
        variance = self._variance
        off = value - mean
        symbol = bisect_right(self._cuts, off / sqrt(variance + 1e-12 * mean * mean + self._floor))
        n = self._n
        if n < self._steady:
            self._n = n = n + 1
            weight = 1 / n
        else:
            weight = self._weight
        step = weight * off
        self._mean = mean + step
        self._variance = (1 - weight) * (variance + step * off)
        return symbol

    def _halve(self, row: int, cell: int) -> None:
        begin = row << BITS
        halves = [count >> 1 for count in self._counts[begin : begin + SYMBOLS]]
        halves[cell - begin] += 1
        self._counts[begin : begin + SYMBOLS] = array("B", halves)
        self._totals[row] = sum(halves)

    def state(self) -> State:
        return {
            "made_by": self._made_by, "n": self._n, "mean": self._mean, "variance": self._variance,
            "context": self._context, "totals": self._totals[:], "counts": self._counts[:],
        }  # fmt: skip

    def restore(self, state: State) -> None:
        totals, counts, context = state["totals"], state["counts"], int(state["context"])
        if (
            state["made_by"] != self._made_by
            or (len(totals), len(counts)) != (len(self._totals), len(self._counts))
            or not 0 <= context <= self._mask
        ):
            raise ValueError(f"state: expected one made by {self._made_by}, got {state['made_by']}")
        self._n, self._mean, self._variance = state["n"], state["mean"], state["variance"]
        self._context, self._totals, self._counts = context, totals[:], counts[:]
