"""Pictures for the sheet, straight from loopback cameras: masked, small, and a word where there is none."""

from __future__ import annotations

from base64 import b64decode

import cv2
import numpy as np
import pytest
from fakes.camera_station import Cameras, Showing, jpeg
from fakes.ports import free_port

from agent.cli.sheet.picturing import MOST_BYTES, SIDE, cameras
from agent.loading import load

HEAD = '[station]\nsite = "river"\ngateway = "gw-1"\n[uplink]\nurl = "mqtt://localhost"\n'
LEFT_HALF = "masks = [[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]]"
TOLD = {
    "camera": "bank", "way": "snapshot", "score": 93,
    "facts": {"manufacturer": "Loopback", "model": "2", "firmware": "1.4", "serial": "LB0001"},
}  # fmt: skip


@pytest.fixture
def loopback(tmp_path):
    with Cameras(tmp_path / "cameras") as them:
        yield them


def test_a_camera_that_answers_and_one_that_does_not(tmp_path, loopback) -> None:
    showing = Showing()
    showing.only(jpeg(np.full((1080, 1920, 3), 200, np.uint8)))
    camera = loopback.add(showing)
    config = tmp_path / "polegate.toml"
    away = f'[cameras.gate]\nhost = "127.0.0.1:{free_port("127.0.0.1")}"\ntitle = "Gate"\n'
    config.write_text(f"{HEAD}{loopback.config('bank', camera, LEFT_HALF)}{away}", encoding="utf-8")
    bank, gate = cameras(load(config), {"cameras": [TOLD]}, {"gate": "G-7"})
    data = b64decode(bank.jpeg)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert (len(data) <= MOST_BYTES, pixels.shape) == (True, (bank.height, bank.width, 3))
    assert bank.width == SIDE
    assert pixels[:, : bank.width // 2 - 8].max() < 80
    assert pixels[:, bank.width // 2 + 8 :].min() > 180
    assert (bank.model, bank.serial, bank.score, bank.note) == ("Loopback 2 1.4", "LB0001", 93, "")
    assert (gate.jpeg, gate.serial, gate.title) == ("", "G-7", "Gate")
    assert gate.note.startswith("no picture: ")
