"""Every built-in profile: it loads, its claims are backed by frames, its names agree with the udev rules."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.modbus.codec import compile_block
from drivers.modbus.plan import plan_blocks
from drivers.modbus.vectors import check_vectors
from drivers.readings import Quality
from firmware_profiles.loader import (
    list_boards,
    list_instruments,
    load_board,
    load_instrument,
)
from firmware_profiles.properties import properties, property_of
from firmware_profiles.schema import ModbusInstrument

INSTRUMENTS = list(list_instruments())
MODBUS = [name for name in INSTRUMENTS if isinstance(load_instrument(name), ModbusInstrument)]
BOARDS = list(list_boards())
RULES = Path(__file__).parents[2] / "systemd" / "60-polegate-serial.rules"

REQUIRED = {
    "renke-rs-fsxcs", "keller-36x", "keller-acculevel", "sl651-level-rain", "wl991-ultrasonic",
    "rika-rk400-04-rain", "rika-rk120-01-wind", "rika-rk330-01-weather", "rika-rk200-03-solar",
    "eastron-sdm120", "eastron-sdm230", "eastron-sdm630", "pzem-004t-v3", "pzem-017",
    "hz-radar-level", "hz-radar-flow", "by-radar-level", "hx-radar-flow", "sn-3001-soil",
}  # fmt: skip


def test_the_promised_instruments_are_there():
    assert set(MODBUS) >= REQUIRED


def test_ids_are_plain_and_no_vendor_has_a_title_twice():
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in (*INSTRUMENTS, *BOARDS))
    profiles = [*map(load_instrument, INSTRUMENTS), *map(load_board, BOARDS)]
    titles = Counter(f"{profile.vendor}: {profile.title}" for profile in profiles)
    assert [title for title, times in titles.items() if times > 1] == []


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_what_is_captured_has_captured_frames(name):
    instrument = load_instrument(name)
    field = [v for v in instrument.vectors if not v.refuse and not v.name.startswith("constructed")]
    assert field or instrument.confirmed != "captured"


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_what_a_vector_expects_is_a_channel_within_its_limits(name):
    instrument = load_instrument(name)
    channels = {point.channel for point in instrument.points}
    for vector in instrument.vectors:
        assert vector.expect.keys() <= channels
        assert not (vector.expect and vector.refuse)
        for channel, value in vector.expect.items():
            limits = property_of(channel).limits
            if limits and not isinstance(value, str | bool):
                assert limits[0] <= value <= limits[1]


@pytest.mark.parametrize("name", MODBUS)
def test_every_vector_decodes_or_is_refused_as_it_says(name):
    outcomes = check_vectors(load_instrument(name))
    assert outcomes
    assert [outcome for outcome in outcomes if not outcome.ok] == []


@pytest.mark.parametrize("name", MODBUS)
def test_every_register_map_can_be_read(name):
    instrument = load_instrument(name)
    blocks = plan_blocks(instrument.points, instrument.modbus)
    assert sum(len(block.points) for block in blocks) == len(instrument.points)


@pytest.mark.parametrize("name", MODBUS)
def test_a_vector_can_fail(name):
    """Moving the whole map by one register must break at least one vector: the vectors do prove it."""
    instrument = load_instrument(name)
    moved = [replace(point, address=point.address + 1) for point in instrument.points]
    assert not all(o.ok for o in check_vectors(replace(instrument, points=tuple(moved))))


def test_a_missing_probe_of_the_weather_station_gives_no_value():
    instrument = load_instrument("renke-rs-fsxcs")
    (block,) = plan_blocks(instrument.points, instrument.modbus)
    data = bytearray(2 * block.count)
    noise = 2 * (506 - block.address)
    data[noise : noise + 2] = (300).to_bytes(2, "big")
    missing = {r.channel for r in compile_block(block)(bytes(data)) if r.quality is Quality.MISSING}
    assert missing == {"noise_level", "relative_humidity", "air_pressure"}


def test_every_property_is_named_in_ucum_and_has_sensible_limits():
    for name, row in properties().items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert row.limits is None or row.limits[0] < row.limits[1]
        assert row.unit
        assert not re.search(r"[µ°²³ ]", row.unit)


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_names_distinct_device_files(name):
    paths = [port.path for port in load_board(name).ports.values()]
    assert len(set(paths)) == len(paths)
    assert all(path.startswith("/dev/") for path in paths)


@pytest.mark.parametrize("name", BOARDS)
def test_ports_by_usb_socket_are_the_links_of_the_udev_rules(name):
    rules = RULES.read_text()
    assert 'SYMLINK+="polegate/$env{ID_PATH}"' in rules
    for port in load_board(name).ports.values():
        if "ID_PATH" in port.udev:
            assert port.path == f"/dev/polegate/{port.udev['ID_PATH']}"


def test_the_generic_board_has_the_name_the_udev_rules_teach():
    (taught,) = set(re.findall(r'SYMLINK\+="(polegate/rs485-\d)"', RULES.read_text()))
    assert f"/dev/{taught}" in [port.path for port in load_board("generic").ports.values()]
