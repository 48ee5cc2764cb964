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
    """All of them, by name and size."""
    for family in (_level, _sonde, _pole, _lines, _codes, _clock):
        yield from family()


def _each(  # noqa: PLR0913  the columns of the table
    fault: str,
    size: str,
    where: str,
    station: str,
    days: Sequence[float],
    *makes: Make,
) -> Iterator[Case]:
    for make in makes:
        for day in days:
            yield Case(fault, size, where, station, day, make)


def _level() -> Iterator[Case]:
    for station, gauges in (("river", (RADAR, WELL)), ("lone", (RADAR,))):
        where = "level, two gauges" if station == "river" else "level, one gauge"
        makes: list[Make]
        yield from _each(
            "stuck", "36 h", where, station, STARTS,
            *(lambda t, _, g=g: inject.Stuck((g,), t, 36) for g in gauges),
        )  # fmt: skip
        for per_day, days in ((0.03, 4), (0.01, 7), (0.005, 10)):
            yield from _each(
                "drift", f"{100 * per_day:g} cm/day", where, station, (CALM, SHOWERY),
                *(
                    lambda t, _, g=g, p=per_day, d=days: inject.Drift((g,), t, 24 * d, p, 0.001)
                    for g in gauges
                ),
            )  # fmt: skip
        for height in (0.1, 0.3, 2.0):
            yield from _each(
                "spike", f"{height:g} m, once", where, station, MOMENTS,
                *(lambda t, _, g=g, h=height: inject.Spikes((g,), t, h, 1, 60) for g in gauges),
            )  # fmt: skip
        yield from _each(
            "spike", "0.5 m, 5 readings", where, station, MOMENTS,
            *(lambda t, _, g=g: inject.Spikes((g,), t, 0.5, 5, 60) for g in gauges),
        )  # fmt: skip
        yield from _each(
            "wild values", "up to 0.4 m, a tenth", where, station, STARTS,
            *(lambda t, _, g=g: inject.Noisy((g,), t, 6, 0.4, 0.1) for g in gauges),
        )  # fmt: skip
        yield from _each(
            "another gauge", "0.3 m off", where, station, STARTS,
            *(lambda t, _, g=g: inject.Offset((g,), t, 24, 0.3) for g in gauges),
        )  # fmt: skip
        for how, size, days in HANGS:
            makes = [lambda t, _, g=g, h=how: inject.Hung((g,), t, 60, h, 1.2) for g in gauges[-1:]]
            yield from _each("float hung", size, where, station, days, *makes)
        for lag in (2.0, 12.0):
            makes = [
                lambda t, _, g=g, lag=lag: inject.Silted((g,), t, 120, lag, 0.01, 0.6) for g in gauges[-1:]
            ]
            yield from _each("gauge silted", f"lag grows to {lag:g} h", where, station, (CALM, 22.0), *makes)
        yield from _each(
            "sign error", "level negated", where, station, STARTS,
            *(lambda t, _, g=g: inject.Recoded((g,), t, 6, inject.negated) for g in gauges),
        )  # fmt: skip
        yield from _each(
            "sign error", "distance for level", where, station, (16.0, 23.9),
            *(lambda t, _, g=g: inject.Recoded((g,), t, 24, inject.negated_over(0.8)) for g in gauges),
        )  # fmt: skip


def _sonde() -> Iterator[Case]:
    yield from _each(
        "stuck", "48 h", "water quality", "river", (CALM, SHOWERY),
        *(lambda t, _, s=s: inject.Stuck((s,), t, 48) for s in SONDE),
    )  # fmt: skip
    drifts = ((PH, -0.08, 0.01), (OXYGEN, -0.4, 0.01), (SALT, 15.0, 1.0), (WATER, 0.2, 0.01))
    yield from _each(
        "drift", "1 to 5 %/day", "water quality", "river", (CALM, 18.2),
        *(lambda t, _, s=s, p=p, d=d: inject.Drift((s,), t, 24 * 7, p, d) for s, p, d in drifts),
    )  # fmt: skip
    spikes = ((WATER, 3.0), (PH, 1.0), (OXYGEN, 3.0), (SALT, 150.0), (MUD, 300.0))
    yield from _each(
        "spike", "large, once", "water quality", "river", MOMENTS[:3],
        *(lambda t, _, s=s, h=h: inject.Spikes((s,), t, h, 1, 300) for s, h in spikes),
    )  # fmt: skip
    yield from _each(
        "out of the water", "24 h", "water quality", "river", STARTS,
        lambda t, _: inject.Dry(SONDE, t, 24),
    )  # fmt: skip
    yield from _each(
        "exchanged", "pH and oxygen", "water quality", "river", (CALM, SHOWERY),
        lambda t, truth: inject.Exchanged((PH, OXYGEN), t, 24, truth),
    )  # fmt: skip
    for share, size in ((0.0, "counts nothing"), (0.4, "counts 40 %")):
        yield from _each(
            "rain gauge blocked", size, "rain", "river", (17.4, 23.8),
            lambda t, _, share=share: inject.Blocked((RAIN,), t, 48, share),
        )  # fmt: skip
    yield from _each(
        "battery not charged", "0.12 V/day", "supply", "river", (CALM, 20.1),
        lambda t, _: inject.Sagging((BATTERY,), t, 24 * 7, 0.12),
    )  # fmt: skip


