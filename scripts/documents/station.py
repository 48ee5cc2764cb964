"""A river station for pictures: played gauges, a loopback camera, a real broker with TLS, the real daemon.

As a program it runs until Ctrl-C and says where its control socket is:

.venv/bin/python -m scripts.documents.station
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import cv2
from fakes.camera_station import Cameras, Showing, jpeg
from fakes.certificates import Authority
from fakes.children import end
from fakes.mosquitto import Mosquitto
from fakes.onvif_camera import USER
from fakes.ports import free_port
from fakes.station import Station
from fakes.waiting import wait_until

ROOT = Path(__file__).parents[2]
CLIP = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")

CONFIG = """\
[station]
site = "heyuan-dongjiang"
gateway = "river-3"
title = "东江大桥 Dongjiang bridge"
kind = "river"
latitude = 23.7435
longitude = 114.6974
utc_offset = "+08:00"
[uplink]
url = "mqtts://localhost:{broker.port}"
ca = "{ca}"
[outbox]
path = "{folder}/outbox.db"
[pictures]
path = "{folder}/pictures"
[clock]
source = "system"
[control]
socket = "{folder}/control.sock"
[ports.rs485-1]
path = "{folder}/rs485-1"
[ports.rs485-2]
path = "{folder}/rs485-2"
[devices.level]
instrument = "keller-36x"
title = "River level, left bank"
port = "rs485-1"
every_s = 1.0
[devices.level.channels.water_pressure]
rename = "water_level"
factor = 10.1972
offset = 12.431
{rain}
[devices.weather]
instrument = "renke-rs-fsxcs"
title = "Weather mast"
port = "rs485-2"
every_s = 2.0
[devices.weather.channels]
{skipped}
[devices.mains]
instrument = "eastron-sdm120"
title = "Meter"
tcp = "127.0.0.1:{mains}"
every_s = 2.0
[devices.mains.channels]
energy_export = {{ skip = true }}
energy_import = {{ skip = true }}
[rules.flood]
kind = "stage"
input = "level.water_level"
warning = "{warning} m"
guarantee = "17.6 m"
clear_after = "30 s"
[cameras.bank]
host = "127.0.0.1:{camera.port}"
title = "Left bank, upstream"
username = "{user}"
password = {{ file = "{password}" }}
every_s = 5
"""

RAIN = """\
[devices.rain]
instrument = "rika-rk400-04-rain"
title = "Rain gauge"
port = "rs485-1"
unit = 2
every_s = 5.0
timeout_s = 0.5
"""

SKIPPED = (
    "wind_force",
    "wind_sector",
    "rainfall_total",
    "compass_heading",
    "illuminance",
    "noise_level",
    "pm2_5",
    "pm10",
)
STORY = """\
repeat_s = 240
[[step]]
at_s = 0
set = { water_pressure = 0.36 }
[[step]]
at_s = 5
set = { water_pressure = 0.395 }
over_s = 100
[[step]]
at_s = 130
set = { water_pressure = 0.36 }
over_s = 100
"""


def street() -> list[bytes]:
    """Pictures of a street, as large as the camera gives them."""
    clip, found = cv2.VideoCapture(str(CLIP)), []
    while len(found) < 24:
        _, pixels = clip.read()
        found.append(jpeg(pixels))
    clip.release()
    return found


def played(stack: ExitStack, folder: Path, name: str, profile: str, *words: str) -> None:
    link = folder / name
    command = [sys.executable, "-m", "agent.cli.main", "simulate", profile, *words]
    place = [] if "--tcp" in words else ["--link", str(link)]
    process = subprocess.Popen([*command, *place, "--json"], stdout=subprocess.DEVNULL, cwd=ROOT)
    stack.callback(end, process, grace_s=5.0)
    if place:
        wait_until(link.exists, 20)


@contextmanager
def station(*, well: bool = False) -> Iterator[Station]:
    """Running; unless `well`, a rain gauge is silent and the river stands above its warning stage."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="river-3-")))
        authority = Authority(folder / "authority", "Heyuan water platform CA")
        broker = stack.enter_context(
            Mosquitto(folder / "broker", certificate=authority.server(), ca=authority.ca)
        )
        cameras = stack.enter_context(Cameras(folder / "cameras"))
        cameras.password_file.chmod(0o600)
        showing = Showing()
        showing.only(*street())
        it = stack.enter_context(Station(folder / "station", "mqtt://localhost", ""))
        mains = free_port("127.0.0.1")
        (folder / "story.toml").write_text(STORY)
        played(stack, it.folder, "rs485-1", "keller-36x", "--story", str(folder / "story.toml"))
        played(stack, it.folder, "rs485-2", "renke-rs-fsxcs", "--seed", "3")
        played(stack, it.folder, "mains", "eastron-sdm120", "--tcp", f"127.0.0.1:{mains}")
        whole = CONFIG.format(
            folder=it.folder, broker=broker, ca=authority.ca, mains=mains, camera=cameras.add(showing),
            password=cameras.password_file, user=USER,
            rain="" if well else RAIN, warning=17.2 if well else 16.2,
            skipped="\n".join(f"{name} = {{ skip = true }}" for name in SKIPPED),
        )  # fmt: skip
        it.configure("", head=whole)
        it.start(wait=False)
        wait_until(lambda: "READY=1" in it.notices.all(), 60)
        yield it


def main() -> None:
    with station(well="--well" in sys.argv) as it:
        print(json.dumps({"socket": str(it.socket), "config": str(it.config)}), flush=True)
        ended = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        ended.wait()


if __name__ == "__main__":
    main()
