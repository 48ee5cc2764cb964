"""The three shapes of a stage: a check of one series, a detector of one series, a rule over any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from drivers.readings import Quality, Value
from pipelines.events import Event, Source
from pipelines.state import Stateful


class Check(Stateful, Protocol):
    """One quality test of one series. `name` is published with the flag it sets."""

    name: str

    def feed(self, at_ms: int, value: float | None) -> Quality:
        """The flag of this value: GOOD, SUSPECT, BAD, or NOT_EVALUATED where the test cannot tell.

        Times grow strictly; None is a value that is missing, and is not judged.
        """
        ...


class Detector(Stateful, Protocol):
    """How unusual each value of one series is, by the values before it."""

    def feed(self, at_ms: int, value: float) -> float:
        """A score, 0 for nothing unusual; times grow strictly."""
        ...


class Rule(Stateful, Protocol):
    """Tells of events by what it is fed from its sources.

    Readings of one source come in the order of their time; those of several sources come in any order, so
    what depends on more than one is worked out in `tick`, from inputs not after its time only.
    """

    @property
    def sources(self) -> Sequence[Source]:
        """The channels it wants."""
        ...

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> Sequence[Event]:
        """A reading, judged; a value that is missing is None, one that is BAD or SUSPECT is still given."""
        ...

    def tick(self, at_ms: int) -> Sequence[Event]:
        """Every reading up to `at_ms` has been fed; called each 10 s of the readings' time."""
        ...


@runtime_checkable
class Assured(Protocol):
    """A rule that is told which readings re-reads bore out, before the tick that covers this word."""

    def confirmed(self, at_ms: int) -> Sequence[Event] | None:
        """The reading of `at_ms` was true."""
        ...


@runtime_checkable
class Reviewed(Protocol):
    """A rule that judges at once, and is told at once what re-reads found."""

    def confirmed(self, at_ms: int) -> Sequence[Event]:
        """The reading of `at_ms` was true."""
        ...

    def withdrawn(self, at_ms: int) -> Sequence[Event]:
        """The reading of `at_ms` was a spike."""
        ...
