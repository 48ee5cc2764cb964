"""HTTP to one camera: short deadlines, answers of bounded size, our own trust; no proxy, no redirect."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

import aiohttp
from yarl import URL

from drivers.cameras.access import Trust
from drivers.errors import Garbled, LinkClosed, LinkError, LinkTimeout

LARGEST_ANSWER = 2 << 20
"""Octets; the longest list of profiles seen has some 100 kB."""

MOST_CONNECTIONS = 3
"""At a time to one camera: a pull that waits for events, a call, and one to spare."""

IDLE_S = 8.0
"""An idle connection is closed after this, before most cameras do it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: HTTP status, body, and the WWW-Authenticate headers."""

    status: int
    body: bytes
    challenges: tuple[str, ...]


class Wire:
    """The way to one camera. Nothing is opened before the first request."""

    def __init__(self, host: str, port: int, *, https: bool, trust: Trust, timeout_s: float) -> None:
        self.host = host
        self.where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.timeout_s = timeout_s
        self._port = port
        self._https = https
        self._trust = trust
        self._session: aiohttp.ClientSession | None = None

    def url(self, address: str) -> str:
        """Where to send what is meant for `address`: a path, or an address of which the port is kept.

        Raises:
            Garbled: it is no address.
        """
        parts = split_address(address if "://" in address or address.startswith("/") else f"/{address}")
        port = self._port if not parts.netloc else _port(parts.netloc) or self._port
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = f"?{parts.query}" if parts.query else ""
        return f"{'https' if self._https else 'http'}://{host}:{port}{parts.path or '/'}{query}"

    async def reach(self) -> None:
        """Connect and hang up.

        Raises:
            LinkTimeout: nobody answers.
            LinkClosed: refused, or no way there.
        """
        try:
            async with asyncio.timeout(self.timeout_s):
                _, writer = await asyncio.open_connection(self.host, self._port)
        except TimeoutError:
            raise LinkTimeout(self._late("no connection", self.timeout_s)) from None
        except OSError as error:
            raise self._lost(error) from None
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def post(
        self, url: str, body: bytes, headers: dict[str, str], *, timeout_s: float | None = None
    ) -> Answer:
        """Send one request, `url` from `url()`; `timeout_s` is for all of it.

        Raises:
            LinkTimeout: no answer in time.
            LinkClosed: no connection, not the certificate we trust, or it hung up.
            Garbled: an answer larger than LARGEST_ANSWER, or no HTTP.
            BadConfig: the file of the trusted certificate cannot be used.
        """
        total_s = timeout_s or self.timeout_s
        limits = aiohttp.ClientTimeout(total=total_s, connect=self.timeout_s, sock_read=total_s)
        try:
            async with self._opened().post(
                URL(url, encoded=True), data=body, headers=headers, timeout=limits, allow_redirects=False
            ) as response:
                challenges = tuple(response.headers.getall("WWW-Authenticate", ()))
                return Answer(response.status, await self._body(response), challenges)
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            self._raise(error, total_s)

    async def close(self) -> None:
        """Close every connection; the wire may be used again."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > LARGEST_ANSWER:
                response.close()
                raise Garbled(
                    f"{self.where}: an answer of more than {LARGEST_ANSWER >> 20} MiB", bytes(body[:200])
                )
        return bytes(body)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            context: ssl.SSLContext | bool = self._trust.context() if self._https else False
            connector = aiohttp.TCPConnector(ssl=context, limit=MOST_CONNECTIONS, keepalive_timeout=IDLE_S)
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        return self._session

    def _raise(self, error: Exception, total_s: float) -> NoReturn:
        match error:
            case TimeoutError():
                raise LinkTimeout(self._late("no answer", total_s)) from None
            case aiohttp.ClientConnectorCertificateError(certificate_error=cause):
                said = getattr(cause, "verify_message", "") or str(cause)
                raise LinkClosed(
                    f"{self.where}: its certificate is not trusted: {said}. {_TRUST_IT}"
                ) from None
            case aiohttp.ClientConnectorSSLError(os_error=cause):
                said = getattr(cause, "reason", "") or str(cause)
                raise LinkClosed(
                    f"{self.where}: no TLS connection: {said}; is this its HTTPS port?"
                ) from None
            case aiohttp.ServerDisconnectedError() | aiohttp.ClientConnectionResetError():
                raise HungUp(f"{self.where}: the camera hung up before it answered") from None
            case aiohttp.ClientOSError():
                raise self._lost(error) from None
            case aiohttp.ClientPayloadError() | aiohttp.ClientConnectionError():
                raise LinkClosed(f"{self.where}: the camera hung up in the middle of its answer") from None
            case _:
                raise Garbled(f"{self.where}: no HTTP answer: {error}") from None

    def _late(self, what: str, within_s: float) -> str:
        return f"{self.where}: {what} within {within_s:g} s"

    def _lost(self, error: OSError) -> LinkError:
        number = error.errno or 0
        if number == errno.ETIMEDOUT:
            return LinkTimeout(self._late("no connection", self.timeout_s))
        advice = _ADVICE.get(number) or (os.strerror(number) if number > 0 else str(error))
        return LinkClosed(f"{self.where}: {advice}")


class HungUp(LinkClosed):
    """The camera closed the connection without an answer, as it may with one that was idle."""


def split_address(address: str) -> SplitResult:
    """The parts of an address that a camera gave.

    Raises:
        Garbled: it is none.
    """
    try:
        return urlsplit(address)
    except ValueError:
        raise Garbled(f"the camera gave {address[:200]!r} for an address") from None


def _port(netloc: str) -> int | None:
    """Of "host:port", also of "host:port:port", which some cameras write."""
    tail = netloc.rpartition("@")[2].rpartition("]")[2].split(":")
    return int(tail[1]) if len(tail) > 1 and tail[1].isdigit() and 0 < int(tail[1]) < 65536 else None


_TRUST_IT = "Name its certificate as the camera's ca, or do without the check (verify = false)"
_ADVICE = {
    errno.ECONNREFUSED: "connection refused: is the camera up, and is this its ONVIF port?",
    errno.EHOSTUNREACH: "no route to the camera: is it powered, and in this network?",
    errno.ENETUNREACH: "no route to the camera's network",
    errno.ECONNRESET: "the camera reset the connection",
    errno.EPIPE: "the camera reset the connection",
}
