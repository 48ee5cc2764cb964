"""What a device's other sensors say: a jump is more doubtful when they jump within the same hour."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pipelines.state import State

THRESHOLDS: Mapping[float, float] = MappingProxyType({0.5: 3.14, 1.0: 2.27, 2.0: 1.44})
"""Score to alarm at, by the false alarms a sensor-month that rivers then give; see `bench/logan`."""

MANY = 5
"""So many others may have their full say; more of them share it, so that a crowd is no louder."""

LEVEL = "water_level"
TEMPERATURE = "water_temperature"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanySettings:
    """How much the others count; scores are doublings."""

    weight: float = 0.25
    """Of the others' evidence, added up."""
    over: float = 1.0
    """A score is evidence for the others as far as it is over this."""
    most: float = 4.0
    """And no more than this."""
    hold_ms: int = 3_600_000
    """How long it stays so: who cleans one sensor takes the next one out some minutes later."""
    frost_c: float = 0.2
    """Water at or under this temperature (and not under -2 degrees, which is a fault) may be ice."""
    frost_more: float = 1.5
    """Added to a score of the water level then: a gauge under ice is not to be believed."""

    def __post_init__(self) -> None:
        for name in ("weight", "over", "most", "frost_more"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: expected 0 or more, got {getattr(self, name)}")
        if self.hold_ms < 1:
            raise ValueError(f"hold_ms: expected at least 1, got {self.hold_ms}")


class Company:
    """The scores of a device's channels, each heightened by what the others said within the hour.

    `properties` names what each channel measures, in the order in which scores and values are given. A score
    grows by a quarter of the others' evidence; that of a channel which does nothing out of the ordinary stays
    0. 0.3 KiB a channel.
    """

    __slots__ = (
        "_awake_ms",
        "_held",
        "_levels",
        "_properties",
        "_settings",
        "_since_ms",
        "_temperature",
        "_weight",
    )

    def __init__(self, properties: Sequence[str], settings: CompanySettings | None = None) -> None:
        self._settings = settings or CompanySettings()
        self._properties = list(properties)
        others = len(self._properties) - 1
        self._weight = self._settings.weight * min(1.0, MANY / max(others, 1))
        self._levels = [index for index, name in enumerate(properties) if name == LEVEL]
        self._temperature = next((i for i, name in enumerate(properties) if name == TEMPERATURE), None)
        self._held = array("d", bytes(8 * len(self._properties)))
        """Each channel's evidence, and when it was given."""
        self._since_ms = array("q", bytes(8 * len(self._properties)))
        self._awake_ms = 0
        """Until when any evidence is held."""

    def feed(self, at_ms: int, scores: Sequence[float], values: Sequence[float | None]) -> list[float]:
        """The scores of one sample, heightened; a channel that is missing has score 0 and value None."""
        joined = list(scores)
        if max(scores, default=0.0) > self._settings.over or at_ms < self._awake_ms:
            self._hear(at_ms, scores)
            total, weight = sum(self._held), self._weight
            for index, held in enumerate(self._held):
                if scores[index] > 0:
                    joined[index] += weight * (total - held)
        if self._levels and self._is_frost(values):
            for index in self._levels:
                if scores[index] > 0:
                    joined[index] += self._settings.frost_more
        return joined

    def _hear(self, at_ms: int, scores: Sequence[float]) -> None:
        settings = self._settings
        for index, score in enumerate(scores):
            evidence = min(max(score - settings.over, 0.0), settings.most)
            is_past = at_ms - self._since_ms[index] >= settings.hold_ms
            if evidence >= self._held[index] or is_past:
                self._held[index], self._since_ms[index] = evidence, at_ms
                if evidence > 0:
                    self._awake_ms = at_ms + settings.hold_ms

    def _is_frost(self, values: Sequence[float | None]) -> bool:
        celsius = None if self._temperature is None else values[self._temperature]
        return celsius is not None and -2.0 < celsius <= self._settings.frost_c

    def state(self) -> State:
        return {
            "properties": self._properties,
            "held": self._held,
            "since_ms": self._since_ms,
            "awake_ms": self._awake_ms,
        }

    def restore(self, state: State) -> None:
        if state["properties"] != self._properties:
            raise ValueError(f"properties: expected {self._properties}, got {state['properties']}")
        self._held, self._since_ms = array("d", state["held"]), array("q", state["since_ms"])
        self._awake_ms = int(state["awake_ms"])
