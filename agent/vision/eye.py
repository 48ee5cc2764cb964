"""One camera, by whatever it is reached: ONVIF where it has it, else the addresses of the configuration."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from agent.camera.config import ONVIF_PORT, ONVIF_TLS_PORT, Camera
from agent.config_words import split_host_port
from agent.uplink import secrets
from agent.uplink.errors import Unusable
from agent.vision.choice import Offer
from drivers.cameras.access import Credentials, Trust, shown_url
from drivers.cameras.onvif.camera import OnvifCamera
from drivers.cameras.onvif.media import MediaProfile
from drivers.cameras.snapshot import Snapshot, decode
from drivers.cameras.streams.decoders import Decoders, Grabbed, HeldStream
from drivers.errors import BadConfig, DriverError, Garbled, LinkClosed, LinkTimeout, Refused
from drivers.frames import Frame, Way

TIMEOUT_S = 5.0
"""Of an ONVIF request or a snapshot."""

STREAM_TIMEOUT_S = 15.0
"""Connecting, and the wait for the next key frame: 10 s apart is the longest in the field."""

LEAST_WIDTH = 640
"""Pictures are graded at this width: a smaller stream tells less, a larger one costs more."""

_PORTS = {"http": 80, "https": 443, "rtsp": 554}
Now = Callable[[], int]


class Eye:
    """Opens nothing before `connect`. Every call raises DriverError and has a deadline."""

    def __init__(self, name: str, camera: Camera, decoders: Decoders, now: Now) -> None:
        self.name = name
        self.camera = camera
        self.facts: dict[str, Any] = {}
        """What the camera told of itself, for status and its file."""
        self.onvif: OnvifCamera | None = None
        self.snapshot_url = camera.snapshot or ""
        self.stream_url = camera.stream or ""
        self._decoders = decoders
        self._now = now
        self._resources = AsyncExitStack()
        self._held = AsyncExitStack()
        self._credentials: Credentials | None = None
        self._snapshot: Snapshot | None = None
        self._stream: HeldStream | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._held.aclose()
        await self._resources.aclose()

    @property
    def offer(self) -> Offer:
        """What ways there are to its pictures."""
        return Offer(snapshot=bool(self.snapshot_url), stream=bool(self.stream_url))

    async def reach(self) -> None:
        """Connect to it, and hang up.

        Raises:
            LinkTimeout, LinkClosed: nobody there.
        """
        host, port = self._address()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                _, writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            message = f"{host}:{port} does not answer: is it powered, its cable in, the address right?"
            raise LinkTimeout(message) from None
        except socket.gaierror:
            raise LinkClosed(
                f"no address is known for {host}: mend the name, or give the IP address"
            ) from None
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            raise LinkClosed(f"{host}:{port}: {reason}; is it on, and the port right?") from None
        writer.close()

    async def connect(self) -> None:
        """Sign in, and learn what it is and where its pictures are. The password is read anew each time.

        Raises:
            BadConfig: the password cannot be read, or there is no such profile.
            Unauthorised: it is not accepted.
            DriverError: anything else.
        """
        await self._held.aclose()
        await self._resources.aclose()
        self._stream = self._snapshot = self.onvif = None
        self._credentials = self.credentials()
        if self.camera.host is not None:
            await self._sign_in()
        self.facts |= {"snapshot": shown_url(self.snapshot_url), "stream": shown_url(self.stream_url)}
        if self.snapshot_url:
            snapshot = Snapshot(self.snapshot_url, self._credentials, self.trust, timeout_s=TIMEOUT_S)
            self._snapshot = await self._resources.enter_async_context(snapshot)

    async def take(self, way: Way) -> Frame:
        """A picture.

        Raises:
            DriverError: none came.
        """
        if way is Way.SNAPSHOT:
            return await self._take_snapshot()
        if not self.stream_url:
            raise BadConfig(f"{self.name} has no stream; set way to snapshot, or give stream")
        if way is Way.CONNECT:
            grabbed = await self._decoders.grab(self.stream_url, self._credentials, STREAM_TIMEOUT_S)
        else:
            grabbed = await self._take_held()
        return self._frame(way, grabbed)

    async def let_go(self) -> None:
        """Hang up on a stream that is held."""
        self._stream = None
        await self._held.aclose()

    async def _take_snapshot(self) -> Frame:
        if self._snapshot is None:
            raise BadConfig(f"{self.name} has no snapshots; set way to auto, or give snapshot")
        jpeg = await self._snapshot.take()
        at_ms = self._now()
        pixels = await asyncio.to_thread(decode, jpeg)
        return Frame(camera=self.name, at_ms=at_ms, way=Way.SNAPSHOT, pixels=pixels, jpeg=jpeg)

    async def _take_held(self) -> Grabbed:
        if self._stream is None:
            holding = self._decoders.hold(self.stream_url, self._credentials, STREAM_TIMEOUT_S)
            self._stream = await self._held.enter_async_context(holding)
        try:
            return await self._stream.take(STREAM_TIMEOUT_S)
        except DriverError:
            await self.let_go()
            raise

    def _frame(self, way: Way, grabbed: Grabbed) -> Frame:
        return Frame(
            camera=self.name, at_ms=self._now(), way=way, pixels=grabbed.pixels,
            fps=grabbed.fps, damaged=grabbed.damaged,
        )  # fmt: skip

    def dial(self, credentials: Credentials | None) -> OnvifCamera:
        """A connection to its ONVIF service, to be opened by `async with`."""
        host, port = self._address()
        return OnvifCamera(
            host, port, https=self.camera.https, credentials=credentials, trust=self.trust,
            now=self._now, timeout_s=TIMEOUT_S,
        )  # fmt: skip

    async def _sign_in(self) -> None:
        camera = self.camera
        self.onvif = onvif = await self._resources.enter_async_context(self.dial(self._credentials))
        device = await onvif.connect()
        facts = asdict(replace(device, services={})) | {"services": dict(device.services)}
        profiles = await onvif.profiles()
        if profiles:
            profile = self._chosen(profiles)
            self.stream_url = camera.stream or await onvif.stream_uri(profile.token)
            self.snapshot_url = camera.snapshot or await _or_none(onvif.snapshot_uri(profile.token))
            facts["profile"] = profile.token
        facts["profiles"] = [asdict(each) for each in profiles]
        self.facts = facts
        if not (self.snapshot_url or self.stream_url):
            raise Garbled(f"{self.name} told of neither a snapshot nor a stream; see polegate camera probe")

    def _chosen(self, profiles: tuple[MediaProfile, ...]) -> MediaProfile:
        """The one the configuration names, else the smallest of LEAST_WIDTH at least."""
        if wanted := self.camera.profile:
            for profile in profiles:
                if wanted in (profile.token, profile.name):
                    return profile
            known = ", ".join(profile.token for profile in profiles)
            raise BadConfig(f"cameras.{self.name}.profile: the camera has no {wanted}; it has {known}")
        enough = [profile for profile in profiles if profile.width >= LEAST_WIDTH]
        return min(enough, key=lambda p: p.width * p.height) if enough else max(profiles, key=_size)

    def _address(self) -> tuple[str, int]:
        camera = self.camera
        if camera.host is not None:
            return split_host_port(camera.host, ONVIF_TLS_PORT if camera.https else ONVIF_PORT)
        parts = urlsplit(camera.snapshot or camera.stream or "")
        return parts.hostname or "", parts.port or _PORTS[parts.scheme]

    @property
    def trust(self) -> Trust:
        """How its certificate is checked."""
        return Trust(verify=self.camera.verify, ca=self.camera.ca)

    @property
    def has_new_password(self) -> bool:
        """Whether the configured one is another than it signed in with."""
        with suppress(DriverError):
            return self.credentials() != self._credentials
        return False

    def credentials(self) -> Credentials | None:
        """Read anew from where the configuration says; BadConfig where that cannot be."""
        camera = self.camera
        if camera.username is None or camera.password is None:
            return None
        try:
            password = secrets.read(camera.password, f"cameras.{self.name}.password")
        except Unusable as error:
            raise BadConfig(str(error)) from None
        return Credentials(camera.username, password)


def _size(profile: MediaProfile) -> int:
    return profile.width * profile.height


async def _or_none(asked: Any) -> str:  # noqa: ANN401  an awaitable of an address
    """Cameras without snapshots say so in many ways."""
    try:
        return await asked or ""
    except (Refused, Garbled):
        return ""
