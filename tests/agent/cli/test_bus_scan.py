"""polegate bus scan on real lines: what it finds, shows, saves and refuses."""

from __future__ import annotations

import json
import struct

import pytest
from fakes.mixed_bus import MixedBus, Slave
from fakes.ports import free_port
from fakes.waiting import wait_until
from serial import Serial

from drivers.scanning import scanner

KELLER = {0x100 + i: word for i, word in enumerate(struct.unpack(">4H", struct.pack(">2f", 0.35, 12.5)))}
UNKNOWN = {0: 0x41A2, 1: 0x0000, 2: 1234, 3: 0xFF9C}


@pytest.fixture(autouse=True)
def _shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "LISTEN_S", 0.05)
    monkeypatch.setattr(scanner, "LINGER_S", 0.05)


@pytest.fixture
def quickly(pty_bus):
    """One setting, few unit ids, no asking of gauges at other speeds."""
    return ["bus", "scan", str(pty_bus.master_path), "--baud", "9600", "--parity", "N", "--units", "1-9"]


def test_an_instrument_is_shown_with_its_reasons_and_values(
    modbus_rtu_slave, quickly, polegate, tmp_path
) -> None:
    modbus_rtu_slave({1: {"holding": KELLER}})
    result = polegate(*quickly, columns=100)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:4] == [
        "1  9600 8N1, unit 1: keller-36x, likely",
        "   all its registers answer, others are refused; 2 of 2 values are ordinary; the factory's unit id",
        "   and line; the same map as keller-acculevel",
        "   water_pressure 0.3500 bar, water_temperature 12.5 °C",
    ]
    assert lines[4] == "   or keller-acculevel, likely: water_pressure 0.3500 bar, water_temperature 12.5 °C"
    assert "1 instrument found; " in result.stdout
    assert "frames sent in" in result.stdout
    ours = f"sudo polegate -c {tmp_path}/polegate.toml"
    assert lines[-1].startswith(f"Next: {ours} device add NAME --instrument PROFILE")
    assert result.stderr.startswith(f"{quickly[2]}: listens, then asks, reading only; ")


def test_registers_nobody_knows_with_the_orders_side_by_side(modbus_rtu_slave, quickly, polegate) -> None:
    modbus_rtu_slave({5: {"holding": UNKNOWN}})
    result = polegate(*quickly)
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["register", "hex", "16", "bit", "as", "ABCD", "CDAB", "BADC", "DCBA"] in rows
    (first,) = [row for row in rows if row[:2] == ["holding", "0"]]
    assert first[2:6] == ["41a2", "16802", "f32", "20.25*"]
    (last,) = [row for row in rows if row[:2] == ["holding", "3"]]
    assert last[2:] == ["ff9c", "65436"]
    assert ["-100"] in rows
    assert max(map(len, result.stdout.splitlines()[:-2])) <= 80


def test_json_and_a_saved_scan_say_the_same(modbus_rtu_slave, quickly, polegate, tmp_path) -> None:
    modbus_rtu_slave({5: {"holding": UNKNOWN}})
    out = tmp_path / "scan.json"
    result = polegate(*quickly, "--json", "--out", out)
    said = json.loads(result.stdout)
    assert said == json.loads(out.read_text())
    assert result.stderr == ""
    (found,) = said["found"]
    assert (said["port"], said["complete"], said["noise"], said["untried"]) == (quickly[2], True, [], [])
    assert (found["number"], found["unit"], found["line"]["baud"], found["pushes"]) == (1, 5, 9600, False)
    assert found["registers"][2] == {"function": 3, "address": 2, "raw": 1234}
    right = {
        "function": 3,
        "address": 0,
        "order": "ABCD",
        "kind": "float32",
        "value": 20.25,
        "plausible": True,
    }
    assert right in found["candidates"]


def test_nothing_found_is_met_with_what_to_look_at(pty_bus, quickly, polegate) -> None:
    result = polegate(*quickly)
    assert result.exit_code == 1
    assert "0 instruments found" in result.stdout
    assert "  2. A and B: swap them" in result.stdout


