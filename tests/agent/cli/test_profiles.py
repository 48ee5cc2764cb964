"""polegate profiles on the real profiles, on a site's own, and on broken ones."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from firmware_profiles.loader import (
    list_boards,
    list_instruments,
    list_stations,
    load_instrument,
    load_station,
)

INSTRUMENTS, BOARDS, STATIONS = list(list_instruments()), list(list_boards()), list(list_stations())
BUILT_IN = Path(str(files("firmware_profiles")))

GAUGE = """
title = "A level gauge"
vendor = "Acme"
model = "L1"
confirmed = "documented"
source = "manual"
note = "Mount it upright."
protocol = "modbus"

[timing]
timeout_s = 1.2
gap_ms = 40

[modbus]
unit = 7

[[points]]
channel = "water_level"
address = 256
type = "float32"
order = "CDAB"
scale = 0.01
offset = -2.5

[[points]]
channel = "water_temperature"
address = 300
type = "int16"
absent = [-32768]
note = "Only with option T."

[[points]]
channel = "status.alarm"
address = 301
type = "bitfield"
bit = 2
length = 3
labels = { 0 = "none", 1 = "high" }

[[vectors]]
name = "constructed: 21 at 300"
request = "07 03 01 2C 00 01"
response = "07 03 02 00 15 F1 8B"
expect = { water_temperature = 21 }
"""

SHOWN = """\
acme-l1: A level gauge
vendor     Acme
model      L1
firmware   any
confirmed  documented: the maker's manual gives the map
source     manual
line       9600 8N1
timing     every 10 s, answers within 1.2 s, 40 ms of silence before a request
asked      unit 7, 2 requests: holding 256 to 257, holding 300 to 301
vectors    1 test vector
note       Mount it upright.

channel            unit  register     type          value
water_level        m     holding 256  float32 CDAB  raw * 0.01 - 2.5
water_temperature  °C    holding 300  int16         raw
status.alarm             holding 301  bit 2 to 4    raw

