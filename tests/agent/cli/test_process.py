"""The console command as a process: what it imports, its exit codes, pipes, and terminals without Unicode."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading

import pytest

HEAVY = ("pydantic", "pymodbus", "uvloop", "aiomqtt", "asyncio", "serial", "orjson")


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=20, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def imported(*words: str) -> set[str]:
    """The top-level packages a command imports; -X importtime writes them to stderr."""
    lines = run("-X", "importtime", "-m", "agent.cli.main", *words).stderr.splitlines()
    names = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert "click" in names
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    "words",
    [
        ["--help"], ["--version"], ["status"], ["status", "--json"], ["tail", "--count", "1"],
        ["tail", "--json", "--count", "1"], ["outbox"], ["reload"], ["stauts"],
    ],
)  # fmt: skip
def test_what_talks_to_the_socket_alone_imports_nothing_heavy(daemon, healthy, words) -> None:
    daemon.answers = {
        "status": healthy,
        "outbox": healthy["outbox"] | {"peek": []},
        "reload": {"started": [], "stopped": [], "restarted": ""},
    }
    daemon.items = [
        {"channels": {"level": {"water_level": {"unit": "m", "decimals": 3}}}},
        {"device": "level", "at_ms": 0, "seq": 1, "readings": [["water_level", 1.0, 2, ""]]},
    ]
    heavy = imported("--socket", str(daemon.socket), *words).intersection(HEAVY)
    assert not heavy


def test_help_loads_no_verb(daemon) -> None:
    assert "rich" not in imported("--help")


@pytest.mark.parametrize("verb", ["status", "tail", "reload"])
def test_without_a_daemon_the_process_ends_with_3(tmp_path, verb: str) -> None:
    result = run("-m", "agent.cli.main", "--socket", str(tmp_path / "none"), verb)
    assert (result.returncode, result.stdout) == (3, "")
    assert "Start it: sudo systemctl start polegate" in result.stderr


def test_trouble_ends_the_process_with_1(daemon, troubled) -> None:
    daemon.answers["status"] = troubled
    result = run("-m", "agent.cli.main", "--socket", str(daemon.socket), "status", "--json")
    assert result.returncode == 1
    assert json.loads(result.stdout) == troubled


def test_a_bad_configuration_ends_the_process_with_78(tmp_path) -> None:
    result = run("-m", "agent.cli.main", "--config", str(tmp_path / "none.toml"), "config", "check")
    assert (result.returncode, result.stdout) == (78, "")


def test_an_unknown_verb_ends_the_process_with_2(tmp_path) -> None:
    result = run("-m", "agent.cli.main", "stauts")
    assert result.returncode == 2
    assert "no such command: stauts. Did you mean status?" in result.stderr


def test_a_terminal_without_unicode_gets_question_marks_and_no_crash(daemon, healthy) -> None:
    daemon.answers["status"] = healthy
    words = ("-m", "agent.cli.main", "--socket", str(daemon.socket), "status")
    result = run(*words, PYTHONIOENCODING="ascii")
    assert result.returncode == 0
    assert "water_temperature 12.3 ?C" in result.stdout
    daemon.items = [
        {"channels": {"air": {"air_temperature": {"unit": "Cel", "decimals": 1}}}},
        {"device": "air", "at_ms": 0, "seq": 1, "readings": [["air_temperature", 21.5, 2, ""]]},
    ]
    result = run(*words[:-1], "tail", "--count", "1", PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stdout) == (0, "1970-01-01T00:00:00.000Z air air_temperature=21.5 ?C\n")


def test_a_reader_that_leaves_early_gets_no_traceback(daemon, healthy) -> None:
    daemon.answers["status"] = healthy
    command = [sys.executable, "-m", "agent.cli.main", "--socket", str(daemon.socket), "status"]
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE, text=True) as process:
        os.close(writer)
        _, said = process.communicate(timeout=20)
    assert "Traceback" not in said
    assert "Exception" not in said


@pytest.mark.parametrize("verb", ["status", "tail", "reload"])
@pytest.mark.parametrize("said", [b"", b'{"ok": tr'])
def test_a_daemon_that_dies_in_the_middle_of_an_answer(tmp_path, polegate, verb: str, said: bytes) -> None:
    """Closing with the request unread resets the connection; half a line is no JSON."""
    path = tmp_path / "control.sock"

    def die() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(said)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        dying = threading.Thread(target=die)
        dying.start()
        result = polegate(verb)
        dying.join()
    assert result.exit_code == 3
    assert f"the daemon hung up on {path} without an answer" in result.stderr
