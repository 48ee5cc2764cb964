"""What the built-in kinds of station set is a configuration that the real loader takes, rules and all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.provisioning.laying import channels_of
from agent.provisioning.plan import plan
from agent.provisioning.seed import read_seed
from agent.provisioning.site import Site
from firmware_profiles.declared import checked
from firmware_profiles.loader import list_stations, load_station

HEAD = """
[station]
kind = "{kind}"
site = "s"
gateway = "g"
[uplink]
url = "mqtt://localhost"
"""
OFTEN = {"weather": ("pm2_5", "pm10", "relative_humidity", "noise_level", "wind_direction")}


@pytest.mark.parametrize("kind", list_stations())
def test_with_every_gauge_every_rule_and_limit_holds(kind: str, tmp_path: Path) -> None:
    station = load_station(kind)
    text = HEAD.format(kind=kind)
    for number, (name, expected) in enumerate(station.expects.items(), start=1):
        channels = dict.fromkeys((*expected.measures, *OFTEN.get(name, ())))
        points = [{"channel": each, "address": at} for at, each in enumerate(channels)]
        lines = ", ".join(
            "{ " + ", ".join(f"{k} = {json.dumps(v)}" for k, v in each.items()) + " }" for each in points
        )
        text += f'[devices.{name}]\nport = "/dev/ttyS9"\nunit = {number}\npoints = [{lines}]\n'
    made = plan(read_seed(text, tmp_path / "seed.toml"), Site(tmp_path / "polegate.toml"))
    config = made.loaded.config
    assert set(config.rules) == set(station.rules)
    assert config.limits.keys() == {name for name, each in station.expects.items() if each.limits}
    paced = {name: device.every_s for name, device in made.loaded.plan.devices.items()}
    assert paced == {name: each.every_s for name, each in station.expects.items()}
    assert station.missing(channels_of(made.loaded.plan)) == {}
    for table, keys in station.settings.items():
        part = getattr(config, table)
        meant = checked(type(part), vars(part) | keys)
        assert {key: getattr(part, key) for key in keys} == {key: getattr(meant, key) for key in keys}
