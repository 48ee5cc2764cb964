"""What a station with cameras is tested with: loopback cameras in a thread, what they show, what arrives."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import cv2
import numpy as np

from agent.wire import MESSAGES, Leaf
from fakes.onvif_camera import PASSWORD, USER, FakeCamera
from fakes.onvif_events import FakeEvents
from fakes.platform import Platform
from fakes.station import Station
from fakes.waiting import TIMEOUT_S
from firmware_profiles.declared import checked_json, plain

T = TypeVar("T")
VTEST = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
FRAMES, APART = 24, 13
BASE = "polegate/1/river/gw-1"


@functools.cache
def street() -> tuple[bytes, ...]:
    """Pictures of a street 1.3 s apart, 640 x 480, as JPEG."""
    clip = cv2.VideoCapture(str(VTEST))
    found: list[bytes] = []
    while len(found) < FRAMES and clip.grab():
        if int(clip.get(cv2.CAP_PROP_POS_FRAMES)) % APART == 1:
            found.append(jpeg(cv2.resize(clip.retrieve()[1], (640, 480))))
    clip.release()
    assert len(found) == FRAMES, f"{VTEST}: apt-get install opencv-doc"
    return tuple(found)


def jpeg(pixels: Any) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


@functools.cache
def dark() -> tuple[bytes, ...]:
    """What is left when somebody covers the lens: a little grain."""
    grain = np.random.default_rng(4)
    return tuple(jpeg(grain.integers(0, 8, (480, 640, 3), np.uint8)) for _ in range(4))


class Showing:
    """What a camera shows, changed while it runs: the street, darkness, or one picture for ever."""

    def __init__(self) -> None:
        self._pictures: Iterator[bytes] = itertools.cycle(street())

    def __call__(self) -> bytes:
        return next(self._pictures)

    def street(self) -> None:
        self._pictures = itertools.cycle(street())

    def darkness(self) -> None:
        self._pictures = itertools.cycle(dark())

    def freeze(self) -> None:
        self._pictures = itertools.repeat(street()[0])

    def only(self, *pictures: bytes) -> None:
        self._pictures = itertools.cycle(pictures)


class Cameras:
    """Loopback cameras that run in a thread's own loop; all are gone at the end of `with`."""

    def __init__(self, folder: Path) -> None:
        self.password_file = folder / "password"
        self.password_file.parent.mkdir(parents=True, exist_ok=True)
        self.password_file.write_text(PASSWORD)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._cameras: list[FakeCamera] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        for camera in self._cameras:
            await camera.__aexit__()
        if left := asyncio.all_tasks() - {asyncio.current_task()}:  # requests whose client is gone
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=2)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it in the cameras' loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def add(self, showing: Showing | None = None, **options: Any) -> FakeCamera:
        """A camera that is switched on, with an event service of its own."""

        async def make() -> FakeCamera:
            camera = FakeCamera(pictures=showing or Showing(), events=FakeEvents(), **options)
            await camera.__aenter__()
            assert isinstance(camera.events, FakeEvents)
            camera.events.netloc = f"{camera.host}:{camera.port}"
            return camera

        self._cameras.append(made := self.do(make()))
        return made

    def events(self, camera: FakeCamera) -> FakeEvents:
        assert isinstance(camera.events, FakeEvents)
        return camera.events

    def emit(self, camera: FakeCamera, topic: str, state: str) -> None:
        """The camera tells its subscribers."""

        async def tell() -> None:
            self.events(camera).emit(topic, State=state)

        self.do(tell())

    def config(self, name: str, camera: FakeCamera, keys: str = "", *, tables: str = "") -> str:
        """Its part of a configuration; `keys` are further lines, `tables` what stands below them."""
        return (
            f'[cameras.{name}]\nhost = "{camera.host}:{camera.port}"\nusername = "{USER}"\n'
            f'password = {{ file = "{self.password_file}" }}\n{keys}\n{tables}\n'
        )


def manifests(platform: Platform, **wanted: object) -> list[dict[str, Any]]:
    """Announcements of pictures with these fields, in order, each once."""
    found = {m.payload: json.loads(m.payload) for m in platform.on(f"{BASE}/frames")}
    once = {each["batch"]: each for each in found.values()}
    return [each for each in once.values() if wanted.items() <= each.items()]


def picture(platform: Platform, name: str) -> bytes:
    """The bytes of a picture that have come so far, in order, up to the first gap."""
    pieces = {
        int(message.topic.rpartition("/")[2]): message.payload
        for message in platform.on(f"{BASE}/frames/{name}/+")
    }
    whole = b""
    while len(whole) in pieces:
        whole += pieces[len(whole)]
    return whole


def is_whole(platform: Platform, manifest: dict[str, Any]) -> bool:
    return len(picture(platform, manifest["id"])) == int(manifest["bytes"])


@functools.lru_cache(maxsize=4096)
def _by_the_contract(leaf: str, payload: bytes) -> dict[str, Any]:
    found: dict[str, Any] = plain(checked_json(MESSAGES[Leaf(leaf)], payload))
    return found


def told(platform: Platform, leaf: str, **wanted: object) -> list[dict[str, Any]]:
    """Messages on a topic, by the contract, that have these fields."""
    found = [_by_the_contract(leaf, message.payload) for message in platform.on(f"{BASE}/{leaf}")]
    return [each for each in found if wanted.items() <= each.items()]


def spool(station: Station) -> str:
    """Where its pictures wait, for the configuration."""
    return f'[pictures]\npath = "{station.folder}/pictures"\nquality_every_s = 10\n'


def camera_of(station: Station, name: str) -> dict[str, Any]:
    """What `status` knows of a camera; nothing while it knows none."""
    return next((each for each in station.ask("status")["cameras"] if each["camera"] == name), {})


def pictures_of(station: Station, name: str) -> int:
    """How many were looked at since the worker began."""
    return int(camera_of(station, name).get("figures", {}).get("pictures", 0))


def wait_until(condition: Callable[[], T], timeout_s: float = TIMEOUT_S) -> T:
    """As that of fakes.waiting, but asks seldom enough to leave the processor to daemon and worker."""
    deadline_s = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline_s:
            name = getattr(condition, "__qualname__", repr(condition))
            raise TimeoutError(f"{name} was still {value!r} after {timeout_s} s")
        time.sleep(0.03)
    return value
