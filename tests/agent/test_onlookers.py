"""What who looks on is shown by the real daemon: the samples before, then each as it comes; busy buses."""

from __future__ import annotations

import json
import socket

from fakes.station import Station
from fakes.waiting import wait_until

DEVICES = """
[devices.level]
tcp = "{host}:{port}"
unit = 1
every_s = 0.05
points = [{{ channel = "water_level", address = 0, type = "uint16", scale = 0.001 }}]
"""


def listen(station: Station, **asked: object):
    """The lines of a tail, without end."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(10)
        link.connect(str(station.socket))
        link.sendall(json.dumps({"verb": "tail", **asked}).encode() + b"\n")
        for line in link.makefile():
            yield json.loads(line)


def test_the_last_samples_of_a_device_come_before_the_next(tmp_path, mosquitto, modbus_tcp_slave) -> None:
    slave = modbus_tcp_slave({1: {"holding": {0: 1234}}})
    with Station(
        tmp_path / "station",
        f"mqtt://localhost:{mosquitto.port}",
        DEVICES.format(host=slave.host, port=slave.port),
    ) as station:
        station.start()
        wait_until(lambda: station.ask("status")["devices"][0]["samples"] > 5)
        lines = listen(station, before=True)
        first = next(lines)
        assert first["before"] > 5
        numbers = [next(lines)["seq"] for _ in range(first["before"] + 3)]
        assert numbers == list(range(1, first["before"] + 4))
        lines.close()
        assert "before" not in next(listen(station))
        (bus,) = station.ask("buses")["buses"]
        assert (bus["bus"], bus["open"]) == (f"{slave.host}:{slave.port}", True)
        assert bus["busy_s"] > 0
        wait_until(lambda: (station.ask("status")["uplink"]["puback_s"] or 0) > 0)
        assert station.stop() == 0
