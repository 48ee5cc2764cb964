"""Where a stream is, in two forms: with the credentials for the decoder, without them for people."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, urlsplit

from drivers.cameras.access import Credentials, shown_url
from drivers.cameras.streams.wire import Trouble
from drivers.errors import BadConfig, DriverError, Garbled, LinkClosed, LinkTimeout, Refused, Unauthorised

MOST_URL = 2048
"""Characters; orders to a decoder are of bounded size."""

MOST_USERINFO = 127
"""Characters of user and password, percent-encoded, that FFmpeg takes in a URL (libavformat/rtsp.c)."""


@dataclass(frozen=True, slots=True)
class Target:
    """A stream to open; `str` gives what may be shown, without user and password."""

    url: str = field(repr=False)
    shown: str

    @classmethod
    def of(cls, url: str, credentials: Credentials | None) -> Self:
        """Credentials within `url` are dropped: cameras put stale ones and placeholders there.

        Raises:
            BadConfig: not an rtsp:// URL with a host, or credentials that FFmpeg cannot carry.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or 554
        except ValueError:
            raise BadConfig(_NO_URL) from None
        if parts.scheme != "rtsp" or not parts.hostname or len(url) > MOST_URL:
            raise BadConfig(_NO_URL)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        where = f"{host}:{port}"
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return cls(f"rtsp://{_userinfo(credentials)}{where}{path}", shown_url(f"rtsp://{where}{path}"))

    def __str__(self) -> str:
        return self.shown


def _userinfo(credentials: Credentials | None) -> str:
    if credentials is None:
        return ""
    if ":" in credentials.username:
        raise BadConfig("the camera's user name holds a colon, which RTSP cannot carry; rename the user")
    text = f"{quote(credentials.username, safe='')}:{quote(credentials.password, safe='')}"
    if len(text) > MOST_USERINFO:
        raise BadConfig(
            "the camera's user name and password together are too long for RTSP: at most 126 letters and "
            "digits, of which every other character takes three; choose a shorter password"
        )
    return f"{text}@"


def error_of(trouble: Trouble, code: int, target: Target, waited_s: float) -> DriverError:
    """What a decoder reported, as what it means for who asked and what to do about it."""
    match trouble:
        case Trouble.TIMEOUT:
            return silent(target, waited_s)
        case Trouble.NO_KEY_FRAME:
            return LinkTimeout(
                f"{target}: no key frame within {waited_s:g} s; set a shorter I-frame interval in the "
                "camera, or allow more time"
            )
        case Trouble.REFUSED if code == 401:
            return Unauthorised(f"{target}: {_UNAUTHORISED}", code)
        case Trouble.REFUSED:
            return Refused(f"{target}: {_REFUSALS.get(code) or f'the camera answers {code}'}", code)
        case Trouble.CLOSED:
            return LinkClosed(f"{target}: {_CLOSED.get(code) or os.strerror(code)}")
        case Trouble.UNDECODABLE:
            return Garbled(f"{target}: {_UNDECODABLE}")


def silent(target: Target, waited_s: float) -> LinkTimeout:
    """Nothing came in time, from the camera or from the decoder."""
    return LinkTimeout(
        f"{target}: no picture within {waited_s:g} s; check the camera's power and cable, then whether it "
        "streams"
    )


_NO_URL = "the stream's address is no rtsp://host[:port]/path URL; take it from `polegate camera probe`"
_UNAUTHORISED = (
    "the camera does not accept the user or the password; check both, and that it is not locked out"
)
_UNDECODABLE = (
    "what comes is no video that can be decoded; choose H.264 or H.265 in the camera, and check that the "
    "port is its RTSP port"
)
_REFUSALS = {
    403: "the camera forbids this user the stream; give the user the right to live pictures",
    404: "the camera has no such stream; ask it for its stream addresses anew (polegate camera probe)",
    453: "the camera has no bandwidth or session left (453); end other viewers, or choose the sub-stream",
    454: "the camera has forgotten the session (454); it may have rebooted",
    461: "the camera does not stream over TCP (461); allow RTSP over TCP in it",
    503: "the camera is overloaded or starting (503)",
}
_CLOSED = {
    0: "the camera hung up; it may be rebooting, or another viewer took its place",
    errno.ECONNREFUSED: "connection refused: is the camera on, RTSP enabled, and the port right?",
    errno.EHOSTUNREACH: "no route to the camera",
    errno.ENETUNREACH: "no route to the camera's network",
    errno.EIO: "no connection: the name may be unknown, or the camera hung up",
}
