"""polegate doctor as a verb: order, width, JSON, exit codes, checks that hang or break."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
from fakes.waiting import wait_until

from agent.cli import doctor
from agent.cli.checks.case import Case, gather
from agent.cli.checks.findings import Finding, Verdict, fail, ok, unknown, warn
from agent.cli.doctor import CHECKS

HERE = ("--only", "config", "--only", "daemon", "--only", "buses")

CONFIG = """
[station]
site = "riverside"
gateway = "pole-7"
[uplink]
url = "mqtt://localhost:1"
[devices.level]
instrument = "keller-36x"
port = "/dev/ttyS91"
"""


@pytest.fixture
def station(tmp_path, daemon, healthy):
    """A configuration and a daemon that runs with it."""
    file = tmp_path / "polegate.toml"
    file.write_text(CONFIG)
    healthy["config"]["files"] = [str(file)]
    daemon.answers["status"] = healthy
    return healthy


@pytest.fixture
def case(tmp_path) -> Case:
    return gather(tmp_path / "polegate.toml", tmp_path / "control.sock")


def test_a_station_that_is_well(station, polegate) -> None:
    result = polegate("doctor", "--only", "daemon", "--only", "buses")
    assert result.stdout == (
        "daemon   ok   version 0.1.0, pid 4242, up 3 d 4 h, 47 MiB of memory\n"
        "buses    ok   /dev/ttyS1: 2 ok\n\nNothing is wrong.\n"
    )
    assert result.exit_code == 0


def test_what_is_wrong_comes_with_why_and_what_to_do(station, polegate) -> None:
    station["devices"][1] |= {"state": "timeout", "error": "unit 3 did not answer within 0.5 s"}
    result = polegate("doctor", "--only", "buses")
    assert (
        result.stdout
        == """\
buses    fail /dev/ttyS1: 1 ok, 1 failing
          why Their readings go to the platform as missing.
           do Look at them one by one: polegate read weather --raw
         fail weather: unit 3 did not answer within 0.5 s
           do Is it powered? Are A and B swapped? Do unit id, baud and parity
              agree with the device?

2 wrong, 0 to look at, 0 cannot be told.
"""
    )
    assert result.exit_code == 1


def test_only_what_is_wrong_ends_with_1(station, polegate) -> None:
    result = polegate("doctor", "--only", "config")
    assert "\n         warn " in result.stdout, "the port is not there"
    assert result.exit_code == 0


def test_json_has_a_line_for_each_finding(station, polegate) -> None:
    station["devices"][1] |= {"state": "timeout", "error": "silent"}
    result = polegate("doctor", "--json", *HERE)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [line["check"] for line in lines] == ["config", "config", "daemon", "buses", "buses"]
    assert lines[3] == {
        "check": "buses",
        "verdict": "fail",
        "found": "/dev/ttyS1: 1 ok, 1 failing",
        "why": "Their readings go to the platform as missing.",
        "do": "Look at them one by one: polegate read weather --raw",
    }


def test_json_spells_out_what_cannot_be_told(polegate) -> None:
    result = polegate("doctor", "--json", "--only", "buses")
    assert json.loads(result.stdout)["verdict"] == "unknown"
    assert result.exit_code == 0


def test_without_a_configuration_or_a_daemon_it_says_both(polegate, tmp_path) -> None:
    result = polegate("doctor", *HERE, columns=200)
    assert f"config   fail {tmp_path}/polegate.toml: no such file" in result.stdout
    assert "daemon   fail no polegate is running" in result.stdout
    assert "buses    ?    cannot be told while no daemon answers" in result.stdout
    assert result.exit_code == 1


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(station, polegate, columns: int) -> None:
    station["devices"][1] |= {"state": "timeout", "error": "unit 3 did not answer within 0.5 s"}
    lines = polegate("doctor", *HERE, columns=columns).stdout.splitlines()
    assert max(map(len, lines)) <= columns


def test_an_unknown_check_is_a_misspelling(polegate) -> None:
    result = polegate("doctor", "--only", "brokr")
    assert (result.exit_code, "brokr" in result.stderr, result.stdout) == (2, True, "")


def test_this_machine_itself_is_looked_at_without_an_accident(station, polegate) -> None:
    local = [name for name in CHECKS if name != "broker"]
    result = polegate("doctor", "--json", *(word for name in local for word in ("--only", name)))
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert list(dict.fromkeys(line["check"] for line in lines)) == local
    assert not [line for line in lines if line["found"] == doctor.say.BROKEN]
    assert any(line["found"] == "/dev/ttyS91 is not there" for line in lines)


def test_colours_only_on_a_terminal_that_wants_them(station, terminal, polegate) -> None:
    station["devices"][1] |= {"state": "timeout", "error": "silent"}
    coloured, plain = terminal("doctor", *HERE), terminal("doctor", *HERE, NO_COLOR="1")
    assert (coloured.wait(), plain.wait()) == (1, 1)
    assert "\x1b[1;31mfail" in coloured.screen
    assert "\x1b[1;31m" not in plain.screen
    assert "\x1b" not in polegate("doctor", *HERE).stdout


def test_a_finding_comes_before_the_next_is_looked_for(case) -> None:
    go_on = threading.Event()

    def check(_: Case) -> Iterator[Finding]:
        yield ok("first")
        assert go_on.wait(5.0)
        yield ok("second")

    found = doctor.findings("disk", check, case)
    assert next(found).found == "first"
    go_on.set()
    assert [each.found for each in found] == ["second"]


def test_a_check_that_hangs_is_left_behind_and_what_it_found_stands(case) -> None:
    release = threading.Event()

    def check(_: Case) -> Iterator[Finding]:
        yield ok("first")
        release.wait(10.0)

    first, late = doctor.findings("disk", check, case, deadline_s=0.05)
    assert (first.found, late.verdict, late.found) == ("first", "fail", "no answer within 0.05 s")
    assert "polegate doctor --only disk" in late.do
    release.set()
    wait_until(lambda: not any(each.name == "doctor disk" for each in threading.enumerate()))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_check_that_breaks_says_so_and_no_other_is_touched(case, station, polegate, monkeypatch) -> None:
    def check(_: Case) -> Iterator[Finding]:
        yield ok("first")
        raise ValueError("nobody foresaw this")

    monkeypatch.setitem(doctor.CHECKS, "daemon", check)
    result = polegate("doctor", *HERE)
    wait_until(lambda: not any(each.name == "doctor daemon" for each in threading.enumerate()))
    lines = result.stdout.splitlines()
    assert "daemon   ok   first" in lines
    assert "         fail the check itself failed" in lines
    assert "buses    ok   /dev/ttyS1: 2 ok" in lines
    assert result.exit_code == 1


def test_every_verdict_has_a_style_and_counts() -> None:
    assert set(doctor.STYLES) == set(Verdict)
    counts = doctor.Counter(f.verdict for f in (ok("a"), warn("b", "", ""), fail("c", "", ""), unknown("d")))
    assert doctor.summary(counts) == "1 wrong, 1 to look at, 1 cannot be told."
