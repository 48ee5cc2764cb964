"""Profiles and the addresses of pictures: the media services, version 2 where the camera has it.

Version 1 cannot name H.265: cameras set to it leave the encoder out of a profile, or have no version 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlunsplit
from xml.sax.saxutils import escape

from drivers.cameras.onvif.envelope import Element, SoapFault, every, find, text
from drivers.cameras.onvif.services import Services
from drivers.cameras.onvif.wire import split_address
from drivers.errors import Garbled


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaProfile:
    """One stream that the camera offers. `codec` is "h264", "h265", "jpeg" ..., "" where it is not told.

    `width`, `height` in pixels and `fps` are what is set, 0 where it is not told. `source` is the token of
    its video source, which imaging is asked by.
    """

    token: str
    name: str
    codec: str
    width: int
    height: int
    fps: float
    has_ptz: bool
    source: str


@dataclass(frozen=True, slots=True)
class _Version:
    """Where a version of the service keeps things inside a profile."""

    prefix: str
    inside: str
    source: str
    encoder: str
    ptz: str


_MEDIA2 = _Version(
    "tr2",
    "<tr2:Type>All</tr2:Type>",
    "Configurations/VideoSource",
    "Configurations/VideoEncoder",
    "Configurations/PTZ",
)
_MEDIA1 = _Version("trt", "", "VideoSourceConfiguration", "VideoEncoderConfiguration", "PTZConfiguration")


async def profiles(services: Services) -> tuple[MediaProfile, ...]:
    """All profiles with a video source, in the camera's order: commonly the largest first.

    Raises:
        Refused: the camera has no media service.
    """
    answer, version = await _ask(services, "GetProfiles", lambda version: version.inside)
    found = (_profile(one, version) for one in every(answer, "Profiles"))
    return tuple(profile for profile in found if profile.token and profile.source)


async def stream_uri(services: Services, token: str) -> str:
    """RTSP over TCP, without a user, at the address we reach the camera at; port and path are the camera's.

    Raises:
        Garbled: the camera answered without an address.
    """
    answer, _ = await _ask(services, "GetStreamUri", lambda version: _stream(version, token))
    uri = text(answer, "MediaUri/Uri") or text(answer, "Uri")
    if not uri:
        raise Garbled(f"{services.session.wire.where}: no stream address for profile {token!r}")
    return our_address(uri, services.session.wire.host)


async def snapshot_uri(services: Services, token: str) -> str | None:
    """As `stream_uri`, for a JPEG by HTTP; None where the camera offers none."""
    for version in _versions(services):
        inside = f"<{version.prefix}:ProfileToken>{escape(token)}</{version.prefix}:ProfileToken>"
        try:
            answer = await services.ask(version.prefix, "GetSnapshotUri", inside)
        except SoapFault:
            continue
        if uri := text(answer, "MediaUri/Uri") or text(answer, "Uri"):
            return our_address(uri, services.session.wire.host)
    return None


def our_address(uri: str, host: str) -> str:
    """The camera's URI without a user, its host replaced by `host`: it may not know where we see it.

    Raises:
        Garbled: it is no address.
    """
    parts = split_address(uri.strip())
    tail = parts.netloc.rpartition("@")[2].rpartition("]")[2].split(":")
    port = f":{tail[1]}" if len(tail) > 1 and tail[1].isdigit() else ""
    netloc = f"[{host}]{port}" if ":" in host else f"{host}{port}"
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))


def _versions(services: Services) -> list[_Version]:
    offered = [version for version in (_MEDIA2, _MEDIA1) if services.offers(version.prefix)]
    return offered or [_MEDIA1]


async def _ask(
    services: Services, operation: str, inside: Callable[[_Version], str]
) -> tuple[Element, _Version]:
    """By version 2, and by 1 where the camera names version 2 but refuses to serve it."""
    *firsts, last = _versions(services)
    for version in firsts:
        try:
            return await services.ask(version.prefix, operation, inside(version)), version
        except (SoapFault, Garbled):
            continue
    return await services.ask(last.prefix, operation, inside(last)), last


def _stream(version: _Version, token: str) -> str:
    profile = f"<{version.prefix}:ProfileToken>{escape(token)}</{version.prefix}:ProfileToken>"
    if version is _MEDIA2:
        return f"<tr2:Protocol>RTSP</tr2:Protocol>{profile}"
    transport = "<tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport>"
    return f"<trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream>{transport}</trt:StreamSetup>{profile}"


def _profile(element: Element, version: _Version) -> MediaProfile:
    encoder = find(element, version.encoder)
    return MediaProfile(
        token=element.get("token", ""),
        name=text(element, "Name"),
        codec=text(encoder, "Encoding").lower(),
        width=int(_number(text(encoder, "Resolution/Width"))),
        height=int(_number(text(encoder, "Resolution/Height"))),
        fps=_number(text(encoder, "RateControl/FrameRateLimit")),
        has_ptz=find(element, version.ptz) is not None,
        source=text(element, f"{version.source}/SourceToken"),
    )


def _number(said: str) -> float:
    try:
        number = float(said)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0
