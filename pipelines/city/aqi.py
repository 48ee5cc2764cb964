"""Air quality from hourly means, and from running means of 24 hours: an edge reading alone is not an AQI."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm
from pipelines.city import aqi_tables
from pipelines.city.aqi_tables import CLASSES, DECIMALS, Averaging, Table, class_of, sub_index, table_at
from pipelines.city.settings import demand, expect, fingerprint
from pipelines.cross.inbox import usable
from pipelines.events import Event, Kind, Nature, Severity, Source, Window
from pipelines.state import State

HOUR_MS = 3_600_000
SLOTS = 12
LEAST_SLOTS = 9
"""An hour counts when 9 of its 12 five-minute slots (75 %) have a valid reading."""

KEPT_HOURS = 26
SEVERITIES = (
    Severity.INFO, Severity.INFO, Severity.WATCH, Severity.WARNING, Severity.WARNING, Severity.CRITICAL,
)  # fmt: skip
LEAST_HOURS = {Averaging.HOUR: 1, Averaging.HOURS_8: 6, Averaging.HOURS_24: 20}
SPANS = {Averaging.HOUR: 1, Averaging.HOURS_8: 8, Averaging.HOURS_24: 24}


@dataclass(frozen=True, slots=True, kw_only=True)
class AirQualitySettings:
    """Air quality by table. Raises ValueError for a setting that does not hold."""

    name: str = "air_quality"
    """The rule's name; its two alarms are told of as NAME.hour and NAME.day."""
    channels: Mapping[str, Source]
    """By pollutant: pm2_5, pm10, so2, no2, o3 in ug/m3, co in mg/m3; at least one."""
    humidity: Source | None = None
    """Relative humidity, %; above `bias_humidity` an optical particle counter reads too much."""
    bias_humidity: float = 90.0
    """%"""
    from_class: int = 3
    """The class from which there is an event: 1 excellent, 2 good, 3 light, 4 moderate, 5 heavy, 6 severe."""
    severities: tuple[Severity, ...] = SEVERITIES
    """Of classes 1 to 6."""
    clear_hours: int = 2
    """Hours in a row below `from_class` until the event is over."""
    utc_offset_min: int = 480
    """The station's time, in which days and tables begin."""

    def __post_init__(self) -> None:
        demand(bool(self.channels), "channels", "at least one pollutant", dict(self.channels))
        for pollutant in self.channels:
            demand(pollutant in DECIMALS, "channels", f"one of {', '.join(DECIMALS)}", pollutant)
        demand(2 <= self.from_class <= 6, "from_class", "2 to 6", self.from_class)
        demand(len(self.severities) == 6, "severities", "six", self.severities)
        demand(self.clear_hours >= 1, "clear_hours", "1 or more", self.clear_hours)


class Index(NamedTuple):
    """An AQI, its primary pollutants, the sub-indices, and the means they come from."""

    aqi: int
    primary: str
    indices: Mapping[str, int]
    means: Mapping[str, float]
    hours: int


class Hours:
    """Sums of one channel by hour of UTC, for the last 26 hours."""

    __slots__ = ("_hour", "_n", "_slots", "_total")

    def __init__(self) -> None:
        self._hour = array("q", [-1]) * KEPT_HOURS
        self._n = array("q", [0]) * KEPT_HOURS
        self._slots = array("q", [0]) * KEPT_HOURS
        self._total = array("d", [0.0]) * KEPT_HOURS

    def add(self, at_ms: int, value: float) -> None:
        hour = at_ms // HOUR_MS
        place = hour % KEPT_HOURS
        if self._hour[place] != hour:
            self._hour[place] = hour
            self._n[place] = self._slots[place] = 0
            self._total[place] = 0.0
        self._n[place] += 1
        self._total[place] += value
        self._slots[place] |= 1 << (at_ms % HOUR_MS) * SLOTS // HOUR_MS

    def mean(self, hour: int) -> float | None:
        """Of one hour; None where fewer than 75 % of it were read."""
        place = hour % KEPT_HOURS
        if self._hour[place] != hour or self._slots[place].bit_count() < LEAST_SLOTS:
            return None
        return self._total[place] / self._n[place]

    def running(self, hour: int, averaging: Averaging) -> tuple[float, int] | None:
        """The mean of the hourly means up to `hour`, and how many there were; None for too few."""
        means = [self.mean(each) for each in range(hour - SPANS[averaging] + 1, hour + 1)]
        valid = [mean for mean in means if mean is not None]
        if len(valid) < LEAST_HOURS[averaging]:
            return None
        return sum(valid) / len(valid), len(valid)

    def state(self) -> State:
        return {"hour": self._hour, "n": self._n, "slots": self._slots, "total": self._total}

    def restore(self, state: State) -> None:
        self._hour, self._n = array("q", state["hour"]), array("q", state["n"])
        self._slots, self._total = array("q", state["slots"]), array("d", state["total"])


def index_of(table: Table, hours: Mapping[str, Hours], hour: int, *, day: bool) -> Index | None:
    """The AQI at the end of an hour, by hourly means or (`day`) by those of 24, of O3 8 hours."""
    indices: dict[str, int] = {}
    means: dict[str, float] = {}
    counted = SPANS[Averaging.HOURS_24]
    for pollutant, each in hours.items():
        averaging = Averaging.HOUR
        if day:
            averaging = Averaging.HOURS_8 if pollutant == "o3" else Averaging.HOURS_24
        if (found := each.running(hour, averaging)) is None:
            continue
        mean = round(found[0], DECIMALS[pollutant])
        if (index := sub_index(table, pollutant, averaging, mean)) is not None:
            indices[pollutant], means[pollutant] = index, mean
            counted = min(counted, found[1])
    if not indices:
        return None
    return Index(max(indices.values()), aqi_tables.primary(indices), indices, means, counted)


