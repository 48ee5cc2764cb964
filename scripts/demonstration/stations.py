"""The two stations: which gauges they have, and how their gateways are configured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.demonstration.broker import USER
from scripts.demonstration.nature import Nature

SITE = "riverside"
LAMP_POLE, RIVER = "lamp-pole-7", "river-3"

DATUM_M = 0.400
"""Height of the level gauge's diaphragm above the station's datum."""
M_PER_BAR = 10.1972
RAIN_ROLLS_OVER_MM = 13107
WARNING_M, GUARANTEE_M = 1.8, 2.0
"""Stages of the river, above the datum: the first shower passes both."""

CORE = """\
[station]
site = {site}
gateway = {gateway}
title = {title}

[uplink]
url = "mqtt://127.0.0.1:{broker_port}"
version = "3.1.1"
username = {username}
password = {{ file = {password} }}
timeout_s = 5.0

[outbox]
path = {outbox}

[clock]
source = "system"

[control]
socket = {socket}

[health]
every_s = 10.0
"""

LAMP_POLE_DEVICES = """
# Modbus TCP: a multi-sensor without wind, rain and solar probes.
[devices.weather]
instrument = "renke-rs-fsxcs"
tcp = "127.0.0.1:{weather}"
every_s = 1.0
[devices.weather.channels]
wind_speed = {{ skip = true }}
wind_force = {{ skip = true }}
wind_sector = {{ skip = true }}
wind_direction = {{ skip = true }}
rainfall_total = {{ skip = true }}
compass_heading = {{ skip = true }}
solar_irradiance = {{ skip = true }}

# Modbus TCP: the meter in front of the lamp.
[devices.mains]
instrument = "eastron-sdm120"
tcp = "127.0.0.1:{mains}"
every_s = 1.0
[devices.mains.channels]
energy_export = {{ skip = true }}

# It pushes a line each second.
[devices.wind]
instrument = "gill-windsonic"
port = "com-1"

[ports.com-1]
path = {wind}

# What its readings mean. A day takes minutes here; the air is judged by real hours.
[rules.air]
kind = "air"
channels = {{ pm2_5 = "weather.pm2_5", pm10 = "weather.pm10" }}
humidity = "weather.relative_humidity"

[rules.lamp]
kind = "threshold"
title = "the lamp is lit"
input = "mains.active_power"
above = "30 W"
hysteresis = "10 W"
severity = "info"
"""

RIVER_DEVICES = """
# RS-485 at 9600 baud with two gauges on it.
[ports.rs485-1]
path = {bus}

[devices.level]
instrument = "keller-36x"
port = "rs485-1"
unit = 1
every_s = 1.0
[devices.level.channels.water_pressure]
rename = "water_level"
factor = {m_per_bar}
offset = {datum}

[devices.rain]
instrument = "rika-rk400-04-rain"
port = "rs485-1"
unit = 2
every_s = 1.0

# Hours of rain fall within seconds here.
[limits.rain.rainfall_total]
rate_per_min = 300.0

# What its readings mean. The real stages are the water authority's; waits are as short as the day.
[rules.flood]
kind = "stage"
input = "level.water_level"
warning = "{warning} m"
guarantee = "{guarantee} m"
clear_after = "3 s"

[rules.rise]
kind = "rise"
input = "level.water_level"
warning = "{warning} m"
guarantee = "{guarantee} m"

[rules.rain]
kind = "rain"
input = "rain.rainfall_total"
most = "300 mm/min"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a gateway's daemon keeps its files, and where it finds the broker."""

    gateway: str
    title: str
    folder: Path
    broker_port: int
    password: Path

    @property
    def config(self) -> Path:
        return self.folder / "polegate.toml"

    @property
    def socket(self) -> Path:
        return self.folder.with_suffix(".sock")

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox.db"

    def configuration(self, devices: str) -> str:
        """The whole configuration file."""
        return (
            CORE.format(
                site=_quoted(SITE),
                gateway=_quoted(self.gateway),
                title=_quoted(self.title),
                broker_port=self.broker_port,
                username=_quoted(USER),
                password=_quoted(self.password),
                outbox=_quoted(self.outbox),
                socket=_quoted(self.socket),
            )
            + devices
        )


def lamp_pole_devices(ports: Mapping[str, int], wind: Path) -> str:
    """The pole's gauges at their addresses."""
    return LAMP_POLE_DEVICES.format(**ports, wind=_quoted(wind))


def river_devices(bus: Path) -> str:
    """The river's gauges on their bus."""
    return RIVER_DEVICES.format(
        bus=_quoted(bus), m_per_bar=M_PER_BAR, datum=DATUM_M, warning=WARNING_M, guarantee=GUARANTEE_M
    )


def weather(nature: Nature) -> dict[str, float]:
    """What the multi-sensor measures."""
    return {
        "relative_humidity": nature.humidity,
        "air_temperature": nature.air_c,
        "noise_level": nature.noise_db,
        "pm2_5": nature.pm2_5,
        "pm10": nature.pm10,
        "air_pressure": nature.pressure_hpa,
        "illuminance": nature.light_lx,
    }


def mains(nature: Nature) -> dict[str, float]:
    """What the meter in front of the lamp measures."""
    return {
        "voltage": nature.voltage,
        "current": nature.current_a,
        "active_power": nature.power_w,
        "power_factor": nature.power_factor,
        "frequency": nature.frequency,
        "energy_import": nature.energy_kwh,
        "energy_export": 0.0,
    }


def wind(nature: Nature) -> dict[str, float]:
    """What the wind sensor measures."""
    return {"wind_direction": nature.wind_deg, "wind_speed": nature.wind_m_s}


def level(nature: Nature) -> dict[str, float]:
    """What the submerged gauge measures: the water above it, as pressure."""
    return {
        "water_pressure": (nature.stage_m - DATUM_M) / M_PER_BAR,
        "water_temperature": nature.water_c,
    }


def rain(nature: Nature) -> dict[str, float]:
    """What the tipping bucket has counted."""
    return {"rainfall_total": nature.rain_mm % RAIN_ROLLS_OVER_MM}


def as_platform_knows(channel: str, value: float) -> tuple[str, float]:
    """A value of a profile's channel as the configuration above turns it into another."""
    if channel == "water_pressure":
        return "water_level", value * M_PER_BAR + DATUM_M
    return channel, value


def _quoted(text: object) -> str:
    """A TOML basic string: JSON's escapes are among TOML's."""
    return json.dumps(str(text), ensure_ascii=False)
