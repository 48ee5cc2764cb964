"""Verbs that talk to a camera, against a loopback one that is as strict as real ones."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fakes.clips import Clip
from fakes.onvif_camera import PASSWORD, USER, FakeCamera, Quirks
from fakes.ports import free_port
from fakes.rtsp_camera import RtspCamera
from fakes.waiting import wait_until

from agent.camera.config import Camera
from agent.cli.cameras.advice import advised
from agent.cli.cameras.find import Sighting, in_order, next_step
from agent.loading import load

HEAD = '[station]\nsite = "riverside"\ngateway = "pole-7"\n[uplink]\nurl = "mqtt://localhost"\n'


def jpeg(seed: int) -> bytes:
    """A street of sorts, with the grain of a live sensor."""
    noise = np.random.default_rng(seed).normal(0, 3, (360, 640, 3))
    y, x = np.mgrid[0:360, 0:640]
    scene = 110 + 50 * np.sin(x / 23)[..., None] * np.cos(y / 17)[..., None] + noise
    done, data = cv2.imencode(".jpg", np.clip(scene, 0, 255).astype(np.uint8))
    assert done
    return data.tobytes()


LIVE = [jpeg(seed) for seed in range(6)]


class Bench:
    """A fake camera in a loop and thread of its own, for verbs run loops themselves."""

    def __init__(self, **kinds: Any) -> None:
        self._kinds = kinds
        self._loop = asyncio.new_event_loop()
        self._up, self._stop = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self.camera: FakeCamera

    def __enter__(self) -> FakeCamera:
        self._thread.start()
        assert self._up.wait(10.0)
        return self.camera

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10.0)
        self._loop.close()

    async def _serve(self) -> None:
        async with FakeCamera(**self._kinds) as self.camera:
            self._up.set()
            await self._stop.wait()


@pytest.fixture
def camera() -> Iterator[FakeCamera]:
    with Bench(pictures=LIVE) as fake:
        yield fake


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    return tmp_path / "secret"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "polegate.toml").write_text(HEAD)
    return tmp_path / "polegate.toml"


@pytest.fixture
def added(config, camera, secret, polegate) -> FakeCamera:
    """The camera as `bank` in the configuration."""
    config.write_text(
        HEAD + f'[cameras.bank]\nhost = "127.0.0.1:{camera.port}"\nusername = "{USER}"\n'
        f'password = {{ file = "{secret}" }}\n'
    )
    return camera


def at(camera: FakeCamera, secret: Path) -> tuple[object, ...]:
    return f"127.0.0.1:{camera.port}", "--username", USER, "--password-file", secret


class TestProbe:
    def test_a_camera_tells_everything(self, camera, secret, config, polegate) -> None:
        result = polegate("camera", "probe", *at(camera, secret))
        assert result.exit_code == 0, result.stdout
        steps = [line.split()[:2] for line in result.stdout.splitlines()[:4]]
        assert steps == [[step, "yes"] for step in ("reachable", "authorised", "streaming", "changing")]
        text = " ".join(result.stdout.split())
        for said in ("LB0001", "02:00:00:00:00:31", "ONVIF media 2", "640x360", "brightness 50", "used",
                     "snapshot: the cheapest, and it works", "of CPU an hour", "[cameras.NAME]"):  # fmt: skip
            assert said in text, said
        assert all(len(line) <= 80 for line in result.stdout.splitlines() if "/" not in line)
        assert PASSWORD not in result.output
        words = " ".join(map(str, at(camera, secret)))
        assert (
            f"Add it: polegate camera add NAME {words}\nThat would write conf.d/NAME.toml:" in result.stdout
        )
        assert "Written by" not in result.stdout

    def test_what_it_would_write_is_what_add_writes(self, camera, secret, config, polegate) -> None:
        words = (*at(camera, secret), "--every", 5, "--way", "snapshot")
        shown = polegate("camera", "probe", *words).stdout
        assert " --every 5.0" in shown
        polegate("camera", "add", "bank", *words)
        written = (config.parent / "conf.d" / "bank.toml").read_text().partition("\n")[2]
        assert shown.endswith(written.replace("[cameras.bank]", "[cameras.NAME]"))

    def test_for_programs(self, camera, secret, config, polegate) -> None:
        answer = json.loads(polegate("camera", "probe", *at(camera, secret), "--json").stdout)
        assert answer["ok"] is True
        assert [step["name"] for step in answer["steps"]] == [
            "reachable",
            "authorised",
            "streaming",
            "changing",
        ]
        assert answer["facts"]["serial"] == "LB0001"
        assert "error" in answer["ways"]["connect"], "nobody serves its stream"
        assert answer["way"] == "snapshot"

    def test_a_wrong_password_stops_at_reachable(self, camera, tmp_path, config, polegate) -> None:
        wrong = tmp_path / "wrong"
        wrong.write_text("Sesame-open-4711")
        result = polegate("camera", "probe", *at(camera, wrong))
        assert result.exit_code == 1
        assert result.stdout.splitlines()[1].startswith("authorised  no")
        assert "lock out" in result.stdout
        assert "Name the user" not in result.stdout, "he was named"
        assert "Sesame" not in result.output
        unnamed = polegate("camera", "probe", at(camera, wrong)[0])
        assert "Name the user with --username" in unnamed.stdout

    def test_nobody_there(self, config, polegate) -> None:
        result = polegate("camera", "probe", f"127.0.0.1:{free_port('127.0.0.1')}")
        assert result.exit_code == 1
        assert "reachable   no" in result.stdout
        assert "8899" in result.stdout
        assert result.stdout.splitlines()[-1].endswith(" --offline")
        assert "[cameras." not in result.stdout
        assert result.stdout.lower().count("the port right?") == 1

    @pytest.mark.parametrize("word", ["bnak", "nosuch.invalid"])
    def test_a_name_that_nobody_has(self, config, polegate, word) -> None:
        config.write_text(HEAD + "".join(f'[cameras.{name}]\nhost = "h"\n' for name in ("bank", "gate")))
        result = polegate("camera", "probe", word)
        assert result.exit_code == 1
        last = result.stdout.splitlines()[-1]
        if word == "bnak":
            assert last == "no camera bnak in the configuration; there is bank, gate"
        else:
            assert (
                last
                == "To add it before it gives pictures: polegate camera add NAME nosuch.invalid --offline"
            )

    def test_a_profile_it_has_not_is_no_matter_of_who_asks(self, camera, secret, config, polegate) -> None:
        result = polegate("camera", "probe", *at(camera, secret), "--profile", "best")
        assert result.exit_code == 1
        steps = [line.split()[:2] for line in result.stdout.splitlines()[1:3]]
        assert steps == [["authorised", "yes"], ["streaming", "no"]]
        assert "--profile: the camera has no best; it has main, sub" in result.stdout
        assert "cameras.camera" not in result.stdout.partition("has main")[0]

    def test_a_still_picture_is_told(self, secret, config, polegate, monkeypatch) -> None:
        monkeypatch.setattr("agent.cli.cameras.probing.LOOK_S", 0.6)
        with Bench(pictures=LIVE[:1]) as still:
            result = polegate("camera", "probe", *at(still, secret))
        assert result.exit_code == 0, "pictures come"
        assert "changing    no" in result.stdout
        assert "stayed the same" in result.stdout

    def test_a_clock_that_is_off(self, secret, config, polegate) -> None:
        with Bench(pictures=LIVE, quirks=Quirks(clock_s=3600)) as late:
            result = polegate("camera", "probe", *at(late, secret))
        assert result.exit_code == 0
        assert "1 h ahead" in result.stdout
        assert "set-time NAME" in " ".join(result.stdout.split())

    def test_one_of_the_configuration_goes_by_its_name(self, added, polegate) -> None:
        result = polegate("camera", "probe", "bank")
        assert result.exit_code == 0
        assert "[cameras." not in result.stdout

    def test_a_password_in_the_address_is_refused(self, config, polegate) -> None:
        result = polegate("camera", "probe", "rtsp://me:Sesame@10.0.0.1/")
        assert result.exit_code == 2
        assert "Sesame" not in result.output

    def test_a_password_file_that_cannot_be_read(self, camera, config, polegate, tmp_path) -> None:
        result = polegate("camera", "probe", *at(camera, tmp_path / "none"))
        assert result.exit_code == 1
        assert f"--password-file: {tmp_path / 'none'} cannot be read" in result.stderr
        assert not camera.requests, "the camera is left alone"


class TestAdd:
    def test_it_is_written_with_what_it_said(self, camera, secret, config, polegate, tmp_path) -> None:
        result = polegate("camera", "add", "bank", *at(camera, secret), "--title", "Left bank", "--every", 10)
        assert result.exit_code == 0, result.output
        file = tmp_path / "conf.d" / "bank.toml"
        assert "serial LB0001" in file.read_text()
        loaded = load(config).config.cameras["bank"]
        assert (loaded.title, loaded.every_s, loaded.username) == ("Left bank", 10.0, USER)
        assert loaded.password is not None
        assert loaded.password.file == secret
        again = polegate("camera", "add", "bank", *at(camera, secret))
        assert again.exit_code == 1
        assert "--replace" in again.stderr

    def test_without_a_picture_it_is_not_written(self, config, polegate, tmp_path) -> None:
        host = f"127.0.0.1:{free_port('127.0.0.1')}"
        result = polegate("camera", "add", "bank", host)
        assert result.exit_code == 1
        assert "--offline" in result.stderr
        assert not (tmp_path / "conf.d").exists()
        assert polegate("camera", "add", "bank", host, "--offline").exit_code == 0
        assert load(config).config.cameras["bank"].host == host

    @pytest.mark.parametrize("way", ["hold", "connect"])
    def test_a_way_that_gives_no_picture_is_not_written(self, camera, secret, config, polegate, way) -> None:
        """Nobody serves the stream of this one; its snapshots come."""
        result = polegate("camera", "add", "bank", *at(camera, secret), "--way", way)
        assert result.exit_code == 1
        assert f"not added: {way} gives no picture: rtsp://" in result.stderr
        assert not (config.parent / "conf.d").exists()
        offline = polegate("camera", "add", "bank", *at(camera, secret), "--way", way, "--offline")
        assert offline.exit_code == 0, offline.output

    def test_snapshots_of_a_stream_alone_are_not_written(self, secret, config, polegate) -> None:
        with Bench(pictures=LIVE, quirks=Quirks(snapshot="none")) as streams:
            result = polegate("camera", "add", "bank", *at(streams, secret), "--way", "snapshot")
        assert result.exit_code == 1
        assert "not added: snapshot gives no picture: bank has no snapshots" in result.stderr

    def test_dry(self, config, polegate, tmp_path) -> None:
        result = polegate("camera", "add", "bank", "10.0.0.7", "--offline", "--dry-run")
        assert result.exit_code == 0
        assert '[cameras.bank]\nhost = "10.0.0.7"' in result.stdout
        assert not (tmp_path / "conf.d").exists()

    def test_what_does_not_hold_together(self, config, polegate, tmp_path) -> None:
        config.write_text(HEAD + '[devices.bank]\ninstrument = "keller-36x"\nport = "/dev/ttyS9"\n')
        result = polegate("camera", "add", "bank", "10.0.0.7", "--offline")
        assert result.exit_code == 78
        assert not (tmp_path / "conf.d").exists()

    @pytest.mark.parametrize(
        ("address", "key"),
        [("rtsp://10.0.0.7/live", "stream"), ("http://10.0.0.7/now.jpg", "snapshot"), ("10.0.0.7", "host")],
    )
    def test_an_address_says_what_it_is(self, config, polegate, address, key) -> None:
        result = polegate("camera", "add", "bank", address, "--offline")
        assert result.exit_code == 0, result.output
        assert getattr(load(config).config.cameras["bank"], key) == address

    def test_a_user_without_a_password(self, config, polegate) -> None:
        result = polegate("camera", "add", "bank", "10.0.0.7", "--username", "a")
        assert result.exit_code == 2
        assert "go together" in result.stderr


class TestSnapshot:
    def test_a_picture_is_taken_and_graded(self, added, polegate, tmp_path) -> None:
        out = tmp_path / "now.jpg"
        result = polegate("camera", "snapshot", "bank", "-o", out)
        assert result.exit_code == 0, result.output
        assert out.read_bytes() in LIVE, "without masks it is the camera's own"
        assert "640x360" in result.stdout
        assert "score" in result.stdout
        again = polegate("camera", "snapshot", "bank", "-o", out)
        assert again.exit_code == 1
        assert "--force" in again.stderr
        assert polegate("camera", "snapshot", "bank", "-o", out, "--force").exit_code == 0

    def test_masks_are_burnt_in(self, added, polegate, tmp_path) -> None:
        polegate("camera", "mask", "bank", "--add", "0,0 0.5,0 0.5,0.5 0,0.5")
        out = tmp_path / "now.jpg"
        answer = json.loads(polegate("camera", "snapshot", "bank", "-o", out, "--json").stdout)
        assert answer["masked"] is True
        hidden = cv2.imread(str(out))[10:170, 10:310]
        assert hidden.std() < 3
        bare = tmp_path / "bare.jpg"
        result = polegate("camera", "snapshot", "bank", "-o", bare, "--unmasked")
        assert "shows what they hide" in result.stderr
        assert cv2.imread(str(bare))[10:170, 10:310].std() > 20

    def test_a_black_picture_is_a_problem(self, secret, config, polegate, tmp_path) -> None:
        black = cv2.imencode(".jpg", np.zeros((360, 640, 3), np.uint8))[1].tobytes()
        with Bench(pictures=[black]) as dark:
            config.write_text(HEAD + f'[cameras.bank]\nsnapshot = "http://127.0.0.1:{dark.port}/snapshot"\n')
            place = dark.snapshot_uri()
            config.write_text(HEAD + f'[cameras.bank]\nsnapshot = "{place}"\n')
            result = polegate("camera", "snapshot", "bank", "-o", tmp_path / "dark.jpg")
        assert result.exit_code == 1
        assert "black" in result.stdout
        assert "score 0" in result.stdout

    def test_masks_are_previewed_before_they_are_written(self, added, polegate, tmp_path) -> None:
        out = tmp_path / "preview.jpg"
        result = polegate("camera", "mask", "bank", "--add", "0,0 1,0 1,1 0,1", "--preview", out)
        assert result.exit_code == 0, result.output
        assert cv2.imread(str(out)).std() < 1

    def test_export_takes_pictures_of_all(self, added, polegate, tmp_path) -> None:
        result = polegate("camera", "export", "-o", tmp_path / "out", "--pictures")
        assert result.exit_code == 0, result.output
        assert cv2.imread(str(tmp_path / "out" / "bank.jpg")).shape == (360, 640, 3)


class TestOrders:
    def test_presets(self, added, polegate) -> None:
        result = polegate("camera", "ptz", "bank", "presets")
        assert result.exit_code == 0, result.output
        answer = json.loads(polegate("camera", "ptz", "bank", "presets", "--json").stdout)
        wanted = answer["presets"][-1]
        assert f"{wanted['token']}: {wanted['name']}" in result.stdout
        gone = polegate("camera", "ptz", "bank", "goto", wanted["name"])
        assert gone.exit_code == 0
        assert added.requests["GotoPreset"] == 1
        none = polegate("camera", "ptz", "bank", "goto", "nowhere")
        assert none.exit_code == 2
        assert 'no preset "nowhere"' in none.stderr

    def test_a_move_ends(self, added, polegate) -> None:
        assert polegate("camera", "ptz", "bank", "move", "--pan", 0.2, "--for", 0.05).exit_code == 0
        assert (added.requests["ContinuousMove"], added.requests["Stop"]) == (1, 1)
        assert polegate("camera", "ptz", "bank", "stop").exit_code == 0
        assert added.requests["Stop"] == 2
        assert polegate("camera", "ptz", "bank", "status").exit_code == 0

    @pytest.mark.parametrize("words", [("goto",), ("move",), ("move", "--pan", 2)])
    def test_what_is_half_said(self, added, polegate, words) -> None:
        assert polegate("camera", "ptz", "bank", *words).exit_code == 2

    def test_imaging_is_set_and_read_back(self, added, polegate) -> None:
        assert "brightness  50" in polegate("camera", "imaging", "bank").stdout
        result = polegate("camera", "imaging", "bank", "brightness=61", "ir_cut=on", "--json")
        assert result.exit_code == 0, result.output
        answer = json.loads(result.stdout)
        assert (answer["brightness"], answer["ir_cut"], answer["contrast"]) == (61.0, "on", 50.0)

    @pytest.mark.parametrize("setting", ["brightness", "bright=1", "brightness=much", "ir_cut=maybe"])
    def test_settings_that_are_none(self, added, polegate, setting) -> None:
        result = polegate("camera", "imaging", "bank", setting)
        assert result.exit_code == 2
        assert "brightness=50" in result.stderr

    def test_the_clock_is_set(self, secret, config, polegate) -> None:
        with Bench(pictures=LIVE, quirks=Quirks(clock_s=-7200)) as late:
            config.write_text(
                HEAD + f'[cameras.bank]\nhost = "127.0.0.1:{late.port}"\nusername = "{USER}"\n'
                f'password = {{ file = "{secret}" }}\n'
            )
            answer = json.loads(polegate("camera", "set-time", "bank", "--anyway", "--json").stdout)
        assert answer["before_ms"] == pytest.approx(-7_200_000, abs=2500)
        assert abs(answer["after_ms"]) < 2500

    def test_a_reboot_is_to_be_meant(self, added, polegate) -> None:
        assert polegate("camera", "reboot", "bank").exit_code == 2
        assert polegate("camera", "reboot", "bank", "--yes").exit_code == 0
        assert added.requests["SystemReboot"] == 1

    def test_a_camera_without_onvif(self, config, polegate) -> None:
        config.write_text(HEAD + '[cameras.bank]\nstream = "rtsp://10.0.0.7/live"\n')
        result = polegate("camera", "reboot", "bank", "--yes")
        assert result.exit_code == 1
        assert "no ONVIF to ask" in result.stderr


class TestFind:
    def test_a_sweep_finds_it_and_knows_its_name(self, added, config, polegate) -> None:
        words = ("camera", "find", "--network", "127.0.0.1/32", "--port", added.port, "--interface", "lo")
        result = polegate(*words, "--within", 0.2)
        assert result.exit_code == 0, result.output
        assert f"127.0.0.1:{added.port}  [cameras.bank]" in result.stdout
        answer = json.loads(polegate(*words, "--within", 0.2, "--json").stdout)
        assert [(each["port"], each["configured"]) for each in answer["found"]] == [(added.port, "bank")]
        assert answer["complete"] is True
        assert "Look closer" not in result.stdout, "all are configured"
        config.write_text(HEAD)
        assert f"Look closer: polegate camera probe 127.0.0.1:{added.port} --user" in polegate(*words).stdout

    def test_they_stand_in_the_order_of_their_addresses(self) -> None:
        hosts = ["10.0.0.6", "10.0.0.7", "10.0.0.64", "192.168.1.9", "fe80::9%eth0", "fe80::10%eth0"]
        found = [Sighting(host=host, port=80, how="swept") for host in sorted(hosts)]
        assert [each.host for each in sorted(found, key=in_order)] == hosts

    @pytest.mark.parametrize(
        ("one", "said"),
        [
            (
                Sighting(host="10.0.0.6", port=443, https=True, how="swept"),
                "probe 10.0.0.6 --https --username",
            ),
            (Sighting(host="10.0.0.6", port=8000, how="swept"), "probe 10.0.0.6:8000 --username"),
            (Sighting(host="10.0.0.6", port=80, how="swept", configured="bank"), "camera list"),
        ],
    )
    def test_what_to_do_next(self, one, said) -> None:
        assert said in next_step([one])

    def test_nothing_there(self, config, polegate) -> None:
        result = polegate(
            "camera", "find", "--network", "127.0.0.1/32", "--port", free_port("127.0.0.1"), "--interface", "lo",
            "--within", 0.2,
        )  # fmt: skip
        assert result.exit_code == 1
        assert "No camera answered" in result.stdout

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--network", "10.0.0.0/8"), "name smaller networks"),
            (("--network", "ten"), "is no network"),
            (("--interface", "none0"), "there is no interface"),
        ],
    )
    def test_what_cannot_be_searched(self, config, polegate, words, said) -> None:
        result = polegate("camera", "find", *words, "--within", 0.2)
        assert result.exit_code == 2
        assert said in result.stderr


class TestTheFile:
    def test_the_camera_itself_fills_its_file(self, added, polegate) -> None:
        file = json.loads(polegate("camera", "show", "bank", "--ask", "--json").stdout)
        assert file["maker"]["serial"] == "LB0001"
        assert file["network"]["mac"] == "02:00:00:00:00:31"
        assert file["imaging"]["profile"] == "sub"
        assert file["quality"]["score"] > 50
        assert PASSWORD not in json.dumps(file)

    def test_a_camera_that_is_away_is_missed_and_the_others_are_not(self, added, polegate, tmp_path) -> None:
        place = tmp_path / "conf.d" / "gone.toml"
        place.parent.mkdir()
        place.write_text(f'[cameras.gone]\nhost = "127.0.0.1:{free_port("127.0.0.1")}"\n')
        result = polegate("camera", "export", "-o", tmp_path / "out", "--pictures")
        assert result.exit_code == 1
        assert "gone: " in result.stderr
        names = {file.name for file in (tmp_path / "out").iterdir()}
        assert {"bank.json", "bank.jpg", "gone.json", "cameras.csv"} <= names
        assert json.loads((tmp_path / "out" / "bank.json").read_text())["maker"]["firmware"]


def test_a_key_frame_of_the_stream(polegate, tmp_path) -> None:
    with RtspCamera({"/main": Clip().file(tmp_path)}, users={USER: "word"}) as server:
        (tmp_path / "word").write_text("word\n")
        (tmp_path / "polegate.toml").write_text(
            HEAD + f'[cameras.road]\nstream = "{server.url()}"\nusername = "{USER}"\n'
            f'password = {{ file = "{tmp_path / "word"}" }}\nmasks = [[[0, 0], [1, 0], [1, 0.5], [0, 0.5]]]\n'
        )
        result = polegate("camera", "snapshot", "road", "-o", tmp_path / "road.jpg", "--way", "connect")
        assert "by connect" in result.stdout, result.output
        probed = json.loads(polegate("camera", "probe", "road", "--json").stdout)
    picture = cv2.imread(str(tmp_path / "road.jpg"))
    assert picture.shape == (360, 640, 3)
    assert picture[5:170].std() < 3 < picture[190:].std()
    assert [step["ok"] for step in probed["steps"]] == [True] * 4
    assert probed["way"] == "connect"


def test_a_secret_of_the_daemons_alone_needs_another_user() -> None:
    said = f"cameras.bank.password: /etc/x cannot be read ({os.strerror(errno.EACCES)})"
    assert "sudo" in advised("config", said, Camera(host="h"), "bank")
    assert advised("config", "there is none", Camera(host="h"), "bank") == ""


@pytest.mark.parametrize(
    ("reason", "message", "said"),
    [
        ("closed", "h:443: the camera hung up before it answered", "try --https"),
        ("refused", "h:443: HTTP 302, it sends us elsewhere; set its https and port", "try --https"),
        ("closed", "h:443: connection refused", "8899"),
        ("closed", "h:443: its certificate is not trusted: self-signed", "--no-verify"),
        ("closed", "no such name nosuch.invalid", ""),
        ("closed", "rtsp://h:554/live: connection refused: is the camera on?", ""),
    ],
)
def test_advice_fits_what_failed(reason: str, message: str, said: str) -> None:
    advice = advised(reason, message, Camera(host="h:443"))
    assert said in advice
    assert bool(said) == bool(advice)


def test_ctrl_c_keeps_what_was_found(config, terminal) -> None:
    shell = terminal("camera", "find", "--interface", "lo", "--network", "127.0.0.0/20", "--port", "9")
    wait_until(lambda: "%" in shell.text)
    assert shell.interrupt() == 130
    assert "No camera answered" in shell.text
