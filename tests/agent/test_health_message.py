"""The body of a health message: nothing unknown in it, loads of the time between two, small."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from agent import wire
from agent.health_message import message
from agent.machine.system import System
from agent.vitals import BusVitals
from agent.wire import Health
from buffer.envelope import Envelope, Priority
from firmware_profiles.declared import checked
from scripts.documents.health import BUS, VITALS

HEADER = {"batch": "a.1-1", "at": "2026-11-23T08:00:00.123Z", "sent": "2026-11-23T08:00:00.123Z"}
HEADER |= {"delivery": "live", "clock": "synced"}


def valid(body):
    checked(Health, HEADER | body)
    return body


def nothing_is_null(node) -> bool:
    if isinstance(node, dict):
        return all(nothing_is_null(value) for value in node.values())
    return node is not None


def test_what_is_known_is_told():
    told = valid(message(VITALS))
    assert told["disks"] == {
        "mmcblk0": {
            "model": "DG4032", "life_used": 0.2, "reserve": "normal", "written_bytes": 1_410_236_416
        }
    }  # fmt: skip
    assert told["machine"]["supply"] == ["under_voltage_before"]
    assert told["timekeeping"] == {"source": "ntp", "trusted": True, "kept": True, "steps": 0}
    assert told["buses"][BUS]["samples"] == 17_281 + 8640 + 1440
    assert (told["buses"][BUS]["incomplete"], told["buses"][BUS]["missed"]) == (212, 2)


def test_what_is_not_known_is_left_out_at_every_depth():
    silent = replace(
        VITALS.gateway,
        system=System(python="3.11.2", os="", kernel="6.1", board="", reset=None),
        memory=None, temperatures={}, supply=None, disks=[], spaces={},
    )  # fmt: skip
    told = valid(message(replace(VITALS, gateway=silent, uplink=None, buses={}, devices={})))
    assert nothing_is_null(told)
    assert set(told["machine"]) == {"uptime_s", "load"}
    assert not {"disks", "buses", "uplink", "cameras", "pictures", "worker_rss_bytes"} & told.keys()
    assert told["software"] == {"python": "3.11.2", "kernel": "6.1"}


def test_cameras_their_worker_and_the_spool():
    pictures = {"delivered": 7, "lost": {"evicted": 2, "refused": 1}}
    pictures["spool"] = {"waiting": 3, "waiting_bytes": 900, "evicted": 2}
    told = valid(
        message(
            replace(VITALS, camera_states={"b": "ok"}, pictures=pictures, worker={"rss_bytes": 5}, steps=2,
                    step_ms=-4100)
        )
    )  # fmt: skip
    assert told["cameras"] == {"b": "ok"}
    assert told["worker_rss_bytes"] == 5
    assert told["timekeeping"]["step_ms"] == -4100
    assert told["pictures"] == {
        "waiting": 3, "waiting_bytes": 900, "delivered": 7, "lost": 3, "evicted": 2
    }  # fmt: skip


@pytest.mark.parametrize(
    ("busy_s", "before_s", "load"),
    [(12.0, 6.0, 0.1), (3.0, 600.0, 0.05), (None, None, None), (6.0, None, 0.1), (700.0, 0.0, 1.0)],
    ids=["since the last", "begun anew", "pushes", "pushed before", "never above 1"],
)
def test_the_load_of_a_bus_is_that_of_the_time_since(busy_s, before_s, load):
    before = replace(VITALS, uptime_s=100.0, buses={BUS: BusVitals(connected=True, busy_s=before_s)})
    now = replace(VITALS, uptime_s=160.0, buses={BUS: BusVitals(connected=True, busy_s=busy_s)})
    assert message(now, before)["buses"][BUS].get("load") == load


def test_the_first_message_has_the_load_since_the_start():
    now = replace(VITALS, uptime_s=20.0, buses={BUS: BusVitals(connected=True, busy_s=5.0)})
    assert message(now)["buses"][BUS]["load"] == 0.25


def test_it_stays_small():
    """The figures of docs/platform/README.md."""

    def size(vitals) -> int:
        body = wire.encode(message(vitals))
        envelope = Envelope(
            key="kq3x7m2a.12-4714", topic="", priority=Priority.HEALTH, at_ms=VITALS.at[0], settled=True,
            items=0, expires_ms=None, body=body,
        )  # fmt: skip
        return len(wire.seal(envelope, VITALS.at[0]))

    assert 1200 < size(VITALS) < 1500
    more = {**VITALS.buses, "/dev/rs485-2": VITALS.buses[BUS]}
    assert size(replace(VITALS, buses=more)) - size(VITALS) < 120
    devices = {**VITALS.devices, "rain-2": VITALS.devices["rain"]}
    assert size(replace(VITALS, devices=devices)) - size(VITALS) < 30
    assert orjson.loads(wire.encode(message(VITALS)))["version"]
