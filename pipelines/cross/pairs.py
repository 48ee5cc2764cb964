"""Two channels of which one cannot exceed the other, such as PM2.5 and PM10."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm, Latch
from pipelines.city.settings import demand, expect, fingerprint
from pipelines.cross.inbox import Latest
from pipelines.events import Event, Kind, Nature, Severity, Source
from pipelines.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSettings:
    """`lesser` cannot truly exceed `greater`. Raises ValueError for a setting that does not hold."""

    name: str
    """The rule's name."""
    lesser: Source
    """The channel that cannot exceed the other."""
    greater: Source
    """The other, in the same unit."""
    share: float = 0.0
    """Over by more than this part of the greater ..."""
    margin: float = 0.0
    """... and by more than this, in their unit: they disagree."""
    raise_ms: int = 600_000
    """So long over until it is told of."""
    clear_ms: int = 600_000
    """So long not over until it ends."""
    oldest_ms: int = 900_000
    """A reading older than this is not compared."""
    humidity: Source | None = None
    """Relative humidity, %; above `bias_humidity` an optical counter's error explains it."""
    bias_humidity: float = 90.0
    """%"""

    def __post_init__(self) -> None:
        demand(self.lesser != self.greater, "greater", "another channel", str(self.greater))
        for key in ("share", "margin", "raise_ms", "clear_ms"):
            demand(getattr(self, key) >= 0, key, "0 or more", getattr(self, key))
        demand(self.oldest_ms > 0, "oldest_ms", "above 0", self.oldest_ms)


def particles(pm2_5: Source, pm10: Source, humidity: Source | None = None) -> PairSettings:
    """PM2.5 is part of PM10: over by more than 10 % and 5 ug/m3, both are in doubt."""
    return PairSettings(
        name="particles", lesser=pm2_5, greater=pm10, share=0.1, margin=5.0, humidity=humidity
    )  # fmt: skip


def gusts(mean: Source, gust: Source) -> PairSettings:
    """A mean is not above the gust of its time, 0.5 m/s for rounding and for the moment."""
    return PairSettings(name="gusts", lesser=mean, greater=gust, margin=0.5)


def dew(dew_point: Source, temperature: Source) -> PairSettings:
    """The dew point is not above the temperature, 0.5 Cel for both instruments."""
    return PairSettings(name="dew", lesser=dew_point, greater=temperature, margin=0.5)


class PairRule:
    """SENSOR_DISAGREES about `lesser`; both are in doubt. Judged at the tick, by the last readings.

    Detail: other (the greater, as DEVICE.CHANNEL), lesser, greater, optical_bias ("likely" in humid air).
    """

    def __init__(self, settings: PairSettings) -> None:
        self.settings = settings
        humid = [settings.humidity] if settings.humidity else []
        self.sources: Sequence[Source] = (settings.lesser, settings.greater, *humid)
        self._latest = Latest(self.sources, settings.oldest_ms)
        self._latch = Latch(settings.raise_ms, settings.clear_ms)
        self._alarm = Alarm(settings.name, settings.lesser, Kind.SENSOR_DISAGREES, Nature.FAULT)

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> Sequence[Event]:
        self._latest.put(source, at_ms, value, quality)
        return ()

    def tick(self, at_ms: int) -> Sequence[Event]:
        lesser, greater, *humid = self._latest.numbers(at_ms)
        if lesser is None or greater is None:
            return ()
        settings = self.settings
        excess = lesser - greater
        over = excess > settings.margin and excess > settings.share * abs(greater)
        if not self._latch.feed(at_ms, over=over, back=not over):
            return ()
        detail: dict[str, float | str] = {
            "other": str(settings.greater),
            "lesser": lesser,
            "greater": greater,
        }
        if humid and humid[0] is not None and humid[0] > settings.bias_humidity:
            detail["optical_bias"] = "likely"
        facts = {"value": lesser, "baseline": greater, "threshold": settings.margin, "detail": detail}
        if not self._latch.on:
            return (self._alarm.closed(at_ms, **facts),)
        began_ms = at_ms if self._latch.since_ms is None else self._latch.since_ms
        return (self._alarm.opened(began_ms, at_ms, Severity.WATCH, **facts),)

    def state(self) -> State:
        return {
            "made_by": fingerprint(self.settings),
            "latest": self._latest.state(),
            "latch": self._latch.state(),
            "alarm": self._alarm.state(),
        }

    def restore(self, state: State) -> None:
        expect(state, self.settings)
        self._latest.restore(state["latest"])
        self._latch.restore(state["latch"])
        self._alarm.restore(state["alarm"])
