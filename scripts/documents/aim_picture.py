"""docs/pictures/aim.png: the page of polegate camera aim in Chromium, over a real picture of a street.

.venv/bin/python -m scripts.documents.aim_picture

Needs Debian's chromium, chromium-driver and opencv-doc.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import cv2
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from agent.camera.config import Mark, Zone
from agent.cli.aim.drawing import Drawing
from agent.cli.aim.server import Aim, Kept, Subject
from drivers.frames import Frame, Way

ROOT = Path(__file__).parents[2]
CLIP = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
AT_MS = 1_795_420_800_000  # 2026-11-23T08:00:00Z
BLURS = (4.0, 3.0, 2.2, 1.5, 1.0, 0.5, 0.0, 0.0, 0.0, 0.6, 1.2, 1.8, 1.2, 0.7, 0.3, 0.0)
"""Pixels, picture by picture: the ring turned through the sharpest point, and back."""

DRAWN = Drawing(
    masks=(((0.40, 0.0), (0.86, 0.0), (0.86, 0.14), (0.68, 0.25), (0.40, 0.17)),),
    zones={
        "road": Zone(
            kind="motion",
            polygon=((0.0, 0.42), (0.44, 0.43), (0.76, 0.25), (0.84, 0.26), (0.8, 0.6), (0.57, 0.71)),
        ),
        "post": Zone(
            kind="staff",
            polygon=((0.535, 0.18), (0.575, 0.18), (0.585, 0.69), (0.545, 0.69)),
            marks=(Mark(at=(0.556, 0.2), level_m=6.0), Mark(at=(0.564, 0.67), level_m=1.0)),
        ),
    },
)


class Clip:
    """The first picture of the clip, as the ring is turned."""

    def __init__(self) -> None:
        clip = cv2.VideoCapture(str(CLIP))
        _, self._picture = clip.read()
        clip.release()
        self._looks = 0

    async def look(self) -> Frame:
        blur = BLURS[min(self._looks, len(BLURS) - 1)]
        self._looks += 1
        pixels = cv2.GaussianBlur(self._picture, (0, 0), blur) if blur else self._picture
        return Frame(camera="bridge", at_ms=AT_MS + 400 * self._looks, way=Way.SNAPSHOT, pixels=pixels)


def browser() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars"):
        options.add_argument(f"--{flag}")
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


def sized(driver: webdriver.Chrome, width: int, height: int, dark: bool) -> None:
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 800},
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "UTC"})


def shot(driver: webdriver.Chrome) -> cv2.typing.MatLike:
    import numpy as np

    return cv2.imdecode(np.frombuffer(driver.get_screenshot_as_png(), np.uint8), cv2.IMREAD_COLOR)


def pictures(driver: webdriver.Chrome, count: int) -> None:
    body = driver.find_element(By.TAG_NAME, "body")
    WebDriverWait(driver, 30).until(lambda _: int(body.get_attribute("data-pictures") or 0) >= count)


def taken(url: str) -> tuple[cv2.typing.MatLike, cv2.typing.MatLike]:
    """The page on a desk while zones are drawn, and on a phone while the ring is turned."""
    driver = browser()
    try:
        sized(driver, 360, 720, dark=False)
        driver.get(url)
        pictures(driver, len(BLURS) - 2)
        phone = shot(driver)
        sized(driver, 1180, 720, dark=True)
        driver.find_element(By.ID, "tab-draw").click()
        driver.execute_script("document.querySelector('[data-key=s3-name]').focus()")
        pictures(driver, len(BLURS) + 4)
        driver.execute_script("document.activeElement.blur()")
        return shot(driver), phone
    finally:
        driver.quit()


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    aim = Aim(
        Subject("bridge", "Bridge, looking south"), Clip(), DRAWN, lambda _: Kept(), token="t", idle_s=1800.0
    )
    serving = threading.Thread(target=lambda: asyncio.run(aim.serve([listener])), daemon=True)
    serving.start()
    desk, phone = taken(f"http://127.0.0.1:{listener.getsockname()[1]}/#t")
    gap = cv2.copyMakeBorder(desk, 0, 0, 0, 20, cv2.BORDER_CONSTANT, value=(160, 160, 160))
    file = ROOT / "docs" / "pictures" / "aim.png"
    cv2.imwrite(str(file), cv2.hconcat([gap, phone]), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
