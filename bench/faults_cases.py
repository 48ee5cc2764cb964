"""Which faults are tried, how large, on which channels, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench import faults_inject as inject
from bench.faults_inject import Fault
from bench.faults_truth import DAY_MIN, MINUTE_MS, T0_MS, Truth

RADAR, WELL, RAIN = "radar.water_level", "well.water_level", "rain.rainfall_total"
WATER, PH, OXYGEN, SALT, MUD = (
    f"sonde.{channel}"
    for channel in ("water_temperature", "ph", "dissolved_oxygen", "conductivity", "turbidity")
)
SONDE = (WATER, PH, OXYGEN, SALT, MUD)
AIR, HUMID, PRESSURE, WIND, BEARING = (
    f"weather.{channel}"
    for channel in ("air_temperature", "relative_humidity", "air_pressure", "wind_speed", "wind_direction")
)
FINE, COARSE, LOUD, TILT, MAINS = (
    "dust.pm2_5", "dust.pm10", "sound.noise_level", "pole.tilt", "meter.voltage",
)  # fmt: skip
BATTERY = "power.supply_voltage"

CALM, SHOWERY, STORMY = 15.3, 17.4, 23.8
"""Days on which faults begin: long before a rise, hours before a small one, hours before the flood."""
STARTS = (CALM, SHOWERY, STORMY)
MOMENTS = (15.31, 16.77, 18.12, 19.43, 22.06, 24.36)
"""For faults of one moment; the last is in the rising flood."""

HANGS = (
    ("up", "does not fall", (17.6, 24.3)),
    ("down", "does not rise", (17.6, 24.0)),
    ("floor", "not below 1.2 m", (17.85, 24.7)),
)

Make = Callable[[int, Truth], Fault]


@dataclass(frozen=True, slots=True)
class Case:
    """One run: a fault of this name and size at one station."""

    fault: str
    size: str
    where: str
    station: str
    day: float
    make: Make

    @property
    def from_ms(self) -> int:
        """A moment at which every device is read."""
        every_min = 5
        return T0_MS + int(self.day * DAY_MIN) // every_min * every_min * MINUTE_MS


def cases() -> Iterator[Case]:
    """All of them, by where, name and size."""
    for family in (_level, _sonde, _pole, _lines, _codes, _clock):
        yield from family()


def put(kind: Callable[..., Fault], *rest: object) -> Make:
    """Begins such a fault; `rest` are its arguments after the channels, the first, and its begin."""
    subjects, *others = rest
    return lambda at_ms, _: kind(subjects, at_ms, *others)


def exchanged(one: str, other: str) -> Make:
    """Two channels for a day."""
    return lambda at_ms, truth: inject.Exchanged((one, other), at_ms, 24, truth)


class Row:
    """Cases of one line of the table."""

    def __init__(self, where: str, station: str = "river") -> None:
        self._where, self._station = where, station

    def __call__(self, fault: str, size: str, days: Sequence[float], *makes: Make) -> Iterator[Case]:
        for make in makes:
            for day in days:
                yield Case(fault, size, self._where, self._station, day, make)


def _level() -> Iterator[Case]:
    yield from _gauges(Row("level, two gauges"), (RADAR, WELL))
    yield from _gauges(Row("level, one gauge", "lone"), (RADAR,))


def _gauges(row: Row, gauges: Sequence[str]) -> Iterator[Case]:
    each = [(gauge,) for gauge in gauges]
    yield from row("stuck", "36 h", STARTS, *(put(inject.Stuck, g, 36) for g in each))
    for per_day, days in ((0.03, 4), (0.01, 7), (0.005, 10)):
        drifts = [put(inject.Drift, g, 24 * days, per_day, 0.001) for g in each]
        yield from row("drift", f"{100 * per_day:g} cm/day", (CALM, SHOWERY), *drifts)
    for height in (0.1, 0.3, 2.0):
        spikes = [put(inject.Spikes, g, height, 1, 60) for g in each]
        yield from row("spike", f"{height:g} m, once", MOMENTS, *spikes)
    yield from row("spike", "0.5 m, 5 readings", MOMENTS, *(put(inject.Spikes, g, 0.5, 5, 60) for g in each))
    wild = [put(inject.Noisy, g, 6, 0.4, 0.1) for g in each]
    yield from row("wild values", "up to 0.4 m, a tenth", STARTS, *wild)
    yield from row("another gauge", "0.3 m off", STARTS, *(put(inject.Offset, g, 24, 0.3) for g in each))
    for how, size, when in HANGS:
        yield from row("float hung", size, when, put(inject.Hung, each[-1], 60, how, 1.2))
    for lag in (2.0, 12.0):
        silted = put(inject.Silted, each[-1], 120, lag, 0.01, 0.6)
        yield from row("gauge silted", f"lag grows to {lag:g} h", (CALM, 22.0), silted)
    for size, hours, starts, recode in (
        ("level negated", 6, STARTS, inject.negated),
        ("distance for level", 24, (16.0, 23.9), inject.negated_over(0.8)),
    ):
        yield from row("sign error", size, starts, *(put(inject.Recoded, g, hours, recode) for g in each))


def _sonde() -> Iterator[Case]:
    row = Row("water quality")
    yield from row("stuck", "48 h", (CALM, SHOWERY), *(put(inject.Stuck, (s,), 48) for s in SONDE))
    drifts = ((PH, -0.08, 0.01), (OXYGEN, -0.4, 0.01), (SALT, 15.0, 1.0), (WATER, 0.2, 0.01))
    slow = [put(inject.Drift, (s,), 24 * 7, per_day, step) for s, per_day, step in drifts]
    yield from row("drift", "1 to 5 %/day", (CALM, 18.2), *slow)
    spikes = ((WATER, 3.0), (PH, 1.0), (OXYGEN, 3.0), (SALT, 150.0), (MUD, 300.0))
    once = [put(inject.Spikes, (s,), height, 1, 300) for s, height in spikes]
    yield from row("spike", "large, once", MOMENTS[:3], *once)
    yield from row("out of the water", "24 h", STARTS, put(inject.Dry, SONDE, 24))
    yield from row("exchanged", "pH and oxygen", (CALM, SHOWERY), exchanged(PH, OXYGEN))
    for share, size in ((0.0, "counts nothing"), (0.4, "counts 40 %")):
        blocked = put(inject.Blocked, (RAIN,), 48, share)
        yield from Row("rain")("rain gauge blocked", size, (17.4, 23.8), blocked)
    sagging = put(inject.Sagging, (BATTERY,), 24 * 7, 0.12)
    yield from Row("supply")("battery not charged", "0.12 V/day", (CALM, 20.1), sagging)


def _pole() -> Iterator[Case]:
    row, twice = Row("weather, dust, noise", "pole"), (CALM, 20.1)
    everything = (AIR, HUMID, PRESSURE, WIND, BEARING, FINE, COARSE, LOUD)
    yield from row("stuck", "24 h", twice, *(put(inject.Stuck, (s,), 24) for s in everything))
    drifts = ((AIR, 0.8, 0.1), (HUMID, 4.0, 0.1), (PRESSURE, 1.0, 0.1), (FINE, 5.0, 1.0))
    slow = [put(inject.Drift, (s,), 24 * 6, per_day, step) for s, per_day, step in drifts]
    yield from row("drift", "0.1 to 20 %/day", (CALM,), *slow)
    spikes = ((AIR, 8.0), (HUMID, 40.0), (PRESSURE, 10.0), (FINE, 300.0), (LOUD, 30.0), (WIND, 30.0))
    once = [put(inject.Spikes, (s,), height, 1, 60) for s, height in spikes]
    yield from row("spike", "large, once", MOMENTS[:3], *once)
    yield from row("exchanged", "temperature and humidity", twice, exchanged(AIR, HUMID))
    yield from row("exchanged", "PM2.5 and PM10", twice, exchanged(FINE, COARSE))
    row = Row("tilt, mains", "pole")
    yield from row("stuck", "24 h", twice, *(put(inject.Stuck, (s,), 24) for s in (TILT, MAINS)))
    yield from row("mains fail", "2 h", (*twice, 24.4), put(inject.Stuck, (MAINS,), 2, 0.0))


def _lines() -> Iterator[Case]:
    row = Row("lines")
    yield from row("drop-out", "one channel refused, 2 h", STARTS, put(inject.Missing, (PH,), 2))
    for hours, size in ((0.1, "6 min"), (3.0, "3 h")):
        silent = put(inject.Missing, (RADAR,), hours, ("radar",))
        yield from row("drop-out", f"a gauge silent, {size}", STARTS, silent)
    bus = put(inject.Missing, (WELL, RAIN, *SONDE), 3, ("well", "rain", "sonde"))
    yield from row("drop-out", "a bus of three, 3 h", STARTS, bus)


def _codes() -> Iterator[Case]:
    row = Row("level, two gauges")
    for size, swap in (
        ("float32 words", inject.words_of_float),
        ("uint32 words", inject.words_of_integer),
        ("int16 bytes", inject.bytes_of_integer(1000)),
    ):
        yield from row("swapped", size, STARTS, *(put(inject.Recoded, (g,), 6, swap) for g in (RADAR, WELL)))
    words = put(inject.Recoded, SONDE, 6, inject.words_of_float)
    yield from Row("water quality")("swapped", "float32 words", STARTS, words)
    row = Row("weather, dust, noise", "pole")
    swapped = [put(inject.Recoded, (s,), 6, inject.bytes_of_integer(10)) for s in (AIR, HUMID, LOUD)]
    yield from row("swapped", "int16 bytes", (CALM, 20.1), *swapped)
    negated = put(inject.Recoded, (AIR,), 6, inject.negated)
    yield from row("sign error", "temperature negated", (CALM, 20.1), negated)


def _clock() -> Iterator[Case]:
    jumps = ((60, "+1 h for 6 h"), (-5, "-5 min for 6 h"), (-120, "-2 h for 6 h"))
    for station in ("river", "pole"):
        row, when = Row(f"clock, {station}", station), (CALM, 24.2)
        for minutes, size in jumps:
            yield from row("clock", size, when, put(inject.Clock, ("clock",), 6, minutes * MINUTE_MS))
        yield from row("clock", "1971 for 6 h", when, put(inject.Lost, ("clock",), 6))
