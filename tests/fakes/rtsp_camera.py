"""RTSP cameras on loopback: GStreamer's own server (digest authentication, TCP), playing clips in a loop."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fakes.children import ChildError, end, missing, spawn
from fakes.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES = "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
SYSTEM_PYTHON = "/usr/bin/python3"  # gi comes with the distribution, for its own Python
PORT_TRIES = 5
ANSWER_TIMEOUT_S = 15.0


class RtspCamera:
    """A server with a camera a path, `clips` {path: clip file}; started by `with` or `start`.

    `users` {name: password} makes it ask for them by digest, for every path.
    """

    def __init__(
        self, clips: Mapping[str, Path], *, users: Mapping[str, str] | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.host = host
        self.port = 0
        self._clips = dict(clips)
        self._users = dict(users or {})
        self._process: Any = None
        self._orders: Any = None

    def start(self) -> None:
        """Start, on the same port as before; raises ChildError when it does not come up."""
        if not Path(SYSTEM_PYTHON).exists():
            raise missing(SYSTEM_PYTHON, PACKAGES)
        if self.port:
            self._start_on(self.port)
            return
        for tries_left in reversed(range(PORT_TRIES)):
            port = free_port(self.host)
            try:
                self._start_on(port)
            except ChildError:
                if not tries_left:
                    raise
            else:
                self.port = port
                return

    def stop(self) -> None:
        """The camera loses power: connections are reset, nobody listens."""
        if self._process is not None:
            self._orders.close()
            self._process.kill()
            end(self._process, grace_s=1.0)
            self._process = None

    def url(self, path: str = "/main") -> str:
        """Without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"rtsp://{host}:{self.port}{path}"

    def play(self, path: str, clip: Path) -> None:
        """Go on with another clip of the same codec, in the running sessions too."""
        self._ask("play", path, str(clip))

    def freeze(self, path: str = "/main") -> None:
        """Keep the sessions and send no picture."""
        self._ask("freeze", path, True)

    def thaw(self, path: str = "/main") -> None:
        self._ask("freeze", path, False)

    def set_users(self, users: Mapping[str, str]) -> None:
        """Other passwords, for new connections."""
        self._users = dict(users)
        self._ask("users", self._users)

    def refuse(self, code: int) -> None:
        """Answer SETUP with this status, 0 for no more."""
        self._ask("refuse", code)

    def drop(self) -> None:
        """Hang up on every client."""
        self._ask("drop")

    @property
    def clients(self) -> int:
        """Connections that are open."""
        return int(self._ask("clients"))

    @property
    def seen(self) -> dict[str, int]:
        """How many `connections`, `plays` and `teardowns` since the start."""
        return dict(self._ask("seen"))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_on(self, port: int) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(ANSWER_TIMEOUT_S)
        program = Path(__file__).with_name("rtsp_camera_child.py")
        with theirs:
            self._process = spawn(
                [
                    *(SYSTEM_PYTHON, str(program), str(theirs.fileno())),
                    *(self.host, str(port), json.dumps(self._users)),
                ],
                pass_fds=[theirs.fileno()],
                environment={"GST_DEBUG": "0"},
            )
        self._orders = ours.makefile("rwb", buffering=0)
        ours.close()
        try:
            for path, clip in self._clips.items():
                self._ask("mount", path, str(clip))
            with socket.create_connection((self.host, port), timeout=ANSWER_TIMEOUT_S):
                pass
        except OSError as error:
            self.stop()
            raise ChildError(f"the RTSP server did not start on port {port}: {error}") from error
        except ChildError:
            self.stop()
            raise

    def _ask(self, order: str, *arguments: Any) -> Any:
        try:
            self._orders.write(json.dumps([order, arguments]).encode() + b"\n")
            line = self._orders.readline()
        except OSError as error:
            raise ChildError(f"{order}: no answer: {error}") from error
        if not line:
            raise ChildError(f"{order}: the RTSP server is gone; are {PACKAGES} installed?")
        return json.loads(line)
