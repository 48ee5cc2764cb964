"""One ONVIF camera: everything that is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from drivers.cameras.access import Credentials, Trust
from drivers.cameras.onvif import device, imaging, media, ptz
from drivers.cameras.onvif.clock import ClockReading
from drivers.cameras.onvif.device import DeviceFacts, NetworkFacts
from drivers.cameras.onvif.envelope import Element
from drivers.cameras.onvif.imaging import ImagingSettings, IrCut
from drivers.cameras.onvif.media import MediaProfile
from drivers.cameras.onvif.ptz import Preset, PtzStatus
from drivers.cameras.onvif.services import Services
from drivers.cameras.onvif.session import Request, Session
from drivers.cameras.onvif.wire import Wire
from drivers.errors import Refused


class OnvifCamera:
    """A camera at `host`:`port`; nothing is sent before the first call. `now` is our time, ms UTC.

    `timeout_s` is for each request, of which one call may need a few. Raises of every call:
    LinkTimeout, LinkClosed, Garbled, SoapFault, Refused, Unauthorised, BadConfig.
    """

    def __init__(
        self,
        host: str,
        port: int = 80,
        *,
        https: bool = False,
        credentials: Credentials | None,
        trust: Trust,
        now: Callable[[], int],
        timeout_s: float = 5.0,
    ) -> None:
        self._wire = Wire(host, port, https=https, trust=trust, timeout_s=timeout_s)
        self._session = Session(self._wire, credentials, now)
        self._services = Services(self._session)
        self._profiles: tuple[MediaProfile, ...] = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._wire.close()

    async def reach(self) -> None:
        """Connect and hang up.

        Raises:
            LinkTimeout: nobody answers.
            LinkClosed: refused, or no way there.
        """
        await self._wire.reach()

    async def connect(self) -> DeviceFacts:
        """Read its clock, sign in, and find out what it is and which services it has: to be done first."""
        self._profiles = ()
        return await device.connect(self._services)

    async def profiles(self) -> tuple[MediaProfile, ...]:
        """Its streams, in its own order: commonly the largest first."""
        self._profiles = await media.profiles(self._services)
        return self._profiles

    async def stream_uri(self, profile: str) -> str:
        """Of the profile with this token: RTSP over TCP, without a user."""
        return await media.stream_uri(self._services, profile)

    async def snapshot_uri(self, profile: str) -> str | None:
        """A JPEG by HTTP, without a user; None where it offers none."""
        return await media.snapshot_uri(self._services, profile)

    async def presets(self) -> tuple[Preset, ...]:
        """The positions it remembers."""
        return await ptz.presets(self._services, await self._ptz_profile())

    async def goto(self, preset: str) -> None:
        """Start to move to the preset with this token."""
        await ptz.goto(self._services, await self._ptz_profile(), preset)

    async def move(self, pan: float = 0.0, tilt: float = 0.0, zoom: float = 0.0, *, for_s: float) -> None:
        """Move at these speeds, -1 to 1, for `for_s`, then stop; stop too when it is cancelled."""
        profile = await self._ptz_profile()
        await ptz.move(self._services, profile, pan=pan, tilt=tilt, zoom=zoom, for_s=for_s)

    async def stop(self) -> None:
        """End every movement, whoever began it."""
        await ptz.stop(self._services, await self._ptz_profile())

    async def status(self) -> PtzStatus:
        """Where it points."""
        return await ptz.status(self._services, await self._ptz_profile())

    async def imaging(self) -> ImagingSettings:
        """How its first video source is set."""
        return await imaging.imaging(self._services, await self._source())

    async def set_imaging(
        self,
        *,
        brightness: float | None = None,
        contrast: float | None = None,
        saturation: float | None = None,
        sharpness: float | None = None,
        ir_cut: IrCut | None = None,
    ) -> ImagingSettings:
        """Set what is given; what the camera then says is set, which may differ."""
        wanted = ImagingSettings(
            brightness=brightness,
            contrast=contrast,
            saturation=saturation,
            sharpness=sharpness,
            ir_cut=ir_cut,
        )
        return await imaging.set_imaging(self._services, await self._source(), wanted)

    async def reboot(self) -> None:
        """Restart it; it is away for a minute or so, and forgets its subscriptions."""
        await device.reboot(self._services)

    async def set_time(self, at_ms: int) -> ClockReading:
        """Set its clock to `at_ms` UTC, no NTP from now on; its time zone stays. The clock read back."""
        return await device.set_time(self._services, at_ms)

    async def network(self) -> NetworkFacts:
        """Its addresses, name servers and time servers."""
        return await device.network(self._services)

    async def soap(
        self,
        address: str,
        action: str,
        body: str,
        headers: str = "",
        *,
        timeout_s: float | None = None,
        repeat: bool = True,
    ) -> Element:
        """The door for services that live elsewhere, such as events: one signed request.

        `address`: `facts.services[namespace]`, or what the camera gave as an address: its host is replaced
        by the one we reach it at, its path and port are kept. `body` and `headers` (WS-Addressing: send
        Action and To) are XML with the prefixes of `envelope.NAMESPACES`. `timeout_s`: longer than a pull
        waits. `repeat`: False for what must not happen twice, such as a new subscription; then the camera
        hanging up on an idle connection is LinkClosed. Returns the first element of the answer's body.

        Raises:
            SoapFault: with `subcodes`, local names such as "ResourceUnknownFault".
            Unauthorised: after the clock was read anew and each signature tried once.
            Refused, Garbled, LinkTimeout, LinkClosed: as everywhere.
        """
        request = Request(
            url=self._wire.url(address),
            action=action,
            body=body,
            headers=headers,
            timeout_s=timeout_s,
            repeat=repeat,
        )
        return await self._session.call(request)

    def time_ms(self) -> int:
        """The camera's own time now, for an absolute end of a subscription."""
        return self._session.time_ms()

    async def _ptz_profile(self) -> str:
        moving = [profile for profile in await self._known_profiles() if profile.has_ptz]
        if not moving:
            raise Refused(f"{self._wire.where}: none of the camera's profiles can pan, tilt or zoom", 0)
        return moving[0].token

    async def _source(self) -> str:
        known = await self._known_profiles()
        if not known:
            raise Refused(f"{self._wire.where}: none of the camera's profiles has a video source", 0)
        return known[0].source

    async def _known_profiles(self) -> tuple[MediaProfile, ...]:
        return self._profiles or await self.profiles()
