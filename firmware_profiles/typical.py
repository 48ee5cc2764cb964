"""What ordinary values look like, by property: for simulators, and to tell likely readings from chance.

Not limits: a true value may well lie outside (a flood does), and nothing is flagged for it.
"""

from __future__ import annotations

from typing import NamedTuple

from firmware_profiles.properties import property_of


class Typical(NamedTuple):
    """Ordinary values lie in [low, high], mostly around `home`, and swing by `swing` within some minutes.

    Of a counter `home` is where it begins and `swing` what it gains in a minute. All in the property's unit.
    """

    low: float
    high: float
    home: float
    swing: float


_TYPICAL: dict[str, Typical] = {
    "water_level": Typical(-5, 50, 3.2, 0.02),
    "water_depth": Typical(0, 30, 1.8, 0.02),
    "air_gap": Typical(0.05, 40, 4.2, 0.02),
    "water_flow": Typical(-50, 5000, 38, 0.8),
    "water_volume": Typical(0, 1e9, 120_000, 2000),
    "water_velocity": Typical(-5, 8, 0.9, 0.05),
    "wetted_area": Typical(0, 5000, 42, 0.3),
    "water_temperature": Typical(-2, 40, 16, 0.1),
    "water_pressure": Typical(-0.2, 12, 0.35, 0.002),
    "rainfall_total": Typical(0, 10_000, 12.4, 0.05),
    "rainfall": Typical(0, 50, 0.2, 0.1),
    "rain_intensity": Typical(0, 150, 1.2, 0.8),
    "ph": Typical(4, 10.5, 7.6, 0.03),
    "dissolved_oxygen": Typical(0, 20, 8.1, 0.1),
    "conductivity": Typical(5, 60_000, 410, 4),
    "turbidity": Typical(0, 1500, 14, 1.5),
    "orp": Typical(-600, 900, 240, 4),
    "ammonia_nitrogen": Typical(0, 30, 0.4, 0.02),
    "total_phosphorus": Typical(0, 10, 0.12, 0.01),
    "total_nitrogen": Typical(0, 40, 1.6, 0.05),
    "permanganate_index": Typical(0, 40, 3.4, 0.1),
    "chlorophyll_a": Typical(0, 300, 6, 0.4),
    "soil_moisture": Typical(1, 70, 24, 0.1),
    "soil_temperature": Typical(-20, 50, 14, 0.1),
    "soil_conductivity": Typical(0, 8000, 320, 4),
    "soil_ph": Typical(3.5, 9.5, 6.8, 0.03),
    "air_temperature": Typical(-35, 50, 18, 0.3),
    "relative_humidity": Typical(5, 100, 64, 1.5),
    "air_pressure": Typical(850, 1060, 1012, 0.3),
    "wind_speed": Typical(0, 35, 3.4, 0.9),
    "wind_direction": Typical(0, 360, 140, 15),
    "wind_sector": Typical(0, 15, 5, 1),
    "wind_force": Typical(0, 12, 3, 0.6),
    "noise_level": Typical(28, 110, 54, 3),
    "pm1": Typical(0, 500, 9, 1),
    "pm2_5": Typical(0, 700, 16, 1.5),
    "pm10": Typical(0, 1000, 28, 2.5),
    "sulfur_dioxide": Typical(0, 500, 8, 1),
    "nitrogen_dioxide": Typical(0, 500, 28, 2),
    "ozone": Typical(0, 500, 62, 3),
    "carbon_monoxide": Typical(0, 30, 0.6, 0.05),
    "particle_count": Typical(0, 60_000, 900, 40),
    "carbon_dioxide": Typical(350, 5000, 430, 6),
    "illuminance": Typical(0, 130_000, 18_000, 900),
    "solar_irradiance": Typical(0, 1300, 320, 20),
    "compass_heading": Typical(0, 360, 90, 0.3),
    "tilt": Typical(-30, 30, 0.4, 0.05),
    "voltage": Typical(85, 280, 229, 0.8),
    "supply_voltage": Typical(3, 60, 12.6, 0.05),
    "current": Typical(0, 200, 1.3, 0.08),
    "active_power": Typical(-20_000, 50_000, 290, 12),
    "power_factor": Typical(0.2, 1, 0.94, 0.01),
    "frequency": Typical(48, 62, 50, 0.02),
    "energy_import": Typical(0, 1e6, 812.4, 0.01),
    "energy_export": Typical(0, 1e6, 3.1, 0.002),
    "dimming": Typical(0, 100, 80, 0.5),
    "raw": Typical(0, 65_535, 1000, 5),
}  # fmt: skip


def typical_of(channel: str) -> Typical:
    """The ordinary values of a channel's property; from its limits where nothing better is known.

    Raises:
        KeyError: no such property.
    """
    name, known = channel.partition(".")[0], property_of(channel)
    if found := _TYPICAL.get(name):
        return found
    low, high = known.limits or (0.0, 100.0)
    return Typical(low, high, (low + high) / 2, (high - low) / 200)
