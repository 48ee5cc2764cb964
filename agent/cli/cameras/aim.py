"""polegate camera aim: a page on loopback to focus and aim a camera by, and to draw its masks and zones."""

from __future__ import annotations

import asyncio
import errno
import getpass
import os
import secrets
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.camera.config import Camera
from agent.cli import screen
from agent.cli.aim import texts
from agent.cli.exits import Exit, Failed, load_config, no_such

if TYPE_CHECKING:
    from agent.cli.aim.drawing import Drawing
    from agent.cli.aim.server import Kept

PORT = 8090
TOKEN_BYTES = 16


@click.command("aim")
@click.argument("name")
@click.option(
    "--port", type=click.IntRange(0, 0xFFFF), default=PORT, show_default=True, help="0 takes a free one."
)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
@click.pass_obj
def command(paths: dict[str, Path], name: str, port: int, as_json: bool) -> None:
    """Serve a page with a live picture: focus it, aim it, draw its masks and zones.

    It is served on loopback, to be reached through ssh, until Ctrl-C or half an hour without a touch.
    """
    cameras = {each.name: each.camera for each in load_config(paths["config"]).plan.cameras}
    if name not in cameras:
        raise no_such("camera", name, sorted(cameras))
    from agent.cli.cameras.eye import check_libraries

    check_libraries()
    listeners = listen(port)
    port, token = listeners[0].getsockname()[1], secrets.token_urlsafe(TOKEN_BYTES)
    said = {"ssh": f"ssh -L {port}:localhost:{port} {_login()}", "url": f"http://localhost:{port}/#{token}"}
    screen.machine(said) if as_json else screen.line(texts.WHERE.format(camera=name, **said))
    try:
        ended = asyncio.run(_run(paths["config"], name, cameras[name], listeners, token))
    except KeyboardInterrupt:
        return
    if ended and not as_json:
        screen.line(texts.IDLE)


def listen(port: int) -> list[socket.socket]:
    """Sockets on 127.0.0.1 and, where there is IPv6, on the same port of ::1.

    Raises:
        Failed: PROBLEM, the port is taken.
    """
    try:
        first = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        why = error.strerror or str(error)
        raise Failed(texts.PORT_TAKEN.format(port=port, why=why), Exit.PROBLEM) from None
    try:
        return [first, socket.create_server(("::1", first.getsockname()[1]), family=socket.AF_INET6)]
    except OSError as error:
        if error.errno == errno.EADDRINUSE and port:
            first.close()
            said = texts.PORT_TAKEN.format(port=port, why=error.strerror)
            raise Failed(said, Exit.PROBLEM) from None
        return [first]


async def _run(config: Path, name: str, camera: Camera, listeners: list[socket.socket], token: str) -> bool:
    """Serve it; True where nobody has touched it for long, False where SIGTERM ended it."""
    from agent.cli.aim.drawing import Drawing
    from agent.cli.aim.eyes import EyeSight
    from agent.cli.aim.server import Aim, Subject
    from agent.clock import Clock
    from agent.vision.eye import Eye
    from drivers.cameras.streams.decoders import Decoders

    clock = Clock()
    async with Decoders(processes=1) as decoders, Eye(name, camera, decoders, lambda: clock.now()[0]) as eye:
        subject = Subject(name, camera.title, camera.host or "")
        drawn = Drawing(masks=camera.masks, zones=camera.zones)
        aim = Aim(subject, EyeSight(eye), drawn, _Keep(config, name), token=token)
        serving = asyncio.ensure_future(aim.serve(listeners))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
        await asyncio.wait([serving])
        if serving.cancelled():
            return False
        serving.result()
        return True


class _Keep:
    """Writes a drawing into the configuration as it is by then."""

    def __init__(self, config: Path, camera: str) -> None:
        self._config = config
        self._camera = camera

    def __call__(self, drawn: Drawing) -> Kept:
        from agent.cli.aim.server import Kept
        from agent.cli.cameras.fragment import NotOurs, write_view
        from agent.loading import load

        loaded = load(self._config)
        cameras = {each.name: each.camera for each in loaded.plan.cameras}
        if self._camera not in cameras:
            return Kept(note=texts.CAMERA_GONE.format(camera=self._camera))
        camera = cameras[self._camera]
        try:
            file = write_view(
                self._config, loaded.texts, self._camera, camera, masks=drawn.masks, zones=drawn.zones
            )
        except NotOurs as theirs:
            text = texts.THEIRS if theirs.lines else texts.THEIRS_EMPTY
            return Kept(toml=theirs.lines, note=text.format(file=theirs.file))
        return Kept(file=str(file))


def _login() -> str:
    """USER@HOST by which this machine is reached: as this very session came, where it came by ssh."""
    user = os.environ.get("SUDO_USER") or getpass.getuser()
    connection = os.environ.get("SSH_CONNECTION", "").split()  # client, its port, server, its port: ssh(1)
    return f"{user}@{connection[2] if len(connection) == 4 else socket.gethostname()}"
