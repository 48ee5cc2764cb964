"""Pictures from real cameras to the platform: whole, masked, small enough, under the event's id, not lost."""

from __future__ import annotations

import json
from hashlib import sha256

import cv2
import numpy as np
import pytest
from fakes.camera_station import (
    Cameras,
    camera_of,
    is_whole,
    manifests,
    picture,
    pictures_of,
    spool,
    told,
    wait_until,
)
from fakes.modbus_slave import ModbusTcpSlave
from fakes.station import Station

from agent.wire import MESSAGES, Leaf, rfc3339
from firmware_profiles.declared import checked
from pipelines.vision import exif

GAUGE = """\
[devices.{name}]
tcp = "127.0.0.1:{port}"
unit = 1
every_s = 0.2
timeout_s = 0.5
[[devices.{name}.points]]
channel = "{channel}"
address = {address}
"""
FLOOD = """\
[rules.flood]
kind = "stage"
input = "level.water_level"
warning = "3.5 m"
guarantee = "5 m"
clear_after = "1 s"
"""
CALL = '[rules.call]\nkind = "emergency"\ninput = "pole.status.call"\n'


@pytest.fixture
def cameras(tmp_path):
    with Cameras(tmp_path / "cameras") as them:
        yield them


@pytest.fixture
def station(tmp_path, mosquitto):
    with Station(tmp_path / "station", f"mqtt://127.0.0.1:{mosquitto.port}", "") as it:
        yield it


@pytest.fixture
def slave(modbus_tcp_slave):
    """The river stands at 2.00 m, nobody presses the button."""
    return modbus_tcp_slave({1: {"holding": {0: 200, 1: 0}}})


def gauges(slave: ModbusTcpSlave) -> str:
    level = GAUGE.format(name="level", port=slave.port, channel="water_level", address=0) + "scale = 0.01\n"
    return level + GAUGE.format(name="pole", port=slave.port, channel="status.call", address=1)


def test_a_scheduled_picture_arrives_whole_masked_and_captioned(station, platform, cameras):
    bridge = cameras.config(
        "bridge",
        cameras.add(),
        "every_s = 0.5\nmasks = [[[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]]",
        tables='[cameras.bridge.send]\nevery_s = 1\nmost_bytes = "20 KiB"\nlongest_side = 320\n'
        '[cameras.bridge.file]\nid = "44010501001320000001"\nlatitude = 30.5\nlongitude = 114.25\n',
    )
    station.configure(spool(station) + bridge.replace('"20 KiB"', "20480"))
    station.start()
    manifest = wait_until(lambda: next((m for m in manifests(platform) if is_whole(platform, m)), None))
    checked(MESSAGES[Leaf.FRAMES], manifest)
    body = picture(platform, manifest["id"])
    assert sha256(body).hexdigest() == manifest["id"]
    assert len(body) <= 20480 + 1024  # the caption comes on top
    assert (manifest["why"], manifest["way"], manifest["masked"]) == ("scheduled", "snapshot", True)
    pixels = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    height, width = pixels.shape[:2]
    assert (width, height) == (manifest["width"], manifest["height"]) == (320, 240)
    assert np.ptp(pixels[66:174, 86:234]) < 6
    assert np.ptp(pixels[:50]) > 100
    caption = exif.read(body)
    assert caption is not None
    known = {
        "site": "river",
        "gateway": "gw-1",
        "camera": "bridge",
        "id": "44010501001320000001",
        "masked": True,
    }
    assert caption.comment == known
    assert (caption.position.latitude, caption.position.longitude) == pytest.approx((30.5, 114.25))
    assert rfc3339(caption.at_ms) == manifest["at"]
    wait_until(lambda: station.ask("status")["pictures"]["delivered"] >= 1)


