"""Faults of gauges, lines, clocks and power: what is read while one lasts, in place of the truth."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from typing import ClassVar

from bench.faults_truth import DAY_MIN, MINUTE_MS, T0_MS, Truth

HOUR_MS = 60 * MINUTE_MS
DAY_MS = DAY_MIN * MINUTE_MS
ASKED_AGAIN_MS = 5_000
"""The first re-read comes so long after the reading."""


class Fault:
    """One fault of one run. `read` is asked in the order of time, re-reads among it."""

    def __init__(self, subjects: tuple[str, ...], from_ms: int, hours: float) -> None:
        self.subjects = subjects
        """The channels whose values are wrong or missing."""
        self.from_ms = from_ms
        self.until_ms = from_ms + round(hours * HOUR_MS)
        self.grace_ms = 0
        """How long after its end it may still be noticed: a spike is known by its successor. What comes back
        from a long fault with a jump is noticed by that, but too late."""

    def read(self, subject: str, at_ms: int, value: float) -> float | None:
        """What is read where this is true; None when nothing is."""
        return self.spoil(subject, at_ms, value) if subject in self.subjects else value

    def spoil(self, subject: str, at_ms: int, value: float) -> float | None:  # noqa: ARG002  some need less
        return value

    def silences(self, device: str) -> bool:  # noqa: ARG002  most do not
        """Whether the device does not answer at all."""
        return False

    def stamp(self, true_ms: int) -> tuple[int, bool]:
        """What the gateway's clock shows, and whether it is trusted."""
        return true_ms, True


class Stuck(Fault):
    """The last value again and again; or a number that says nothing."""

    def __init__(
        self, subjects: tuple[str, ...], from_ms: int, hours: float, at: float | None = None
    ) -> None:
        super().__init__(subjects, from_ms, hours)
        self._held: dict[str, float] = {} if at is None else dict.fromkeys(subjects, at)

    def spoil(self, subject: str, at_ms: int, value: float) -> float:  # noqa: ARG002  time means nothing
        return self._held.setdefault(subject, value)


class Drift(Fault):
    """An error that grows by so much a day."""

    def __init__(
        self, subjects: tuple[str, ...], from_ms: int, hours: float, per_day: float, step: float
    ) -> None:
        super().__init__(subjects, from_ms, hours)
        self._per_day, self._step = per_day, step

    def spoil(self, subject: str, at_ms: int, value: float) -> float:  # noqa: ARG002  one error for all
        error = self._per_day * (at_ms - self.from_ms) / DAY_MS
        return round(round((value + error) / self._step) * self._step, 6)


class Spikes(Fault):
    """Single wrong readings, or bursts of some; they go up or down by chance."""

    def __init__(
        self, subjects: tuple[str, ...], from_ms: int, height: float, length: int, every_s: int
    ) -> None:
        super().__init__(subjects, from_ms, length * every_s / 3600)
        chance = random.Random(from_ms)
        self._errors = [height * chance.choice((-1, 1)) * chance.uniform(0.8, 1.2) for _ in range(length)]
        self._every_ms = every_s * 1000
        self.grace_ms = 3 * self._every_ms

    def spoil(self, subject: str, at_ms: int, value: float) -> float:  # noqa: ARG002  one error for all
        """A single spike is in one reading: when the gauge is asked again within the minute it is gone."""
        place, within = divmod(at_ms - self.from_ms, self._every_ms)
        stays = len(self._errors) > 1 or within < ASKED_AGAIN_MS
        return round(value + self._errors[place], 3) if stays else value


class Noisy(Fault):
    """Wild values among good ones, by chance, for hours: a loose wire, floating debris."""

    def __init__(
        self, subjects: tuple[str, ...], from_ms: int, hours: float, height: float, share: float
    ) -> None:
        super().__init__(subjects, from_ms, hours)
        self._height, self._share = height, share
        self._chance = random.Random(from_ms)

    def spoil(self, subject: str, at_ms: int, value: float) -> float:  # noqa: ARG002  chance alone
        if self._chance.random() >= self._share:
            return value
        return round(value + self._height * self._chance.uniform(-1, 1), 3)


