"""The page as the command serves it: a loopback camera that plays a clip, the command in a child, a browser."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import pytest
from fakes.ports import free_port
from fakes.waiting import wait_until
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

ROOT = Path(__file__).parents[4]
VTEST = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
HEAD = '[station]\nsite = "s"\ngateway = "g"\n[uplink]\nurl = "mqtt://localhost"\n'
STARTER = "import sys, pathlib; from agent.cli.cameras.aim import command as aim; aim({words!r}, obj={{'config': pathlib.Path({config!r})}})"


def frames(count: int = 8):
    """The first pictures of a street, 768x576."""
    assert VTEST.exists(), "apt-get install opencv-doc"
    clip = cv2.VideoCapture(str(VTEST))
    try:
        return [clip.read()[1] for _ in range(count)]
    finally:
        clip.release()


class ClipCamera:
    """GET gives the next picture as JPEG, blurred by `blur` (sigma, pixels); `status` is its answer's."""

    def __init__(self) -> None:
        self.blur = 0.0
        self.status = 200
        self.served = 0
        self._frames = frames()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = camera.picture() if camera.status == 200 else b""
                self.send_response(camera.status)
                self.send_header("Content-Type", "image/jpeg")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", free_port("127.0.0.1")), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/picture.jpg"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def picture(self) -> bytes:
        frame = self._frames[self.served % len(self._frames)]
        self.served += 1
        if self.blur:
            frame = cv2.GaussianBlur(frame, (0, 0), self.blur)
        return cv2.imencode(".jpg", frame)[1].tobytes()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="session")
def shared_camera() -> Iterator[ClipCamera]:
    camera = ClipCamera()
    yield camera
    camera.close()


@pytest.fixture
def clip_camera(shared_camera: ClipCamera) -> ClipCamera:
    """Sharp, and willing."""
    shared_camera.blur, shared_camera.status = 0.0, 200
    return shared_camera


class Page:
    """A browser on the page of one run of the command."""

    def __init__(self, driver: webdriver.Chrome, url: str, config: Path) -> None:
        self.driver = driver
        self.url = url
        self.config = config

    def open(self) -> None:
        self.driver.get("about:blank")
        self.driver.get(self.url)
        self.wait(lambda: self.pictures >= 1)

    def close(self) -> None:
        """Leave it, whatever is not saved."""
        self.js("addEventListener('beforeunload', (event) => event.stopImmediatePropagation(), true)")
        self.driver.get("about:blank")

    @property
    def pictures(self) -> int:
        return int(self["body"].get_attribute("data-pictures") or 0)

    def __getitem__(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, condition: Callable[[], object]) -> None:
        wait_until(condition, 10.0)

    def tab(self, name: str) -> None:
        self[f"#tab-{name}"].click()

    def pick(self, selector: str, value: str) -> None:
        Select(self[selector]).select_by_value(value)

    def js(self, script: str, *arguments: object) -> object:
        return self.driver.execute_script(script, *arguments)

    def mouse(self, *actions: tuple[str, float, float], touch: bool = False) -> None:
        """("down" | "move" | "up", x, y) in fractions of the picture."""
        box = self.js(
            "const b = document.getElementById('board').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]"
        )
        names = {"down": "pointerDown", "up": "pointerUp"}
        steps: list[dict[str, object]] = []
        for kind, x, y in actions:
            steps.append({"type": "pointerMove", "duration": 0, "origin": "viewport",
                          "x": round(box[0] + x * box[2]), "y": round(box[1] + y * box[3])})  # fmt: skip
            if kind in names:
                steps.append({"type": names[kind], "button": 0})
        pointer = {
            "type": "pointer",
            "id": "finger" if touch else "mouse",
            "parameters": {"pointerType": "touch" if touch else "mouse"},
            "actions": steps,
        }
        self.driver.execute("actions", {"actions": [pointer]})
        self.driver.execute("actions", {"actions": [{**pointer, "actions": []}]})

    def touch_points(self, *points: tuple[float, float], touch: bool = False) -> None:
        for x, y in points:
            self.mouse(("down", x, y), ("up", x, y), touch=touch)

    def drag(self, start: tuple[float, float], end: tuple[float, float], *, touch: bool = False) -> None:
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        self.mouse(("down", *start), ("move", *middle), ("move", *end), ("up", *end), touch=touch)

    @property
    def complaints(self) -> list[str]:
        """What the browser has logged since it was asked last: errors, and what the policy refused."""
        return [each["message"] for each in self.driver.get_log("browser")]


def options(*, width: int, height: int) -> webdriver.ChromeOptions:
    made = webdriver.ChromeOptions()
    made.binary_location = "/usr/bin/chromium"
    flags = (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "hide-scrollbars",
        f"window-size={width},{height}",
    )
    for flag in flags:
        made.add_argument(f"--{flag}")
    made.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return made


@pytest.fixture(scope="session")
def driver() -> Iterator[webdriver.Chrome]:
    service = webdriver.ChromeService("/usr/bin/chromedriver", port=free_port("127.0.0.1"))
    browser = webdriver.Chrome(options=options(width=1280, height=880), service=service)
    yield browser
    browser.quit()


class Run:
    """polegate camera aim in a process of its own."""

    def __init__(self, config: Path, *words: str, port: int = 0) -> None:
        self.config = config
        code = STARTER.format(words=[*words, "--port", str(port), "--json"], config=str(config))
        environment = {**os.environ, "SSH_CONNECTION": "192.0.2.7 50122 192.0.2.1 22"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.said = json.loads(self.process.stdout.readline())

    def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(by)
        code = self.process.wait(10.0)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def post(self, path: str, body: object, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer; `headers` go over those of the page."""
        url, _, token = self.said["url"].partition("#")
        sent = {"X-Polegate-Token": token, "Content-Type": "application/json", **headers}
        connection = HTTPConnection(urlsplit(url).netloc, timeout=10.0)
        try:
            connection.request("POST", f"/api/{path}", json.dumps(body), sent)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


def written(folder: Path, camera: ClipCamera) -> Path:
    file = folder / "polegate.toml"
    file.write_text(f'{HEAD}[cameras.north]\ntitle = "North bridge"\nsnapshot = "{camera.url}"\n')
    return file


@pytest.fixture(scope="session")
def shared_run(shared_camera: ClipCamera, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    running = Run(written(tmp_path_factory.mktemp("aim"), shared_camera), "north")
    yield running
    assert running.end() == 0


@pytest.fixture
def run(shared_run: Run, clip_camera: ClipCamera) -> Run:
    """One whose camera has neither masks nor zones."""
    written(shared_run.config.parent, clip_camera)
    view = shared_run.config.parent / "conf.d" / "view-north.toml"
    view.unlink(missing_ok=True)
    assert shared_run.post("save", {"shapes": []})[0] == 200
    view.unlink()
    return shared_run


@pytest.fixture
def page(driver: webdriver.Chrome, run: Run) -> Iterator[Page]:
    driver.get_log("browser")  # what the test before has left
    shown = Page(driver, run.said["url"], run.config)
    shown.open()
    yield shown
    shown.close()