def test_a_flood_and_a_call_bring_pictures_under_their_ids_of_the_cameras_that_watch_within_budgets(
    station, platform, cameras, slave
):
    send = 'every_s = "never"\nbefore_s = 1\nafter_s = [0, 1]\n'
    config = "".join(
        cameras.config(name, cameras.add(), f"every_s = 0.5\n{keys}", tables=f"[cameras.{name}.send]\n{send}")
        for name, keys in (("bank", 'watches = ["level"]'), ("square", 'watches = ["pole"]'), ("all", ""))
    )
    config += cameras.config(
        "thrifty", cameras.add(), 'every_s = 0.5\nwatches = ["level"]',
        tables="[cameras.thrifty.send]\nevery_s = 0.5\nbefore_s = 0\nafter_s = [0]\n"
        "[cameras.thrifty.budget]\nframes_per_hour = 3\n",
    )  # fmt: skip
    station.configure(spool(station) + config + gauges(slave) + FLOOD + CALL)
    station.start()
    wait_until(lambda: all(pictures_of(station, name) >= 4 for name in ("bank", "square", "all")))
    wait_until(lambda: camera_of(station, "thrifty")["figures"].get("refused", 0) >= 2)
    slave.write(1, "holding", {0: 402})
    (flood,) = wait_until(lambda: told(platform, "events", state="opened", kind="water_stage"))
    wait_until(lambda: len(manifests(platform, event=flood["id"])) >= 7)
    slave.write(1, "holding", {1: 1})
    (call,) = wait_until(lambda: told(platform, "events", state="opened", kind="emergency_call"))
    wait_until(lambda: len(manifests(platform, event=call["id"])) >= 6)
    wait_until(lambda: all(is_whole(platform, each) for each in manifests(platform)))
    for event, names in ((flood, {"bank", "all"}), (call, {"square", "all"})):
        of_event = [m for m in manifests(platform, event=event["id"]) if m["camera"] != "thrifty"]
        assert {each["camera"] for each in of_event} == names
        assert {each["why"] for each in of_event} == {"event"}
        for name in names:
            times = sorted(each["at"] for each in of_event if each["camera"] == name)
            assert len(times) == 3
            assert times[0] < event["at"] < times[1] < times[2]
        for each in of_event:
            assert exif.read(picture(platform, each["id"])).comment["event"] == event["id"]
    assert {each.get("event") for each in manifests(platform)} == {flood["id"], call["id"], None}
    thrifty = manifests(platform, camera="thrifty")
    assert [each.get("event") for each in thrifty] == [None, None, flood["id"]]
    assert camera_of(station, "thrifty")["figures"]["spent"]["hour"][0] == 3


def test_pictures_wait_for_the_broker_over_kill_9_and_come_once(station, platform, cameras, mosquitto):
    bridge = cameras.config(
        "bridge", cameras.add(), "every_s = 0.5", tables="[cameras.bridge.send]\nevery_s = 0.5\n"
    )
    station.configure(spool(station) + bridge)
    station.start()
    wait_until(lambda: any(is_whole(platform, each) for each in manifests(platform)))
    mosquitto.kill()
    for _ in range(2):
        waiting = wait_until(lambda: len(found := _committed(station)) >= 2 and found, 20)
        station.kill()
        station.start()
    mosquitto.start()
    wait_until(lambda: all(is_whole(platform, {"id": i, "bytes": n}) for i, n in waiting.items()), 30)
    wait_until(lambda: waiting.keys() <= {each["id"] for each in manifests(platform)})
    names = [each["id"] for each in manifests(platform)]
    assert len(names) == len(set(names))
    for each in manifests(platform):
        body = picture(platform, each["id"])
        assert len(body) < each["bytes"] or sha256(body).hexdigest() == each["id"]
    times = [exif.read(picture(platform, name)).at_ms for name in waiting]
    assert len(set(times)) == len(times)


def _committed(station: Station) -> dict[str, int]:
    """Pictures that are announced on disk, and their bytes."""
    import sqlite3

    with sqlite3.connect(f"file:{station.outbox}?mode=ro", uri=True) as base:
        bodies = base.execute("SELECT body FROM envelope WHERE topic LIKE '%/frames'").fetchall()
    base.close()
    return {body["id"]: body["bytes"] for body in (json.loads(each) for (each,) in bodies)}