def _pole() -> Iterator[Case]:
    everything = (AIR, HUMID, PRESSURE, WIND, BEARING, FINE, COARSE, LOUD)
    yield from _each(
        "stuck", "24 h", "weather, dust, noise", "pole", (CALM, 20.1),
        *(lambda t, _, s=s: inject.Stuck((s,), t, 24) for s in everything),
    )  # fmt: skip
    yield from _each(
        "stuck", "24 h", "tilt, mains", "pole", (CALM, 20.1),
        *(lambda t, _, s=s: inject.Stuck((s,), t, 24) for s in (TILT, MAINS)),
    )  # fmt: skip
    drifts = ((AIR, 0.8, 0.1), (HUMID, 4.0, 0.1), (PRESSURE, 1.0, 0.1), (FINE, 5.0, 1.0))
    yield from _each(
        "drift", "3 %/day", "weather, dust, noise", "pole", (CALM,),
        *(lambda t, _, s=s, p=p, d=d: inject.Drift((s,), t, 24 * 6, p, d) for s, p, d in drifts),
    )  # fmt: skip
    spikes = ((AIR, 8.0), (HUMID, 40.0), (PRESSURE, 10.0), (FINE, 300.0), (LOUD, 30.0), (WIND, 30.0))
    yield from _each(
        "spike", "large, once", "weather, dust, noise", "pole", MOMENTS[:3],
        *(lambda t, _, s=s, h=h: inject.Spikes((s,), t, h, 1, 60) for s, h in spikes),
    )  # fmt: skip
    yield from _each(
        "exchanged", "temperature and humidity", "weather, dust, noise", "pole", (CALM, 20.1),
        lambda t, truth: inject.Exchanged((AIR, HUMID), t, 24, truth),
    )  # fmt: skip
    yield from _each(
        "exchanged", "PM2.5 and PM10", "weather, dust, noise", "pole", (CALM, 20.1),
        lambda t, truth: inject.Exchanged((FINE, COARSE), t, 24, truth),
    )  # fmt: skip
    yield from _each(
        "mains fail", "2 h", "mains", "pole", (CALM, 20.1, 24.4), lambda t, _: inject.Stuck((MAINS,), t, 2, 0.0)
    )  # fmt: skip


def _lines() -> Iterator[Case]:
    yield from _each(
        "drop-out", "pH refused, 2 h", "water quality", "river", STARTS, lambda t, _: inject.Missing((PH,), t, 2)
    )  # fmt: skip
    for hours, size in ((0.1, "6 min"), (3.0, "3 h")):
        yield from _each(
            "drop-out", f"gauge silent, {size}", "level, two gauges", "river", STARTS,
            lambda t, _, h=hours: inject.Missing((RADAR,), t, h, ("radar",)),
        )  # fmt: skip
    yield from _each(
        "drop-out", "bus of three, 3 h", "level, two gauges", "river", STARTS,
        lambda t, _: inject.Missing((WELL, RAIN, *SONDE), t, 3, ("well", "rain", "sonde")),
    )  # fmt: skip


def _codes() -> Iterator[Case]:
    swaps = (
        ("float32 words", inject.words_of_float),
        ("uint32 words", inject.words_of_integer),
        ("int16 bytes", inject.bytes_of_integer(1000)),
    )
    for size, swap in swaps:
        yield from _each(
            "swapped", size, "level, two gauges", "river", STARTS,
            *(lambda t, _, g=g, s=swap: inject.Recoded((g,), t, 6, s) for g in (RADAR, WELL)),
        )  # fmt: skip
    yield from _each(
        "swapped", "float32 words", "water quality", "river", STARTS,
        lambda t, _: inject.Recoded(SONDE, t, 6, inject.words_of_float),
    )  # fmt: skip
    yield from _each(
        "swapped", "int16 bytes", "weather, dust, noise", "pole", (CALM, 20.1),
        *(lambda t, _, s=s: inject.Recoded((s,), t, 6, inject.bytes_of_integer(10)) for s in (AIR, HUMID, LOUD)),
    )  # fmt: skip
    yield from _each(
        "sign error", "temperature negated", "weather, dust, noise", "pole", (CALM, 20.1),
        lambda t, _: inject.Recoded((AIR,), t, 6, inject.negated),
    )  # fmt: skip


def _clock() -> Iterator[Case]:
    jumps = ((60, "+1 h for 6 h"), (-5, "-5 min for 6 h"), (-120, "-2 h for 6 h"))
    for station in ("river", "pole"):
        for minutes, size in jumps:
            yield from _each(
                "clock", size, station, station, (CALM, 24.2),
                lambda t, _, m=minutes: inject.Clock(t, 6, m * MINUTE_MS),
            )  # fmt: skip
        yield from _each(
            "clock", "1971 for 6 h", station, station, (CALM, 24.2), lambda t, _: inject.Lost(t, 6)
        )
