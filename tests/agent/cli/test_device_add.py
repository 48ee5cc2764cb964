"""polegate device add: a fragment that holds together with the whole, or nothing at all."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from agent.loading import load
from drivers.endpoints import SerialEndpoint

HEAD = '[station]\nsite = "s"\ngateway = "g"\n[uplink]\nurl = "mqtt://localhost"\n'
LINE = {"baud": 19200, "data_bits": 8, "parity": "E", "stop_bits": 1}


def match(profile: str, verdict: str) -> dict[str, object]:
    return {
        "profile": profile,
        "verdict": verdict,
        "bits": 9.0,
        "reasons": ["all of it answers"],
        "readings": [],
    }


def found(number: int, *matches: dict[str, object], unit: int | None = 7, line=LINE) -> dict[str, object]:
    return {"number": number, "line": line, "unit": unit, "matches": list(matches)}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "polegate.toml").write_text(HEAD)
    return tmp_path / "polegate.toml"


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    file = tmp_path / "scan.json"
    everything = [
        found(1, match("renke-rs-fsxcs", "certain"), match("rika-rk120-01-wind", "possible")),
        found(
            2, match("keller-36x", "likely"), match("keller-acculevel", "likely"), line=LINE | {"baud": 9600}
        ),
        found(3, match("wl991-ultrasonic", "possible"), match("rika-rk400-04-rain", "possible")),
        found(4),
        found(5, match("gill-windsonic", "certain"), unit=None, line=LINE | {"parity": "N"}),
    ]
    file.write_text(json.dumps({"port": "/dev/ttyS9", "found": everything}))
    return file


def fragment(tmp_path: Path, name: str) -> Path:
    return tmp_path / "conf.d" / f"{name}.toml"


def test_from_options(config, polegate, tmp_path) -> None:
    result = polegate(
        "device", "add", "level", "--instrument", "keller-36x", "--port", "/dev/ttyS9", "--unit", 3,
        "--parity", "E", "--every", 5, "--title", 'River, "left" bank',
    )  # fmt: skip
    assert result.exit_code == 0
    text = fragment(tmp_path, "level").read_text()
    assert text == (
        "# Written by polegate device add.\n[devices.level]\n"
        'instrument = "keller-36x"\ntitle = "River, \\"left\\" bank"\nport = "/dev/ttyS9"\nunit = 3\n'
        'line = { baud = 9600, parity = "E" }\nevery_s = 5.0\n'
    )
    assert result.stdout.startswith(f"{fragment(tmp_path, 'level')}:\n{text}")
    assert "polegate read level" in result.stdout
    plan = load(config).plan.devices["level"]
    assert isinstance(plan.endpoint, SerialEndpoint)
    assert (plan.unit, plan.endpoint.line.parity, plan.timing.every_s) == (3, "E", 5.0)
    assert not list((tmp_path / "conf.d").glob(".*"))


def test_from_a_scan(config, scan, polegate, tmp_path) -> None:
    result = polegate("device", "add", "weather", "--from-scan", 1, "--scan", scan)
    assert result.exit_code == 0
    assert fragment(tmp_path, "weather").read_text() == (
        "# Written by polegate device add.\n# certain: all of it answers\n[devices.weather]\n"
        'instrument = "renke-rs-fsxcs"\nport = "/dev/ttyS9"\nunit = 7\nline = { baud = 19200, parity = "E" }\n'
    )


def test_a_likely_one_is_taken_and_said_so(config, scan, polegate) -> None:
    result = polegate("device", "add", "level", "--from-scan", 2, "--scan", scan)
    assert "keller-36x is likely, not certain. It may be keller-acculevel, too" in result.stdout


def test_a_possible_one_is_to_be_chosen(config, scan, polegate, tmp_path) -> None:
    result = polegate("device", "add", "gap", "--from-scan", 3, "--scan", scan)
    assert result.exit_code == 2
    assert "choose with --instrument; possible: wl991-ultrasonic, rika-rk400-04-rain" in " ".join(
        result.stderr.split()
    )
    assert not fragment(tmp_path, "gap").exists()
    polegate("device", "add", "gap", "--from-scan", 3, "--scan", scan, "--instrument", "rika-rk400-04-rain")
    assert 'instrument = "rika-rk400-04-rain"' in fragment(tmp_path, "gap").read_text()


def test_one_that_nothing_fits(config, scan, polegate, tmp_path) -> None:
    result = polegate("device", "add", "gap", "--from-scan", 4, "--scan", scan)
    assert "none that is known; write a profile" in " ".join(result.stderr.split())
    polegate("device", "add", "gap", "--from-scan", 4, "--scan", scan, "--instrument", "by-radar-level")
    text = fragment(tmp_path, "gap").read_text()
    assert 'instrument = "by-radar-level"' in text
    assert "answers" not in text, "no reasons of another's"


def test_a_gauge_that_pushes_has_no_unit(config, scan, polegate, tmp_path) -> None:
    assert polegate("device", "add", "wind", "--from-scan", 5, "--scan", scan).exit_code == 0
    assert (
        fragment(tmp_path, "wind")
        .read_text()
        .endswith('instrument = "gill-windsonic"\nport = "/dev/ttyS9"\nline = { baud = 19200 }\n')
    )


def test_behind_a_converter(config, tmp_path, polegate) -> None:
    file = tmp_path / "tcp.json"
    file.write_text(
        json.dumps({"tcp": "127.0.0.1:4001", "found": [found(1, match("keller-36x", "certain"), line=None)]})
    )
    assert polegate("device", "add", "level", "--from-scan", 1, "--scan", file).exit_code == 0
    plan = load(config).plan.devices["level"]
    assert (str(plan.endpoint), plan.framing, plan.unit) == ("127.0.0.1:4001", "rtu", 7)


def test_nothing_is_written_that_does_not_hold_together(config, polegate, tmp_path) -> None:
    words = ["--instrument", "wl991-ultrasonic", "--port", "/dev/ttyS9"]
    assert polegate("device", "add", "one", *words).exit_code == 0
    result = polegate("device", "add", "two", *words)
    assert result.exit_code == 78
    assert "Nothing is written" in result.stderr
    assert (
        f"{fragment(tmp_path, 'two')}:5: devices.two.unit: got 1: one is the same instrument" in result.stderr
    )
    assert not fragment(tmp_path, "two").exists()
    assert polegate("device", "add", "two", *words, "--unit", 2).exit_code == 0
    assert list(load(config).plan.devices) == ["one", "two"]


def test_another_speed_on_the_same_port_is_refused(config, polegate) -> None:
    polegate("device", "add", "one", "--instrument", "wl991-ultrasonic", "--port", "/dev/ttyS9")
    result = polegate("device", "add", "two", "--instrument", "renke-rs-fsxcs", "--port", "/dev/ttyS9")
    assert result.exit_code == 78
    assert "expected 9600 8N1, which one has on the same port" in result.stderr


def test_never_over_what_is_there_without_replace(config, polegate, tmp_path) -> None:
    words = ["device", "add", "gap", "--port", "/dev/ttyS9", "--instrument"]
    polegate(*words, "wl991-ultrasonic")
    fragment(tmp_path, "gap").chmod(0o640)
    before = fragment(tmp_path, "gap").read_text()
    result = polegate(*words, "by-radar-level")
    assert result.exit_code == 1
    assert "is there already; --replace overwrites it" in result.stderr
    assert fragment(tmp_path, "gap").read_text() == before
    assert polegate(*words, "by-radar-level", "--replace").exit_code == 0
    assert load(config).plan.devices["gap"].profile == "by-radar-level"
    assert stat.S_IMODE(fragment(tmp_path, "gap").stat().st_mode) == 0o640


def test_a_device_of_that_name_elsewhere(config, polegate) -> None:
    config.write_text(f'{HEAD}[devices.gap]\ninstrument = "wl991-ultrasonic"\nport = "/dev/ttyS1"\n')
    result = polegate("device", "add", "gap", "--instrument", "wl991-ultrasonic", "--port", "/dev/ttyS9")
    assert result.exit_code == 78
    assert "already given in" in result.stderr


def test_a_dry_run_and_json(config, polegate, tmp_path) -> None:
    words = ["device", "add", "gap", "--instrument", "wl991-ultrasonic", "--port", "/dev/ttyS9", "--dry-run"]
    assert "A dry run: nothing is written." in polegate(*words).stdout
    said = json.loads(polegate(*words, "--json").stdout)
    assert (said["file"], said["written"]) == (str(fragment(tmp_path, "gap")), False)
    assert said["text"].startswith("# Written by polegate device add.\n[devices.gap]\n")
    assert not (tmp_path / "conf.d").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x", "--instrument", "wl991-ultrasonic"], "where is it?"),
        (["x", "--port", "/dev/ttyS9"], "what is it?"),
        (["x", "--port", "/dev/ttyS9", "--tcp", "h:1", "--instrument", "wl991-ultrasonic"], "where is it?"),
        (["x", "--port", "/dev/ttyS9", "--instrument", "wl991-ultra"], "did you mean wl991-ultrasonic?"),
        (
            ["Level", "--port", "/dev/ttyS9", "--instrument", "wl991-ultrasonic"],
            "NAME: expected lower-case letters",
        ),
        (
            ["../x", "--port", "/dev/ttyS9", "--instrument", "wl991-ultrasonic"],
            "NAME: expected lower-case letters",
        ),
        (
            ["x", "--tcp", "h:1", "--baud", "9600", "--instrument", "wl991-ultrasonic"],
            "set in the converter itself",
        ),
        (["x", "--port", "/dev/ttyS9", "--unit", "3", "--instrument", "gill-windsonic"], "have no unit id"),
    ],
)
def test_what_cannot_be_meant_is_refused(config, polegate, words, said) -> None:
    result = polegate("device", "add", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_scans_that_are_none(config, polegate, scan, tmp_path) -> None:
    missing = polegate("device", "add", "x", "--from-scan", 1, "--scan", tmp_path / "none.json")
    assert "none.json cannot be read: No such file or directory" in missing.stderr
    other = polegate("device", "add", "x", "--from-scan", 1, "--scan", config)
    assert "is no scan that polegate bus scan --out has saved" in other.stderr
    beyond = polegate("device", "add", "x", "--from-scan", 9, "--scan", scan)
    assert "has no number 9; there is 1, 2, 3, 4, 5" in beyond.stderr
    assert (missing.exit_code, other.exit_code, beyond.exit_code) == (2, 1, 2)


def test_without_a_configuration(polegate, tmp_path) -> None:
    result = polegate("device", "add", "gap", "--instrument", "wl991-ultrasonic", "--port", "/dev/ttyS9")
    assert result.exit_code == 78
    assert "no such file; polegate provision makes one" in result.stderr
    assert not fragment(tmp_path, "gap").exists()
