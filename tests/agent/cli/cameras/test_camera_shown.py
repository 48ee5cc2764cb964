"""What is known of cameras without asking them: list, show, schema, mask and export."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

HEAD = '[station]\nsite = "riverside"\ngateway = "pole-7"\n[uplink]\nurl = "mqtt://localhost"\n'
BANK = """
[cameras.bank]
title = "Left bank"
host = "10.0.0.7"
masks = [[[0, 0], [0.5, 0], [0.5, 0.25]]]
[cameras.bank.zones.river]
kind = "water"
polygon = [[0, 0.5], [1, 0.5], [1, 1]]
[cameras.bank.file]
id = "44160200541320000001"
latitude = 23.7
longitude = 114.7
azimuth_deg = 90
owner = "=Water office"
"""
ROAD = '[cameras.road]\nsnapshot = "http://10.0.0.8/now.jpg?user=a&password=b"\n'
FACTS = {
    "manufacturer": "Acme", "model": "D-1", "firmware": "5.7", "serial": "S9", "hardware": "1",
    "mac": "00:11:22:33:44:55", "clock_offset_ms": 3_600_000, "media": 2, "has_ptz": True, "has_imaging": True,
    "has_events": False, "profile": "sub", "snapshot": "http://10.0.0.7/snap", "stream": "rtsp://10.0.0.7/sub",
    "profiles": [
        {"token": "main", "codec": "h265", "width": 3840, "height": 2160, "fps": 25.0},
        {"token": "sub", "codec": "h264", "width": 640, "height": 360, "fps": 15.0},
    ],
}  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "polegate.toml").write_text(HEAD + BANK + ROAD)
    return tmp_path / "polegate.toml"


@pytest.fixture
def status(daemon, healthy):
    """The daemon knows the bank well, and cannot reach the road."""
    now_ms = healthy["now_ms"]
    bank = {
        "camera": "bank", "title": "Left bank", "state": "ok", "step": "changing", "reason": "", "message": "",
        "since_ms": now_ms - 3_600_000, "way": "snapshot", "why": "the cheapest, and it works",
        "last_ms": now_ms - 12_000, "score": 93, "faults": [], "facts": FACTS,
        "record": {"score": 93, "faults": [], "learning": True},
        "values": [{"channel": "picture_score", "value": 93, "unit": "1", "decimals": 0, "quality": 1, "test": ""}],
    }  # fmt: skip
    road = {
        "camera": "road", "title": "road", "state": "timeout", "step": "unreachable", "reason": "timeout",
        "message": "10.0.0.8:80 does not answer", "since_ms": now_ms, "way": "", "why": "", "last_ms": None,
        "score": None, "faults": ["no_signal"],
    }  # fmt: skip
    daemon.answers["status"] = healthy | {"cameras": [bank, road]}
    return daemon


def test_a_list_of_cameras_fits_the_screen(config, status, polegate) -> None:
    result = polegate("camera", "list")
    assert result.exit_code == 1, "the road is in trouble"
    lines = result.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[1].split()[:7] == ["bank", "changing", "snapshot", "12", "s", "ago", "93"]
    assert "10.0.0.8:80 does not" in result.stdout
    assert "no_signal" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("state", "step", "code"),
    [("ok", "changing", 0), ("starting", "starting", 0), ("worker", "starting", 1), ("frozen", "streaming", 1),
     ("defocus", "changing", 1)],
)  # fmt: skip
@pytest.mark.usefixtures("config")
def test_it_ends_as_status_does(status, polegate, state, step, code) -> None:
    for camera in status.answers["status"]["cameras"]:
        camera |= {"state": state, "step": step, "reason": state}
    assert polegate("camera", "list").exit_code == code
    assert polegate("camera", "list", "--json").exit_code == code


def test_without_a_daemon_it_is_the_configuration_and_said_so(config, polegate) -> None:
    result = polegate("camera", "list")
    assert result.exit_code == 3
    assert "from the configuration alone" in result.stderr
    assert "Left bank" in result.stdout


def test_no_cameras_at_all(tmp_path, polegate) -> None:
    (tmp_path / "polegate.toml").write_text(HEAD)
    result = polegate("camera", "list")
    assert result.exit_code == 0
    assert "polegate camera find" in result.stdout


def test_the_list_for_programs(config, status, polegate) -> None:
    answer = json.loads(polegate("camera", "list", "--json").stdout)
    assert [each["camera"] for each in answer["cameras"]] == ["bank", "road"]
    assert answer["daemon"] is True
    assert answer["cameras"][0]["score"] == 93


def test_a_camera_is_shown_whole(config, status, polegate) -> None:
    result = polegate("camera", "show", "bank")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    for said in (
        "Acme D-1", "5.7", "44160200541320000001", "132 type: network camera", "23.700000, 114.700000",
        "looks to 90°", "sub, H264, 640x360, 15 pictures a second", "PTZ, imaging", "1 h ahead",
        "snapshot, every 1 min: the cheapest, and it works", "1 mask", "river (water)", "still learning",
        "water_share.river",
    ):  # fmt: skip
        assert said in text, said
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


def test_the_file_keeps_to_its_schema(config, status, polegate) -> None:
    schema = json.loads(polegate("camera", "schema", "--json").stdout)
    Draft202012Validator.check_schema(schema)
    for name in ("bank", "road"):
        file = json.loads(polegate("camera", "show", name, "--json").stdout)
        Draft202012Validator(schema).validate(file)
    assert file["network"]["snapshot"] == "http://10.0.0.8/now.jpg?user=***&password=***"
    assert file["network"]["host"] == "10.0.0.8"
    assert file["state"]["faults"] == ["no_signal"]


def test_an_unknown_camera_is_answered_with_the_nearest(config, polegate) -> None:
    result = polegate("camera", "show", "bnk")
    assert result.exit_code == 2
    assert "did you mean bank?" in result.stderr


def test_all_files_for_the_citys_platform(config, status, polegate, tmp_path) -> None:
    out = tmp_path / "out"
    photo = tmp_path / "pole.JPG"
    photo.write_bytes(b"a photograph")
    config.write_text(config.read_text().replace("owner =", f'photo = "{photo}"\nowner ='))
    result = polegate("camera", "export", "-o", out)
    assert result.exit_code == 0
    assert "2 cameras' files, 1 picture" in result.stdout
    sums = dict(reversed(line.split("  ")) for line in (out / "SHA256SUMS").read_text().splitlines())
    assert sums.keys() == {file.name for file in out.iterdir()} - {"SHA256SUMS"}
    assert all(
        hashlib.sha256((out / name).read_bytes()).hexdigest() == digest for name, digest in sums.items()
    )
    assert (out / "bank-installed.jpg").read_bytes() == b"a photograph"
    schema = Draft202012Validator(json.loads((out / "schema.json").read_text()))
    schema.validate(json.loads((out / "bank.json").read_text()))
    again = polegate("camera", "export", "-o", out)
    assert again.exit_code == 1
    assert "--force" in again.stderr


def test_a_photograph_that_is_gone_is_told_and_the_rest_is_written(config, polegate, tmp_path) -> None:
    config.write_text(config.read_text().replace("owner =", 'photo = "/nowhere.jpg"\nowner ='))
    result = polegate("camera", "export", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "cameras.bank.file.photo: /nowhere.jpg cannot be read" in result.stderr
    assert (tmp_path / "out" / "SHA256SUMS").exists()


def test_rows_have_the_names_of_the_catalogue(config, status, polegate) -> None:
    text = polegate("camera", "export", "--format", "csv").stdout.removeprefix("\ufeff")
    bank, road = csv.DictReader(io.StringIO(text))
    assert bank["DeviceID"] == "44160200541320000001"
    assert (bank["CivilCode"], bank["Status"], bank["Resolution"]) == ("441602", "ON", "640x360")
    assert bank["Owner"] == "'=Water office", "no formula of a spreadsheet"
    assert (road["Status"], road["IPAddress"], road["Score"]) == ("OFF", "10.0.0.8", "")


def test_export_as_lines_of_json(config, polegate) -> None:
    lines = polegate("camera", "export").stdout.splitlines()
    assert [json.loads(line)["identity"]["camera"] for line in lines] == ["bank", "road"]


class TestMask:
    def test_they_are_listed_as_they_can_be_given(self, config, polegate) -> None:
        result = polegate("camera", "mask", "bank")
        assert "0,0 0.5,0 0.5,0.25" in result.stdout
        assert "river" in result.stdout

    def test_one_is_added_and_taken_away(self, config, polegate, tmp_path) -> None:
        result = polegate("camera", "mask", "road", "--add", "0.1,0.1 .4,0.1 0.4,0.3", "--add", "0,0 1,0 1,1")
        assert result.exit_code == 0, result.stderr
        assert "view-road.toml: 2 masks" in result.stdout
        polegate("camera", "mask", "road", "--remove", 1)
        answer = json.loads(polegate("camera", "mask", "road", "--json").stdout)
        assert answer["masks"] == [[[0, 0], [1, 0], [1, 1]]]
        polegate("camera", "mask", "road", "--clear")
        assert "no masks" in polegate("camera", "mask", "road").stdout

    def test_those_a_person_wrote_are_left_alone(self, config, polegate) -> None:
        before = config.read_text()
        result = polegate("camera", "mask", "bank", "--add", "0.1,0.1 0.4,0.1 0.4,0.3")
        assert result.exit_code == 1
        assert "masks = [\n    [[0.0, 0.0]," in result.stderr
        assert "[[0.1, 0.1], [0.4, 0.1], [0.4, 0.3]]" in result.stderr
        assert config.read_text() == before

    @pytest.mark.parametrize("points", ["0.1,0.1 0.4,0.1", "0.1,0.1 0.4,0.1 2,2", "a,b c,d e,f", "", "1 2 3"])
    def test_what_is_no_polygon_is_refused(self, config, polegate, points) -> None:
        result = polegate("camera", "mask", "road", "--add", points)
        assert result.exit_code == 2
        assert "expected points such as" in result.stderr

    def test_sides_that_cross_are_refused(self, config, polegate, tmp_path) -> None:
        result = polegate("camera", "mask", "road", "--add", "0,0 1,1 1,0 0,1")
        assert result.exit_code == 2
        assert "cross" in result.stderr
        assert not (tmp_path / "conf.d").exists()

    def test_no_picture_is_taken_that_could_not_be_masked(self, config, polegate, tmp_path) -> None:
        config.write_text(HEAD + ROAD + "masks = [[[0, 0], [1, 1], [1, 0], [0, 1]]]\n")
        result = polegate("camera", "snapshot", "road", "-o", tmp_path / "road.jpg")
        assert result.exit_code in (1, 78)
        assert "cameras.road.masks" in result.stderr
        assert not (tmp_path / "road.jpg").exists()

    def test_a_number_that_is_not_there(self, config, polegate) -> None:
        result = polegate("camera", "mask", "bank", "--remove", 2)
        assert result.exit_code == 2
        assert "bank has 1 mask; there is no number 2" in result.stderr
