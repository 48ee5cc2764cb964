"""From a seed to readings at a real broker that wants a certificate: the key made here, enrolled by EST, renewed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes.certificates import Authority
from fakes.enrolment import EstServer
from fakes.modbus_slave import ModbusTcpSlave
from fakes.mosquitto import Mosquitto
from fakes.platform import Platform
from fakes.station import Station
from fakes.waiting import wait_until

from agent.certificates import read_pem
from agent.cli.main import group

ACL = Path(__file__).parents[3] / "docs" / "platform" / "acl" / "mosquitto.acl"
SEED = """
[station]
kind = "river"
site = "riverside"
gateway = "river-3"

[uplink]
url = "mqtts://localhost:{port}"
ca = "ca.pem"

[enrolment]
by = "est"
url = "{est}"
ca = "ca.pem"
code = "once-4711"

[outbox]
path = "{folder}/outbox.db"
[pictures]
path = "{folder}/pictures"
[control]
socket = "{folder}/control.sock"
[clock]
source = "system"

[devices.level]
tcp = "127.0.0.1:{gauge}"
every_s = 0.2
points = [{{ channel = "water_level", address = 0, scale = 0.001 }}]
"""


def polegate(folder: Path, *words: object) -> Result:
    return CliRunner().invoke(group, ["--config", str(folder / "polegate.toml"), *map(str, words)])


def test_a_bare_gateway_becomes_a_station(
    tmp_path: Path, start_mosquitto: Callable[..., Mosquitto], modbus_tcp_slave: Callable[..., ModbusTcpSlave],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    authority, folder, boot = Authority(tmp_path / "authority"), tmp_path / "station", tmp_path / "boot"
    broker = start_mosquitto(
        certificate=authority.server(), ca=authority.ca, require_client_certificate=True, acl=ACL.read_text(),
        settings=["use_identity_as_username true", "use_username_as_clientid true"],
    )  # fmt: skip
    gauge = modbus_tcp_slave({1: {"holding": {0: 1234}}})
    boot.mkdir()
    (boot / "ca.pem").write_text(authority.ca.read_text())
    station = Station(folder, "mqtt://localhost", "")
    station.config.unlink()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder / "credentials"))
    ingest = authority.client("platform.ingest")
    with (
        EstServer(authority) as est,
        station,
        Platform(broker, certificate=ingest, topics=("polegate/1/#",)) as platform,
    ):
        est.codes.add("once-4711")
        est.since, est.until = timedelta(days=-21), timedelta(days=9)
        facts = {"port": broker.port, "est": est.url, "gauge": gauge.port, "folder": folder}
        (boot / "seed.toml").write_text(SEED.format(**facts))
        done = polegate(folder, "provision", boot / "seed.toml", "--yes")
        assert done.exit_code == 0, done.output
        assert "The broker takes it." in done.output
        assert "once-4711" not in done.output + (boot / "seed.toml").read_text()
        assert [file.name for file in (folder / "credentials").iterdir()] == ["mqtt-client-key"]

        station.start()
        level = platform.wait_for(lambda _: platform.on("polegate/1/riverside/river-3/readings"))
        assert json.loads(level[0].payload)["devices"][0]["rows"][0][2] == 1.234
        assert "u'river-3'" in broker.log()

        first = read_pem((folder / "mqtt-client.pem").read_text())[0]
        est.since, est.until = timedelta(days=-1), timedelta(days=29)
        renewed = polegate(folder, "certs", "renew")
        assert renewed.exit_code == 0, renewed.output
        assert read_pem((folder / "mqtt-client.pem").read_text())[0].until_ms > first.until_ms
        assert station.ask("status")["uplink"]["state"] == "connected"  # the trial did not throw it out
        before = len(platform.on("polegate/1/riverside/river-3/readings"))
        broker.restart()  # the next connection is made with the new one, and the key that the daemon has
        platform.wait_for(
            lambda _: len(platform.on("polegate/1/riverside/river-3/readings")) > before + 1, 30.0
        )
        wait_until(lambda: station.ask("status")["uplink"]["acknowledged"] > 0)

        again = polegate(folder, "provision", boot / "seed.toml", "--yes")
        assert "Nothing to do: all is as it should be." in again.output
        assert polegate(folder, "certs", "show").exit_code == 0


def test_without_the_server_the_configuration_stands_and_the_way_on_is_said(tmp_path: Path) -> None:
    authority, boot = Authority(tmp_path / "authority"), tmp_path / "boot"
    boot.mkdir()
    (boot / "ca.pem").write_text(authority.ca.read_text())
    facts = {"port": 9, "est": "https://localhost:9", "gauge": 502, "folder": tmp_path}
    (boot / "seed.toml").write_text(SEED.format(**facts))
    done = polegate(tmp_path, "provision", boot / "seed.toml", "--yes")
    assert done.exit_code == 1
    # Long paths are broken anywhere in the narrow output of a test.
    way_on = f"The certificate is not there yet: sudo polegate -c {tmp_path}/polegate.toml certs enrol"
    assert "".join(f"The configuration is written. {way_on}".split()) in "".join(done.output.split())
    assert (tmp_path / "polegate.toml").exists()
    assert (tmp_path / "credentials" / "enrolment-code").read_text() == "once-4711\n"
    with EstServer(authority) as est:
        est.codes.add("once-4711")
        config = (tmp_path / "polegate.toml").read_text().replace("https://localhost:9", est.url)
        (tmp_path / "polegate.toml").write_text(config)
        assert polegate(tmp_path, "certs", "enrol").exit_code == 0
    assert not (tmp_path / "credentials" / "enrolment-code").exists()
