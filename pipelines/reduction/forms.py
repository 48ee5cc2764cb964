"""What can be said of the values of one window, by what kind of quantity they are."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple, Protocol

_MOST = 1e300
_MOST_DB = 1000.0
# A mean vector shorter than this has no direction: it is what rounding leaves of opposed ones.
_NO_DIRECTION = 1e-9


class Form(StrEnum):
    """What a value of the channel means."""

    INSTANT = "instant"
    """The quantity at that moment."""
    INTERVAL = "interval"
    """An amount since the reading before, such as rain."""
    COUNTER = "counter"
    """An amount since the counter began, such as energy."""
    DIRECTION = "direction"
    """An angle in deg."""
    LEVEL = "level"
    """A level in dB."""


class Figures(NamedTuple):
    """Figures of one window; None where the form has none, or no value came."""

    min: float | None = None
    max: float | None = None
    mean: float | None = None
    total: float | None = None


class Tally(Protocol):
    """Takes the values of a window; a value whose amount is not below `most` must not be given."""

    most: float

    def add(self, value: float, *, sure: bool) -> None:
        """One more value; it is not `sure` when its quality is SUSPECT."""
        ...

    def take(self) -> Figures:
        """The figures of the window, and begin the next."""
        ...

    def state(self) -> list[float | None]: ...
    def restore(self, state: list[float | None]) -> None: ...


class _Sum:
    """A sum that carries its rounding error along (Neumaier 1974)."""

    __slots__ = ("_error", "_sum")

    def __init__(self) -> None:
        self._sum = self._error = 0.0

    def add(self, value: float) -> None:
        before = self._sum
        after = before + value
        if abs(before) >= abs(value):
            self._error += before - after + value
        else:
            self._error += value - after + before
        self._sum = after

    def take(self) -> float:
        total = self._sum + self._error
        self._sum = self._error = 0.0
        return total

    def state(self) -> list[float | None]:
        return [self._sum, self._error]

    def restore(self, total: float, error: float) -> None:
        self._sum, self._error = total, error


class Instants:
    """Least, greatest and mean value."""

    __slots__ = ("_max", "_min", "_n", "_sum")
    most = _MOST

    def __init__(self) -> None:
        self._sum = _Sum()
        self._n = 0
        self._min, self._max = math.inf, -math.inf

    def add(self, value: float, *, sure: bool) -> None:  # noqa: ARG002  all count
        self._n += 1
        self._sum.add(value)
        self._min = min(value, self._min)
        self._max = max(value, self._max)

    def take(self) -> Figures:
        total, n, least, most = self._sum.take(), self._n, self._min, self._max
        self._n = 0
        self._min, self._max = math.inf, -math.inf
        return self._figures(total, n, least, most) if n else Figures()

    def _figures(self, total: float, n: int, least: float, most: float) -> Figures:
        return Figures(min=least, max=most, mean=min(max(total / n, least), most))

    def state(self) -> list[float | None]:
        return [self._n, self._min, self._max, *self._sum.state()]

    def restore(self, state: list[float | None]) -> None:
        n, least, most, total, error = _numbers(state, 5)
        self._n, self._min, self._max = int(n), least, most
        self._sum.restore(total, error)


class Amounts(Instants):
    """The sum as well."""

    __slots__ = ()

    def _figures(self, total: float, n: int, least: float, most: float) -> Figures:
        return super()._figures(total, n, least, most)._replace(total=total)


class Levels(Instants):
    """The mean is that of the energies: 10 lg of the mean of 10^(L/10) (IEC 61672-1, equivalent level)."""

    __slots__ = ("_energy",)
    most = _MOST_DB

    def __init__(self) -> None:
        super().__init__()
        self._energy = _Sum()

    def add(self, value: float, *, sure: bool) -> None:
        super().add(value, sure=sure)
        self._energy.add(10.0 ** (value / 10.0))

    def take(self) -> Figures:
        n, energy = self._n, self._energy.take()
        figures = super().take()
        if figures.min is None or figures.max is None:
            return figures
        return figures._replace(mean=min(max(10.0 * math.log10(energy / n), figures.min), figures.max))

    def state(self) -> list[float | None]:
        return [*super().state(), *self._energy.state()]

    def restore(self, state: list[float | None]) -> None:
        *_, total, error = _numbers(state, 7)
        super().restore(state[:5])
        self._energy.restore(total, error)


class Directions:
    """The direction of the mean vector, 0 to below 360 deg; None where the directions cancel out."""

    __slots__ = ("_east", "_n", "_north")
    most = _MOST

    def __init__(self) -> None:
        self._n = 0
        self._north, self._east = _Sum(), _Sum()

    def add(self, value: float, *, sure: bool) -> None:  # noqa: ARG002  all count
        angle = math.radians(value % 360.0)
        self._n += 1
        self._north.add(math.cos(angle))
        self._east.add(math.sin(angle))

    def take(self) -> Figures:
        north, east, n = self._north.take(), self._east.take(), self._n
        self._n = 0
        if math.hypot(north, east) <= n * _NO_DIRECTION:
            return Figures()
        mean = math.degrees(math.atan2(east, north)) % 360.0
        return Figures(mean=0.0 if mean == 360.0 else mean)

    def state(self) -> list[float | None]:
        return [self._n, *self._north.state(), *self._east.state()]

    def restore(self, state: list[float | None]) -> None:
        n, *sums = _numbers(state, 5)
        self._n = int(n)
        self._north.restore(*sums[:2])
        self._east.restore(*sums[2:])


class Counts:
    """What a counter went on by, from the last value of an earlier window to the last of this one.

    A value below the one before is a reset: the counter went on by that value at least. It is an overflow
    instead if the counter goes over at `wraps_at` and came less than a tenth of that further, so that a reset
    is seldom taken for one. A value that is not sure is passed over: the next that is includes what it had
    counted.
    """

    __slots__ = ("_last", "_n", "_sum", "_wraps_at")
    most = _MOST

    def __init__(self, wraps_at: float | None) -> None:
        self._wraps_at = wraps_at
        self._last: float | None = None
        self._n = 0
        self._sum = _Sum()

    def add(self, value: float, *, sure: bool) -> None:
        if not sure:
            return
        last, self._last = self._last, value
        if last is None:
            return
        step = value - last
        if step < 0:
            step = max(value, 0.0)
            if self._wraps_at is not None and 0 <= self._wraps_at - last + value < self._wraps_at / 10:
                step = self._wraps_at - last + value
        self._n += 1
        self._sum.add(step)

    def take(self) -> Figures:
        total, n = self._sum.take(), self._n
        self._n = 0
        return Figures(total=total) if n else Figures()

    def state(self) -> list[float | None]:
        return [self._last, self._n, *self._sum.state()]

    def restore(self, state: list[float | None]) -> None:
        last = state[0]
        n, total, error = _numbers(state[1:], 3)
        self._last, self._n = last, int(n)
        self._sum.restore(total, error)


def tally_of(form: Form, wraps_at: float | None) -> Tally:
    """A new tally for a channel of this form."""
    match form:
        case Form.INSTANT:
            return Instants()
        case Form.INTERVAL:
            return Amounts()
        case Form.COUNTER:
            return Counts(wraps_at)
        case Form.DIRECTION:
            return Directions()
    return Levels()


def _numbers(state: list[float | None], count: int) -> list[float]:
    """These values as numbers. Raises ValueError if there are not so many, TypeError if one is None."""
    if len(state) != count:
        raise ValueError(f"figures: expected {count} numbers, got {len(state)}")
    return [number + 0 for number in state]  # type: ignore[operator]
