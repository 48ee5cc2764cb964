"""The channels of one device, watched for jumps together: each one's score has heard the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivers.readings import Reading
from pipelines.anomaly import company, everyday, hampel
from pipelines.anomaly.company import Company
from pipelines.anomaly.first_days import FirstDays
from pipelines.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatSettings:
    """One channel among its device's."""

    measures: str
    """The property's name, such as water_level."""
    false_alarms: float
    """A sensor and month to put up with; a key of the tables of thresholds."""
    span: tuple[float, float] | None
    """What the instrument can report; anything else is no jump but nonsense."""
    sentinels: tuple[float, ...] = ()
    """Numbers that stand for no value."""


class Seat:
    """One channel's place; a Detector whose score was worked out with those of the whole sample."""

    __slots__ = ("_jumps", "_sentinels", "_span", "measures", "score", "suspect_at", "threshold")

    def __init__(self, settings: SeatSettings, *, alone: bool) -> None:
        thresholds = everyday.THRESHOLDS if alone else company.THRESHOLDS
        self.measures = settings.measures
        self.threshold = thresholds[settings.false_alarms]
        """The score from which on there is an event."""
        self.suspect_at = min(thresholds.values())
        """The score from which on a value is suspect."""
        self.score = 0.0
        self._span = settings.span
        self._sentinels = frozenset(settings.sentinels)
        self._jumps = FirstDays(self.threshold, hampel.THRESHOLDS[settings.false_alarms])

    def weigh(self, at_ms: int, value: object) -> tuple[float, float | None]:
        """The channel's own score, and the value if it is a number that the instrument can report."""
        if not isinstance(value, int | float) or isinstance(value, bool) or value in self._sentinels:
            return 0.0, None
        if self._span is not None and not self._span[0] <= value <= self._span[1]:
            return 0.0, None
        return self._jumps.feed(at_ms, float(value)), float(value)

    def feed(self, at_ms: int, value: float) -> float:  # noqa: ARG002  a Detector's
        return self.score

    @property
    def settled(self) -> bool:
        """Whether its score is good enough for the others to go by."""
        return self._jumps.settled

    def state(self) -> State:
        return self._jumps.state()

    def restore(self, state: State) -> None:
        self._jumps.restore(state)


class Together:
    """Weighs every sample of one device before its channels are judged."""

    def __init__(self, settings: Mapping[str, SeatSettings]) -> None:
        alone = len(settings) == 1
        self.seats = {channel: Seat(each, alone=alone) for channel, each in settings.items()}
        self._places = {channel: place for place, channel in enumerate(self.seats)}
        self._company = Company([seat.measures for seat in self.seats.values()])

    def weigh(self, at_ms: int, readings: Sequence[Reading]) -> None:
        """Work out the score of every seat for this sample; a channel that it lacks scores nothing."""
        seats, places = self.seats, self._places
        scores = [0.0] * len(places)
        values: list[float | None] = [None] * len(places)
        for reading in readings:
            if (place := places.get(reading[0])) is not None:
                scores[place], values[place] = seats[reading[0]].weigh(at_ms, reading[1])
        heard = [score if seat.settled else 0.0 for seat, score in zip(seats.values(), scores, strict=True)]
        joined = self._company.feed(at_ms, heard, values)
        for seat, own, score in zip(seats.values(), scores, joined, strict=True):
            seat.score = max(own, score)

    def state(self) -> State:
        return self._company.state()

    def restore(self, state: State) -> None:
        self._company.restore(state)
