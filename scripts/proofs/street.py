#!/usr/bin/env python3
"""Two cameras of tests/fakes on loopback, for checks in a bare root: a street by snapshots, a road streamed.

street.py FOLDER [--no-stream]    Serve until killed. FOLDER gets their password and, once they answer,
                                  cameras.toml: [cameras.street] by ONVIF and [cameras.road], for conf.d/.
"""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests")]

from fakes.camera_station import Cameras  # noqa: E402
from fakes.clips import Clip  # noqa: E402
from fakes.onvif_camera import PASSWORD, USER  # noqa: E402
from fakes.rtsp_camera import RtspCamera  # noqa: E402

SECRET = '{ credential = "camera" }'
ROAD = """\
[cameras.road]
stream = "{url}"
username = "{user}"
password = {secret}
every_s = 1
"""


def main() -> None:
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as stack:
        cameras = stack.enter_context(Cameras(folder))
        keys = "every_s = 2\nsend = { every_s = 10 }"
        text = cameras.config("street", cameras.add(), keys).replace(
            f'{{ file = "{cameras.password_file}" }}', SECRET
        )
        if "--no-stream" not in sys.argv:
            clips = {"/main": Clip(noise=24).file(folder)}
            server = stack.enter_context(RtspCamera(clips, users={USER: PASSWORD}))
            text += ROAD.format(url=server.url(), user=USER, secret=SECRET)
        (folder / "cameras.toml.new").write_text(text)
        (folder / "cameras.toml.new").rename(folder / "cameras.toml")
        signal.pause()


if __name__ == "__main__":
    main()
