"""The daemon's own page: off until asked for, moved by a reload, read by curl and by Prometheus' parser."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from fakes.ports import free_port
from fakes.station import Station
from fakes.waiting import wait_until
from prometheus_client.parser import text_string_to_metric_families

from agent.errors import ConfigError
from agent.loading import load
from agent.metrics.families import FAMILIES

GAUGE = '[devices.gauge]\ntcp = "127.0.0.1:{port}"\nevery_s = 0.1\n[[devices.gauge.points]]\nchannel = "raw.r0"\naddress = 0\n'


@pytest.fixture
def station(tmp_path, mosquitto, modbus_tcp_slave):
    slave = modbus_tcp_slave({1: {"holding": {0: 7}}})
    devices = GAUGE.format(port=slave.port)
    with Station(tmp_path / "station", f"mqtt://127.0.0.1:{mosquitto.port}", devices) as it:
        it.devices = devices
        yield it


def curl(*words: str) -> str | None:
    argv = ["curl", "--silent", "--fail", "--max-time", "10", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def listen(station, place: str | None) -> None:
    more = f'[metrics]\nlisten = "{place}"\n' if place else ""
    station.configure(more + station.devices)


def values(page: str) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_off_on_moved_and_off_again_by_reloads_while_the_rest_runs_on(station):
    station.start()
    samples = lambda: station.ask("status")["devices"][0]["samples"]  # noqa: E731
    wait_until(lambda: samples() > 2)
    assert "metrics" not in station.ask("status")["parts"]
    port, socket = free_port("127.0.0.1"), f"{station.folder}/metrics.sock"
    http = f"http://127.0.0.1:{port}/metrics"
    listen(station, f"127.0.0.1:{port}")
    answer = station.ask("reload")
    assert (answer["started"], answer["stopped"], answer["restarted"]) == (["metrics"], [], "")
    wait_until(lambda: curl(http))
    listen(station, f"unix:{socket}")
    station.ask("reload")
    wait_until(lambda: curl("--unix-socket", socket, "http://localhost/metrics"))
    assert curl(http) is None
    listen(station, None)
    assert station.ask("reload")["stopped"] == ["metrics"]
    assert not Path(socket).exists()
    assert samples() > 2, "the bus was not started anew"


def test_the_page_says_what_the_station_does(station):
    socket = f"{station.folder}/metrics.sock"
    listen(station, f"unix:{socket}")
    station.start()

    def page() -> str:
        return curl("--unix-socket", socket, "http://localhost/metrics") or ""

    wait_until(lambda: 'polegate_device_up{device="gauge"' in page())
    wait_until(lambda: values(page())["polegate_uplink_acknowledged_messages_total"] > 0)
    found = values(page())
    assert found["polegate_device_up"] == found["polegate_uplink_connected"] == 1
    assert found["polegate_device_samples_total"] >= 1
    assert found["polegate_bus_busy_seconds_total"] > 0
    assert found["polegate_process_resident_memory_bytes"] > 10e6
    assert found["polegate_space_free_bytes"] > 0
    names = {family.name for family in FAMILIES}
    assert found.keys() <= names
    assert {name for name in names - found.keys() if "camera" not in name and "spool" not in name} <= {
        "polegate_outbox_oldest_timestamp_seconds", "polegate_temperature_celsius", "polegate_supply_trouble",
        "polegate_disk_life_used_ratio", "polegate_disk_reserve_state", "polegate_disk_written_bytes_total",
        "polegate_pictures_delivered_total", "polegate_pictures_lost_total",
        "polegate_uplink_puback_seconds",
    }, "only what this machine does not have"  # fmt: skip


def test_a_port_that_is_taken_parks_the_metrics_alone(station, mosquitto):
    listen(station, f"127.0.0.1:{mosquitto.port}")
    station.start()
    wait_until(lambda: "in use" in station.ask("status")["parts"]["metrics"]["error"])
    assert station.ask("status")["devices"][0]["samples"] >= 0


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("0.0.0.0:9464", "only this machine may ask; expected 127.0.0.1, [::1] or unix:/path, got 0.0.0.0"),
        ("192.168.1.5:9464", "only this machine may ask"),
        ("localhost:9464", "only this machine may ask"),
        ("[::]:9464", "only this machine may ask"),
        ("127.0.0.1", "expected a port from 1 to 65535, got 0"),
        ("127.0.0.1:0", "expected a port from 1 to 65535, got 0"),
        ("127.0.0.1:70000", "expected a port from 1 to 65535"),
        ("unix:metrics.sock", "expected a whole path behind unix:"),
        ("unix:/" + "x" * 120, "the system takes at most 107 for a socket"),
    ],
)
def test_a_place_that_others_can_reach_or_that_is_none_is_refused(tmp_path, place, said):
    file = tmp_path / "polegate.toml"
    head = '[station]\nsite = "a"\ngateway = "b"\n[uplink]\nurl = "mqtt://localhost"\n'
    file.write_text(f'{head}[metrics]\nlisten = "{place}"\n')
    with pytest.raises(ConfigError) as refused:
        load(file)
    (problem,) = refused.value.problems
    assert (problem.path, problem.line) == ("metrics.listen", 7)
    assert said in str(problem)
