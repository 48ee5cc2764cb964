"""polegate read against libmodbus slaves and gauges on ptys: what is read, and what is advised when not."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.ports import free_port
from fakes.pty_bus import Noise, PtyBus
from fakes.waiting import wait_until
from serial import Serial

from agent.cli import takes
from firmware_profiles.loader import list_instruments

HEAD = '[station]\nsite = "s"\ngateway = "g"\n[uplink]\nurl = "mqtt://localhost"\n'
WIND = b"$IIMWV,344.0,R,005.9,M,A*31\r\n"
RAIN = b"Acc  0.01 mm, EventAcc  2.07 mm, TotalAcc 54.85 mm, RInt  2.89 mmph\r\n"


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[str], None]:
    return lambda devices: (tmp_path / "polegate.toml").write_text(HEAD + devices) and None


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takes, "PAUSE_S", 0.0)


def keller() -> dict[int, int]:
    """1.5 bar and 20.25 °C in the registers of a Keller 36 X."""
    return {0x100 + i: word for i, word in enumerate(struct.unpack(">4H", struct.pack(">2f", 1.5, 20.25)))}


def level(address: str, extra: str = "") -> str:
    """Registers as a Keller 36 X has them, without its warm-up of 2 s."""
    return f"""
[devices.level]
title = "River level"
timeout_s = 0.1
points = [
  {{ channel = "water_pressure", address = 0x100, type = "float32" }},
  {{ channel = "water_temperature", address = 0x102, type = "float32" }},
]
{address}
{extra}"""


def test_values_units_quality_and_time(modbus_tcp_slave, configured, polegate) -> None:
    slave = modbus_tcp_slave({1: {"holding": keller()}})
    configured(
        level(f'tcp = "127.0.0.1:{slave.port}"', "[devices.level.channels.water_pressure]\noffset = -1\n")
    )
    result = polegate("read", "level")
    assert result.exit_code == 0
    *lines, took = result.stdout.splitlines()
    assert lines == [
        f'level: River level (custom) on 127.0.0.1:{slave.port}, unit 1, framing "tcp"',
        "channel                 value  quality",
        "water_pressure     0.5000 bar  unchecked",
        "water_temperature     20.2 °C  unchecked",
    ]
    assert took.startswith("read in ")
    assert took.endswith(" ms")


def test_json(modbus_tcp_slave, configured, polegate) -> None:
    slave = modbus_tcp_slave({1: {"holding": keller()}})
    configured(level(f'tcp = "127.0.0.1:{slave.port}"'))
    result = polegate("read", "level", "--json", "--raw", "--repeat", 2)
    first, second = [json.loads(line) for line in result.stdout.splitlines()]
    assert (
        first["readings"]
        == second["readings"]
        == [
            {"channel": "water_pressure", "value": 1.5, "unit": "bar", "quality": 2, "test": ""},
            {"channel": "water_temperature", "value": 20.25, "unit": "Cel", "quality": 2, "test": ""},
        ]
    )
    sent, received = first["heard"]
    assert (sent["direction"], sent["hex"][4:]) == ("sent", "00000006010301000004")
    assert (received["direction"], received["hex"][-20:]) == ("received", "0103083fc0000041a20000"[-20:])


def test_over_rtu_with_the_bytes_and_a_summary(pty_bus, modbus_rtu_slave, configured, polegate) -> None:
    modbus_rtu_slave({7: {"holding": keller()}})
    configured(level(f'port = "{pty_bus.master_path}"', "unit = 7\n"))
    result = polegate("read", "level", "--raw", "--repeat", 3)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].endswith(f"on {pty_bus.master_path}, unit 7, 9600 8N1")
    assert lines.count("-> 07 03 01 00 00 04 45 93") == 3
    assert sum(line.startswith("<- 07 03 08 3f c0 00 00 41 a2 00 00") for line in lines) == 3
    assert lines[-1].startswith("3 tries, 0 failed; ")


def test_a_dead_unit_gets_the_list_of_what_to_look_at(
    modbus_rtu_slave, pty_bus, configured, polegate
) -> None:
    modbus_rtu_slave({7: {"holding": keller()}})
    configured(level(f'port = "{pty_bus.master_path}"', "unit = 8\n"))
    result = polegate("read", "level", "--repeat", 2)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].startswith("2 tries, 2 failed; ")
    assert result.stderr.startswith(
        "cannot be read: unit 8 did not answer within 0.1 s\n"
        "Not a byte came back. Look in this order:\n"
        "  1. power at the device; a common ground\n"
        "  2. A and B: swap them, makers name them both ways round\n"
        "  3. what must agree with the device: unit 8, 9600 8N1\n"
        "  4. the port: is this the socket the cable is in?\n"
    )


def test_a_device_that_comes_back_is_read_again(modbus_tcp_slave, configured, polegate) -> None:
    slave = modbus_tcp_slave({1: {"holding": keller()}})
    slave.fail(1, 6, times=1)
    configured(level(f'tcp = "127.0.0.1:{slave.port}"'))
    result = polegate("read", "level", "--repeat", 2)
    assert result.exit_code == 1
    assert "device busy (6)" in result.stderr
    assert "2 tries, 1 failed" in result.stdout


def test_an_exception_says_that_the_line_is_good(modbus_tcp_slave, configured, polegate) -> None:
    slave = modbus_tcp_slave({1: {"holding": {0: 1}}})
    configured(level(f'tcp = "127.0.0.1:{slave.port}"'))
    result = polegate("read", "level", "--json")
    item = json.loads(result.stdout)
    assert (result.exit_code, item["reason"]) == (1, "refused")
    assert item["error"] == "unit 1 refused function 3: illegal data address (2)"
    assert item["advice"].startswith("The device is there, the line is good, and it says no.")


def test_a_silent_unit_behind_a_converter(modbus_tcp_slave, configured, polegate) -> None:
    slave = modbus_tcp_slave({1: {"holding": keller()}})
    slave.pause(1)
    configured(level(f'tcp = "127.0.0.1:{slave.port}"'))
    result = polegate("read", "level")
    assert result.exit_code == 1
    assert 'behind a serial converter in transparent mode: framing = "rtu"' in result.stderr


def test_noise_on_the_line(pty_bus: PtyBus, modbus_rtu_slave, configured, polegate) -> None:
    modbus_rtu_slave({1: {"holding": keller()}})
    pty_bus.noise("slave", Noise(kind="flip", every=1))
    configured(level(f'port = "{pty_bus.master_path}"'))
    result = polegate("read", "level", "--raw")
    assert result.exit_code == 1
    assert "cannot be read: unit 1: no valid answer in" in result.stderr
    assert "Something answers, and not in these words." in result.stderr
    assert "<- " in result.stdout


def test_a_wrong_address(configured, polegate) -> None:
    port = free_port("127.0.0.1")
    configured(level(f'tcp = "127.0.0.1:{port}"'))
    result = polegate("read", "level")
    assert result.exit_code == 1
    assert result.stderr == (
        f"cannot be read: 127.0.0.1:{port}: connection refused:"
        " is the device on, and is the port number right?\n"
    )


def test_a_port_that_is_not_there(configured, polegate, tmp_path) -> None:
    configured(level(f'port = "{tmp_path}/ttyUSB9"'))
    result = polegate("read", "level", "--repeat", 5)
    assert result.exit_code == 1
    assert "ttyUSB9: no such port: is the adapter plugged in" in result.stderr
    assert "1 try, 1 failed" in result.stdout


def test_a_port_the_daemon_holds(pty_bus, configured, polegate, daemon, healthy) -> None:
    configured(level(f'port = "{pty_bus.master_path}"'))
    healthy["devices"][0]["bus"] = str(pty_bus.master_path)
    daemon.answers["status"] = healthy
    with Serial(str(pty_bus.master_path), exclusive=True):
        result = polegate("read", "level")
    assert result.exit_code == 1
    assert (
        f"The running daemon holds {pty_bus.master_path}. See its readings with: polegate tail level\n"
        in result.stderr
    )


def test_a_port_another_program_holds(pty_bus, configured, polegate) -> None:
    configured(level(f'port = "{pty_bus.master_path}"'))
    with Serial(str(pty_bus.master_path), exclusive=True):
        result = polegate("read", "level")
    assert "in use by another program" in result.stderr
    assert "The running daemon holds" not in result.stderr


def test_a_tcp_device_the_daemon_talks_to(modbus_tcp_slave, configured, polegate, daemon, healthy) -> None:
    slave = modbus_tcp_slave({1: {"holding": keller()}})
    slave.pause(1)
    configured(level(f'tcp = "127.0.0.1:{slave.port}"'))
    healthy["devices"][0]["bus"] = f"127.0.0.1:{slave.port}"
    daemon.answers["status"] = healthy
    assert "and many devices serve only one client" in polegate("read", "level").stderr


def test_a_gauge_that_pushes(line_gauge, configured, polegate) -> None:
    gauge = line_gauge(frames=[WIND], interval_s=0.02)
    configured(
        f'[devices.wind]\ninstrument = "nmea0183-weather"\nport = "{gauge.path}"\nevery_s = 0.05\ntimeout_s = 0.2\n'
        "[devices.wind.channels]\nair_temperature.skip = true\nair_pressure.skip = true\n"
    )
    result = polegate("read", "wind", "--repeat", 2)
    assert result.exit_code == 0
    assert result.stdout.count("wind_speed      5.90 m/s  unchecked") == 2
    assert result.stdout.count("wind_direction     344 °  unchecked") == 2


def test_a_gauge_that_should_push_and_does_not(line_gauge, configured, polegate) -> None:
    gauge = line_gauge()
    configured(f'[devices.wind]\ninstrument = "gill-windsonic"\nport = "{gauge.path}"\ntimeout_s = 0.1\n')
    result = polegate("read", "wind", "--repeat", 2)
    assert result.exit_code == 1
    assert "this gauge should talk by itself" in result.stderr
    assert result.stderr.count("cannot be read: wind: not a byte within 0.1 s\n") == 2


def test_a_long_wait_is_said_beforehand(line_gauge, configured, polegate) -> None:
    gauge = line_gauge(frames=[b"\x02Q,229,002.74,M,00,\x0316\r\n"], interval_s=0.02)
    configured(f'[devices.wind]\ninstrument = "gill-windsonic"\nport = "{gauge.path}"\n')
    assert polegate("read", "wind").stderr == "It may take 10 s: Ctrl-C ends.\n"


def test_a_gauge_that_answers_with_a_frame(line_gauge, configured, polegate) -> None:
    gauge = line_gauge(answers=lambda heard: RAIN if heard.endswith(b"\n") else None)
    configured(f'[devices.rain]\ninstrument = "hydreon-rg15"\nport = "{gauge.path}"\n')
    result = polegate("read", "rain")
    assert result.exit_code == 0
    assert "rain_intensity" in result.stdout


def test_a_misspelt_device_is_met_with_the_nearest(configured, polegate) -> None:
    configured(level('tcp = "127.0.0.1"') + level('tcp = "127.0.0.2"').replace(".level]", ".level2]"))
    result = polegate("read", "levle")
    assert result.exit_code == 2
    assert result.stderr.endswith('Error: no device "levle"; did you mean level or level2?\n')


def test_a_bad_configuration_ends_with_78(configured, polegate) -> None:
    configured("[devices.level]\n")
    result = polegate("read", "level")
    assert result.exit_code == 78
    assert result.stderr.startswith("Error: 1 problem in the configuration:\n")


def test_the_warm_up_of_an_instrument_is_waited_for(modbus_tcp_slave, configured, polegate, tmp_path) -> None:
    built_in = list_instruments()["keller-36x"].read_text(encoding="utf-8")
    assert "warm_up_s = 2\n" in built_in
    (tmp_path / "profiles" / "instruments").mkdir(parents=True)
    quicker = tmp_path / "profiles" / "instruments" / "keller-quick.toml"
    quicker.write_text(built_in.replace("warm_up_s = 2\n", "warm_up_s = 0.3\n"))
    slave = modbus_tcp_slave({1: {"holding": keller()}})
    configured(f'[devices.level]\ninstrument = "keller-quick"\ntcp = "127.0.0.1:{slave.port}"\n')
    began_s = time.monotonic()
    assert polegate("read", "level").exit_code == 0
    assert time.monotonic() - began_s > 0.3


def test_ctrl_c_ends_a_long_wait_with_130(line_gauge, configured, terminal) -> None:
    gauge = line_gauge()
    configured(f'[devices.wind]\ninstrument = "gill-windsonic"\nport = "{gauge.path}"\n')
    reading = terminal("read", "wind")
    wait_until(lambda: "Ctrl-C ends." in reading.text)
    assert reading.interrupt() == 130
    assert "Traceback" not in reading.text
