"""Cameras in the real daemon: seen, failing and back, reloaded, their worker killed, accepted, or not there."""

from __future__ import annotations

import base64
import os
import signal
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fakes.camera_station import (
    Cameras,
    Showing,
    camera_of,
    jpeg,
    manifests,
    pictures_of,
    spool,
    street,
    told,
    wait_until,
)
from fakes.clips import Clip
from fakes.modbus_slave import ModbusTcpSlave
from fakes.mosquitto import Mosquitto
from fakes.onvif_camera import PASSWORD, FakeCamera, Quirks
from fakes.platform import Platform
from fakes.rtsp_camera import RtspCamera
from fakes.station import Station

from agent.camera.config import Camera
from agent.vision.looking import Looking
from drivers.frames import Frame, Way
from pipelines.state import encode

LONG_S = 40.0


@pytest.fixture
def cameras(tmp_path):
    with Cameras(tmp_path / "cameras") as them:
        yield them


@pytest.fixture
def station(tmp_path, mosquitto):
    with Station(tmp_path / "station", f"mqtt://127.0.0.1:{mosquitto.port}", "") as it:
        yield it


FLOOD = """\
[rules.flood]
kind = "stage"
input = "level.water_level"
warning = "3.5 m"
guarantee = "5 m"
clear_after = "1 s"
"""


@pytest.fixture
def slave(modbus_tcp_slave):
    """The river stands at 2.00 m."""
    return modbus_tcp_slave({1: {"holding": {0: 200}}})


@pytest.fixture
def gauge(slave):
    return gauge_of(slave)


def gauge_of(slave: ModbusTcpSlave) -> str:
    return (
        f'[devices.level]\ntcp = "127.0.0.1:{slave.port}"\nunit = 1\nevery_s = 0.2\ntimeout_s = 1\n'
        '[[devices.level.points]]\nchannel = "water_level"\naddress = 0\nscale = 0.01\n'
    )


def values(platform: Platform, device: str, channel: str) -> list[Any]:
    """What came of a channel, in order of arrival."""
    found = []
    for message in told(platform, "readings"):
        for block in message["devices"]:
            if block["device"] == device and channel in block["channels"]:
                column = block["channels"].index(channel) + 2
                found += [row[column] for row in block["rows"]]
    return found


def has_step(station: Station, name: str, step: str = "changing") -> bool:
    return camera_of(station, name).get("step") == step


def wait_for_fault(platform: Platform, kind: str, subject: str, reason: str) -> dict[str, Any]:
    return wait_until(
        lambda: next(iter(told(platform, "faults", kind=kind, subject=subject, reason=reason, state="opened")), None),
        LONG_S,
    )  # fmt: skip


def wait_for_end(platform: Platform, fault: dict[str, Any]) -> dict[str, Any]:
    return wait_until(
        lambda: next(iter(told(platform, "faults", id=fault["id"], state="closed")), None), LONG_S
    )


