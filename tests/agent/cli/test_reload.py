"""polegate reload: what the daemon did, or why it did not."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from agent.cli.main import group

PROBLEMS = [
    "polegate.toml:3: station.site: missing; expected a string",
    "polegate.toml:9: uplink: unknown key",
]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"started": [], "stopped": [], "restarted": ""}, "Reloaded: nothing has changed.\n"),
        (
            {"started": [], "stopped": [], "restarted": "station, outbox"},
            "Reloaded: station, outbox changed, so everything starts anew.\n",
        ),
        (
            {"started": ["uplink", "bus b", "bus c"], "stopped": ["uplink", "bus a"], "restarted": ""},
            "Started again, with new settings: uplink.\nStarted: bus b and bus c.\nStopped: bus a.\n",
        ),
    ],
)
def test_what_was_done(daemon, polegate, answer, text) -> None:
    daemon.answers["reload"] = answer
    result = polegate("reload")
    assert (result.stdout, result.exit_code) == (text, 0)


def test_a_refusal_lists_the_problems_and_ends_with_78(daemon, polegate) -> None:
    daemon.answers["reload"] = {"ok": False, "error": "\n".join(PROBLEMS), "problems": PROBLEMS}
    result = polegate("reload")
    assert (result.stdout, result.exit_code) == ("", 78)
    assert result.stderr.splitlines() == [
        "The new configuration is refused; the old one keeps running.",
        *PROBLEMS,
    ]


def test_json(daemon, polegate) -> None:
    daemon.answers["reload"] = {"ok": False, "error": "x", "problems": PROBLEMS}
    result = polegate("reload", "--json")
    assert json.loads(result.stdout) == {"ok": False, "error": "x", "problems": PROBLEMS}
    assert result.exit_code == 78


@pytest.mark.parametrize("asked", [("reload",), ("reload", "--json")])
def test_a_daemon_on_its_way_out_has_refused_no_configuration(daemon, polegate, asked) -> None:
    """Another reload may have it start anew with this very configuration."""
    daemon.answers["reload"] = {"ok": False, "error": "the daemon is stopping", "problems": []}
    result = polegate(*asked)
    assert result.exit_code == 3
    if asked == ("reload",):
        assert result.stderr == (
            "Not reloaded: the daemon is stopping, or starts anew. Once polegate status answers: polegate reload\n"
        )


@pytest.mark.parametrize("asked", [("reload",), ("reload", "--json")])
def test_a_request_that_was_not_taken_says_why(daemon, polegate, asked) -> None:
    daemon.answers["reload"] = {"ok": False, "error": "4 others are reading already"}
    result = polegate(*asked)
    assert result.exit_code == 3
    assert "4 others are reading already" in (result.stdout if "--json" in asked else result.stderr)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "as Windows editors begin"])
def test_the_socket_is_the_one_the_configuration_names(daemon, tmp_path, mark) -> None:
    daemon.answers["reload"] = {"started": [], "stopped": [], "restarted": ""}
    file = tmp_path / "polegate.toml"
    file.write_text(f"{mark}[control]\nsocket = '{tmp_path / 'control.sock'}'\n", encoding="utf-8")
    result = CliRunner().invoke(group, ["-c", str(file), "reload"])
    assert (result.stdout, result.exit_code) == ("Reloaded: nothing has changed.\n", 0)


def test_without_a_daemon(polegate) -> None:
    result = polegate("reload")
    assert result.exit_code == 3
    assert "Start it: sudo systemctl start polegate" in result.stderr


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("reload", ("reload",)),
        ("reload", ("reload", "--json")),
        ("accept", ("camera", "accept", "bridge")),
        ("learn", ("qc", "start")),
    ],
)
def test_who_has_no_right_is_told_so_by_every_verb(daemon, polegate, verb, words) -> None:
    daemon.answers[verb] = {"ok": False, "forbidden": True, "error": f"{verb}: only root and members"}
    result = polegate(*words)
    assert (result.stdout, result.exit_code) == ("", 1)
    assert result.stderr == f"Error: {verb}: only root and members\n"


def test_the_log_is_told_who_asked_though_by_sudo(daemon, polegate, monkeypatch) -> None:
    daemon.answers["reload"] = {"started": [], "stopped": [], "restarted": ""}
    monkeypatch.setenv("SUDO_USER", "w.li")
    polegate("reload")
    monkeypatch.delenv("SUDO_USER")
    monkeypatch.setenv("LOGNAME", "l.chen")
    polegate("reload")
    assert [request["by"] for request in daemon.requests] == ["w.li", "l.chen"]
