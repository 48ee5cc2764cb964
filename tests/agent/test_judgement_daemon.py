"""Judgement in the real daemon: a gauge's registers in, events, faults, revisions and aggregates out."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import Any

import pytest
from fakes.modbus_slave import ModbusRtuSlave
from fakes.platform import Platform
from fakes.pty_bus import PtyBus
from fakes.station import Station, messages, sequences
from fakes.waiting import wait_until

from agent.wire import MESSAGES, Leaf, rfc3339
from firmware_profiles.declared import checked_json, plain

BASE = "polegate/1/river/gw-1"
FLOOD = """\
[rules.flood]
kind = "stage"
input = "level.water_level"
warning = "3.5 m"
guarantee = "5 m"
clear_after = "1 s"
"""


def gauge(
    name: str, port: int, *, unit: int = 1, every_s: float = 0.2, channel="water_level", extra: str = ""
) -> str:
    return (
        f'[devices.{name}]\ntcp = "127.0.0.1:{port}"\nunit = {unit}\nevery_s = {every_s}\ntimeout_s = 0.3\n'
        f'[[devices.{name}.points]]\nchannel = "{channel}"\naddress = 0\nscale = 0.01\n{extra}'
    )


@pytest.fixture
def slave(modbus_tcp_slave):
    """Unit 1 and 2 stand at 2.00 m."""
    return modbus_tcp_slave({1: {"holding": {0: 200}}, 2: {"holding": {0: 200}}})


@pytest.fixture
def station(tmp_path, mosquitto, slave):
    devices = gauge("level", slave.port) + FLOOD
    with Station(tmp_path / "station", f"mqtt://127.0.0.1:{mosquitto.port}", devices) as it:
        yield it


def told(platform: Platform, leaf: str, **wanted: object) -> list[dict[str, Any]]:
    """What came on a topic, by the contract and each once, that has these fields."""
    found = (plain(checked_json(MESSAGES[Leaf(leaf)], m.payload)) for m in platform.on(f"{BASE}/{leaf}"))
    once = {each["batch"]: each for each in found}
    return [each for each in once.values() if wanted.items() <= each.items()]


def rows(platform: Platform, device: str) -> list[list[Any]]:
    """All rows of a device, in the order of arrival."""
    batches = messages(m.payload for m in platform.on(f"{BASE}/readings"))
    blocks = [block for batch in batches.values() for block in batch["devices"]]
    return [row for block in blocks if block["device"] == device for row in block["rows"]]


def is_read(platform: Platform, device: str, value: float, at_least: int = 1) -> bool:
    return sum(row[2] == value for row in rows(platform, device)) >= at_least


def order(verb: str, number: int, **about: object) -> bytes:
    now_ms = time.time_ns() // 1_000_000
    common = {"id": f"c-{number}", "verb": verb, "by": "l.chen", "reason": "crew is on its way"}
    times = {"issued": rfc3339(now_ms), "expires": rfc3339(now_ms + 60_000)}
    return json.dumps(common | times | about).encode()


def command(platform: Platform, verb: str, number: int, **about: object) -> dict[str, Any]:
    """The reply to a command of the platform."""
    before = len(told(platform, "replies"))
    platform.publish(f"{BASE}/command/events", order(verb, number, **about))
    wait_until(lambda: len(told(platform, "replies")) > before)
    return told(platform, "replies", id=f"c-{number}")[-1]


def test_a_flood_is_an_event_that_opens_survives_kill_9_and_closes_under_its_id(station, platform, slave):
    station.start()
    wait_until(lambda: is_read(platform, "level", 2.0, 3))
    slave.write(1, "holding", {0: 402})
    (opened,) = wait_until(lambda: told(platform, "events", state="opened"))
    assert (opened["kind"], opened["subject"], opened["rule"]) == (
        "water_stage",
        "level.water_level",
        "flood",
    )
    assert (opened["severity"], opened["unit"], opened["threshold"]) == ("warning", "m", 3.5)
    assert opened["value"] == pytest.approx(4.02)
    assert "4.02" in opened["message"]
    assert "?" not in opened["message"]
    assert len(opened["config"]) == 8
    status = station.ask("status")
    assert (status["events"]["open"], status["events"]["worst"]) == (1, "warning")
    station.kill()
    station.start()
    before = len(rows(platform, "level"))
    wait_until(lambda: len(rows(platform, "level")) > before + 3)
    (known,) = station.ask("events")["open"]
    assert known["id"] == opened["id"]
    assert len(told(platform, "events", state="opened")) == 1
    slave.write(1, "holding", {0: 200})
    (closed,) = wait_until(lambda: told(platform, "events", state="closed"))
    assert (closed["id"], closed["lasted_ms"] > 0) == (opened["id"], True)
    assert closed["message"].startswith("over: ")
    assert station.ask("status")["events"]["open"] == 0
    assert f"id={opened['id']}" in station.log()


def test_people_acknowledge_and_shelve_from_platform_and_gateway_and_it_is_kept(station, platform, slave):
    station.start()
    slave.write(1, "holding", {0: 402})
    (opened,) = wait_until(lambda: told(platform, "events", state="opened"))
    reply = command(platform, "acknowledge", 1, event=opened["id"])
    assert (reply["state"], reply["by"]) == ("done", "l.chen")
    wait_until(lambda: told(platform, "events", state="updated", acknowledged="l.chen", id=opened["id"]))
    assert command(platform, "acknowledge", 2, event="0000")["reason"] == "no_such_event"
    assert command(platform, "shelve", 3, rule="food", for_s=60)["reason"] == "no_such_rule"
    answer = station.ask("shelve", rule="flood", for_s=600, by="w.li", reason="works at the weir")
    assert [(each["id"], each["shelved"]) for each in answer["changed"]] == [(opened["id"], True)]
    wait_until(lambda: told(platform, "events", state="updated", shelved=True))
    assert not station.ask("shelve", rule="flood", for_s=1, by="w.li")["ok"]
    assert not station.ask("acknowledge", event=opened["id"], by="")["ok"]
    station.kill()
    station.start()
    wait_until(lambda: station.ask("status")["uplink"]["state"] == "connected")  # it can be commanded
    known = station.ask("events")
    assert [(each["acknowledged"], each["shelved"]) for each in known["open"]] == [("l.chen", True)]
    assert [(shelf["rule"], shelf["by"]) for shelf in known["shelves"]] == [("flood", "w.li")]
    assert command(platform, "acknowledge", 1, event=opened["id"])["state"] == "done"
    assert station.ask("unshelve", rule="flood", by="w.li")["ok"]
    assert not station.ask("unshelve", rule="flood", by="w.li")["ok"]
    audit = [entry for entry in station.log().splitlines() if "event=command" in entry]
    verbs = [entry.partition("verb=")[2].split()[0] for entry in audit]
    assert verbs == [
        "acknowledge", "acknowledge", "shelve", "shelve", "shelve", "acknowledge",
        "acknowledge", "unshelve", "unshelve",
    ]  # fmt: skip
    assert all("by=" in entry and "outcome=" in entry for entry in audit)


def test_a_doubtful_value_is_published_at_once_asked_for_again_and_revised(station, platform, slave):
    devices = gauge("level", slave.port, every_s=60) + gauge("true", slave.port, unit=2, every_s=0.5)
    station.configure(devices.replace("every_s = 60", "every_s = 3"))
    station.start()
    wait_until(lambda: is_read(platform, "level", 2.0) and is_read(platform, "true", 2.0))
    slave.write(1, "holding", {0: 900})
    slave.write(2, "holding", {0: 320})
    wait_until(lambda: is_read(platform, "level", 9.0) and is_read(platform, "true", 3.2))
    slave.write(1, "holding", {0: 201})
    suspects = _suspects(platform)
    spike = next(row for row in rows(platform, "level") if row[2] == 9.0)
    step = next(row for row in rows(platform, "true") if row[2] == 3.2)
    assert suspects["level"] >= {spike[0]}
    assert suspects["true"] >= {step[0]}
    revised = wait_until(lambda: _revised(platform, {("level", spike[0]), ("true", step[0])}), timeout_s=30)
    assert revised["level", spike[0]] == (4, "spike", "reread_withdrawn")
    assert revised["true", step[0]] == (1, "", "reread_confirmed")


def _suspects(platform: Platform) -> dict[str, set[int]]:
    """The seq of rows with a value that is suspect, by device."""
    found: dict[str, set[int]] = defaultdict(set)
    for batch in messages(m.payload for m in platform.on(f"{BASE}/readings")).values():
        for block in batch["devices"]:
            flags = [flag["row"] for flag in block.get("flags", []) if flag["quality"] == 3]
            every = range(len(block["rows"])) if block["quality"] == 3 else flags
            found[block["device"]].update(block["rows"][n][0] for n in every)
    return found


def _revised(platform: Platform, wanted: set[tuple[str, int]]) -> dict[tuple[str, int], Any] | None:
    found = {
        (each["device"], each["seq"]): (each["quality"], each["test"], each["why"])
        for message in told(platform, "revisions")
        for each in message["revisions"]
    }
    return found if wanted <= found.keys() else None


def test_reduced_channels_say_so_in_the_inventory_and_leave_no_hole(station, platform, slave):
    report = "[devices.level.channels.water_level.report]\ndeadband = 0.05\nat_least_s = 30\n"
    windows = "[devices.other.channels.water_level.aggregate]\nwindow_s = 10\n"
    station.configure(
        gauge("level", slave.port, extra=report)
        + gauge("other", slave.port, unit=2, every_s=0.5, extra=windows)
    )
    station.start()
    wait_until(lambda: is_read(platform, "level", 2.0))
    facts = wait_until(lambda: told_inventory(platform))
    level = facts["level"]["channels"]["water_level"]
    other = facts["other"]["channels"]["water_level"]
    assert (level["deadband"], level["at_least_s"], level["window_s"]) == (0.05, 30.0, None)
    assert (other["deadband"], other["at_least_s"], other["window_s"]) == (None, None, 10)
    for value in (203, 207, 208, 214):
        samples = station.ask("status")["devices"][0]["samples"]
        slave.write(1, "holding", {0: value})
        wait_until(lambda samples=samples: station.ask("status")["devices"][0]["samples"] > samples + 2)
    wait_until(lambda: is_read(platform, "level", 2.14))
    assert [row[2] for row in rows(platform, "level")] == [2.0, 2.07, 2.14]
    (block,) = wait_until(
        lambda: [
            block
            for message in told(platform, "aggregates")
            for block in message["channels"]
            if sum(block["rows"][0][4:6]) >= 18
        ][:1],
        timeout_s=40,
    )
    assert (block["device"], block["channel"], block["window_s"]) == ("other", "water_level", 10)
    quality, test, expected = block["rows"][0][1:4]
    assert (quality in (1, 2), test, expected) == (True, "", 20)
    assert block["rows"][0][9:13] == [2.0, 2.0, 2.0, 2.0]
    assert rows(platform, "other") == []
    for numbers in sequences(messages(m.payload for m in platform.on(f"{BASE}/readings"))).values():
        assert numbers == list(range(1, len(numbers) + 1))


def told_inventory(platform: Platform) -> dict[str, Any]:
    found = [
        plain(checked_json(MESSAGES[Leaf.INVENTORY], m.payload))["devices"]
        for m in platform.on(f"{BASE}/inventory")
    ]
    return found[-1] if found else {}


def test_a_dead_line_is_one_fault_that_explains_its_devices(station, platform):
    with (
        PtyBus() as line,
        ModbusRtuSlave({5: {"holding": {0: 3}}, 6: {"holding": {0: 4}}}, line.slave_path) as on,
    ):
        port = f'port = "{line.master_path}"'
        station.configure(
            "".join(
                gauge(name, 1, unit=unit).replace('tcp = "127.0.0.1:1"', port)
                for name, unit in (("a", 5), ("b", 6))
            )
        )
        station.start()
        wait_until(lambda: is_read(platform, "a", 0.03) and is_read(platform, "b", 0.04))
        on.pause(5)
        on.pause(6)
        (root,) = wait_until(lambda: told(platform, "faults", kind="bus_silent", state="opened"))
        assert root["subject"] == f"bus {line.master_path}"
        wait_until(
            lambda: {
                f["subject"] for f in told(platform, "faults", kind="device_unreadable", caused_by=root["id"])
            } == {"a", "b"}
        )  # fmt: skip
        on.resume(5)
        on.resume(6)
        wait_until(lambda: told(platform, "faults", id=root["id"], state="closed"), timeout_s=20)
        wait_until(lambda: len(told(platform, "faults", kind="device_unreadable", state="closed")) == 2, 20)
    assert len(told(platform, "faults", kind="bus_silent", state="opened")) == 1


def test_a_reload_changes_the_judge_alone_and_a_wrong_rule_is_refused_with_its_line(station, platform, slave):
    station.start()
    slave.write(1, "holding", {0: 402})
    (opened,) = wait_until(lambda: told(platform, "events", state="opened"))
    station.configure(gauge("level", slave.port) + FLOOD.replace("3.5 m", "3.5 kPa"))
    answer = station.ask("reload")
    assert not answer["ok"]
    line = station.config.read_text().splitlines().index('warning = "3.5 kPa"') + 1
    assert f"{station.config}:{line}: rules.flood.warning: expected a unit that fits m" in answer["error"]
    assert [each["id"] for each in station.ask("events")["open"]] == [opened["id"]]
    other = '[rules.high]\nkind = "threshold"\ninput = "level.water_level"\nabove = "390 cm"\n'
    station.configure(gauge("level", slave.port) + FLOOD + other)
    connected = slave.accepted()
    answer = station.ask("reload")
    assert (answer["started"], answer["stopped"], answer["restarted"]) == ([], [], "")
    (high,) = wait_until(lambda: told(platform, "events", rule="high"))
    assert (high["threshold"], high["config"] != opened["config"]) == (3.9, True)
    station.configure(gauge("level", slave.port) + FLOOD.replace("3.5 m", "6 m").replace("5 m", "7 m"))
    assert station.ask("reload")["started"] == []
    wait_until(lambda: len(told(platform, "events", state="closed")) == 2)
    reasons = {
        each["rule"]: each["detail"]["closed_because"] for each in told(platform, "events", state="closed")
    }
    assert reasons == {"high": "rule_removed", "flood": "rule_changed"}
    assert station.ask("events")["open"] == []
    assert slave.accepted() == connected
    ((_, numbers),) = sequences(messages(m.payload for m in platform.on(f"{BASE}/readings"))).items()
    assert numbers == list(range(1, len(numbers) + 1))
