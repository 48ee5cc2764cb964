"""Lines of the log, in every form they come in."""

from __future__ import annotations

import json
import logging
import time

import pytest

from agent.keeping.journal import Entry, grave_enough, is_about, of_journal, of_line
from agent.logs import _Formatter, line

SAID = line(
    "fault", kind="device_unreadable", subject="rain", message='said "no", path=C:\\x\nand more', share=0.5
)
FACTS = {
    "kind": "device_unreadable", "subject": "rain", "message": 'said "no", path=C:\\x\nand more', "share": "0.5",
}  # fmt: skip
AT_MS = 1_795_518_001_000


def written(*, journal: bool, level: int = logging.WARNING) -> str:
    record = logging.LogRecord("polegate", level, "", 0, SAID, (), None)
    record.created = AT_MS / 1000
    return _Formatter(journal=journal).format(record)


def test_what_the_daemon_writes_to_a_terminal_or_a_file() -> None:
    assert of_line(written(journal=False)) == Entry(AT_MS, "warning", "fault", FACTS)


def test_what_the_daemon_writes_under_journald_with_its_priority() -> None:
    assert of_line(written(journal=True)) == Entry(None, "warning", "fault", FACTS)


@pytest.mark.parametrize(
    ("level", "said"), [(logging.DEBUG, "debug"), (logging.INFO, "info"), (logging.ERROR, "error")]
)
def test_levels(level: int, said: str) -> None:
    assert of_line(written(journal=False, level=level)).level == said
    assert of_line(written(journal=True, level=level)).level == said


def test_an_object_of_the_journal() -> None:
    fields = {"__REALTIME_TIMESTAMP": str(AT_MS * 1000), "PRIORITY": "4", "MESSAGE": SAID, "_PID": "7"}
    assert of_journal(fields) == of_line(json.dumps(fields)) == Entry(AT_MS, "warning", "fault", FACTS)
    assert of_journal(fields | {"MESSAGE": list(SAID.encode())}).facts == FACTS, (
        "as bytes, where it is no text"
    )
    assert of_journal(fields | {"MESSAGE": ["event=fault", "x=1"]}).facts == {"x": "1"}, (
        "each field may come several times (systemd.journal-fields(7))"
    )


def test_what_systemd_says_of_the_unit() -> None:
    said = "polegate.service: Main process exited, code=killed, status=6/ABRT"
    fields = {
        "__REALTIME_TIMESTAMP": "1000",
        "PRIORITY": "5",
        "MESSAGE": said,
        "SYSLOG_IDENTIFIER": "systemd",
    }
    assert of_journal(fields) == Entry(1, "info", "systemd", {}, said)


@pytest.mark.parametrize(
    ("before", "at_ms"),
    [
        ("", None),
        ("Nov 24 11:00:01 gw polegate[123]: ", None),
        ("2026-11-24T11:00:01+0000 gw polegate[123]: ", AT_MS),
        ("2026-11-24T12:00:01.250000+01:00 gw polegate[123]: ", AT_MS + 250),
        ("2026-11-24T11:00:01Z ", AT_MS),
    ],
)
def test_the_forms_of_journalctl(before: str, at_ms: int | None) -> None:
    entry = of_line(before + SAID + "\n")
    assert (entry.at_ms, entry.event, entry.facts) == (at_ms, "fault", FACTS)


def test_local_time_is_told_from_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert of_line("time=2026-11-24T19:00:01 level=info event=serving").at_ms == AT_MS
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", ["", "garbage", "{", "{}", "[1]", '{"a": 1}', "a=b c", "event", "\x00\xff"])
def test_what_is_no_line_of_ours_is_kept_as_it_stands(text: str) -> None:
    assert of_line(text) == Entry(None, "info", "", {}, text)


def test_grave_enough() -> None:
    warning = of_line("<4>event=x")
    assert [grave_enough(warning, level) for level in ("error", "warning", "info", "debug")] == [
        False, True, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "name", "about"),
    [
        ("subject=rain", "rain", True),
        ("subject=rain.rainfall_total", "rain", True),
        ("subject=rainy", "rain", False),
        ("camera=gate", "gate", True),
        ('part="bus /dev/ttyS1"', "/dev/ttyS1", True),
        ('subject="bus /dev/polegate/rs485-1"', "rs485-1", True),
        ('started="bus /dev/ttyS1, uplink"', "uplink", True),
        ("subject=10.0.0.7:502", "10.0.0.7", True),
        ("message=rain", "rain", False),
        ("", "rain", False),
    ],
)
def test_whom_a_line_is_about(said: str, name: str, about: bool) -> None:
    assert is_about(of_line(f"event=x {said}"), {name, "other"}) is about
