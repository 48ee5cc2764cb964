"""ONVIF cameras in a process of their own; orders are lines of JSON, each answered by one."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fakes.children import ChildError, end, spawn  # noqa: E402

ANSWER_WITHIN_S = 20.0


class Fleet:
    """The soak's end: `do` gives an order to one camera."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(ANSWER_WITHIN_S)
        with theirs:
            self.process = spawn(
                [sys.executable, str(Path(__file__).resolve()), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
            )
        self._orders = ours.makefile("rwb", buffering=0)
        ours.close()

    def do(self, order: str, *arguments: object) -> Any:  # noqa: ANN401  each its own
        """Raises ChildError when the process is gone, or the camera cannot."""
        try:
            self._orders.write(json.dumps([order, arguments]).encode() + b"\n")
            line = self._orders.readline()
        except OSError as error:
            raise ChildError(f"{order}: no answer of the cameras: {error}") from error
        if not line:
            raise ChildError(f"{order}: the cameras are gone")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._orders.close()
        end(self.process, grace_s=2.0)


class Yard:
    """The child's end: the cameras."""

    def __init__(self, stack: AsyncExitStack) -> None:
        from scripts.soaking.scenes import jpegs

        self._stack = stack
        self._cameras: dict[str, Any] = {}
        self._scenes = {scene: jpegs(scene) for scene in ("live", "frozen", "black")}
        self._shown: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def do_add(self, name: str, wanted: dict[str, Any]) -> int:
        """A new one; its port."""
        from fakes.onvif_camera import FakeCamera, Quirks, Setup
        from fakes.onvif_events import EventQuirks, FakeEvents

        events = None
        if wanted["events"]:
            events = FakeEvents(quirks=EventQuirks(slots=wanted["slots"], parameters=wanted["parameters"]))
        setup = Setup(stream=wanted["stream"]) if wanted["stream"] else Setup()
        quirks = Quirks(auth=wanted["auth"], media=tuple(wanted["media"]), snapshot=wanted["snapshot"])
        if events is None:
            quirks.without = frozenset({"events"})
        self._shown[name] = "live"
        camera = FakeCamera(pictures=lambda: self._picture(name), events=events, setup=setup, quirks=quirks)
        camera._gate = _door()  # noqa: SLF001  before it has let anybody in
        await self._stack.enter_async_context(camera)
        if events is not None:
            events.netloc = f"127.0.0.1:{camera.port}"
        self._cameras[name] = camera
        return camera.port

    async def do_off(self, name: str) -> None:
        """It loses power."""
        await self._cameras[name].switch_off()
        self._forget(name)

    async def do_on(self, name: str) -> None:
        """And has it again."""
        await self._cameras[name].switch_on()

    async def do_unplug(self, name: str) -> None:
        """The network only: it keeps what it knows."""
        await self._cameras[name].switch_off()

    async def do_reboot(self, name: str, away_s: float) -> None:
        """With its clock lost."""
        quirks = self._cameras[name].quirks
        quirks.reboot_s, quirks.clock_lost = away_s, True
        task = asyncio.create_task(self._cameras[name].reboot())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def do_quirks(self, name: str, quirks: dict[str, Any]) -> None:
        """Faults to have from now on."""
        for quirk, value in quirks.items():
            setattr(self._cameras[name].quirks, quirk, value)

    async def do_password(self, name: str, password: str) -> None:
        """Another one."""
        self._cameras[name].password = password

    async def do_show(self, name: str, scene: str) -> None:
        """What it sees from now on."""
        self._shown[name] = scene

    async def do_take_places(self, name: str, for_s: float) -> None:
        """Ours is lost, and others have all there are."""
        self._forget(name)
        events: Any = self._cameras[name].events
        events.occupy(events.quirks.slots, for_s)

    async def do_stir(self) -> None:
        """Something moves, and no more, before each camera that tells of it."""
        for camera in self._cameras.values():
            if camera.events is not None:
                events: Any = camera.events
                topic = "tns1:VideoSource/MotionAlarm"
                events.emit(topic, State="true" if time.monotonic() % 60 < 30 else "false")

    async def do_held(self) -> dict[str, int]:
        """Subscriptions of ours at each camera."""
        return {name: self._ours(camera.events) for name, camera in self._cameras.items() if camera.events}

    async def do_requests(self) -> dict[str, int]:
        """How many operations each has answered."""
        return {name: camera.requests.total() for name, camera in self._cameras.items()}

    @staticmethod
    def _ours(events: Any) -> int:  # noqa: ANN401
        _ = events.held  # drops those that have run out
        return sum(not name.startswith("other-") for name in events._held)  # noqa: SLF001

    def _forget(self, name: str) -> None:
        if (events := self._cameras[name].events) is not None:
            events.forget()

    def _picture(self, name: str) -> bytes:
        pictures = self._scenes[self._shown[name]]
        return pictures[int(time.monotonic() * 10) % len(pictures)]


def _door() -> Any:  # noqa: ANN401  its class can only be imported by the child
    """For a camera with several clients by HTTP digest: they share a nonce, and count for themselves."""
    from fakes.onvif_camera import PASSWORD, USER
    from fakes.onvif_security import Gatekeeper

    class Door(Gatekeeper):
        def check_digest(self, method: str, uri: str, authorization: str) -> None:
            self.counts.clear()
            super().check_digest(method, uri, authorization)

    return Door(USER, PASSWORD)


async def serve(descriptor: int) -> None:
    """Until the soak hangs up."""
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    async with AsyncExitStack() as stack:
        yard = Yard(stack)
        while line := await reader.readline():
            order, arguments = json.loads(line)
            answer = await getattr(yard, f"do_{order}")(*arguments)
            writer.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
