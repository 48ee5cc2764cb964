"""When each unit of a bus is asked next. Pure: the caller brings the time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

OFFLINE_AFTER = 2
"""Silent samples in a row before a unit counts as offline."""

PROBE_SHARE = 20
"""A unit offline is probed so seldom that all of them together take 1/20 of the bus's time."""

LONGEST_PROBE_WAIT_S = 60.0


@dataclass(slots=True)
class Slot:
    """One unit's place: its interval, when it is due (monotonic s), and its silences in a row.

    A unit that was never heard begins one silence short of offline, so that it costs one time-out, not two.
    `hurried` polls are to come `hurry_s` apart besides the regular ones, the next of them at `hurry_due`.
    """

    every_s: float
    due: float
    silences: int = OFFLINE_AFTER - 1
    missed: int = 0
    hurried: int = 0
    hurry_s: float = 0.0
    hurry_due: float = math.inf

    @property
    def next_due(self) -> float:
        """Its regular deadline, or an extra one before it."""
        return min(self.due, self.hurry_due)

    @property
    def offline(self) -> bool:
        """Whether it is only probed now."""
        return self.silences >= OFFLINE_AFTER


class Schedule:
    """Deadlines of the units on one bus. A poll that could not be held is skipped and counted."""

    def __init__(self, intervals: Mapping[str, float], now: float) -> None:
        self.slots = {device: Slot(every_s, now) for device, every_s in intervals.items()}

    @property
    def all_offline(self) -> bool:
        """Whether no unit answers."""
        return all(slot.offline for slot in self.slots.values())

    def next(self) -> tuple[str, float]:
        """The unit with the earliest deadline, and that deadline."""
        device = min(self.slots, key=lambda name: self.slots[name].next_due)
        return device, self.slots[device].next_due

    def answered(self, device: str, now: float) -> None:
        """The unit answered, be it with a refusal: its next poll is one interval after its last deadline."""
        slot = self.slots[device]
        if slot.offline:
            slot.due = now
        slot.silences = 0
        if now >= slot.due:
            self._advance(slot, now)
        if slot.hurried:
            slot.hurried -= 1
            slot.hurry_due = now + slot.hurry_s if slot.hurried else math.inf

    def silent(self, device: str, now: float, cost_s: float) -> None:
        """The unit gave nothing for `cost_s` of bus time; once offline, dear probes come seldom."""
        slot = self.slots[device]
        slot.silences += 1
        slot.hurried, slot.hurry_due = 0, math.inf
        if not slot.offline:
            if now >= slot.due:
                self._advance(slot, now)
            return
        offline = sum(other.offline for other in self.slots.values())
        wait = max(slot.every_s, cost_s * PROBE_SHARE * offline)
        slot.due = now + min(wait, max(slot.every_s, LONGEST_PROBE_WAIT_S))

    def hasten(self, device: str, now: float, every_s: float, times: int) -> None:
        """Ask it `times` more, `every_s` apart from now, besides its regular polls: something is up."""
        slot = self.slots[device]
        slot.hurried, slot.hurry_s, slot.hurry_due = times, every_s, now + every_s

    def postpone(self, device: str, until: float) -> None:
        """Not before `until`: the device is warming up."""
        self.slots[device].due = max(self.slots[device].due, until)

    @staticmethod
    def _advance(slot: Slot, now: float) -> None:
        """The next multiple of the interval after now, counted from the first deadline: no drift."""
        late = max(0, math.floor((now - slot.due) / slot.every_s))
        slot.missed += late
        slot.due += (late + 1) * slot.every_s
