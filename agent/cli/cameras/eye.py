"""Looking through a camera without the daemon. Imported only where a verb talks to a camera."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from agent.camera.config import Camera
from agent.cli.cameras import texts as camera_texts
from agent.cli.cameras.advice import explained
from agent.cli.cameras.known import configured, now_ms
from agent.cli.exits import Exit, Failed
from drivers.errors import DriverError

if TYPE_CHECKING:
    from agent.vision.eye import Eye
    from drivers.cameras.onvif.camera import OnvifCamera
    from drivers.frames import Frame

T = TypeVar("T")


def check_libraries() -> None:
    """Raises Failed PROBLEM: polegate was installed without its camera part."""
    for name in ("numpy", "cv2", "av", "aiohttp"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise Failed(camera_texts.LIBRARIES.format(name=error.name or name), Exit.PROBLEM) from None


def finish(work: Coroutine[Any, Any, T], camera: Camera, name: str, *, configured: bool = True) -> T:
    """Run it to its end; what the camera is reached with is for the advice.

    Raises:
        Failed: PROBLEM, what the camera did not do, and what to look at.
    """
    try:
        return asyncio.run(work)
    except DriverError as error:
        raise Failed(explained(error, camera, name, configured=configured), Exit.PROBLEM) from None


@asynccontextmanager
async def looking(name: str, camera: Camera) -> AsyncIterator[Eye]:
    """An eye that is not connected yet."""
    from agent.vision.eye import Eye
    from drivers.cameras.streams.decoders import Decoders

    async with Decoders(processes=1) as decoders, Eye(name, camera, decoders, now_ms) as eye:
        yield eye


@asynccontextmanager
async def signed_in(paths: Mapping[str, Path], name: str) -> AsyncIterator[OnvifCamera]:
    """The ONVIF side of a configured camera.

    Raises:
        DriverError: it cannot be reached, or has none.
    """
    _, camera = configured(paths, name)
    if camera.host is None:
        raise Failed(camera_texts.NO_ONVIF.format(name=name), Exit.PROBLEM)
    async with looking(name, camera) as eye:
        await eye.connect()
        assert eye.onvif is not None  # noqa: S101  it has a host
        yield eye.onvif


async def take_picture(eye: Eye, way: str) -> Frame:
    """One picture by this way; "auto" is a snapshot where there is one, else the stream.

    Raises:
        DriverError: there is none that way.
    """
    from drivers.frames import Way

    if way != "auto":
        return await eye.take(Way(way))
    if not eye.offer.snapshot:
        return await eye.take(Way.CONNECT)
    try:
        return await eye.take(Way.SNAPSHOT)
    except DriverError:
        if not eye.offer.stream:
            raise
        return await eye.take(Way.CONNECT)
