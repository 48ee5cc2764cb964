"""The real daemon as a process: gauges in, MQTT out, killed, reloaded, misconfigured, starved of its broker."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys

import pytest
from fakes.modbus_slave import ModbusRtuSlave
from fakes.platform import Platform
from fakes.station import Station, messages, sequences
from fakes.waiting import wait_until

from agent.wire import MESSAGES, Leaf
from firmware_profiles.declared import checked_json, plain

BASE = "polegate/1/river/gw-1"


def device(
    name: str, port: int, *, unit: int = 1, every_s: float = 0.1, addresses=(0,), extra: str = ""
) -> str:
    points = "".join(
        f'[[devices.{name}.points]]\nchannel = "raw.r{a}"\naddress = {a}\n' for a in addresses
    )  # fmt: skip
    return f'[devices.{name}]\ntcp = "127.0.0.1:{port}"\nunit = {unit}\nevery_s = {every_s}\n{extra}{points}'


@pytest.fixture
def slave(modbus_tcp_slave):
    return modbus_tcp_slave({1: {"holding": dict.fromkeys(range(50), 7)}, 2: {"holding": {0: 8}}})


@pytest.fixture
def station(tmp_path, mosquitto, slave):
    with Station(
        tmp_path / "station", f"mqtt://127.0.0.1:{mosquitto.port}", device("gauge", slave.port)
    ) as it:
        yield it


def readings(platform: Platform) -> list[bytes]:
    return [m.payload for m in platform.on(f"{BASE}/readings")]


def leafs(platform: Platform, leaf: str) -> list[dict]:
    return [plain(checked_json(MESSAGES[Leaf(leaf)], m.payload)) for m in platform.on(f"{BASE}/{leaf}")]


def test_readings_arrive_whole_and_every_message_keeps_the_contract(station, platform):
    station.start()
    wait_until(lambda: len(readings(platform)) >= 3)
    wait_until(lambda: platform.on(f"{BASE}/health"))
    assert station.stop() == 0
    wait_until(lambda: leafs(platform, "status")[-1]["reason"] == "stopped")
    for leaf, model in MESSAGES.items():
        for message in platform.on(f"{BASE}/{leaf}"):
            checked_json(model, message.payload)
    assert leafs(platform, "status")[0]["state"] == "online"
    facts = leafs(platform, "inventory")[-1]["devices"]["gauge"]
    assert facts["channels"]["raw.r0"]["unit"] == "1"
    ((_, numbers),) = sequences(messages(readings(platform))).items()
    assert numbers == list(range(1, len(numbers) + 1))


def test_systemd_hears_ready_status_watchdog_and_stopping(station, platform):
    station.start(watchdog_s=1.0)
    wait_until(lambda: station.notices.all().count("WATCHDOG=1") >= 3)
    wait_until(lambda: any(line == "STATUS=1 ok; uplink connected" for line in station.notices.all()))
    assert station.stop() == 0
    assert "STOPPING=1" in station.notices.all()
    assert "event=stopped" in station.log()


def test_kill_9_in_an_outage_loses_nothing_that_was_committed(station, platform, mosquitto):
    station.start()
    wait_until(lambda: len(readings(platform)) >= 2)
    mosquitto.kill()
    for _ in range(3):
        wait_until(lambda: station.ask("status")["outbox"]["items"] >= 5, timeout_s=20)
        station.kill()
        station.start()
    committed = _committed(station)
    mosquitto.start()
    wait_until(lambda: committed <= messages(readings(platform)).keys(), timeout_s=30)
    wait_until(lambda: station.ask("status")["uplink"]["state"] == "connected")
    for numbers in sequences(messages(readings(platform))).values():
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_broker_away_and_back_delivers_the_backlog_marked_as_backfill_or_live(station, platform, mosquitto):
    station.start()
    wait_until(lambda: len(readings(platform)) >= 2)
    mosquitto.stop()
    wait_until(lambda: station.ask("status")["uplink"]["state"] == "disconnected")
    wait_until(lambda: station.ask("status")["outbox"]["batches"] >= 3)
    mosquitto.start()
    wait_until(lambda: station.ask("status")["uplink"]["state"] == "connected", timeout_s=30)
    wait_until(lambda: station.ask("status")["outbox"]["batches"] <= 1)
    last = station.ask("status")["devices"][0]["samples"]
    wait_until(lambda: max(map(max, sequences(messages(readings(platform))).values())) >= last)
    ((_, numbers),) = sequences(messages(readings(platform))).items()
    assert numbers == list(range(1, len(numbers) + 1))
    assert "connected=False" in station.log()
    assert station.log().count("connected=True") == 2
    assert station.log().count("event=uplink") <= 4  # closed, refused, back


def test_a_reload_restarts_only_what_changed(station, platform, slave):
    station.start()
    wait_until(lambda: len(readings(platform)) >= 1)
    station.configure(device("gauge", slave.port) + device("second", slave.port, unit=2))
    with ModbusRtuOnOwnLine() as line:
        station.configure(device("gauge", slave.port) + line.device("third"))
        answer = station.ask("reload")
        assert answer["started"] == [f"bus {line.path}", "uplink"]
        assert answer["stopped"] == ["uplink"]
        wait_until(lambda: station.ask("status")["devices"][1]["state"] == "ok")
        samples = wait_until(lambda: station.ask("status")["devices"][0]["samples"])
        station.configure(device("gauge", slave.port))
        station.signal(signal.SIGHUP)
        wait_until(lambda: len(station.ask("status")["devices"]) == 1)
        assert station.ask("status")["devices"][0]["samples"] >= samples


class ModbusRtuOnOwnLine:
    """A serial bus with one gauge."""

    def __enter__(self):
        from fakes.pty_bus import PtyBus

        self._bus = PtyBus().__enter__()
        self._slave = ModbusRtuSlave({5: {"holding": {0: 3}}}, self._bus.slave_path).__enter__()
        self.path = str(self._bus.master_path)
        return self

    def __exit__(self, *_):
        self._slave.__exit__(None, None, None)
        self._bus.__exit__(None, None, None)

    def device(self, name: str) -> str:
        return (
            f'[devices.{name}]\nport = "{self.path}"\nunit = 5\nevery_s = 0.2\n'
            f'[[devices.{name}.points]]\nchannel = "raw.a"\naddress = 0\n'
        )


def test_a_wrong_new_configuration_is_refused_and_the_old_one_goes_on(station, platform, slave):
    station.start()
    wait_until(lambda: len(readings(platform)) >= 1)
    station.configure(device("gauge", slave.port, extra="adress = 5\n"))
    answer = station.ask("reload")
    assert not answer["ok"]
    assert 'devices.gauge: unknown key "adress"' in answer["error"]
    assert f"{station.config}:" in answer["error"]
    before = len(readings(platform))
    wait_until(lambda: len(readings(platform)) > before + 1)
    assert station.ask("status")["config"]["refused"] == answer["error"]
    wait_until(lambda: any(f["kind"] == "config_refused" for f in leafs(platform, "faults")))
    station.configure(device("gauge", slave.port))
    assert station.ask("reload")["ok"]
    wait_until(lambda: leafs(platform, "faults")[-1]["state"] == "closed")
    assert station.ask("status")["config"]["refused"] == ""


def test_a_reload_that_moves_the_outbox_starts_anew_without_losing_a_reading(station, platform, slave):
    station.start()
    wait_until(lambda: len(readings(platform)) >= 1)
    head = station.config.read_text().split("[devices")[0].replace("outbox.db", "moved.db")
    station.configure(device("gauge", slave.port), head=head)
    assert station.ask("reload")["restarted"] == "outbox"
    wait_until(lambda: len(sequences(messages(readings(platform)))) == 2)
    assert (station.folder / "moved.db").exists()


def test_a_stop_is_not_forgotten_over_a_reload_that_starts_anew(station, platform, slave):
    station.start()
    wait_until(lambda: len(readings(platform)) >= 1)
    station.configure(device("gauge", slave.port), head=_moved(station))
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
        station.signal(number)
    assert station.process.wait(20) == 0


def test_a_storm_of_reloads_is_survived_and_the_last_configuration_holds(station, platform, slave):
    station.start()
    wait_until(lambda: len(readings(platform)) >= 1)
    station.configure(device("gauge", slave.port), head=_moved(station))
    for _ in range(30):
        station.signal(signal.SIGHUP)
    wait_until((station.folder / "moved.db").exists)
    station.configure(
        device("gauge", slave.port) + device("second", slave.port, unit=2), head=_moved(station)
    )
    for _ in range(30):
        station.signal(signal.SIGHUP)
    wait_until(lambda: station.socket.exists() and len(station.ask("status")["devices"]) == 2)
    assert station.stop() == 0


def test_a_reload_of_a_bus_counts_its_samples_on_and_closes_what_it_mends(station, platform, slave):
    slave.fail(1, 4)
    station.start()
    wait_until(lambda: [f["reason"] for f in leafs(platform, "faults")] == ["refused"])
    station.configure(device("gauge", slave.port, every_s=0.2))
    assert station.ask("reload")["started"]
    slave.fail(1, 0)
    wait_until(lambda: leafs(platform, "faults")[-1]["state"] == "closed")
    wait_until(lambda: station.ask("status")["devices"][0]["state"] == "ok")
    assert station.stop() == 0
    wait_until(lambda: leafs(platform, "status")[-1]["reason"] == "stopped")
    ((_, numbers),) = sequences(messages(readings(platform))).items()
    assert numbers == list(range(1, len(numbers) + 1))


def _moved(station) -> str:
    return station.config.read_text().split("[devices")[0].replace("outbox.db", "moved.db")


def test_a_dead_and_an_unreachable_device_are_faults_and_the_rest_goes_on(station, platform, slave):
    slave.pause(2)
    closed = '[devices.gone]\ntcp = "127.0.0.1:1"\nevery_s = 0.2\n[[devices.gone.points]]\nchannel = "raw.a"\naddress = 0\n'
    station.configure(device("gauge", slave.port) + device("dead", slave.port, unit=2, every_s=0.3) + closed)
    station.start()
    wait_until(lambda: {f["subject"] for f in leafs(platform, "faults")} >= {"dead", "gone"})
    states = {d["device"]: d for d in station.ask("status")["devices"]}
    assert states["dead"]["state"] == "timeout"
    assert "connection refused" in states["gone"]["error"]
    wait_until(lambda: station.ask("status")["devices"][0]["samples"] > 10)
    fault = next(f for f in leafs(platform, "faults") if f["subject"] == "dead")
    assert (fault["kind"], fault["state"], fault["reason"]) == ("device_unreadable", "opened", "timeout")
    slave.resume(2)
    wait_until(
        lambda: any(f["id"] == fault["id"] and f["state"] == "closed" for f in leafs(platform, "faults")), 20
    )
    assert station.log().count("subject=dead") == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[devices.a]\ninstrumnt = 'x'\n", 'unknown key "instrumnt"; did you mean "instrument"?'),
        (
            "[devices.a]\ninstrument = 'keller-37x'\nport = '/dev/ttyS0'\n",
            'no instrument profile "keller-37x"',
        ),
        ("[devices.a]\ninstrument = 'keller-36x'\nport = 'rs485-9'\n", "expected a port of the board"),
        ("[devices.a]\nunit = 'one'\n", "expected a whole number from 0 to 255"),
        ("[devices.a\n", "not valid TOML"),
    ],
)
def test_a_configuration_that_does_not_hold_exits_78_with_the_place(station, text, said):
    station.configure(text)
    station.start(wait=False)
    assert station.process.wait(20) == 78
    assert said in station.log()
    assert f"{station.config}:" in station.log()


def test_a_second_daemon_on_the_same_station_is_turned_away(station):
    station.start()
    command = [sys.executable, "-m", "agent.cli.main", "--config", str(station.config), "run"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert "polegate cannot run" in second.stderr
    assert station.ask("status")["ok"]


def test_a_damaged_outbox_is_set_aside_salvaged_and_told(station, platform, mosquitto):
    mosquitto.stop()
    station.start()
    wait_until(lambda: station.ask("status")["outbox"]["batches"] >= 3)
    station.kill()
    _damage(station.outbox)
    station.start()
    mosquitto.start()
    wait_until(lambda: any(f["kind"] == "store_recovered" for f in leafs(platform, "faults")), timeout_s=30)
    assert list(station.folder.glob("outbox.db.corrupt-*"))
    wait_until(lambda: len(readings(platform)) >= 1)


def test_a_broker_that_refuses_is_told_once_and_readings_wait(tmp_path, start_mosquitto, slave):
    broker = start_mosquitto(users={"other": "secret"})
    with Station(tmp_path / "s", f"mqtt://127.0.0.1:{broker.port}", device("gauge", slave.port)) as it:
        it.start()
        wait_until(lambda: it.ask("status")["uplink"].get("error"))
        error = it.ask("status")["uplink"]["error"]
        assert "username" in error
        wait_until(lambda: it.ask("status")["outbox"]["items"] >= 10)
        assert it.log().count("event=uplink") == 1


def _committed(station: Station) -> set[str]:
    """The keys of every readings batch on disk."""
    with sqlite3.connect(f"file:{station.outbox}?mode=ro", uri=True) as base:
        rows = base.execute("SELECT key FROM envelope WHERE topic LIKE '%/readings'").fetchall()
    base.close()
    return {key for (key,) in rows}


def _damage(path) -> None:
    """Overwrite the database's first page header, as a dying card does."""
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    base.close()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 300)