def worker_of(station: Station) -> int:
    """Its pid, 0 while there is none."""
    assert station.process is not None
    found = [pid for pid in children_of(station.process.pid) if b"agent.vision" in _command(pid)]
    return found[0] if found else 0


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_a_camera_is_seen_measured_recorded_and_tells_of_motion_and_tampering(station, platform, cameras):
    camera = cameras.add()
    bridge = cameras.config(
        "bridge", camera, "every_s = 0.5\nmasks = [[[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]]",
        tables='[cameras.bridge.zones.road]\nkind = "motion"\npolygon = [[0.1, 0.5], [0.9, 0.5], [0.9, 0.95]]\n'
        '[cameras.bridge.file]\nid = "44010501001320000001"\n',
    )  # fmt: skip
    station.configure(spool(station) + bridge)
    station.start()
    wait_until(lambda: has_step(station, "bridge"))
    known = camera_of(station, "bridge")
    assert (known["state"], known["way"], known["why"]) == ("ok", "snapshot", "the cheapest, and it works")
    assert known["facts"]["manufacturer"] == "Loopback"
    facts = told(platform, "inventory")[-1]["devices"]["bridge"]
    assert facts["channels"].keys() == {"picture_score", "motion_share.road", "motion_told"}
    wait_until(lambda: len(values(platform, "bridge", "picture_score")) >= 3)
    assert all(50 < value <= 100 for value in values(platform, "bridge", "picture_score"))
    shares = wait_until(lambda: [v for v in values(platform, "bridge", "motion_share.road") if v is not None])
    assert all(0 <= share <= 1 for share in shares)
    record = wait_until(lambda: told(platform, "picture_quality"))[0]
    assert (record["camera"], record["gb28181"]) == ("bridge", "44010501001320000001")
    assert (record["way"], record["learning"], record["period"]["pictures"]) == ("snapshot", True, 1)
    thumbnail = cv2.imdecode(np.frombuffer(base64.b64decode(record["thumbnail"]), np.uint8), cv2.IMREAD_COLOR)
    height, width = thumbnail.shape[:2]
    assert np.ptp(thumbnail[: height // 2 - 4, : width // 2 - 4]) < 24
    wait_until(lambda: cameras.events(camera).held == 1)
    cameras.emit(camera, "tns1:VideoSource/MotionAlarm", "true")
    cameras.emit(camera, "tns1:VideoSource/GlobalSceneChange/ImagingService", "true")
    wait_until(lambda: 1 in values(platform, "bridge", "motion_told"))
    fault = wait_for_fault(platform, "camera_tampered", "bridge", "tamper")
    assert camera_of(station, "bridge")["tampered"]
    cameras.emit(camera, "tns1:VideoSource/GlobalSceneChange/ImagingService", "false")
    wait_for_end(platform, fault)
    wait_until(lambda: told(platform, "health", cameras={"bridge": "ok"}) or station.ask("status")["cameras"])
    assert station.stop() == 0
    assert cameras.events(camera).held == 0
    assert PASSWORD not in station.log()


def test_streams_are_watched_held_open_or_connected_to(station, tmp_path, cameras):
    clip = Clip(noise=24).file(tmp_path)
    with RtspCamera({"/main": clip}, users={"operator": PASSWORD}) as server:
        text = "".join(
            f'[cameras.{name}]\nstream = "{server.url()}"\nevery_s = {every_s}\nusername = "operator"\n'
            f'password = {{ file = "{cameras.password_file}" }}\n'
            for name, every_s in (("held", 1), ("seldom", 8))
        )
        station.configure(spool(station) + text)
        station.start()
        wait_until(lambda: has_step(station, "held"), 20)
        wait_until(lambda: pictures_of(station, "seldom") >= 1, 20)
        assert camera_of(station, "held")["way"] == "hold"
        assert camera_of(station, "seldom")["way"] == "connect"
        assert camera_of(station, "seldom")["step"] in ("streaming", "starting")
        worker = worker_of(station)
        family = [worker, *children_of(worker)]
        assert len(family) >= 2
        station.kill()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))


def test_a_worker_killed_is_started_anew_and_neither_gauges_nor_events_notice(
    station, platform, cameras, gauge, slave
):
    send = "[cameras.bridge.send]\nevery_s = 86400\nbefore_s = 0\nafter_s = [0]\n"
    bridge = cameras.config("bridge", cameras.add(), "every_s = 0.5", tables=send)
    station.configure(spool(station) + gauge + FLOOD + bridge)
    station.start()
    wait_until(lambda: has_step(station, "bridge"))
    worker = worker_of(station)
    samples = station.ask("status")["devices"][0]["samples"]
    os.kill(worker, signal.SIGKILL)
    slave.write(1, "holding", {0: 400})
    (fault,) = wait_until(lambda: told(platform, "faults", kind="part_failed", subject="cameras"))
    assert "SIGKILL" in fault["message"]
    wait_until(lambda: station.ask("status")["devices"][0]["samples"] > samples + 3)
    wait_until(lambda: worker_of(station) not in (0, worker))
    wait_until(lambda: pictures_of(station, "bridge") >= 2 and has_step(station, "bridge"))
    assert station.ask("status")["devices"][0]["state"] == "ok"
    (flood,) = wait_until(lambda: told(platform, "events", kind="water_stage", state="opened"))
    wait_until(lambda: manifests(platform, event=flood["id"]))