def test_a_gauge_that_pushes(line_gauge, polegate) -> None:
    gauge = line_gauge(frames=[b"\x02Q,229,002.74,M,00,\x0316\r\n"], interval_s=0.02)
    result = polegate("bus", "scan", gauge.path)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == (
        "1  9600 8N1: gill-windsonic, certain; it pushes, and needs the line for itself"
    )
    assert "wind_direction 229 °, wind_speed 2.74 m/s" in result.stdout
    assert gauge.heard == b"", "a gauge that talks is not talked to"


def test_a_port_by_the_name_the_configuration_gives_it(modbus_rtu_slave, quickly, polegate, tmp_path) -> None:
    modbus_rtu_slave({1: {"holding": KELLER}})
    (tmp_path / "polegate.toml").write_text(
        f'[ports.bus-a]\npath = "{quickly[2]}"\n'
    )  # else it is unfinished
    words = [*quickly[:2], "bus-a", *quickly[3:]]
    assert "keller-36x" in polegate(*words).stdout
    misspelt = polegate(*quickly[:2], "bus-b", *quickly[3:])
    assert misspelt.exit_code == 2
    assert 'no port "bus-b"; did you mean bus-a' in misspelt.stderr


def test_the_daemon_that_holds_the_port_is_named(pty_bus, quickly, polegate, daemon, healthy) -> None:
    healthy["devices"][0]["bus"] = str(pty_bus.master_path)
    daemon.answers["status"] = healthy
    result = polegate(*quickly)
    assert result.exit_code == 1
    assert f"The running daemon talks on {pty_bus.master_path}" in result.stderr
    assert "systemctl stop polegate" in result.stderr
    assert pty_bus.traffic()["master"].bytes == 0


def test_a_port_another_program_holds(pty_bus, quickly, polegate) -> None:
    with Serial(str(pty_bus.master_path), exclusive=True):
        result = polegate(*quickly)
    assert result.exit_code == 1
    assert "in use by another program" in result.stderr


def test_an_address_nobody_listens_on(polegate) -> None:
    port = free_port("127.0.0.1")
    result = polegate("bus", "scan", "--tcp", f"127.0.0.1:{port}", "--units", "1")
    assert result.exit_code == 1
    assert "connection refused" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name a port"),
        (["/dev/x", "--tcp", "h:1"], "one of the two"),
        (["--tcp", "h:99999"], "--tcp: expected a port from 1 to 65535, got 99999"),
        (["--tcp", "h:1", "--baud", "9600"], "set in the converter"),
        (["/dev/x", "--units", "0-3"], "expected unit ids from 1 to 247 such as 1-16,33, got 0-3"),
        (["/dev/x", "--units", "a"], "got a"),
        (["/dev/x", "--units", "9-"], "got 9-"),
        (["/dev/x", "--units", "9-3"], "got 9-3"),
        (["/dev/x", "--baud", "7"], "--baud: expected 300 to 4000000, usually one of 1200, 2400"),
        (["nowhere"], 'no port "nowhere"; there is'),
    ],
)
def test_what_cannot_be_meant_is_refused(polegate, words, said) -> None:
    result = polegate("bus", "scan", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_what_was_found_is_shown_though_its_place_cannot_be_written(
    modbus_rtu_slave, quickly, polegate, tmp_path
) -> None:
    modbus_rtu_slave({1: {"holding": KELLER}})
    result = polegate(*quickly, "--out", tmp_path / "no" / "scan.json")
    assert result.exit_code == 1
    assert "scan.json cannot be written: No such file or directory" in result.stderr
    assert "keller-36x" in result.stdout
    assert "Next:" not in result.stdout


def test_ctrl_c_gives_what_was_found_so_far_with_a_bar_meanwhile(terminal, tmp_path) -> None:
    out = tmp_path / "scan.json"
    with MixedBus(Slave(unit=1, baud=9600, registers={"holding": KELLER})) as bus:
        scan = terminal("bus", "scan", bus.path, "--no-listen", "--out", str(out))
        wait_until(lambda: "unit 1: keller-36x" in scan.text)
        wait_until(lambda: "9600 8N1, unit 5" in scan.text)
        assert scan.interrupt() == 130
    assert "1 instrument found; " in scan.text
    assert "ended before it was through" in scan.text
    assert "Traceback" not in scan.text
    assert json.loads(out.read_text())["complete"] is False
