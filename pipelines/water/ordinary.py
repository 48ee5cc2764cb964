"""What a site's rises usually are at most, learned as they come."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.state import State

_STEP_M = 0.005
_BINS = 500
_ENOUGH = 2016
_FORGET_AT = 210_240


class Ordinary:
    """The 99.9 % quantile of rises, from counts in steps of 5 mm up to 2.5 m.

    Known after 2016 of them, a week of one in 5 minutes; at 210240, two years, all counts are halved.
    """

    __slots__ = ("_counts", "_n")

    def __init__(self) -> None:
        self._counts = array("I", bytes(4 * _BINS))
        self._n = 0

    def add(self, rise: float) -> None:
        """A fall counts as no rise."""
        self._counts[min(max(int(rise / _STEP_M), 0), _BINS - 1)] += 1
        self._n += 1
        if self._n >= _FORGET_AT:
            self._counts = array("I", [count // 2 for count in self._counts])
            self._n = sum(self._counts)

    def most(self) -> float | None:
        """The upper edge of the step the quantile lies in, m; None while too little is known."""
        if self._n < _ENOUGH:
            return None
        beyond = 0
        for step in range(_BINS - 1, -1, -1):
            beyond += self._counts[step]
            if beyond * 1000 > self._n:
                return (step + 1) * _STEP_M
        return _STEP_M

    def state(self) -> State:
        return {"counts": array("I", self._counts), "n": self._n}

    def restore(self, state: State) -> None:
        if len(state["counts"]) != _BINS:
            raise ValueError("the stored rises have other steps")
        self._counts, self._n = state["counts"], int(state["n"])
