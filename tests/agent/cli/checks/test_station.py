"""The configuration, the daemon, its unit, its buses and cameras."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytest

from agent.cli import texts
from agent.cli.checks import buses, cameras, configuration, daemon, unit
from agent.cli.checks.case import gather

from .conftest import CONFIG

UNIT = {
    "LoadState": "loaded", "ActiveState": "active", "SubState": "running", "UnitFileState": "enabled",
    "NRestarts": "0", "Result": "success", "ExecMainStatus": "0", "NeedDaemonReload": "no",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ["ok: active (running), started at boot, never restarted"]),
        ({"LoadState": "not-found"}, ["fail: no unit polegate.service"]),
        ({"UnitFileState": "disabled"}, ["fail: the unit is disabled: it is not started at boot"]),
        ({"UnitFileState": ""}, ["fail: the unit is in no state: it is not started at boot"]),
        ({"NRestarts": "3"}, ["ok: active (running), started at boot", "warn: systemd has restarted it 3 times since it was started"]),
        ({"NeedDaemonReload": "yes"}, ["ok: active (running), started at boot, never restarted", "warn: the unit's files have changed since systemd read them"]),
        (
            {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "ExecMainStatus": "78"},
            ["fail: the unit is failed (failed), exit-code, it ended with 78"],
        ),
        (
            {"ActiveState": "activating", "SubState": "start", "StatusText": "resting 60 s, the last 5 starts came to nothing"},
            ["fail: the unit is activating (start): resting 60 s, the last 5 starts came to nothing"],
        ),
    ],
)  # fmt: skip
def test_a_unit(told, change: dict[str, str], expected: list[str]) -> None:
    assert told(unit.judge(UNIT | change)) == expected


def test_a_wrong_configuration_has_another_remedy_than_a_crash() -> None:
    down = UNIT | {"ActiveState": "failed", "ExecMainStatus": "78"}
    assert "polegate config check" in next(unit.judge(down)).do
    assert "polegate logs" in next(unit.judge(down | {"ExecMainStatus": "1"})).do


def test_the_unit_is_asked_for_where_systemd_runs(gateway, told) -> None:
    assert told(unit.check(gateway.case())) == ["?: this gateway was not booted by systemd"]
    (gateway.root / "run/systemd/system").mkdir(parents=True)
    assert told(unit.check(gateway.case())) == ["?: systemctl does not answer"]
    gateway.answers["systemctl show"] = "".join(f"{key}={value}\n" for key, value in UNIT.items())
    assert told(unit.check(gateway.case())) == ["ok: active (running), started at boot, never restarted"]


@pytest.mark.parametrize(
    ("says", "source", "warned"),
    [
        ("active", "ntp", False),
        ("inactive", "ntp", True),
        ("failed", "ntp", True),
        ("inactive", "system", False),
        ("", "ntp", False),
    ],
)
def test_the_clock_s_unit_is_missed_where_the_daemon_follows_ntp(
    gateway, says: str, source: str, warned: bool
) -> None:
    (gateway.root / "run/systemd/system").mkdir(parents=True)
    gateway.answers["systemctl show"] = "".join(f"{key}={value}\n" for key, value in UNIT.items())
    gateway.answers["systemctl is-active"] = f"{says}\n"
    case = gateway.case(f'{CONFIG}\n[clock]\nsource = "{source}"\n')
    assert [finding.found for finding in unit.check(case) if "polegate-clock" in finding.found] == (
        ["polegate-clock.service does not run"] if warned else []
    )


def test_a_daemon_that_is_well(gateway, told, healthy) -> None:
    healthy["version"] = version("polegate")
    case = gateway.case(status=healthy)
    healthy["config"]["files"] = [str(case.config)]
    assert told(daemon.check(case)) == ["ok: version 0.1.0, pid 4242, up 3 d 4 h, 47 MiB of memory"]


def test_a_daemon_of_another_time_and_place(gateway, told, healthy) -> None:
    healthy["version"] = "0.0.9"
    found = told(daemon.check(gateway.case(status=healthy)))
    assert found[1] == f"warn: it runs version 0.0.9, and {version('polegate')} is installed"
    assert found[2].startswith("warn: it runs with /etc/polegate/polegate.toml, and this looks at ")


def test_faults_that_no_other_check_tells_come_with_their_remedy(told, troubled) -> None:
    found = list(daemon.troubles(troubled))
    assert told(found) == [
        "fail: store_unwritable /var/lib/polegate/outbox.db, 1 min ago: no room on the disk",
        "fail: config_refused /etc/polegate/polegate.toml, now: polegate.toml:3: site: missing",
        "fail: bus /dev/ttyS2 is parked: ValueError: no such thing",
    ]
    assert found[0].do == texts.FAULT_ADVICE["store_unwritable"]
    troubled["faults"] = []
    assert "fail: the last reload was refused: polegate.toml:3: site: missing" in told(
        daemon.troubles(troubled)
    )


def test_no_daemon_is_wrong_and_one_that_is_not_for_us_is_not(gateway, told) -> None:
    path = gateway.root / "control.sock"
    silent = gateway.case(unheard=texts.NOT_RUNNING.format(path=path))
    (finding,) = daemon.check(silent)
    assert (finding.verdict, finding.found) == ("fail", f"no polegate is running (nobody answers on {path}).")
    assert finding.do.startswith("sudo systemctl start polegate")
    forbidden = gateway.case(unheard=texts.NO_PERMISSION.format(path=path), forbidden=True)
    assert [f.verdict for f in daemon.check(forbidden)] == ["?"]
    hung = gateway.case(unheard=texts.NO_ANSWER.format(path=path, seconds=5))
    assert "systemctl restart" in next(daemon.check(hung)).do


def device(name: str, state: str) -> dict[str, Any]:
    return {
        "device": name,
        "bus": "/dev/ttyS1",
        "state": state,
        "error": "" if state == "ok" else f"{state}!",
    }


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["ok", "ok"], ["ok: /dev/ttyS1: 2 ok"]),
        (["ok", "starting"], ["ok: /dev/ttyS1: 1 ok, 1 not read yet"]),
        (["ok", "garbled"], ["fail: /dev/ttyS1: 1 ok, 1 failing", "fail: b: garbled!"]),
        (["timeout"], ["fail: /dev/ttyS1: 0 ok, 1 failing", "fail: a: timeout!"]),
        (["timeout", "timeout"], ["fail: /dev/ttyS1: none of 2 devices can be read", "fail: a: timeout!", "fail: b: timeout!"]),
    ],
)  # fmt: skip
def test_a_bus(told, states: list[str], expected: list[str]) -> None:
    devices = [device(name, state) for name, state in zip("ab", states, strict=False)]
    assert told(buses.judge("/dev/ttyS1", devices)) == expected


def test_buses_by_their_devices(gateway, told, healthy, troubled) -> None:
    assert told(buses.check(gateway.case(status=healthy))) == ["ok: /dev/ttyS1: 2 ok"]
    assert told(buses.check(gateway.case(status=troubled))) == [
        "fail: /dev/ttyS1: 1 ok, 1 failing",
        "fail: weather: unit 3 did not answer within 0.5 s",
        "ok: /dev/ttyS2: 0 ok, 1 not read yet",
    ]
    assert told(buses.check(gateway.case())) == ["?: cannot be told while no daemon answers"]


def camera(**facts: Any) -> dict[str, Any]:
    well = {
        "camera": "east",
        "step": "changing",
        "reason": "",
        "message": "",
        "faults": [],
        "reasons": {},
        "score": 91,
    }
    return well | facts


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, "ok: east: pictures come and change, score 91"),
        ({"score": None}, "ok: east: pictures come and change"),
        ({"step": "starting"}, "ok: east: nothing is known yet"),
        (
            {"step": "starting", "reason": "config", "message": "no user"},
            "fail: east: starting, config: no user",
        ),
        (
            {"step": "reachable", "reason": "unauthorised", "message": "wrong password"},
            "fail: east: reachable, unauthorised: wrong password",
        ),
        ({"faults": ["blurred"], "reasons": {"blurred": "out of focus"}}, "fail: east: out of focus"),
    ],
)
def test_a_camera_by_its_step(told, facts: dict[str, Any], expected: str) -> None:
    assert told([cameras.judge(camera(**facts))]) == [expected]


def test_cameras_need_a_part_and_a_daemon_that_knows_them(gateway, told, healthy, monkeypatch) -> None:
    config = CONFIG + '[cameras.west]\nhost = "192.0.2.7"\n'
    assert told(cameras.check(gateway.case())) == ["ok: none is configured"]
    monkeypatch.setattr(cameras, "PACKAGES", ("json", "no_such_package"))
    healthy["cameras"] = [camera()]
    assert told(cameras.check(gateway.case(config, status=healthy))) == [
        "fail: the camera part of polegate is not installed (no no_such_package)",
        "ok: east: pictures come and change, score 91",
        "warn: west: configured, and the daemon does not know it",
    ]
    monkeypatch.setattr(cameras, "PACKAGES", ("json",))
    assert told(cameras.check(gateway.case(config))) == ["?: cannot be told while no daemon answers"]


def test_a_configuration_with_a_doubt(gateway, told) -> None:
    ok, doubt = told(configuration.check(gateway.case()))
    assert ok.endswith("polegate.toml: good. 0 devices on 0 buses.")
    assert doubt.endswith(texts.NO_DEVICES)


def test_a_wrong_configuration_is_told_line_by_line(gateway, told) -> None:
    file = gateway.root / "etc/polegate/polegate.toml"
    gateway.write({"/etc/polegate/polegate.toml": '[station]\nsite = "A B"\n'})
    case = gather(file, gateway.root / "control.sock", gateway.machine)
    found = told(configuration.check(case))
    assert len(found) >= 2
    assert all(line.startswith("fail: ") for line in found)
    assert f"{file}:2" in "".join(found)
    assert case.now_ms > 0
    assert case.unheard.startswith("no polegate is running")


@pytest.mark.parametrize("name", ["secrets", "ports", "disk", "broker"])
def test_what_needs_a_configuration_says_so(gateway, told, name: str) -> None:
    from agent.cli.doctor import CHECKS

    case = gather(gateway.root / "none.toml", gateway.root / "control.sock", gateway.machine)
    assert told(CHECKS[name](case))[0] == "?: cannot be told before the configuration is right"


def test_the_daemons_word_is_asked_for_at_its_socket(daemon, gateway, healthy) -> None:
    daemon.answers["status"] = healthy
    case = gather(gateway.root / "none.toml", daemon.socket, gateway.machine)
    assert (case.status["pid"], case.unheard) == (4242, "")
    daemon.answers["status"] = {"ok": False, "error": "restarting"}
    assert gather(gateway.root / "none.toml", daemon.socket, gateway.machine).unheard == "restarting"