class AirQualityRule:
    """An event while the AQI is in `from_class` or worse, told anew when the class changes.

    Detail: aqi, class (1..6), class_name, primary, averaging (hour | 24_hours), table, hours (fewest hourly
    means of one pollutant), iaqi_P and mean_P by pollutant, optical_bias ("likely" in a humid hour).
    """

    def __init__(self, settings: AirQualitySettings) -> None:
        self.settings = settings
        self._hours = {pollutant: Hours() for pollutant in settings.channels}
        self._humidity = Hours()
        self._by_source = {settings.channels[pollutant]: hours for pollutant, hours in self._hours.items()}
        if settings.humidity:
            self._by_source[settings.humidity] = self._humidity
        self.sources: Sequence[Source] = tuple(self._by_source)
        self._judged = -1
        devices = {source.device for source in settings.channels.values()}
        about = Source(devices.pop()) if len(devices) == 1 else Source("")
        self._watches = [
            _Watch(settings, Alarm(f"{settings.name}.{word}", about, Kind.AIR_QUALITY, Nature.HAPPENING), day)
            for word, day in (("hour", False), ("day", True))
        ]

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> Sequence[Event]:
        number = usable(value, quality)
        if number is not None:
            self._by_source[source].add(at_ms, number)
        return ()

    def tick(self, at_ms: int) -> Sequence[Event]:
        hour = at_ms // HOUR_MS - 1
        if hour <= self._judged:
            return ()
        self._judged = hour
        table = table_at((hour * HOUR_MS + self.settings.utc_offset_min * 60_000) // (24 * HOUR_MS))
        humidity = self._humidity.mean(hour)
        humid = humidity is not None and humidity > self.settings.bias_humidity
        found: list[Event] = []
        for watch in self._watches:
            index = index_of(table, self._hours, hour, day=watch.day)
            found += watch.judge(at_ms, (hour + 1) * HOUR_MS, index, {"table": table.version} | _bias(humid))
        return found

    def state(self) -> State:
        return {
            "made_by": fingerprint(self.settings),
            "hours": {pollutant: hours.state() for pollutant, hours in self._hours.items()},
            "humidity": self._humidity.state(),
            "judged": self._judged,
            "watches": [watch.state() for watch in self._watches],
        }

    def restore(self, state: State) -> None:
        expect(state, self.settings)
        for pollutant, hours in self._hours.items():
            hours.restore(state["hours"][pollutant])
        self._humidity.restore(state["humidity"])
        self._judged = int(state["judged"])
        for watch, kept in zip(self._watches, state["watches"], strict=True):
            watch.restore(kept)


def _bias(humid: bool) -> dict[str, str]:
    return {"optical_bias": "likely"} if humid else {}


class _Watch:
    """One alarm, by hourly means or by those of 24 hours."""

    __slots__ = ("_alarm", "_below", "_class", "_settings", "day")

    def __init__(self, settings: AirQualitySettings, alarm: Alarm, day: bool) -> None:
        self._settings = settings
        self._alarm = alarm
        self.day = day
        self._class = 0
        self._below = 0

    def judge(self, at_ms: int, end_ms: int, index: Index | None, detail: Mapping[str, str]) -> list[Event]:
        """At the end of an hour; an hour without an index counts as one below."""
        level = class_of(index.aqi) if index else 0
        bad = level >= self._settings.from_class
        self._below = 0 if bad else self._below + 1
        if not self._alarm.is_open and not bad:
            return []
        facts = self._facts(end_ms, index, level, detail)
        if self._alarm.is_open and self._below >= self._settings.clear_hours:
            return [self._alarm.closed(at_ms, **facts)]
        if not bad or (self._alarm.is_open and level == self._class):
            return []
        self._class = level
        severity = self._settings.severities[level - 1]
        if self._alarm.is_open:
            return [self._alarm.updated(at_ms, severity, **facts)]
        return [self._alarm.opened(end_ms - HOUR_MS, at_ms, severity, **facts)]

    def _facts(
        self, end_ms: int, index: Index | None, level: int, detail: Mapping[str, str]
    ) -> dict[str, object]:
        averaging = Averaging.HOURS_24 if self.day else Averaging.HOUR
        if index is None:
            return {"detail": {"averaging": averaging.value, **detail, "closed_because": "too_few_readings"}}
        figures: dict[str, float | str] = {
            "aqi": index.aqi, "class": level, "class_name": CLASSES[level - 1], "primary": index.primary,
            "averaging": averaging.value, "hours": index.hours, **detail,
        }  # fmt: skip
        for pollutant, value in index.indices.items():
            figures[f"iaqi_{pollutant}"] = value
            figures[f"mean_{pollutant}"] = index.means[pollutant]
        limit = (0, *aqi_tables.CLASS_TOPS)[self._settings.from_class - 1] + 1
        span = HOUR_MS * SPANS[averaging]
        return {
            "value": float(index.aqi), "threshold": float(limit), "detail": figures,
            "window": Window(end_ms - span, end_ms, index.hours),
        }  # fmt: skip

    def state(self) -> State:
        return {"alarm": self._alarm.state(), "below": self._below, "class": self._class}

    def restore(self, state: State) -> None:
        self._alarm.restore(state["alarm"])
        self._below, self._class = int(state["below"]), int(state["class"])
