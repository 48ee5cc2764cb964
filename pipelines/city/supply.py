"""Supply: mains gone, battery low, not charged by noon, wearing out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm, Latch
from pipelines.city.battery_days import Charging, Wearing
from pipelines.city.settings import demand, expect, fingerprint
from pipelines.cross.inbox import Inbox
from pipelines.events import Event, Kind, Nature, Severity, Source
from pipelines.state import State


class Chemistry(NamedTuple):
    """Voltages of one kind of battery, V. Starting values; a controller's manual knows better."""

    low_v: float
    cut_off_v: float
    charged_v: float
    """A charger that works reaches this each day; 0 for a supply that is not charged."""
    hysteresis_v: float


CHEMISTRIES: Mapping[str, Chemistry] = {
    "lead_acid_12": Chemistry(11.8, 11.1, 13.5, 0.5),
    "lead_acid_24": Chemistry(23.6, 22.2, 27.0, 1.0),
    "lifepo4_12.8": Chemistry(12.4, 11.2, 13.8, 0.4),
    "lifepo4_25.6": Chemistry(24.8, 22.4, 27.6, 0.8),
    "li_ion_11.1": Chemistry(10.5, 9.6, 12.2, 0.4),
    "li_ion_14.8": Chemistry(14.0, 12.8, 16.3, 0.5),
    "lithium_3.6": Chemistry(3.3, 3.0, 0.0, 0.1),
    "dc_12": Chemistry(11.0, 10.0, 0.0, 0.3),
    "dc_24": Chemistry(22.0, 20.0, 0.0, 0.6),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatterySettings:
    """Battery limits. Raises ValueError for a setting that does not hold."""

    name: str = "battery"
    """The rule's name; its others are told of as NAME.charging and NAME.wearing."""
    source: Source
    """The channel of the voltage, V."""
    chemistry: str = "lead_acid_12"
    """Which row of the table holds where nothing else is said."""
    low_v: float | None = None
    """V, under which it is a WARNING."""
    cut_off_v: float | None = None
    """V, under which it is CRITICAL: the load is about to be cut off."""
    charged_v: float | None = None
    """V, which a day with a working charger reaches before noon; 0: it is not charged."""
    hysteresis_v: float | None = None
    """V above `low_v` until it is over."""
    raise_ms: int = 60_000
    """So long under a limit; a load that starts pulls the voltage down for seconds."""
    clear_ms: int = 600_000
    """So long above until it is over."""
    longitude_deg: float = 120.0
    """East, for solar noon."""
    charged_by_h: float = 12.0
    """Hour of solar time by which a day must have reached `charged_v`."""
    wearing_days: float = 14.0
    """Days to `cut_off_v` by the trend of the daily minimum, under which it is told of; 0: never."""

    def __post_init__(self) -> None:
        demand(self.chemistry in CHEMISTRIES, "chemistry", f"one of {', '.join(CHEMISTRIES)}", self.chemistry)
        volts = self.volts
        demand(
            0 < volts.cut_off_v <= volts.low_v, "cut_off_v", f"at most low_v {volts.low_v}", volts.cut_off_v
        )
        demand(volts.hysteresis_v >= 0, "hysteresis_v", "0 or more", volts.hysteresis_v)
        charged = volts.charged_v == 0 or volts.charged_v > volts.low_v
        demand(charged, "charged_v", f"above low_v {volts.low_v}, or 0", volts.charged_v)
        demand(-180 <= self.longitude_deg <= 180, "longitude_deg", "-180 to 180", self.longitude_deg)
        demand(6 < self.charged_by_h < 24, "charged_by_h", "6 to 24", self.charged_by_h)
        demand(min(self.raise_ms, self.clear_ms) >= 0, "raise_ms", "0 or more", self.raise_ms)

    @property
    def volts(self) -> Chemistry:
        """The table's row with what is set in its place."""
        own = (self.low_v, self.cut_off_v, self.charged_v, self.hysteresis_v)
        row = CHEMISTRIES[self.chemistry]
        return Chemistry._make(
            set_ if set_ is not None else table for set_, table in zip(own, row, strict=True)
        )


class BatteryRule:
    """Low or at cut-off; not charged by noon; wearing out by the trend of its daily minimum.

    Detail of low: level (low | cut_off), lowest_v since it began. Others: see battery_days.
    """

    def __init__(self, settings: BatterySettings) -> None:
        self.settings = settings
        self.sources: Sequence[Source] = (settings.source,)
        volts = settings.volts
        self._volts = volts
        self._inbox = Inbox(self.sources)
        self._low = Latch(settings.raise_ms, settings.clear_ms)
        self._cut = Latch(settings.raise_ms, settings.clear_ms)
        self._lowest = 0.0
        self._alarm = Alarm(settings.name, settings.source, Kind.BATTERY_LOW, Nature.FAULT)
        solar_ms = round(settings.longitude_deg * 240_000)  # the sun takes 240 s for a degree
        noon_ms = round(settings.charged_by_h * 3_600_000)
        self._charging = Charging(
            f"{settings.name}.charging", settings.source, volts.charged_v, solar_ms, noon_ms
        )
        self._wearing = Wearing(
            f"{settings.name}.wearing", settings.source, volts.cut_off_v, solar_ms, settings.wearing_days
        )

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> Sequence[Event]:
        self._inbox.put(source, at_ms, value, quality)
        return ()

    def tick(self, at_ms: int) -> Sequence[Event]:
        found: list[Event] = []
        for read_ms, volts in self._inbox.numbers(self.settings.source, at_ms):
            found += self._judge(read_ms, volts)
            self._charging.add(read_ms, volts)
            self._wearing.add(read_ms, volts)
        return [*found, *self._charging.tick(at_ms), *self._wearing.tick(at_ms)]

    def _judge(self, at_ms: int, volts: float) -> list[Event]:
        limits = self._volts
        enough = limits.low_v + limits.hysteresis_v
        cut_over = self._cut.feed(
            at_ms, over=volts < limits.cut_off_v, back=volts >= limits.cut_off_v + limits.hysteresis_v
        )
        low_over = self._low.feed(at_ms, over=volts < limits.low_v, back=volts >= enough)
        if self._alarm.is_open:
            self._lowest = min(self._lowest, volts)
        if not cut_over and not low_over:
            return []
        if low_over and self._low.on:
            self._lowest = volts
        cut = self._cut.on
        facts = {
            "value": volts, "threshold": limits.cut_off_v if cut else limits.low_v,
            "detail": {"level": "cut_off" if cut else "low", "lowest_v": self._lowest},
        }  # fmt: skip
        if not self._low.on:
            return [self._alarm.closed(at_ms, **facts)] if self._alarm.is_open else []
        severity = Severity.CRITICAL if cut else Severity.WARNING
        if self._alarm.is_open:
            return [self._alarm.updated(at_ms, severity, **facts)]
        return [self._alarm.opened(self._low.since_ms or at_ms, at_ms, severity, **facts)]

    def state(self) -> State:
        return {
            "made_by": fingerprint(self.settings),
            "inbox": self._inbox.state(),
            "low": self._low.state(),
            "cut": self._cut.state(),
            "lowest": self._lowest,
            "alarm": self._alarm.state(),
            "charging": self._charging.state(),
            "wearing": self._wearing.state(),
        }

    def restore(self, state: State) -> None:
        expect(state, self.settings)
        self._inbox.restore(state["inbox"])
        self._low.restore(state["low"])
        self._cut.restore(state["cut"])
        self._lowest = float(state["lowest"])
        self._alarm.restore(state["alarm"])
        self._charging.restore(state["charging"])
        self._wearing.restore(state["wearing"])


@dataclass(frozen=True, slots=True, kw_only=True)
class MainsSettings:
    """Mains or a supply that may fail. Raises ValueError for a setting that does not hold."""

    name: str = "mains"
    """The rule's name."""
    source: Source
    """The channel of the voltage, V."""
    nominal_v: float = 230.0
    """V; under half of it the supply is off, from 80 % on it is back."""
    raise_ms: int = 2_000
    """So long off until it is told of."""
    clear_ms: int = 10_000
    """So long back until it is over."""

    def __post_init__(self) -> None:
        demand(self.nominal_v > 0, "nominal_v", "above 0", self.nominal_v)
        demand(self.raise_ms >= 0, "raise_ms", "0 or more", self.raise_ms)
        demand(self.clear_ms >= 0, "clear_ms", "0 or more", self.clear_ms)


class MainsRule:
    """POWER_FAILED while the voltage is under half of what it should be. No detail."""

    def __init__(self, settings: MainsSettings) -> None:
        self.settings = settings
        self.sources: Sequence[Source] = (settings.source,)
        self._inbox = Inbox(self.sources)
        self._off = Latch(settings.raise_ms, settings.clear_ms)
        self._alarm = Alarm(settings.name, settings.source, Kind.POWER_FAILED, Nature.FAULT)

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> Sequence[Event]:
        self._inbox.put(source, at_ms, value, quality)
        return ()

    def tick(self, at_ms: int) -> Sequence[Event]:
        found: list[Event] = []
        nominal = self.settings.nominal_v
        for read_ms, volts in self._inbox.numbers(self.settings.source, at_ms):
            if self._off.feed(read_ms, over=volts < 0.5 * nominal, back=volts >= 0.8 * nominal):
                began_ms = self._off.since_ms or read_ms
                found.append(self._turned(began_ms, read_ms, volts))
        return found

    def _turned(self, began_ms: int, at_ms: int, volts: float) -> Event:
        threshold = 0.5 * self.settings.nominal_v
        if self._off.on:
            return self._alarm.opened(began_ms, at_ms, Severity.WARNING, value=volts, threshold=threshold)
        return self._alarm.closed(at_ms, value=volts, threshold=threshold)

    def state(self) -> State:
        return {
            "made_by": fingerprint(self.settings),
            "inbox": self._inbox.state(),
            "off": self._off.state(),
            "alarm": self._alarm.state(),
        }

    def restore(self, state: State) -> None:
        expect(state, self.settings)
        self._inbox.restore(state["inbox"])
        self._off.restore(state["off"])
        self._alarm.restore(state["alarm"])
