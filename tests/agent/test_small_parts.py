"""Heart, notifier and log lines: small, and relied upon by systemd and operators."""

from __future__ import annotations

import json
import logging
import shlex
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import heart as heart_module
from agent.heart import Heart
from agent.logs import _Formatter, line
from agent.notify import Notifier


def test_a_broken_promise_is_seen_a_kept_or_forgotten_one_is_not(monkeypatch):
    now = 100.0
    monkeypatch.setattr(heart_module.time, "monotonic", lambda: now)
    heart = Heart()
    heart.pulse("bus a")(10)
    heart.pulse("bus b")(10)
    heart.pulse("bus c")(10)
    now = 109.0
    heart.pulse("bus a")(10)
    heart.forget("bus c")
    assert heart.overdue() == []
    now = 111.0
    assert heart.overdue() == ["bus b"]


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as it:
        it.bind(str(tmp_path / "notify"))
        it.settimeout(5)
        yield it, str(tmp_path / "notify")


def test_systemd_hears_each_state(systemd):
    it, path = systemd
    notifier = Notifier({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "3000000"})
    assert notifier.watchdog_s == 3.0
    notifier.ready("2 ok")
    notifier.reloading(12)
    notifier.alive()
    notifier.status("1 ok")
    notifier.stopping()
    said = [it.recv(1000).decode() for _ in range(5)]
    assert said == [
        "READY=1\nSTATUS=2 ok",
        "RELOADING=1\nMONOTONIC_USEC=12",
        "WATCHDOG=1",
        "STATUS=1 ok",
        "STOPPING=1",
    ]


def test_a_supervisor_that_does_not_read_never_blocks_the_daemon(systemd):
    _, path = systemd
    notifier = Notifier({"NOTIFY_SOCKET": path})
    for _ in range(2000):
        notifier.alive()


def test_an_abstract_socket_works_and_none_is_silent():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as it:
        it.bind("\0polegate-test-notify")
        it.settimeout(5)
        Notifier({"NOTIFY_SOCKET": "@polegate-test-notify"}).alive()
        assert it.recv(100) == b"WATCHDOG=1"
    Notifier({}).ready("nobody listens")
    assert Notifier({"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}).watchdog_s == 0.0


@given(st.text(), st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.none()))
def test_any_text_stays_on_one_line_and_comes_back(text, number):
    said = line("fault", message=text, count=number)
    assert "\n" not in said
    assert "\r" not in said
    assert said.startswith("event=fault message=")
    value = said.split("message=", 1)[1]
    if value.startswith('"'):
        assert json.JSONDecoder().raw_decode(value)[0] == text
    assert ("count=" in said.rsplit(" ", 1)[-1]) == (number is not None) or " " in text


def test_lines_for_journald_carry_their_priority_and_for_people_the_time():
    record = logging.LogRecord(
        "polegate", logging.WARNING, "f", 1, line("uplink", connected=False), None, None
    )
    assert _Formatter(journal=True).format(record) == "<4>event=uplink connected=False"
    words = shlex.split(_Formatter(journal=False).format(record))
    assert words[1:] == ["level=warning", "event=uplink", "connected=False"]
    foreign = logging.LogRecord("lib", logging.ERROR, "f", 1, "it broke", None, None)
    assert _Formatter(journal=True).format(foreign) == '<3>event=library name=lib message="it broke"'
