"""polegate signoff over the real daemon, a real broker and a real gauge."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fakes.modbus_slave import ModbusTcpSlave
from fakes.mosquitto import Mosquitto
from fakes.station import Station
from fakes.waiting import wait_until

ROOT = Path(__file__).parents[3]
DEVICES = """
[devices.level]
tcp = "127.0.0.1:{port}"
title = "River level"
unit = 1
every_s = 0.1
points = [{{ channel = "water_level", address = 0, scale = 0.001 }}]
"""
SECRET = "not-to-be-seen-in-any-sheet"


@pytest.fixture(scope="module")
def station(tmp_path_factory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("signoff")
    (folder / "password").write_text(SECRET)
    (folder / "password").chmod(0o600)
    with (
        Mosquitto(folder / "broker", users={"gw-1": SECRET}) as broker,
        ModbusTcpSlave({1: {"holding": {0: 1234}}}) as slave,
        Station(folder / "station", f"mqtt://127.0.0.1:{broker.port}", "") as it,
    ):
        access = f'username = "gw-1"\npassword = {{ file = "{folder}/password" }}\n'
        text = it.config.read_text().replace("[uplink]\n", f"[uplink]\n{access}")
        text = text.replace("[station]\n", '[station]\nkind = "river"\nlatitude = 23.7\nlongitude = 114.7\n')
        it.configure(DEVICES.format(port=slave.port), head=text)
        it.start()
        wait_until(lambda: it.ask("status")["uplink"].get("puback_s"))
        yield it


def words(station: Station, *options: object) -> list[str]:
    places = ["--config", str(station.config), "--socket", str(station.socket)]
    return [sys.executable, "-m", "agent.cli.main", *places, "signoff", *map(str, options)]


def run(station: Station, *options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words(station, *options), capture_output=True, text=True, cwd=ROOT, check=False)


def test_both_files_and_the_json_have_one_content_and_no_secret(tmp_path, station) -> None:
    out = tmp_path / "sheet"
    done = run(
        station, "--minutes", "0.02", "--out", out, "--json", "--remark", "All is well", "--serial", "level=K-17",
        "--signed", "Commissioned by=Li Wei, 2026-11-23",
    )  # fmt: skip
    facts = json.loads(done.stdout)
    failed = [check["found"] for check in facts["checks"] if check["verdict"] == "fail"]
    assert all(found.startswith("polegate doctor: ") for found in failed), failed
    assert (done.returncode, facts["passed"]) == (int(bool(failed)), not failed)
    level = facts["channels"][0]
    assert (level["device"], level["channel"], level["last"]) == ("level", "water_level", "1.234 m")
    assert level["samples"] > 3
    passed = [check["found"] for check in facts["checks"] if check["verdict"] == "ok"]
    assert {"Everything that a river station needs is there", "The position is known"} <= set(passed)
    assert facts["instruments"][0]["serial"] == "K-17"
    assert "ms (median of" in facts["connection"]["puback"]
    assert facts["signatures"] == [{"role": "Commissioned by", "name": "Li Wei", "date": "2026-11-23"}]
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert done.stdout.strip() in page
    text = subprocess.run(
        ["pdftotext", tmp_path / "sheet.pdf", "-"], check=True, capture_output=True, text=True
    ).stdout
    assert "All is well" in text
    assert "K-17" in text
    assert SECRET not in page + text + done.stdout + done.stderr
    assert stat.S_IMODE((tmp_path / "sheet.pdf").stat().st_mode) == 0o644
    again = run(station, "--minutes", "0", "--out", out)
    assert again.returncode == 1
    assert "--replace" in again.stderr


def test_ctrl_c_ends_the_waiting_and_the_sheet_is_made(tmp_path, station) -> None:
    process = subprocess.Popen(
        words(station, "--minutes", "60", "--out", tmp_path),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    wait_until(lambda: _asks(process.pid))
    process.send_signal(signal.SIGINT)
    said, told = process.communicate(timeout=60)
    assert "ended early" in told
    assert str(tmp_path / "signoff-gw-1.pdf") in said
    assert (tmp_path / "signoff-gw-1.html").exists()


def _asks(pid: int) -> bool:
    """Whether it is connected: two sockets of the event loop's own, two to the daemon."""
    with suppress(FileNotFoundError):
        links = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]  # noqa: PTH115  no path
        return sum(each.startswith("socket:") for each in links) >= 4
    return False


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--serial", "level"], "--serial: expected DEVICE=TEXT"),
        (["--serial", "rain=1"], "no such device or camera rain"),
        (["--signed", "nobody"], "--signed: expected ROLE=NAME[,DATE]"),
    ],
)
def test_what_is_mistyped_is_said_before_anybody_waits(station, options, said) -> None:
    done = run(station, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("place", "most", "why"),
    [("none/sheet", "unlimited", "No such file or directory"), ("sheet", "65536", "File too large")],
    ids=["no such folder", "no room"],
)
def test_where_no_sheet_can_be_written_is_said_before_anybody_waits(
    tmp_path, station, place, most, why
) -> None:
    done = subprocess.run(
        ["prlimit", f"--fsize={most}", *words(station, "--minutes", "60", "--out", tmp_path / place)],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=60,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tmp_path / place}.html cannot be written: {why}; --out" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_daemon_no_sheet(tmp_path, station) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli.main", "-c", station.config, "--socket", tmp_path / "none", "signoff",
         "--out", tmp_path / "sheet"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "systemctl start polegate" in done.stderr
    assert list(tmp_path.iterdir()) == []
