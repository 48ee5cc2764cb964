"""polegate top in a real terminal over the real daemon: drawn, scrolled, resized, waited for, cleaned up after."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.modbus_slave import ModbusTcpSlave
from fakes.mosquitto import Mosquitto
from fakes.station import Station
from fakes.tmux import Tmux
from fakes.waiting import wait_until

DEVICES = """
[devices.level]
tcp = "127.0.0.1:{port}"
unit = 1
every_s = 0.1
timeout_s = 0.3
points = [{{ channel = "water_level", address = 0, scale = 0.001 }}]
[devices.rain]
tcp = "127.0.0.1:{port}"
unit = 2
every_s = 0.1
points = [
  {{ channel = "rainfall_total", address = 0 }},
  {{ channel = "supply_voltage", address = 1 }},
]
"""
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def station(tmp_path_factory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("top")
    with (
        Mosquitto(folder / "broker") as broker,
        ModbusTcpSlave({1: {"holding": {0: 1234}}, 2: {"holding": {0: 7, 1: 12}}}) as slave,
        Station(folder, f"mqtt://127.0.0.1:{broker.port}", DEVICES.format(port=slave.port)) as it,
    ):
        yield it.start()


def words(station: Station, *options: str) -> list[str]:
    return [sys.executable, "-m", "agent.cli.main", "--socket", str(station.socket), "top", *options]


def in_tmux(tmp_path: Path, station: Station, **options) -> Tmux:
    return Tmux(tmp_path, words(station, "--every", "0.5"), **options)


def test_the_whole_life_of_the_view(tmp_path, station) -> None:
    with in_tmux(tmp_path, station) as window:
        wait_until(lambda: "1.234 m" in window.text)
        wait_until(lambda: "supply_voltage" in window.text)
        assert (window.other_screen, window.cursor_shown) == (True, False)
        assert window.screen[0].startswith("river/gw-1")
        assert window.screen[23].startswith("q quit")
        window.type("3")
        wait_until(lambda: "2 of 2 ok" in window.text and "supply_voltage" not in window.text)
        window.type("?")
        wait_until(lambda: "the next pane" in window.text)
        window.type("1")
        window.resize(120, 40)
        wait_until(
            lambda: window.screen[39:] and window.screen[39].startswith("q quit") and "│" in window.text
        )
        window.resize(60, 8)
        wait_until(lambda: "lines 1-2" in window.text)
        window.type("Down", "PageDown")
        wait_until(lambda: "lines 4-5" in window.text)
        window.type("p")
        wait_until(lambda: "paused" in window.text)
        window.type("q")
        wait_until(lambda: "ended 0" in window.text)
        assert (window.other_screen, window.cursor_shown) == (False, True)
        assert " icanon" in window.settings
        assert " echo " in window.settings


def test_a_daemon_that_restarts_is_waited_for(tmp_path, station) -> None:
    with in_tmux(tmp_path, station) as window:
        wait_until(lambda: "1.234 m" in window.text)
        station.stop()
        wait_until(lambda: "Waiting for it" in window.text and "no answer" in window.text)
        assert "Last heard of 20" in window.text
        station.start()
        wait_until(lambda: "1.234 m" in window.text)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)]
)
def test_the_terminal_is_as_before_after_each_way_out(tmp_path, station, number, code) -> None:
    with in_tmux(tmp_path, station) as window:
        wait_until(lambda: "1.234 m" in window.text)
        os.kill(window.pid, number)
        wait_until(lambda: f"ended {code}" in window.text)
        assert (window.other_screen, window.cursor_shown) == (False, True)
        wait_until(lambda: " icanon" in window.settings)


def test_put_aside_and_brought_back(tmp_path, station) -> None:
    with in_tmux(tmp_path, station) as window:
        wait_until(lambda: "1.234 m" in window.text)
        os.kill(pid := window.pid, signal.SIGTSTP)
        wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        assert (window.other_screen, window.cursor_shown) == (False, True)
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: "1.234 m" in window.text and window.other_screen)
        window.type("q")
        wait_until(lambda: "ended 0" in window.text)


def test_it_ends_when_its_terminal_is_gone(tmp_path, station) -> None:
    with in_tmux(tmp_path, station) as window:
        wait_until(lambda: "1.234 m" in window.text)
        pid = window.pid
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "", "LC_CTYPE": "", "LANG": "POSIX"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_without_colour_and_without_utf_8(tmp_path, station, locale: dict[str, str]) -> None:
    with in_tmux(tmp_path, station, environment={"NO_COLOR": "1", **locale}) as window:
        wait_until(lambda: "supply_voltage" in window.text)
        assert window.text.isascii()
        wait_until(lambda: "* connected" in window.text)
        assert "[32m" not in window.styled
        assert "[1m" in window.styled


def test_once_and_json_are_for_programs(station) -> None:
    wait_until(lambda: station.ask("status")["devices"][0]["samples"] > 3)
    shown = once(station, "C.UTF-8")
    assert "water_level" in shown
    assert "▄▄▄" in shown
    assert " msg/min" in shown
    assert max(map(len, shown.splitlines())) <= 80
    plain = once(station, "C")
    assert plain.isascii()
    assert "---" in plain
    facts = json.loads(once(station, "C", "--json"))
    assert len(facts["trends"]["level"]["water_level"]) > 3
    assert 0 < facts["buses"][0]["load"] <= 1
    assert facts["status"]["station"]["gateway"] == "gw-1"


def once(station: Station, locale: str, *options: str) -> str:
    return subprocess.run(
        words(station, "--once", "--every", "0.5", *options),
        capture_output=True, text=True, encoding="utf-8", cwd=ROOT, check=True, env={**os.environ, "LC_ALL": locale},
    ).stdout  # fmt: skip


def test_where_nothing_can_be_drawn_it_says_what_to_do(tmp_path, station) -> None:
    run = subprocess.run(words(station), capture_output=True, text=True, cwd=ROOT, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert "polegate top --once" in run.stderr
    with in_tmux(tmp_path, station, environment={"TERM": "dumb"}) as window:
        wait_until(lambda: "ended 2" in window.text)
        assert "cannot move its cursor" in window.text


def test_no_daemon_is_an_error_for_once(tmp_path, polegate) -> None:
    result = polegate("top", "--once")
    assert result.exit_code == 3
    assert "systemctl start polegate" in result.stderr


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ([{"device": "level", "readings": []}], "does not tell its last samples"),
        ([{"ok": False, "error": "no such verb"}], "no such verb"),
        ([{"before": 2}, {"device": "level", "readings": []}], "hung up"),
    ],
)
def test_a_daemon_that_does_not_tell_what_was_before_is_an_error_for_once(
    daemon, polegate, healthy, first: list[dict], said: str
) -> None:
    daemon.answers |= {
        "status": healthy, "events": {"open": [], "recent": []}, "buses": {"buses": []},
    }  # fmt: skip
    daemon.items, daemon.hang_up = first, True
    result = polegate("--socket", str(daemon.socket), "top", "--once", "--every", "0.5")
    assert result.exit_code == 3
    assert said in result.stderr
