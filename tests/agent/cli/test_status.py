"""polegate status: what is shown, how wide, in which colours, and what it ends with."""

from __future__ import annotations

import json

import pytest
from fakes.waiting import wait_until

HEALTHY = """\
Pole 7 by the bridge (riverside/pole-7)
polegate 0.1.0, up 3 d 4 h since 2026-11-20 03:58 UTC, 47 MiB of memory
uplink  connected for 2 h 10 min: mqtts://broker.example
        274,119 sent, 274,118 acknowledged, 3 repeated, 59 MiB since the start
outbox  empty: the platform has everything
clock   trusted: synchronised by NTP

device   state  last good  values
level    ok       3 s ago  water_level 1.234 m, water_temperature 12.3 °C
                           (suspect: range)
weather  ok       4 s ago  wind_speed 2.50 m/s, wind_direction 90 °, wind_force
                           2 Bft, switch on, and 1 more
                           3 of 27,000 samples missing: 2 timeout, 1 garbled; 2
                           polls skipped
"""

TROUBLED = """\
riverside/pole-7
polegate 0.1.0, up 3 d 4 h since 2026-11-20 03:58 UTC, 47 MiB of memory
uplink  disconnected for 2 h 10 min: mqtts://broker.example
        no address is known for broker.example
        274,119 sent, 274,118 acknowledged, 3 repeated, 59 MiB since the start
outbox  340,112 readings in 1,204 messages, 42 MiB of 512 MiB (8%), the oldest
        from 8 h 10 min ago
        lost since ever: 12,000 evicted, 40 dropped; why: polegate outbox
events  3 open, the gravest: critical; which: polegate events
clock   not trusted: readings wait for the true time, then they go out
config  the last reload was refused; the configuration before it runs on

device   state     last good  values
level    ok          3 s ago  water_level 1.234 m, water_temperature 12.3 °C
                              (suspect: range)
weather  timeout     5 h ago  unit 3 did not answer within 0.5 s
                              3 of 27,000 samples missing: 2 timeout, 1 garbled;
                              2 polls skipped
rain     starting      never  rainfall_total -

device_unreadable weather, 4 h 59 min ago
  Is it powered? Are A and B swapped? Do unit id, baud and parity agree with the
  device?

store_unwritable /var/lib/polegate/outbox.db, 1 min ago
  no room on the disk
  See df -h and dmesg. What is new is kept in memory as long as that lasts.

config_refused /etc/polegate/polegate.toml, now
  polegate.toml:3: site: missing
  Mend it, look with polegate config check, then polegate reload.

parked: bus /dev/ttyS2: ValueError: no such thing
"""


def test_a_station_that_is_well(daemon, polegate, healthy) -> None:
    daemon.answers["status"] = healthy
    result = polegate("status")
    assert result.stdout == HEALTHY
    assert result.exit_code == 0


def test_a_station_in_trouble(daemon, polegate, troubled) -> None:
    daemon.answers["status"] = troubled
    result = polegate("status")
    assert result.stdout == TROUBLED
    assert result.exit_code == 1


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(daemon, polegate, troubled, columns: int) -> None:
    daemon.answers["status"] = troubled
    lines = polegate("status", columns=columns).stdout.splitlines()
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a["faults"].append(
            {"kind": "clock_unsynced", "subject": "clock", "reason": "unsynced", "message": "m", "began_ms": 0}
        ),
        lambda a: a["uplink"].update(state="disconnected", error="refused"),
        lambda a: a["devices"][0].update(state="garbled", error="no frame"),
        lambda a: a["parts"]["uplink"].update(state="parked", error="ValueError: x"),
        lambda a: a["config"].update(refused="no"),
    ],
)  # fmt: skip
def test_each_kind_of_trouble_ends_with_1(daemon, polegate, healthy, change) -> None:
    change(healthy)
    daemon.answers["status"] = healthy
    assert polegate("status").exit_code == 1
    assert polegate("status", "--json").exit_code == 1


def test_starting_up_is_no_trouble(daemon, polegate, healthy) -> None:
    healthy["uplink"] = {"state": "connecting", "url": "mqtts://broker.example"}
    healthy["devices"][0] |= {"state": "starting", "last_ms": None}
    healthy["devices"][0]["values"][0] |= {"value": None, "quality": 9, "test": "not_read_yet"}
    daemon.answers["status"] = healthy
    result = polegate("status")
    assert result.exit_code == 0
    assert "uplink  connecting: mqtts://broker.example\n" in result.stdout


def test_no_devices(daemon, polegate, healthy) -> None:
    healthy["devices"] = []
    daemon.answers["status"] = healthy
    assert "No devices are configured: add [devices.NAME]" in polegate("status").stdout


def test_json_is_the_daemons_answer(daemon, polegate, healthy) -> None:
    daemon.answers["status"] = healthy
    result = polegate("status", "--json")
    assert json.loads(result.stdout) == healthy
    assert result.stdout.count("\n") == 1


def test_without_a_daemon_it_says_how_to_start_one(polegate, tmp_path) -> None:
    result = polegate("status")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr == (
        f"Error: no polegate is running (nobody answers on {tmp_path}/control.sock).\n"
        "Start it: sudo systemctl start polegate — or name its socket with --socket.\n"
    )


def test_colours_only_on_a_terminal_that_wants_them(daemon, terminal, polegate, troubled) -> None:
    daemon.answers["status"] = troubled
    coloured, plain = terminal("status"), terminal("status", NO_COLOR="1")
    assert (coloured.wait(), plain.wait()) == (1, 1)
    assert "\x1b[1;31mdisconnected" in coloured.screen
    assert "\x1b[1;31m" not in plain.screen
    assert "disconnected" in plain.text
    assert "\x1b" not in polegate("status").stdout


def test_watch_redraws_waits_for_a_restart_and_ends_on_ctrl_c(daemon, terminal, healthy) -> None:
    daemon.answers["status"] = healthy
    watching = terminal("status", "--watch", rows=60)
    wait_until(lambda: "water_level 1.234 m" in watching.text)
    daemon.answers = {"status": {"ok": False, "error": "restarting"}}
    wait_until(lambda: "restarting" in watching.text)
    healthy["devices"][0]["values"][0]["value"] = 1.5
    daemon.answers = {"status": healthy}
    wait_until(lambda: "water_level 1.500 m" in watching.text)
    assert watching.interrupt() == 0


def test_watch_into_a_pipe_writes_a_line_each_time(daemon, terminal, healthy) -> None:
    daemon.answers["status"] = healthy
    watching = terminal("status", "--watch", "--json", columns=20_000)
    wait_until(lambda: watching.text.count('"epoch"') >= 2)
    assert watching.interrupt() == 0
    assert all(json.loads(line) == healthy for line in watching.text.splitlines() if line.startswith("{"))