class Missing(Fault):
    """Channels that are not given, or devices that do not answer; of these give all channels."""

    def __init__(
        self, subjects: tuple[str, ...], from_ms: int, hours: float, devices: tuple[str, ...] = ()
    ) -> None:
        super().__init__(subjects, from_ms, hours)
        self._devices = devices

    def spoil(self, subject: str, at_ms: int, value: float) -> None:  # noqa: ARG002  nothing comes
        return None

    def silences(self, device: str) -> bool:
        return device in self._devices


class Recoded(Fault):
    """The registers are put together in another way."""

    def __init__(
        self, subjects: tuple[str, ...], from_ms: int, hours: float, recode: Callable[[float], float]
    ) -> None:
        super().__init__(subjects, from_ms, hours)
        self._recode = recode

    def spoil(self, subject: str, at_ms: int, value: float) -> float:  # noqa: ARG002  the value alone
        return self._recode(value)


def words_of_float(value: float) -> float:
    """float32 with its words swapped."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return float(struct.unpack(">f", struct.pack(">HH", low, high))[0])


def words_of_integer(value: float) -> float:
    """uint32 of thousandths with its words swapped."""
    high, low = struct.unpack(">HH", struct.pack(">I", max(0, round(value * 1000))))
    return float(struct.unpack(">I", struct.pack(">HH", low, high))[0]) / 1000


def bytes_of_integer(scale: float) -> Callable[[float], float]:
    """int16 of so many parts of a unit with its bytes swapped."""

    def recode(value: float) -> float:
        raw = min(max(round(value * scale), -32768), 32767)
        return float(struct.unpack("<h", struct.pack(">h", raw))[0]) / scale

    return recode


def negated(value: float) -> float:
    return -value


def negated_over(datum: float) -> Callable[[float], float]:
    """The distance down taken for the level: it falls when the water rises."""
    return lambda value: round(2 * datum - value, 3)


class Offset(Fault):
    """Another gauge in its place, not set to the datum."""

    def __init__(self, subjects: tuple[str, ...], from_ms: int, hours: float, by: float) -> None:
        super().__init__(subjects, from_ms, hours)
        self._by = by

    def spoil(self, subject: str, at_ms: int, value: float) -> float:  # noqa: ARG002  one error for all
        return round(value + self._by, 6)


class Exchanged(Fault):
    """Two channels show each other's value."""

    def __init__(self, subjects: tuple[str, str], from_ms: int, hours: float, truth: Truth) -> None:
        super().__init__(subjects, from_ms, hours)
        ways = [subject.split(".", 1) for subject in subjects]
        first, second = (truth.signals[device][channel] for device, channel in ways)
        self._other = {subjects[0]: second, subjects[1]: first}

    def spoil(self, subject: str, at_ms: int, value: float) -> float:  # noqa: ARG002  it is the other's
        return self._other[subject].read(at_ms)


class Hung(Fault):
    """A float whose rope catches: it follows the water in one direction only, or not below a point."""

    def __init__(
        self, subjects: tuple[str, ...], from_ms: int, hours: float, how: str, floor: float = 0.0
    ) -> None:
        super().__init__(subjects, from_ms, hours)
        self._how, self._floor = how, floor
        self._reached: float | None = None

    def spoil(self, subject: str, at_ms: int, value: float) -> float:  # noqa: ARG002  it has no clock
        if self._how == "floor":
            return max(value, self._floor)
        best = max if self._how == "up" else min
        self._reached = value if self._reached is None else best(self._reached, value)
        return self._reached


