"""The real daemon where things fail around it: it serves or waits, and systemd is told what is wrong."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from fakes.station import Station
from fakes.waiting import wait_until

SILENT = """
[devices.far]
instrument = "eastron-sdm120"
tcp = "127.0.0.1:{port}"
every_s = 0.1
timeout_s = 0.2
"""


@pytest.fixture
def silent():
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


def states(station: Station) -> list[str]:
    """What systemctl status showed, one after another."""
    return [line.removeprefix("STATUS=") for line in station.notices.all() if line.startswith("STATUS=")]


def shows(station: Station, *words: str) -> bool:
    return any(all(word in state for word in words) for state in states(station))


def test_a_silent_broker_and_a_silent_bus_do_not_hold_up_a_stop(tmp_path, silent):
    with Station(tmp_path, f"mqtt://127.0.0.1:{silent}", SILENT.format(port=silent)) as station:
        station.start()
        wait_until(lambda: shows(station, "1 timeout"))
        wait_until(lambda: shows(station, "uplink disconnected: ", "did not answer"))
        assert station.stop() == 0
        assert "event=stopped" in station.log()
        assert "event=hanging" not in station.log()


def test_no_network_is_said_and_waited_for(tmp_path):
    with Station(tmp_path, "mqtt://127.0.0.1:1", "") as station:
        station.start()
        wait_until(lambda: shows(station, "uplink disconnected: 127.0.0.1:1 "))
        assert station.stop() == 0


@pytest.fixture
def disk(tmp_path: Path):
    """A file system of its own, of 4 MiB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=4M", "state", tmp_path / "disk"]
    (tmp_path / "disk").mkdir()
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield tmp_path / "disk"
    subprocess.run(["umount", tmp_path / "disk"], check=True)


def on(disk: Path, station: Station) -> str:
    """The head of a configuration with its outbox there."""
    head, *_ = station.config.read_text().partition("\n[devices")
    return head.replace(str(station.outbox), str(disk / "outbox.db"))


def fill(disk: Path) -> None:
    """To the last block."""
    with (disk / "filler").open("wb") as filler:
        free = os.statvfs(disk)
        os.posix_fallocate(filler.fileno(), 0, free.f_bavail * free.f_frsize)


def test_a_full_disk_is_said_and_a_start_with_room_serves(tmp_path, disk):
    with Station(tmp_path / "station", "mqtt://127.0.0.1:1", "") as station:
        station.configure("", head=on(disk, station))
        fill(disk)
        station.start(wait=False)
        assert station.process.wait(10) == 1
        assert shows(station, "polegate cannot run", "no room on the disk")
        (disk / "filler").unlink()
        station.start()
        assert station.stop() == 0


def test_a_read_only_state_directory_is_said_and_written_again_serves(tmp_path, disk):
    with Station(tmp_path / "station", "mqtt://127.0.0.1:1", "") as station:
        station.configure("", head=on(disk, station))
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        station.start(wait=False)
        assert station.process.wait(10) == 1
        assert shows(station, "polegate cannot run", "Read-only file system", "dmesg")
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        station.start()
        assert station.stop() == 0
