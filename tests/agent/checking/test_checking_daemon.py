"""The real daemon and the process that checks for it: killed, hanging, told to stop, and gone afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.judged import device
from fakes.modbus_slave import ModbusTcpSlave
from fakes.platform import Platform
from fakes.station import Station
from fakes.waiting import wait_until

from agent.starts import Starts

FAULTS = "polegate/1/river/gw-1/faults"


@pytest.fixture
def slave(modbus_tcp_slave) -> ModbusTcpSlave:
    return modbus_tcp_slave({1: {"holding": {0: 7}}})


def gauge(slave: ModbusTcpSlave, name: str = "gauge") -> str:
    return device(name, "water_level", every_s=0.1, line=f"127.0.0.1:{slave.port}")


@pytest.fixture
def station(tmp_path: Path, mosquitto, slave):
    with Station(tmp_path / "station", f"mqtt://127.0.0.1:{mosquitto.port}", gauge(slave)) as it:
        (it.folder / "conf.d").mkdir()
        yield it


def hang(station: Station) -> Path:
    """From now on the configuration cannot be read to its end: a fragment is a pipe, and nobody writes."""
    pipe = station.folder / "conf.d" / "pipe.toml"
    os.mkfifo(pipe)
    return pipe


def checker(station: Station) -> int:
    """The process that checks, which would be ended first where memory is short."""
    assert station.process is not None
    children = Path(f"/proc/{station.process.pid}/task/{station.process.pid}/children")

    def begun() -> list[str]:
        adjusted = {each: Path(f"/proc/{each}/oom_score_adj") for each in children.read_text().split()}
        return [each for each, file in adjusted.items() if file.read_text() == "1000\n"]

    return int(wait_until(begun)[0])


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


class Reload:
    """Asked for, and not answered yet."""

    def __init__(self, station: Station) -> None:
        self._link = socket.socket(socket.AF_UNIX)
        self._link.settimeout(10)
        self._link.connect(str(station.socket))
        self._link.sendall(b'{"verb": "reload"}\n')

    def answer(self) -> dict:
        with self._link, self._link.makefile() as lines:
            return json.loads(lines.readline())


def faults(platform: Platform) -> list[tuple[str, str]]:
    told = [json.loads(message.payload) for message in platform.on(FAULTS)]
    return [(fault["kind"], fault["state"]) for fault in told]


def test_a_reload_whose_check_is_killed_is_refused_and_the_station_runs_on(station, platform):
    station.start()
    pipe, asked = hang(station), Reload(station)
    child = checker(station)
    assert station.ask("status")["config"]["refused"] == ""  # it answers meanwhile
    os.kill(child, signal.SIGKILL)
    answer = asked.answer()
    said = f"{station.config}: cannot be checked: the process that checks it was ended by SIGKILL"
    assert not answer["ok"]
    assert answer["error"].startswith(said)
    assert station.ask("status")["config"]["refused"] == answer["error"]
    wait_until(lambda: ("config_refused", "opened") in faults(platform))
    assert [fault["reason"] for fault in station.ask("status")["faults"]] == ["unchecked"]
    pipe.unlink()
    assert station.ask("reload") == {
        "ok": True,
        "started": [],
        "stopped": [],
        "restarted": "",
        "judged": False,
    }
    wait_until(lambda: faults(platform)[-1] == ("config_refused", "closed"))
    assert station.ask("status")["config"]["refused"] == ""
    assert is_gone(child)


def test_signals_that_come_while_a_check_runs_are_one_reload_more(station):
    station.start()
    pipe = hang(station)
    station.signal(signal.SIGHUP)
    checker(station)
    for _ in range(10):
        station.signal(signal.SIGHUP)
        assert station.ask("status")["config"]["refused"] == ""  # it has heard of it
    held = os.open(pipe, os.O_WRONLY)
    pipe.unlink()
    station.configure(device("other", "water_level", every_s=0.1, line="127.0.0.1:1"))
    os.close(held)
    assert station.ask("reload")["ok"]  # after all that were asked for before
    assert station.log().count("event=reloaded") == 3
    assert [each["device"] for each in station.ask("status")["devices"]] == ["other"]
    assert station.stop() == 0


def test_a_stop_does_not_wait_for_a_check_that_hangs(station):
    station.start()
    hang(station)
    asked, child = Reload(station), checker(station)
    assert station.stop() == 0
    assert asked.answer()["error"] == "the daemon is stopping"
    assert is_gone(child)
    assert "config_refused" not in station.log()


def test_a_stop_while_the_start_is_checked_ends_it_cleanly(station):
    hang(station)
    station.start(wait=False)
    child = checker(station)
    wait_until(lambda: _catches(station, signal.SIGTERM))
    assert station.stop() == 0
    assert is_gone(child)
    assert "event=starting" not in station.log()


def test_a_start_whose_check_is_killed_is_tried_again_and_says_why(station, tmp_path, monkeypatch):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    hang(station)
    station.start(wait=False)
    os.kill(checker(station), signal.SIGKILL)
    assert station.process.wait(10) == 1
    said = f"{station.config} cannot be checked: the process that checks it was ended by SIGKILL"
    assert f"polegate cannot run: {said}" in station.log()
    assert any(line.startswith(f"STATUS=polegate cannot run: {said}") for line in station.notices.all())
    assert Starts.of_unit().why.startswith(said)


def test_who_starts_us_may_leave_the_end_of_children_ignored(station):
    station.start(prefix=("env", "--ignore-signal=CHLD"))
    assert station.ask("reload")["ok"]
    station.configure("adress = 1\n")
    assert 'unknown key "adress"' in station.ask("reload")["error"]
    assert station.stop() == 0


def test_a_start_without_room_for_another_process_says_so(station):
    code = (
        "import errno, os, sys\n"
        "def fork(): raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))\n"
        "os.fork = fork\n"
        f"sys.argv[1:] = '--config', '{station.config}', 'run'\n"
        "from agent.cli.main import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=False)
    said = f"polegate cannot run: {station.config} cannot be checked: [Errno 12] Cannot allocate memory\n"
    assert (ended.returncode, ended.stderr) == (1, said)


@pytest.mark.parametrize("ready", [False, True])
def test_a_daemon_that_is_killed_takes_the_check_along(station, ready):
    if ready:
        station.start()
    hang(station)
    if ready:
        station.signal(signal.SIGHUP)
    else:
        station.start(wait=False)
    child = checker(station)
    station.kill()
    wait_until(lambda: is_gone(child))


def test_a_daemon_that_serves_holds_nothing_of_pydantic(station, platform, slave):
    station.start()
    wait_until(lambda: platform.on("polegate/1/river/gw-1/readings"))
    wait_until(lambda: platform.on("polegate/1/river/gw-1/health"))
    rule = '[rules.flood]\nkind = "stage"\ninput = "gauge.water_level"\nwarning = "3.5 m"\n'
    station.configure(gauge(slave) + gauge(slave, "second").replace("unit = 1", "unit = 2") + rule)
    assert station.ask("reload")["started"]
    station.configure("adress = 1\n")
    assert not station.ask("reload")["ok"]
    platform.publish("polegate/1/river/gw-1/command/events", b'{"id": "c-1", "verb": "acknowledge"}')
    wait_until(lambda: platform.on("polegate/1/river/gw-1/replies"))
    assert station.ask("status")["ok"]
    assert "pydantic" not in Path(f"/proc/{station.process.pid}/maps").read_text()


def _catches(station: Station, number: int) -> bool:
    status = Path(f"/proc/{station.process.pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)