class Silted(Fault):
    """Mud closes the inlet of a well: it follows late and little, and its bottom rises."""

    def __init__(  # noqa: PLR0917  as the others
        self, subjects: tuple[str, ...], from_ms: int, hours: float, lag_h: float, per_day: float, low: float
    ) -> None:
        super().__init__(subjects, from_ms, hours)
        self._lag_ms, self._per_day, self._low = lag_h * HOUR_MS, per_day, low
        self._well: float | None = None
        self._then_ms = from_ms

    def spoil(self, subject: str, at_ms: int, value: float) -> float:  # noqa: ARG002  one well
        if self._well is None:
            self._well = value
        closing = self._lag_ms * min(1.0, 0.1 + (at_ms - self.from_ms) / (3 * DAY_MS))
        self._well += (value - self._well) * -math.expm1(-(at_ms - self._then_ms) / closing)
        self._then_ms = at_ms
        bottom = self._low + self._per_day * (at_ms - self.from_ms) / DAY_MS
        return round(max(self._well, bottom), 3)


class Dry(Fault):
    """The sonde hangs in the air: it feels the air's warmth, and hardly anything of salt."""

    AIR: ClassVar = {"conductivity": 3.0, "dissolved_oxygen": 8.6, "turbidity": 0.4, "ph": 7.0}

    def __init__(self, subjects: tuple[str, ...], from_ms: int, hours: float) -> None:
        super().__init__(subjects, from_ms, hours)
        self._chance = random.Random(from_ms)

    def spoil(self, subject: str, at_ms: int, value: float) -> float:  # noqa: ARG002  it is in no water
        channel = subject.split(".", 1)[1]
        shiver = self._chance.gauss(0, 1)
        if channel == "water_temperature":
            hour = (at_ms - T0_MS) / HOUR_MS % 24
            return round(24 + 6 * math.cos((hour - 15) / 12 * math.pi) + 0.1 * shiver, 2)
        steady = self.AIR[channel]
        return round(max(0.0, steady + 0.02 * steady * shiver), 2)


class Sagging(Fault):
    """A battery that is no more charged, or loses its capacity: it falls by so much a day, most at night."""

    def __init__(self, subjects: tuple[str, ...], from_ms: int, hours: float, per_day: float) -> None:
        super().__init__(subjects, from_ms, hours)
        self._per_day = per_day

    def spoil(self, subject: str, at_ms: int, value: float) -> float:  # noqa: ARG002  one battery
        return round(max(0.0, min(value, 12.75) - self._per_day * (at_ms - self.from_ms) / DAY_MS), 2)


class Blocked(Fault):
    """A counter that does not count any more, and goes on from where it stood."""

    def __init__(self, subjects: tuple[str, ...], from_ms: int, hours: float, share: float) -> None:
        super().__init__(subjects, from_ms, hours)
        self._share, self._began = share, math.nan

    def spoil(self, subject: str, at_ms: int, value: float) -> float:  # noqa: ARG002  one counter
        if math.isnan(self._began):
            self._began = value
        return round(self._began + 0.2 * math.floor(self._share * (value - self._began) / 0.2 + 1e-6), 1)


class Clock(Fault):
    """The gateway's own clock is wrong; no value is."""

    def __init__(
        self, subjects: tuple[str, ...], from_ms: int, hours: float, by_ms: int, *, settled: bool = True
    ) -> None:
        super().__init__(subjects, from_ms, hours)
        self._by_ms, self._settled = by_ms, settled

    def stamp(self, true_ms: int) -> tuple[int, bool]:
        if not self.from_ms <= true_ms < self.until_ms:
            return true_ms, True
        return true_ms + self._by_ms, self._settled


class Lost(Clock):
    """The clock's battery is empty: after a boot it is 1971, until somebody tells the time."""

    def __init__(self, subjects: tuple[str, ...], from_ms: int, hours: float) -> None:
        super().__init__(subjects, from_ms, hours, 31_536_000_000 - from_ms, settled=False)
