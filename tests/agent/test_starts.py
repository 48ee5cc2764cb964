"""Starts that came to nothing, by the real daemon in a unit's runtime directory."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest
from fakes.station import Station
from fakes.waiting import wait_until, wait_until_async

from agent.app import serve
from agent.checking.beginning import begin
from agent.notify import Notifier
from agent.starts import RESTS_S, START_S, Starts


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """RuntimeDirectory= of a unit, as the daemon is told it."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
    return folder


@pytest.fixture
def station(tmp_path: Path):
    with Station(tmp_path / "station", "mqtt://127.0.0.1:1", "") as it:
        yield it


def test_kills_in_a_row_are_counted_and_a_clean_stop_forgets_them(station, runtime):
    for _ in range(2):
        station.start()
        station.kill()
    assert Starts.of_unit() == Starts(runtime / "starts", 2, "")
    station.start()
    assert station.stop() == 0
    assert list(runtime.iterdir()) == []


async def test_told_to_end_it_forgets_before_anything_can_go_wrong_at_the_end(station, runtime):
    starts = Starts.of_unit()
    starts.begin()
    ends = asyncio.create_task(serve(station.config, begin(station.config), Notifier({}), starts.forget))
    await wait_until_async(station.socket.exists)
    os.kill(os.getpid(), signal.SIGTERM)
    await wait_until_async(lambda: not starts.file.exists())
    starts.failed("the disk was full when it closed")
    await ends
    assert Starts.of_unit().count == 0


def test_after_the_third_it_rests_and_says_so_and_a_stop_ends_the_rest(station, runtime):
    (runtime / "starts").write_text("6 the disk is gone")
    station.start(wait=False)
    wait_until(lambda: any(line.startswith("STATUS=resting") for line in station.notices.all()))
    said = "the last 6 starts came to nothing: the disk is gone"
    assert f"STATUS=resting 120 s, {said}. At once: sudo systemctl restart polegate" in station.notices.all()
    assert f"EXTEND_TIMEOUT_USEC={(120 + START_S) * 1_000_000}" in station.notices.all()
    assert f'event=resting seconds=120 message="{said}"' in station.log()
    assert "READY=1" not in station.notices.all()
    assert "event=starting" not in station.log()
    assert station.stop() == 0
    assert list(runtime.iterdir()) == []


def test_what_it_could_not_run_for_is_said_then_and_at_the_next_rest(station, runtime):
    station.outbox.mkdir()
    station.start(wait=False)
    assert station.process.wait(10) == 1
    told = next(line for line in station.notices.all() if line.startswith("STATUS="))
    assert told.startswith(f"STATUS=polegate cannot run: {station.outbox}")
    starts = Starts.of_unit()
    assert (starts.count, starts.why) == (1, told.removeprefix("STATUS=polegate cannot run: "))


def test_an_abort_by_the_watchdog_says_where_it_hung(station, runtime):
    station.start()
    station.signal(signal.SIGSTOP)
    station.signal(signal.SIGABRT)
    station.signal(signal.SIGCONT)
    assert station.process.wait(10) == -signal.SIGABRT
    assert 'File "' in station.log()
    assert Starts.of_unit().count == 1


def test_rests_grow_to_five_minutes_and_no_further():
    rests = [Starts(None, count).rest_s for count in range(12)]
    assert rests == sorted(rests)
    assert rests[:3] == [0, 0, 0]
    assert rests[-1] == max(RESTS_S) == 300


def test_a_rest_that_is_over_goes_on_with_the_start(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.starts.RESTS_S", (0, 1))
    starts = Starts(tmp_path / "starts", 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        assert starts.rest(Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}))
        assert listener.recv(4096).startswith(b"EXTEND_TIMEOUT_USEC=")
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_a_start_that_has_come_to_something_does_not_count_when_it_ends(tmp_path):
    starts = Starts(tmp_path / "starts")
    starts.begin()
    starts.forget()
    starts.failed("hours later")
    assert Starts.of_unit({"RUNTIME_DIRECTORY": str(tmp_path)}).count == 0


@pytest.mark.parametrize("text", ["", "x", "\xff\xfe"])
def test_a_count_that_cannot_be_read_counts_for_nothing(tmp_path, text):
    (tmp_path / "starts").write_bytes(text.encode("latin-1"))
    assert Starts.of_unit({"RUNTIME_DIRECTORY": str(tmp_path)}).rest_s == 0


def test_by_hand_nothing_is_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    starts = Starts.of_unit({})
    starts.begin()
    starts.failed("why")
    assert (starts.rest_s, list(tmp_path.iterdir())) == (0, [])
