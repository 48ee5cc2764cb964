"""Pictures by HTTP: one request, one JPEG."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import aiohttp
import cv2
import numpy as np
from yarl import URL

from drivers.cameras.access import Credentials, Trust, shown_url
from drivers.cameras.digest import Digest
from drivers.cameras.jpeg import whole_jpeg
from drivers.errors import BadConfig, DriverError, Garbled, LinkClosed, LinkTimeout, Refused, Unauthorised
from drivers.frames import Pixels

MOST_REDIRECTS = 3
_ENOUGH_TO_JUDGE = 4


class Snapshot:
    """A camera's snapshot address; `take` gives a JPEG that is whole.

    Redirects are followed on the same host only, and not from HTTPS to HTTP. What comes is judged by its
    bytes: cameras name any type. Use it by `async with` unless `session` is given.
    """

    def __init__(
        self,
        uri: str,
        credentials: Credentials | None,
        trust: Trust,
        *,
        timeout_s: float,
        most_bytes: int = 8 * 1024 * 1024,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        """Raises BadConfig: no http or https address, or a CA that cannot be read."""
        self._shown = shown_url(uri)
        self._url = _url(uri, self._shown)
        self._tls: ssl.SSLContext | bool = trust.context() if self._url.scheme == "https" else True
        self._trust = trust
        self._credentials = credentials
        self._digest = Digest(credentials) if credentials else None
        self._basic = ""
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self._session = session
        self._own: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        if self._session is None:
            self._session = self._own = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own is not None:
            await self._own.close()
            self._session = self._own = None

    async def take(self) -> bytes:
        """The picture of now, cut off behind its end.

        Raises:
            LinkTimeout: not whole within `timeout_s`.
            LinkClosed: no connection, or one that broke off.
            Unauthorised: these credentials are not accepted.
            Refused: another answer than a picture; `code` is the HTTP status.
            Garbled: an empty, cut or other body than a JPEG's.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._body()
        except TimeoutError:
            raise LinkTimeout(
                f"{self._shown}: no whole picture within {self._timeout_s:g} s; check the line to the "
                "camera, or allow more time"
            ) from None
        except aiohttp.ClientError as error:
            raise self._failed(error) from None
        try:
            return whole_jpeg(body)
        except Garbled as error:
            raise Garbled(f"{self._shown}: {error}", body[:64]) from None

    async def _body(self) -> bytes:
        """Ask, sign, follow; the password is tried at most once for each challenge that we have not met."""
        url, tries = self._url, 0
        for _ in range(MOST_REDIRECTS + 3):
            async with self._request(url) as response:
                if response.status == 200:
                    return await self._read(response)
                if response.status in (301, 302, 303, 307, 308):
                    url = self._followed(url, response)
                    continue
                challenges = response.headers.getall("WWW-Authenticate", [])
                if response.status != 401 or tries == 1 or not self._take_up(challenges):
                    raise self._refusal(response.status, challenges)
                tries += 1
        raise Refused(f"{self._shown}: the camera sends us from one address to the next; {_ANEW}", 310)

    def _request(self, url: URL) -> aiohttp.client._RequestContextManager:
        assert self._session is not None, "used outside of `async with`"  # noqa: S101
        headers = {"Accept": "image/jpeg, */*"}
        if self._basic:
            headers["Authorization"] = self._basic
        elif self._digest and (signed := self._digest.authorization("GET", url.raw_path_qs)):
            headers["Authorization"] = signed
        return self._session.get(
            url,
            headers=headers,
            ssl=self._tls,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """No more than may be, and not the whole of what is no picture anyway."""
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._most_bytes:
                raise Garbled(f"{self._shown}: more than {self._most_bytes} bytes; {_SMALLER}")
            if len(body) >= _ENOUGH_TO_JUDGE and not body.startswith(b"\xff\xd8"):
                break
        return bytes(body)

    def _take_up(self, challenges: Sequence[str]) -> bool:
        """Whether we can answer; digest before Basic, which shows the password to everyone on the way."""
        if self._digest is None or self._credentials is None:
            return False
        if self._digest.challenged(challenges):
            self._basic = ""
            return True
        if self._basic or not any(text.lower().startswith("basic") for text in challenges):
            return False
        pair = f"{self._credentials.username}:{self._credentials.password}"
        self._basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return True

    def _followed(self, url: URL, response: aiohttp.ClientResponse) -> URL:
        """Where a redirect leads, on the same host."""
        try:
            to = url.join(URL(response.headers.get("Location", ""))).with_user(None)
        except ValueError:
            to = url
        if to.host != url.host or (url.scheme, to.scheme) not in _WAYS:
            raise Refused(
                f"{self._shown}: the camera sends us to another place, {shown_url(str(to))}; {_ANEW}",
                response.status,
            )
        if to.scheme == "https" and self._tls is True:
            self._tls = self._trust.context()
        return to

    def _refusal(self, status: int, challenges: Sequence[str]) -> Refused:
        if status == 401:
            unknown = bool(challenges) and not any(_known(text) for text in challenges)
            why = _NO_SCHEME if unknown else _WRONG if self._credentials else _NOBODY
            return Unauthorised(f"{self._shown}: {why}", status)
        if status == 403:
            return Unauthorised(f"{self._shown}: {_FORBIDDEN}", status)
        return Refused(f"{self._shown}: {_STATUS.get(status) or f'the camera answers {status}'}", status)

    def _failed(self, error: aiohttp.ClientError) -> DriverError:
        """In our own words: those of aiohttp may hold the address, and it a password."""
        match error:
            case aiohttp.ClientConnectorCertificateError():
                why = "the camera's certificate is not trusted; give it as ca, or verify = false"
            case aiohttp.ClientSSLError():
                why = "no TLS there; check whether the address should be http://"
            case aiohttp.ClientConnectorDNSError():
                why = "the name of the camera is not known; use its IP address"
            case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
                why = "connection refused: is the camera on, and the port right?"
            case aiohttp.ClientConnectorError():
                why = error.os_error.strerror or "no connection"
            case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
                why = "the camera hung up before the picture was whole"
            case _:
                return Garbled(f"{self._shown}: no HTTP that we understand; is that the camera's web port?")
        return LinkClosed(f"{self._shown}: {why}")


def decode(jpeg: bytes) -> Pixels:
    """A JPEG as pixels, blue first; takes 10 ms of CPU for 1080p, so run it in a thread.

    Raises:
        Garbled: OpenCV cannot decode it.
    """
    try:
        pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise Garbled("the JPEG cannot be decoded; the camera's encoder or the line damages it", jpeg[:64])
    return np.asarray(pixels, np.uint8)


def _url(uri: str, shown: str) -> URL:
    try:
        url = URL(uri).with_user(None)
    except ValueError:
        raise BadConfig(f"{shown} is no address; {_ANEW}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise BadConfig(f"{shown} is no http:// or https:// address; {_ANEW}")
    return url


def _known(challenge: str) -> bool:
    return challenge.lower().startswith(("digest", "basic"))


_WAYS = {("http", "http"), ("http", "https"), ("https", "https")}
_ANEW = "ask the camera for its snapshot address anew (polegate camera probe)"
_WRONG = "the camera does not accept the user or the password; check both, and that it is not locked out"
_NOBODY = "the camera wants a user and a password; give them in the configuration"
_NO_SCHEME = "the camera wants a way of signing in that is neither digest nor basic; set digest in the camera"
_FORBIDDEN = "the camera forbids this user its pictures; give the user the right, or wait if it is locked out"
_SMALLER = "choose a smaller picture in the camera"
_STATUS = {
    404: f"no picture at this address; {_ANEW}",
    500: "the camera failed inside (500); reboot it if that stays",
    503: "the camera is busy (503); ask less often, or end other viewers",
}
