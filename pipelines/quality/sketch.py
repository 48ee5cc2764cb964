"""Quantiles of any number of values in little memory, without chance: counts by size, to one part in 32."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from math import frexp, ldexp

from pipelines.state import State

PARTS = 32
"""Bins in each doubling: a quantile is right to 1/32 of itself."""

OCTAVES = 40
"""Doublings above and below 1 that are told apart; beyond them all is the smallest, or the largest, bin."""


class Sizes:
    """How often which size came: numbers from 0, in bins of 1/32 of themselves; 0 has a bin of its own."""

    __slots__ = ("_bins", "n", "zeros")

    def __init__(self) -> None:
        self.n = 0
        self.zeros = 0
        self._bins: dict[int, int] = {}

    def add(self, size: float, count: int = 1) -> None:
        """Count a size of 0 or more."""
        self.n += count
        if size == 0:
            self.zeros += count
            return
        mantissa, octave = frexp(size)
        octave = max(-OCTAVES, min(OCTAVES, octave))
        at = octave * PARTS + int((mantissa - 0.5) * 2 * PARTS)
        self._bins[at] = self._bins.get(at, 0) + count

    def quantile(self, share: float) -> float:
        """A size that at least `share` of all do not exceed: the upper end of its bin, or 0."""
        wanted = share * self.n
        seen = self.zeros
        largest = 0.0
        for end, count in self.bins():
            if seen >= wanted:
                break
            seen, largest = seen + count, end
        return largest

    def above(self, size: float) -> int:
        """How many exceed `size`, but for those in its own bin."""
        return sum(count for end, count in self.bins() if end > size * (1 + 1 / PARTS))

    def bins(self) -> Iterator[tuple[float, int]]:
        """Upper end and count of each bin, the smallest first, without 0."""
        for at in sorted(self._bins):
            octave, part = divmod(at, PARTS)
            yield ldexp(0.5 + (part + 1) / (2 * PARTS), octave), self._bins[at]

    def state(self) -> State:
        keys = sorted(self._bins)
        return {
            "zeros": self.zeros,
            "bins": array("h", keys),
            "counts": array("Q", (self._bins[key] for key in keys)),
        }

    def restore(self, state: State) -> None:
        self.zeros = int(state["zeros"])
        self._bins = dict(zip(state["bins"], state["counts"], strict=True))
        self.n = self.zeros + sum(self._bins.values())


class Around:
    """Sizes on both sides of an origin, the first value: exact to 1/32 of the distance from it."""

    __slots__ = ("_above", "_below", "origin")

    def __init__(self) -> None:
        self.origin = 0.0
        self._below, self._above = Sizes(), Sizes()

    @property
    def n(self) -> int:
        """How many values came."""
        return self._below.n + self._above.n

    def add(self, value: float) -> None:
        """Count a value."""
        if not self.n:
            self.origin = value
        off = value - self.origin
        if off < 0:
            self._below.add(-off)
        else:
            self._above.add(off)

    def quantile(self, share: float) -> float:
        """A value that about `share` of all do not exceed."""
        rank = share * self.n
        if rank > self._below.n:
            return self.origin + self._above.quantile((rank - self._below.n) / self._above.n)
        return self.origin - self._below.quantile(1 - rank / self._below.n if self._below.n else 0.0)

    def outside(self, low: float, high: float) -> int:
        """How many are below `low` or above `high`, which lie on both sides of the origin."""
        return self._below.above(self.origin - low) + self._above.above(high - self.origin)

    def state(self) -> State:
        return {"origin": self.origin, "below": self._below.state(), "above": self._above.state()}

    def restore(self, state: State) -> None:
        self.origin = float(state["origin"])
        self._below.restore(state["below"])
        self._above.restore(state["above"])


class Fewest:
    """The `most` smallest of all distinct numbers, and how often each came.

    The largest, where the owner counts their negatives.
    """

    __slots__ = ("_most", "counts")

    def __init__(self, most: int) -> None:
        self._most = most
        self.counts: dict[float, int] = {}

    def add(self, number: float) -> None:
        """Count a number, if it is one of the smallest."""
        if number in self.counts:
            self.counts[number] += 1
            return
        self.counts[number] = 1
        if len(self.counts) > self._most:
            del self.counts[max(self.counts)]

    def number(self, rank: int) -> float | None:
        """The smallest but `rank`, equal numbers counted each; None where there are not so many."""
        for number, count in self.sorted():
            if rank < count:
                return number
            rank -= count
        return None

    def sorted(self) -> list[tuple[float, int]]:
        """The numbers and their counts, the smallest first."""
        return sorted(self.counts.items())

    def state(self) -> State:
        numbers, counts = zip(*self.sorted(), strict=True) if self.counts else ((), ())
        return {"numbers": array("d", numbers), "counts": array("Q", counts)}

    def restore(self, state: State) -> None:
        self.counts = dict(zip(state["numbers"], state["counts"], strict=True))
