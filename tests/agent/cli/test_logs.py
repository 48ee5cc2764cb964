"""polegate logs: from the journal, a file or a pipe; narrowed down, for people and for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.waiting import wait_until

from agent.cli import log_source

LINES = """\
time=2026-11-24T08:00:01 level=info event=serving devices=3 buses=1 epoch=3x277tuo.1
time=2026-11-24T09:00:02 level=warning event=fault kind=device_unreadable subject=rain reason=timeout message="unit 2 did not answer"
time=2026-11-24T10:00:03 level=warning event=fault kind=camera_failing subject=gate reason=timeout message="no answer"
time=2026-11-25T00:00:04 level=error event=hanging parts="bus /dev/polegate/rs485-1, uplink"
time=2026-11-25T00:00:05 level=info event=recovered kind=device_unreadable subject=rain lasted_ms=54000000
"""

NOW_MS = 1_795_651_200_000  # 2026-11-26T00:00:00Z

CONFIG = """
[station]
site = "riverside"
gateway = "pole-7"
[uplink]
url = "mqtt://localhost:1"
[devices.rain]
instrument = "keller-36x"
port = "/dev/polegate/rs485-1"
"""


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lines without a zone are in local time."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "log").write_text(LINES)
    return tmp_path / "log"


def events(polegate, *arguments: object) -> list[str]:
    return [json.loads(line)["event"] for line in polegate("logs", "--json", *arguments).stdout.splitlines()]


def test_a_line_an_entry_in_a_pipe(polegate, log):
    assert polegate("logs", log).stdout == (
        "2026-11-24T08:00:01Z info    serving    devices=3 buses=1 epoch=3x277tuo.1\n"
        "2026-11-24T09:00:02Z warning fault      device_unreadable rain timeout: unit 2 did not answer\n"
        "2026-11-24T10:00:03Z warning fault      camera_failing gate timeout: no answer\n"
        "2026-11-25T00:00:04Z error   hanging    bus /dev/polegate/rs485-1, uplink\n"
        "2026-11-25T00:00:05Z info    recovered  device_unreadable rain (lasted_ms=54000000)\n"
    )


def test_on_a_terminal_a_table_under_each_day(terminal, log):
    shown = terminal("logs", str(log), columns=60)
    assert shown.wait() == 0
    assert [line.rstrip() for line in shown.text.splitlines()] == [
        "2026-11-24 UTC",
        "08:00:01         serving    devices=3 buses=1",
        "                            epoch=3x277tuo.1",
        "09:00:02 warning fault      device_unreadable rain timeout:",
        "                            unit 2 did not answer",
        "10:00:03 warning fault      camera_failing gate timeout: no",
        "                            answer",
        "2026-11-25 UTC",
        "00:00:04 error   hanging    bus /dev/polegate/rs485-1,",
        "                            uplink",
        "00:00:05         recovered  device_unreadable rain",
        "                            (lasted_ms=54000000)",
    ]
    assert "\x1b[1;31merror" in shown.screen


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        (("--device", "rain"), ["fault", "recovered"]),
        (("--camera", "gate"), ["fault"]),
        (("--device", "rain", "--camera", "gate"), ["fault", "fault", "recovered"]),
        (("--bus", "rs485-1"), ["fault", "hanging", "recovered"]),
        (("--bus", "/dev/polegate/rs485-1"), ["fault", "hanging", "recovered"]),
        (("--level", "warning"), ["fault", "fault", "hanging"]),
        (("--level", "error"), ["hanging"]),
        (("--lines", "1"), ["recovered"]),
        (("--lines", "1", "--level", "warning"), ["hanging"]),
        (("--since", "2026-11-25"), ["hanging", "recovered"]),
        (("--since", "2026-11-24 10:00"), ["fault", "hanging", "recovered"]),
        (("--since", "2026-11-24T18:00:00+08:00"), ["fault", "hanging", "recovered"]),
    ],
)
def test_narrowed_down(polegate, log, tmp_path, narrowed: tuple[str, ...], expected: list[str]):
    """A bus stands for its devices, too."""
    (tmp_path / "polegate.toml").write_text(CONFIG)
    assert events(polegate, log, *narrowed) == expected


@pytest.mark.parametrize("written", ["message", "traceback", "event"])
def test_nothing_that_a_device_says_steers_the_terminal(terminal, polegate, *, tmp_path, written: str):
    """A camera names itself so, and the message that quotes it comes into the log as it is."""
    hostile = r'"\u001b]0;title\n\u001b[2J\u009b2J"'
    line = f"event={hostile}\n" if written == "event" else f"event=fault {written}={hostile}\n"
    (tmp_path / "log").write_text(line)
    shown = terminal("logs", str(tmp_path / "log"), columns=80)
    assert shown.wait() == 0
    assert "?]0;title" in shown.text
    assert not any(code in shown.screen for code in ("\x1b]", "\x1b[2J", "\x9b"))
    assert all(each.isprintable() or each == "\n" for each in polegate("logs", tmp_path / "log").stdout)


def test_json_has_every_fact(polegate, log):
    line = json.loads(polegate("logs", "--json", "--camera", "gate", log).stdout)
    assert line == {
        "at_ms": 1_795_514_403_000, "level": "warning", "event": "fault", "kind": "camera_failing",
        "subject": "gate", "reason": "timeout", "message": "no answer",
    }  # fmt: skip


def test_nothing_is_said_to_be_nothing(polegate, log):
    result = polegate("logs", "--device", "nobody", log)
    assert (result.stdout, result.exit_code) == ("", 0)
    assert result.stderr == "No such line in the log.\n"


@pytest.mark.parametrize(
    ("written", "at_ms"),
    [
        ("today", NOW_MS), ("yesterday", NOW_MS - 86_400_000), ("2h", NOW_MS - 7_200_000),
        ("30 min ago", NOW_MS - 1_800_000), ("2026-11-25", NOW_MS - 86_400_000),
    ],
)  # fmt: skip
def test_since(written: str, at_ms: int):
    assert log_source.since_ms(written, NOW_MS) == at_ms


def test_a_time_nobody_understands_and_what_does_not_go_together(polegate, log):
    assert "expected 2h, 30min, today" in polegate("logs", "--since", "soon", log).output
    both = polegate("logs", "--follow", log)
    assert (both.exit_code, "tail -f FILE | polegate logs -" in both.output) == (2, True)
    gone = polegate("logs", log.with_name("none"))
    assert (gone.exit_code, "none cannot be read: No such file" in gone.stderr) == (2, True)


def test_a_pipe_is_shown_as_it_comes(tmp_path):
    words = [sys.executable, "-m", "agent.cli.main", "logs", "-"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdin.write(LINES.splitlines(keepends=True)[1])
        process.stdin.flush()
        assert "rain timeout" in process.stdout.readline(), "before the pipe ends"
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journalctl that writes down what it was asked, and says what lies in `out`, `err` and `code`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "journalctl").write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/asked\ncat {folder}/out\ncat {folder}/err >&2\n'
        f'case " $* " in *" --follow"*) touch {folder}/following; exec sleep 30;; esac\nexit $(cat {folder}/code)\n'
    )
    (folder / "journalctl").chmod(0o700)
    said = [
        {"__REALTIME_TIMESTAMP": str(1_795_514_403_000_000 + n), "PRIORITY": "6", "MESSAGE": f"event=e{n}"}
        for n in range(5)
    ]
    (folder / "out").write_text("".join(f"{json.dumps(each)}\n" for each in said))
    (folder / "err").write_text("")
    (folder / "code").write_text("0")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_the_journal_is_asked_for_no_more_than_is_shown(polegate, journal):
    assert events(polegate, "-n", "3") == ["e2", "e3", "e4"]
    asked = (journal / "asked").read_text().split()
    assert asked == ["--unit=polegate", "--output=json", "--all", "--no-pager", "--lines=3"]
    events(polegate, "--since", "1970-01-02")
    assert (journal / "asked").read_text().split()[4:] == ["--since=@86400.000", "--lines=all"]
    assert events(polegate, "-n", "1", "--level", "info") == ["e4"]
    assert "--lines=all" in (journal / "asked").read_text(), "the last that fit are known at the end"


@pytest.mark.parametrize(
    ("said", "code", "told"),
    [
        ("No journal files were opened due to insufficient permissions.\n", 1, "usermod -aG systemd-journal"),
        ("Hint: You are currently not seeing messages from other users and the system.\n", 0, "sudo"),
        ("No journal files were found.\n", 0, "is systemd-journald running"),
        ("Failed to add match\n", 1, "journalctl: Failed to add match"),
    ],
)
def test_a_journal_that_cannot_be_read_says_what_to_do(polegate, journal, said: str, code: int, told: str):
    (journal / "out").write_text("")
    (journal / "err").write_text(said)
    (journal / "code").write_text(str(code))
    result = polegate("logs")
    assert (result.exit_code, told in result.stderr) == (1, True)


def test_no_journalctl_at_all(polegate, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = polegate("logs")
    assert (result.exit_code, "polegate logs FILE" in result.stderr) == (1, True)


def test_following_goes_on_until_it_is_interrupted(terminal, journal):
    shown = terminal("logs", "--follow", PATH=os.environ["PATH"])
    wait_until(lambda: "e4" in shown.text and (journal / "following").exists())
    assert shown.process.poll() is None
    assert shown.interrupt() == 0
    assert "--follow" in (journal / "asked").read_text()
    assert "Traceback" not in shown.text
