"""How many pictures and bytes a camera may send. Pure but for the clocks it is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipelines.state import State

HOUR_S, DAY_S = 3600.0, 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What may be sent in one span; None is no limit."""

    frames: int | None = None
    octets: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowances:
    """Those of an hour and of a day; the share `reserved` of each is for pictures of events alone."""

    hour: Allowance = field(default_factory=Allowance)
    day: Allowance = field(default_factory=Allowance)
    reserved: float = 0.25


@dataclass(slots=True)
class _Meter:
    """One span, counted from its first picture."""

    name: str
    length_s: float
    allowance: Allowance
    reserved: float
    began_s: float | None = None
    frames: int = 0
    octets: int = 0
    scheduled_frames: int = 0
    scheduled_octets: int = 0

    def look(self, at_s: float) -> None:
        if self.began_s is not None and at_s - self.began_s >= self.length_s:
            self.began_s = None
            self.frames = self.octets = self.scheduled_frames = self.scheduled_octets = 0

    def left_s(self, at_s: float) -> float:
        return self.length_s if self.began_s is None else self.began_s + self.length_s - at_s

    def free(self, *, event: bool) -> tuple[float, float]:
        """Pictures and bytes that may still be sent."""
        frames = _free(self.allowance.frames, self.frames, self.scheduled_frames, self._share(event))
        octets = _free(self.allowance.octets, self.octets, self.scheduled_octets, self._share(event))
        return frames, octets

    def spend(self, octets: int, at_s: float, *, event: bool) -> None:
        if self.began_s is None:
            self.began_s = at_s
        self.frames += 1
        self.octets += octets
        if not event:
            self.scheduled_frames += 1
            self.scheduled_octets += octets

    def _share(self, event: bool) -> float:
        return 0.0 if event else self.reserved


class Budget:
    """Ask `refusal` before a picture is sent, and `spend` when it is.

    Hours and days are counted by `monotonic` from the first picture in them, so that a clock set to and fro
    neither grants nor takes anything; over a restart, which `now` (ms UTC) measures, time that seems to
    have run backwards counts as none.
    """

    def __init__(
        self, allowances: Allowances, now: Callable[[], int], monotonic: Callable[[], float]
    ) -> None:
        self._now = now
        self._monotonic = monotonic
        self._meters = (
            _Meter("hour", HOUR_S, allowances.hour, allowances.reserved),
            _Meter("day", DAY_S, allowances.day, allowances.reserved),
        )
        self.refused = 0
        """Scheduled pictures that were not to be sent."""
        self.refused_events = 0

    def refusal(self, octets: int = 0, *, event: bool = False) -> str | None:
        """Why a picture of this size may not be sent now, or None; a refusal is counted."""
        for meter in self._looked():
            frames, free = meter.free(event=event)
            if frames < 1 or octets > free or free < 1:
                self.refused += not event
                self.refused_events += event
                return self._reason(meter, frames)
        return None

    def room(self, *, event: bool = False) -> float:
        """Bytes that the next picture may have at most, infinite where there is no limit."""
        return min(meter.free(event=event)[1] for meter in self._looked())

    def spend(self, octets: int, *, event: bool = False) -> None:
        """A picture of this size was sent."""
        at_s = self._monotonic()
        for meter in self._looked():
            meter.spend(octets, at_s, event=event)

    def spent(self) -> dict[str, tuple[int, int]]:
        """Pictures and bytes of this "hour" and this "day"."""
        return {meter.name: (meter.frames, meter.octets) for meter in self._looked()}

    def state(self) -> State:
        at_s = self._monotonic()
        meters = {
            meter.name: {
                "elapsed_s": None if meter.began_s is None else at_s - meter.began_s,
                "all": [meter.frames, meter.octets],
                "scheduled": [meter.scheduled_frames, meter.scheduled_octets],
            }
            for meter in self._looked()
        }
        return {"at_ms": self._now(), "refused": [self.refused, self.refused_events], "meters": meters}

    def restore(self, state: State) -> None:
        away_s = max(0, self._now() - int(state["at_ms"])) / 1000
        at_s = self._monotonic()
        counts = [(each, self._count(state["meters"][each.name])) for each in self._meters]
        self.refused, self.refused_events = map(int, state["refused"])
        for meter, (elapsed_s, numbers) in counts:
            meter.began_s = None if elapsed_s is None else at_s - elapsed_s - away_s
            meter.frames, meter.octets, meter.scheduled_frames, meter.scheduled_octets = numbers

    @staticmethod
    def _count(kept: State) -> tuple[float | None, list[int]]:
        elapsed_s = None if kept["elapsed_s"] is None else max(0.0, float(kept["elapsed_s"]))
        numbers = [int(number) for number in (*kept["all"], *kept["scheduled"])]
        if len(numbers) != 4 or min(numbers) < 0:
            raise ValueError("not the state of a budget")
        return elapsed_s, numbers

    def _looked(self) -> Iterator[_Meter]:
        at_s = self._monotonic()
        for meter in self._meters:
            meter.look(at_s)
            yield meter

    def _reason(self, meter: _Meter, frames: float) -> str:
        what = "pictures" if frames < 1 else "bytes"
        minutes = math.ceil(meter.left_s(self._monotonic()) / 60)
        return f"the {what} of this {meter.name} are used up; more in {minutes} min"


def _free(limit: int | None, spent: int, scheduled: int, reserved: float) -> float:
    """What is left of the whole, and of the part that is not reserved."""
    if limit is None:
        return math.inf
    return min(limit - spent, limit - math.floor(limit * reserved) - scheduled)
