"""The child process of rtsp_camera, run by the system's Python: GStreamer's RTSP server, fed with clips.

Every path of the server is one camera that is shared by its sessions. Orders are lines of JSON on the
descriptor of argv[1]; each is answered by one line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gi  # type: ignore[import-not-found,import-untyped,unused-ignore]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402

MOST_QUEUED = 8_000_000


@dataclass
class Clip:
    codec: str
    fps: int
    units: list[Any]
    keys: int = 0
    """Units from key frame to key frame of a clip that goes on while nobody looks; 0: it begins anew."""

    @classmethod
    def read(cls, file: str) -> Clip:
        head, _, body = Path(file).read_bytes().partition(b"\n")
        about = json.loads(head)
        units, at = [], 0
        for size in about["sizes"]:
            units.append(Gst.Buffer.new_wrapped(body[at : at + size]))
            at += size
        return cls(about["codec"], about["fps"], units, about.get("keys", 0))

    def first(self) -> int:
        """The unit to begin with now: a key frame."""
        return int(time.monotonic() * self.fps) // self.keys * self.keys if self.keys else 0


@dataclass
class Feed:
    """One prepared pipeline of a camera: a buffer each 1/fps, for as long as it plays."""

    camera: Camera
    source: Any
    index: int = 0
    stamp_ns: int = 0
    timer: int = 0

    def start(self) -> None:
        self.timer = GLib.timeout_add(round(1000 / self.camera.clip.fps), self.push)

    def push(self) -> bool:
        clip = self.camera.clip
        if self.camera.frozen:
            return True
        unit = clip.units[self.index % len(clip.units)].copy()
        unit.pts = unit.dts = self.stamp_ns
        unit.duration = Gst.SECOND // clip.fps
        self.index += 1
        self.stamp_ns += unit.duration
        self.source.emit("push-buffer", unit)
        return True

    def stop(self, *_: Any) -> None:
        if self.timer:
            GLib.source_remove(self.timer)
            self.timer = 0


@dataclass
class Camera:
    clip: Clip
    frozen: bool = False
    feeds: list[Feed] = field(default_factory=list)

    def factory(self) -> Any:
        codec, made = self.clip.codec, GstRtspServer.RTSPMediaFactory()
        made.set_launch(
            f"( appsrc name=source is-live=true format=time max-bytes={MOST_QUEUED} "
            f"caps=video/x-{codec},stream-format=byte-stream,alignment=au,framerate={self.clip.fps}/1 "
            f"! {codec}parse ! video/x-{codec},alignment=au ! rtp{codec}pay name=pay0 pt=96 )"
        )
        made.set_shared(True)
        made.set_suspend_mode(GstRtspServer.RTSPSuspendMode.NONE)
        made.connect("media-configure", self.configure)
        return made

    def configure(self, _factory: Any, media: Any) -> None:
        source = media.get_element().get_by_name_recurse_up("source")
        feed = Feed(self, source, self.clip.first())
        feed.start()
        self.feeds.append(feed)
        media.connect("unprepared", feed.stop)


class Server:
    """Answers orders and RTSP in one GLib loop."""

    def __init__(self, orders: int, host: str, port: int, users: dict[str, str]) -> None:
        self.cameras: dict[str, Camera] = {}
        self.refusing = 0
        self.seen: dict[str, int] = {"connections": 0, "plays": 0, "teardowns": 0}
        self.server = GstRtspServer.RTSPServer()
        self.server.set_address(host)
        self.server.set_service(str(port))
        self.server.connect("client-connected", self.client_connected)
        self.auth: Any = None
        if users:
            self.set_users(users)
        self.server.attach(None)
        self.loop = GLib.MainLoop()
        self.file = os.fdopen(orders, "r+b", buffering=0)
        GLib.io_add_watch(self.file, GLib.IO_IN | GLib.IO_HUP, self.attend)

    def set_users(self, users: dict[str, str]) -> None:
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
        for name, password in users.items():
            auth.add_digest(name, password, token)
        self.auth = auth
        self.server.set_auth(auth)

    def client_connected(self, _server: Any, client: Any) -> None:
        self.seen["connections"] += 1
        client.connect("play-request", self.count, "plays")
        client.connect("teardown-request", self.count, "teardowns")
        client.connect("pre-setup-request", self.admit)

    def count(self, _client: Any, _context: Any, what: str) -> None:
        self.seen[what] += 1

    def admit(self, _client: Any, _context: Any) -> Any:
        return GstRtsp.RTSPStatusCode(self.refusing or 200)

    def attend(self, *_: Any) -> bool:
        line = self.file.readline()
        if not line:
            self.loop.quit()
            return False
        order, arguments = json.loads(line)
        answer = getattr(self, f"do_{order}")(*arguments)
        self.file.write(json.dumps(answer).encode() + b"\n")
        return True

    def do_mount(self, path: str, file: str) -> None:
        camera = self.cameras[path] = Camera(Clip.read(file))
        factory = camera.factory()
        if self.auth:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("viewer", "media.factory.access", True)
            permissions.add_permission_for_role("viewer", "media.factory.construct", True)
            factory.set_permissions(permissions)
        self.server.get_mount_points().add_factory(path, factory)

    def do_play(self, path: str, file: str) -> None:
        self.cameras[path].clip = Clip.read(file)

    def do_freeze(self, path: str, frozen: bool) -> None:
        self.cameras[path].frozen = frozen

    def do_users(self, users: dict[str, str]) -> None:
        self.set_users(users)

    def do_refuse(self, code: int) -> None:
        self.refusing = code

    def do_drop(self) -> None:
        self.server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE)

    def do_clients(self) -> int:
        return len(self.server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REF) or [])

    def do_seen(self) -> dict[str, int]:
        return self.seen


def main() -> None:
    Gst.init(None)
    orders, host, port, users = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
    Server(orders, host, port, users).loop.run()


if __name__ == "__main__":
    main()