def test_where_the_camera_packages_are_missing_it_is_said_and_gauges_are_served(
    station, platform, cameras, gauge, monkeypatch
):
    (station.folder / "sitecustomize.py").write_text(
        "from importlib.machinery import PathFinder\n"
        "find = PathFinder.find_spec\n"
        "PathFinder.find_spec = lambda name, *more: None if name in ('cv2', 'av') else find(name, *more)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(station.folder))
    station.configure(spool(station) + gauge + cameras.config("bridge", cameras.add()))
    station.start()
    (fault,) = wait_until(lambda: told(platform, "faults", kind="part_failed", subject="cameras"))
    assert "no av, cv2" in fault["message"]
    assert "docs/operator/installing.md" in fault["message"]
    wait_until(lambda: station.ask("status")["devices"][0]["state"] == "ok")
    assert station.stop() == 0


def test_without_cameras_nothing_of_theirs_is_loaded(station, gauge):
    station.configure(gauge)
    station.start()
    wait_until(lambda: station.ask("status")["devices"][0]["state"] == "ok")
    assert station.process is not None
    maps = Path(f"/proc/{station.process.pid}/maps").read_text()
    assert "libsqlite3" in maps
    theirs = ("pydantic", "numpy", "/cv2/", "/av/", "av.libs", "aiohttp", "lxml")
    assert [each for each in theirs if each in maps] == []
    assert station.ask("status")["cameras"] == []
    assert not (station.folder / "pictures").exists()


def reload_anew(station: Station) -> None:
    """A reload that begins a new run, with the first camera or after the last."""
    ready = station.notices.all().count("READY=1")
    assert station.ask("reload")["restarted"] == "cameras"
    wait_until(lambda: station.notices.all().count("READY=1") > ready, 20)


def test_reloads_add_change_and_remove_cameras_and_refuse_what_is_wrong(station, platform, cameras, gauge):
    camera, showing = None, Showing()
    station.configure(spool(station) + gauge)
    station.start()
    camera = cameras.add(showing)
    other = cameras.config("other", cameras.add(), "every_s = 0.5")
    bridge = cameras.config("bridge", camera, "every_s = 0.5")
    station.configure(spool(station) + gauge + bridge + other)
    reload_anew(station)
    wait_until(lambda: has_step(station, "bridge"), 20)
    worker, epoch = worker_of(station), station.ask("status")["epoch"]
    station.configure(spool(station) + gauge + bridge.replace("every_s = 0.5", "every_s = 0.7") + other)
    answer = station.ask("reload")
    assert (answer["restarted"], set(answer["started"])) == (
        "",
        {"cameras", "uplink"},
    )  # it is in the inventory
    wait_until(lambda: camera_of(station, "bridge")["figures"].get("every_s") == 0.7)
    assert worker_of(station) not in (0, worker)
    wrong = bridge.replace("every_s = 0.5", "every_s = 0.1")
    station.configure(spool(station) + gauge + wrong + other)
    answer = station.ask("reload")
    assert not answer["ok"]
    assert "cameras.bridge.every_s" in answer["error"]
    before = pictures_of(station, "bridge")
    wait_until(lambda: pictures_of(station, "bridge") > before)
    showing.darkness()
    fault = wait_for_fault(platform, "picture_faulty", "bridge", "black")
    station.configure(spool(station) + gauge + other)
    assert station.ask("reload")["ok"]
    assert "taken out of the configuration" in wait_for_end(platform, fault)["message"]
    assert [each["camera"] for each in station.ask("status")["cameras"]] == ["other"]
    assert station.ask("status")["epoch"] == epoch
    station.configure(spool(station) + gauge)
    reload_anew(station)
    assert station.ask("status")["cameras"] == []


def shifted(picture: bytes) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    turned = np.float32([[1, 0, 90], [0, 1, 40]])
    return jpeg(cv2.warpAffine(pixels, turned, (640, 480), borderMode=cv2.BORDER_REFLECT))


def test_a_moved_view_is_told_and_accepted_and_ground_is_dry_from_then_on(station, platform, cameras):
    showing = Showing()
    zone = '[cameras.bridge.zones.pass]\nkind = "water"\npolygon = [[0.1, 0.5], [0.9, 0.5], [0.9, 0.95]]\n'
    config = cameras.config("bridge", cameras.add(showing), "every_s = 0.5", tables=zone)
    station.configure(spool(station) + config)
    state = station.folder / "pictures" / "learned" / "bridge.state"
    state.parent.mkdir(parents=True)
    state.write_bytes(learned())
    showing.only(*map(shifted, street()))
    station.start()
    fault = wait_for_fault(platform, "picture_faulty", "bridge", "moved")
    assert camera_of(station, "bridge")["state"] == "moved"
    assert not station.ask("accept", camera="birdge")["ok"]
    assert station.ask("accept", camera="bridge") == {"ok": True, "camera": "bridge"}
    wait_for_end(platform, fault)
    wait_until(lambda: [v for v in values(platform, "bridge", "water_share.pass") if v is not None])
    assert camera_of(station, "bridge")["state"] == "ok"


def learned() -> bytes:
    """What is remembered after two days of the street, at this time of day."""
    looking = Looking(Camera(host="camera"))
    now_ms = time.time_ns() // 1_000_000
    for n in range(20):
        pixels = cv2.imdecode(np.frombuffer(street()[n], np.uint8), cv2.IMREAD_COLOR)
        at_ms = now_ms + (n // 10 - 2) * 86_400_000 + (n % 10) * 60_000
        frame = Frame(camera="bridge", at_ms=at_ms, way=Way.SNAPSHOT, pixels=pixels)
        looking.see(frame, (now_ms // 60_000 + 8 * 60) % 1440)
    return encode({"looking": looking.state(), "sender": {}})


@pytest.fixture(scope="module")
def bad_day(tmp_path_factory):
    """A station on a bad day: one camera is well, each other has its own trouble, all at once."""
    folder = tmp_path_factory.mktemp("bad-day")
    with (
        Mosquitto(folder / "broker") as broker,
        Cameras(folder) as cameras,
        Platform(broker) as platform,
        ModbusTcpSlave({1: {"holding": {0: 200}}}) as slave,
    ):
        day = BadDay(folder, cameras, platform, slave)
        with Station(folder / "station", f"mqtt://127.0.0.1:{broker.port}", day.config()) as station:
            day.station = station.start()
            day.begin()
            yield day


class BadDay:
    station: Station

    def __init__(self, folder: Path, cameras: Cameras, platform: Platform, slave: ModbusTcpSlave) -> None:
        self.slave = slave
        self.shown = 0
        """Pictures that "reborn" had shown before its reboot."""
        self.cameras = cameras
        self.platform = platform
        self.folder = folder
        self.showing: dict[str, Showing] = {}
        self.camera: dict[str, FakeCamera] = {}
        self.secret = folder / "rotated"
        self.secret.write_text(PASSWORD)

    def config(self) -> str:
        quirks = {
            "rotated": Quirks(snapshot="digest"),
            "hanging": Quirks(snapshot="slow"),
            "slow": Quirks(slow_s=30.0),
            "reborn": Quirks(clock_lost=True, reboot_s=1.5),
        }
        for name in ("well", "off", "rotated", "hanging", "slow", "frozen", "black", "misled", "reborn"):
            self.showing[name] = showing = Showing()
            self.camera[name] = self.cameras.add(showing, quirks=quirks.get(name, Quirks()))
        self.cameras.do(self.camera["off"].switch_off())
        (self.folder / "model.onnx").write_bytes(b"no network")
        model = f'[cameras.misled.models.smoke]\nfile = "{self.folder}/model.onnx"\nlabels = ["smoke"]\n'
        every = "".join(
            self.cameras.config(name, camera, "every_s = 0.5", tables=model if name == "misled" else "")
            for name, camera in self.camera.items()
        )
        password = f'file = "{self.cameras.password_file}" }}\nevery_s = 0.5'
        before, name, rotated = every.partition("[cameras.rotated]")
        rotated = rotated.replace(password, f'file = "{self.secret}" }}\nevery_s = 0.5', 1)
        start = f'[pictures]\npath = "{self.folder}/pictures"\n'
        return start + gauge_of(self.slave) + FLOOD + before + name + rotated

    def begin(self) -> None:
        """All troubles at once, after each camera has been well for a while."""
        known = ("rotated", "frozen", "black", "reborn")
        wait_until(lambda: all(self.pictures(name) >= 3 for name in known), LONG_S)
        self.showing["black"].darkness()
        self.showing["frozen"].freeze()
        self.camera["rotated"].password = "another"
        self.cameras.do(self.camera["reborn"].reboot())
        self.shown = self.camera["reborn"].requests["snapshot"]

    def flood(self) -> None:
        """An event that asks all cameras for pictures: those that rest are tried at once."""
        before = told(self.platform, "events", kind="water_stage")
        self.slave.write(1, "holding", {0: 400})
        wait_until(lambda: len(told(self.platform, "events", kind="water_stage")) > len(before))
        self.slave.write(1, "holding", {0: 200})
        wait_until(lambda: len(told(self.platform, "events", kind="water_stage")) >= len(before) + 2)

    def pictures(self, name: str) -> int:
        return pictures_of(self.station, name)

    def is_well(self, name: str) -> bool:
        return camera_of(self.station, name).get("state") == "ok"


def test_a_black_picture_is_told_and_is_over_with_the_next_good_ones(bad_day):
    fault = wait_for_fault(bad_day.platform, "picture_faulty", "black", "black")
    assert fault["severity"] == "watch"
    wait_until(lambda: not bad_day.is_well("black"))
    assert camera_of(bad_day.station, "black")["state"] == "black"
    records = wait_until(
        lambda: [r for r in told(bad_day.platform, "picture_quality", camera="black") if r["faults"]]
    )
    assert (records[0]["faults"][0]["fault"], records[0]["faults"][0]["lasting"]) == ("black", True)
    bad_day.showing["black"].street()
    wait_for_end(bad_day.platform, fault)
    wait_until(lambda: bad_day.is_well("black"))


def test_a_rotated_password_is_told_and_the_new_one_is_taken_without_a_restart(bad_day):
    fault = wait_for_fault(bad_day.platform, "camera_failing", "rotated", "unauthorised")
    assert camera_of(bad_day.station, "rotated")["step"] == "reachable"
    assert "another" not in fault["message"]
    bad_day.secret.write_text("another\n")
    bad_day.flood()
    wait_for_end(bad_day.platform, fault)
    wait_until(lambda: bad_day.is_well("rotated"))


def test_a_frozen_picture_is_told(bad_day):
    fault = wait_for_fault(bad_day.platform, "picture_faulty", "frozen", "frozen")
    bad_day.showing["frozen"].street()
    wait_for_end(bad_day.platform, fault)


def test_a_camera_that_reboots_and_forgets_the_time_comes_back(bad_day):
    camera = bad_day.camera["reborn"]
    assert camera.clock_ms() < 1_000_000_000
    wait_until(lambda: camera.requests["snapshot"] >= bad_day.shown + 3, LONG_S)
    wait_until(lambda: bad_day.is_well("reborn"))
    wait_until(lambda: bad_day.cameras.events(camera).held == 1, LONG_S)
    assert len(camera.refusals) <= 4


def test_a_camera_with_a_wrong_model_fails_alone_and_says_why(bad_day):
    fault = wait_for_fault(bad_day.platform, "camera_failing", "misled", "failed")
    assert "model.onnx" in fault["message"]
    known = camera_of(bad_day.station, "misled")
    assert (known["state"], known["step"]) == ("failed", "starting")


def test_a_camera_that_hangs_delays_no_other(bad_day):
    wait_until(lambda: bad_day.camera["hanging"].requests["snapshot"] >= 1, LONG_S)
    well, began_s = bad_day.pictures("well"), time.monotonic()
    wait_until(lambda: bad_day.pictures("well") >= well + 4)
    assert time.monotonic() - began_s < 5.0
    assert bad_day.pictures("hanging") == bad_day.pictures("slow") == 0


def test_a_camera_that_is_off_is_unreachable_and_comes_back_when_it_is_on(bad_day):
    fault = wait_for_fault(bad_day.platform, "camera_failing", "off", "closed")
    assert "connection refused" in fault["message"]
    assert camera_of(bad_day.station, "off")["step"] == "unreachable"
    assert told(bad_day.platform, "picture_quality", camera="off")[0]["faults"][0]["fault"] == "no_signal"
    bad_day.cameras.do(bad_day.camera["off"].switch_on())
    bad_day.flood()
    wait_for_end(bad_day.platform, fault)
    assert bad_day.is_well("well")
    assert bad_day.station.stop() == 0
    held = {name for name, camera in bad_day.camera.items() if bad_day.cameras.events(camera).held}
    assert held <= {"rotated"}  # a place made with the old password cannot be given back with it