water_temperature  not installed: -32768; Only with option T.
status.alarm       0 = none, 1 = high
"""


@pytest.fixture
def gauge(tmp_path: Path) -> Path:
    """A profile of the site, beside the configuration."""
    file = tmp_path / "profiles" / "instruments" / "acme-l1.toml"
    file.parent.mkdir(parents=True)
    file.write_text(GAUGE)
    return file


def test_the_list_has_every_profile_and_fits(polegate, gauge) -> None:
    result = polegate("profiles", "list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    words = {line.split()[0] for line in lines if line and not line.startswith(" ")}
    assert words == {*INSTRUMENTS, *BOARDS, *STATIONS, "acme-l1", "instrument", "board", "station"}


def test_the_list_says_what_is_measured_how_and_how_far_confirmed(polegate, gauge) -> None:
    lines = polegate("profiles", "list", columns=100).stdout.splitlines()
    [at] = [number for number, line in enumerate(lines) if line.startswith("acme-l1")]
    assert lines[at].split() == ["acme-l1", "A", "level", "gauge", "modbus", "documented"]
    assert lines[at + 1].strip() == "water_level, water_temperature, status"


def test_the_list_as_json(polegate) -> None:
    found = json.loads(polegate("profiles", "list", "--json").stdout)
    assert [each["id"] for each in found["instruments"]] == INSTRUMENTS
    assert [each["id"] for each in found["boards"]] == BOARDS
    assert [each["id"] for each in found["stations"]] == STATIONS
    assert all(each["confirmed"] and "points" not in each for each in found["instruments"])


def test_a_map_is_shown_with_types_orders_scale_units_and_notes(polegate, gauge) -> None:
    result = polegate("profiles", "show", "acme-l1")
    assert (result.stdout, result.exit_code) == (SHOWN, 0)


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_each_instrument_can_be_shown_on_a_narrow_terminal(polegate, name: str) -> None:
    result = polegate("profiles", "show", name)
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    for point in load_instrument(name).points:
        assert f"\n{point.channel}" in result.stdout


@pytest.mark.parametrize("name", BOARDS)
def test_each_board_can_be_shown(polegate, name: str) -> None:
    result = polegate("profiles", "show", name)
    assert result.exit_code == 0
    assert "port" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("name", STATIONS)
def test_each_kind_of_station_can_be_shown(polegate, name: str) -> None:
    result = polegate("profiles", "show", name)
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    station = load_station(name)
    for word in (*station.expects, *station.rules, *station.settings):
        assert word in result.stdout


@pytest.mark.parametrize("name", [*INSTRUMENTS, *BOARDS, *STATIONS])
def test_each_profile_as_json_is_whole(polegate, name: str) -> None:
    shown = json.loads(polegate("profiles", "show", name, "--json").stdout)
    assert shown["title"]
    assert "points" in shown or "ports" in shown or "expects" in shown


def test_an_unknown_name_is_met_with_the_nearest(polegate) -> None:
    result = polegate("profiles", "show", "keller-37x")
    assert result.exit_code == 2
    assert 'no profile "keller-37x"; did you mean keller-36x' in result.stderr


def test_every_built_in_profile_passes_its_check(polegate) -> None:
    paths = [
        file for kind in ("instruments", "boards", "stations") for file in (BUILT_IN / kind).glob("*.toml")
    ]
    result = polegate("profiles", "check", *paths)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count(": good.") == len(INSTRUMENTS) + len(BOARDS) + len(STATIONS)
    assert "pass  " in result.stdout


def test_each_vector_is_shown(polegate, gauge) -> None:
    result = polegate("profiles", "check", gauge)
    assert result.stdout == (
        f"pass  constructed: 21 at 300: water_temperature = 21\n{gauge}: good. 3 points, 1 vector pass.\n"
    )


def test_a_vector_that_fails_ends_with_1_and_says_expected_and_got(polegate, gauge) -> None:
    gauge.write_text(
        GAUGE.replace("expect = { water_temperature = 21 }", "expect = { water_temperature = 22 }")
    )
    result = polegate("profiles", "check", gauge)
    assert result.exit_code == 1
    assert result.stderr == (
        "FAIL  constructed: 21 at 300: water_temperature: expected 22, got 21\n"
        f"{gauge}: 1 of 1 vector failed; mend the points, or the vector if it is wrong.\n"
    )
    as_json = json.loads(polegate("profiles", "check", gauge, "--json").stdout)
    assert as_json["ok"] is False
    assert as_json["vectors"][0]["ok"] is False


def test_a_profile_without_vectors_is_good_and_told_so(polegate, gauge) -> None:
    gauge.write_text(GAUGE.partition("[[vectors]]")[0])
    result = polegate("profiles", "check", gauge)
    assert result.exit_code == 0
    assert result.stdout == f"{gauge}: good. 3 points, but no test vectors: add some frames from the field.\n"


def test_mistakes_are_said_with_their_line_and_the_other_files_are_checked_too(polegate, gauge) -> None:
    good = gauge.with_name("good.toml")
    good.write_text(GAUGE)
    gauge.write_text(GAUGE.replace('type = "int16"', 'type = "int17"'))
    result = polegate("profiles", "check", gauge, good)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{gauge}:28: points[1].type: expected one of ")
    assert result.stderr.rstrip().endswith('did you mean "int16"?')
    assert f"{good}: good." in result.stdout


def test_a_broken_profile_of_the_site_stops_the_list_with_its_line(polegate, gauge) -> None:
    gauge.write_text(GAUGE.replace("[timing]", "[timing"))
    result = polegate("profiles", "list")
    assert result.exit_code == 1
    assert f"{gauge}:10: not valid TOML" in result.stderr
    assert polegate("profiles", "show", "acme-l1").exit_code == 1


def test_a_file_that_is_not_there(polegate, tmp_path) -> None:
    result = polegate("profiles", "check", tmp_path / "none.toml")
    assert result.exit_code == 1
    assert "none.toml cannot be read" in result.stderr
