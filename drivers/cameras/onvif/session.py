"""Signed SOAP to one camera: by its own clock, with a UsernameToken or HTTP digest, whichever it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from drivers.cameras.access import Credentials
from drivers.cameras.digest import Digest
from drivers.cameras.onvif.clock import ClockReading, ClockSource, read_clock
from drivers.cameras.onvif.envelope import NAMESPACES, Element, envelope, opened
from drivers.cameras.onvif.signing import username_token
from drivers.cameras.onvif.wire import Answer, HungUp, Wire
from drivers.errors import Garbled, Refused, Unauthorised

DEVICE_PATH = "/onvif/device_service"
"""Where every ONVIF device answers first (Core, 5.1.1)."""

SAME_TIME_MS = 2000
"""Signing again by a clock that differs by less would be the same try: each may count towards a lock-out."""


@dataclass(frozen=True, slots=True)
class Signature:
    """How requests are signed: a UsernameToken by one of the clocks, or HTTP digest, which needs none."""

    mode: Literal["token", "digest"]
    clock: ClockSource = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`repeat`: may be sent again when the camera hung up on a connection that was idle."""

    url: str
    action: str
    body: str
    headers: str = ""
    timeout_s: float | None = None
    repeat: bool = True


class Session:
    """Calls to one camera; `now` is our time, ms UTC. The signature that it accepted last is kept."""

    def __init__(self, wire: Wire, credentials: Credentials | None, now: Callable[[], int]) -> None:
        self.wire = wire
        self.clock: ClockReading | None = None
        self.signature: Signature | None = None
        self._credentials = credentials
        self._now = now
        self._digest = Digest(credentials) if credentials else None
        self._settling = asyncio.Lock()

    async def call(self, request: Request, *, settle: bool = True) -> Element:
        """Send it signed; the first element of the answer's body.

        `settle`: if it is refused, read the camera's clock anew and look for a signature that is accepted.

        Raises:
            Unauthorised: none is; the message says which were tried.
            SoapFault, Refused, Garbled, LinkError, BadConfig: as `opened` and `Wire.post` say.
        """
        if self._credentials is None:
            return await self._send_unsigned(request)
        if self.clock is None:
            await self.measure()
        used = self.signature or self._first()
        ahead_ms = self._ahead_ms(used.clock) or 0
        try:
            answer = await self._send(request, used)
        except Unauthorised as refused:
            if not settle:
                raise
            async with self._settling:
                return await self._settle(request, (used, ahead_ms), refused)
        self.signature = used
        return answer

    async def measure(self) -> ClockReading:
        """Read the camera's clock without signing; without a time where it does not tell it so."""
        url = self.wire.url(DEVICE_PATH)
        action = f"{NAMESPACES['tds']}/GetSystemDateAndTime"
        began_s = time.monotonic()
        try:
            answer = await self._exchange(
                Request(url=url, action=action, body="<tds:GetSystemDateAndTime/>"), "", None
            )
            middle_s = (began_s + time.monotonic()) / 2
            self.clock = read_clock(opened(answer.body, answer.status, self.wire.where), middle_s)
        except (Refused, Garbled):
            self.clock = ClockReading(at_s=began_s)
        return self.clock

    @property
    def source(self) -> ClockSource:
        """The reading of the camera's clock that `time_ms` goes by."""
        if self.signature is not None and self.signature.mode == "token":
            return self.signature.clock
        return "none" if self._ahead_ms("utc") is None else "utc"

    @property
    def offset_ms(self) -> int:
        """How far the camera's clock is ahead of ours; 0 where it told none that it goes by."""
        return self._ahead_ms(self.source) or 0

    def time_ms(self) -> int:
        """The time now by the camera's clock."""
        return self._now() + self.offset_ms

    async def _settle(self, request: Request, used: tuple[Signature, int], refused: Unauthorised) -> Element:
        await self.measure()
        tried = [used]
        for signature in self._ways():
            ahead_ms = self._ahead_ms(signature.clock)
            if ahead_ms is None or _known(signature, ahead_ms, tried):
                continue
            tried.append((signature, ahead_ms))
            try:
                answer = await self._send(request, signature)
            except Unauthorised as again:
                refused = again
            else:
                self.signature = signature
                return answer
        raise Unauthorised(self._told(refused, tried), refused.code)

    def _ways(self) -> Iterator[Signature]:
        """HTTP digest first where the camera has asked for it."""
        asked = self._digest is not None and self._digest.ready
        if asked:
            yield Signature("digest")
        for clock in ("utc", "local", "none"):
            yield Signature("token", clock)
        if not asked:
            yield Signature("digest")

    def _first(self) -> Signature:
        clocks: tuple[ClockSource, ...] = ("utc", "local", "none")
        return Signature("token", next(clock for clock in clocks if self._ahead_ms(clock) is not None))

    def _ahead_ms(self, clock: ClockSource) -> int | None:
        if clock == "none":
            return 0
        shown_ms = self.clock.time_ms(clock) if self.clock else None
        return None if shown_ms is None else shown_ms - self._now()

    async def _send_unsigned(self, request: Request) -> Element:
        answer = await self._exchange(request, request.headers, None)
        try:
            return opened(answer.body, answer.status, self.wire.where)
        except Unauthorised as refused:
            raise Unauthorised(f"{refused}; no user is configured for this camera", refused.code) from None

    async def _send(self, request: Request, signature: Signature) -> Element:
        assert self._credentials is not None  # noqa: S101  call() sends unsigned without them
        assert self._digest is not None  # noqa: S101
        if signature.mode == "token":
            signed_ms = self._now() + (self._ahead_ms(signature.clock) or 0)
            headers = username_token(self._credentials, signed_ms) + request.headers
            answer = await self._exchange(request, headers, None)
            if answer.status == 401:
                self._digest.challenged(answer.challenges)
        else:
            answer = await self._exchange(request, request.headers, self._digest)
            if answer.status == 401 and self._digest.challenged(answer.challenges):
                answer = await self._exchange(request, request.headers, self._digest)
        return opened(answer.body, answer.status, self.wire.where)

    async def _exchange(self, request: Request, headers: str, digest: Digest | None) -> Answer:
        data = envelope(request.body, headers)
        fields = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{request.action}"'}
        for last in (False, True):
            if digest and (authorization := digest.authorization("POST", _uri(request.url))):
                fields["Authorization"] = authorization
            try:
                return await self.wire.post(request.url, data, fields, timeout_s=request.timeout_s)
            except HungUp:
                if last or not request.repeat:
                    raise
        raise AssertionError

    def _told(self, refused: Unauthorised, tried: list[tuple[Signature, int]]) -> str:
        user = self._credentials.username if self._credentials else ""
        ways = ", ".join(_way(signature, ahead_ms) for signature, ahead_ms in tried)
        return f"{refused}; user {user!r} was tried with {ways}. {_ADVICE}"


def _known(signature: Signature, ahead_ms: int, tried: list[tuple[Signature, int]]) -> bool:
    return any(
        signature.mode == other.mode and abs(ahead_ms - other_ms) < SAME_TIME_MS for other, other_ms in tried
    )


def _way(signature: Signature, ahead_ms: int) -> str:
    if signature.mode == "digest":
        return "HTTP digest"
    if signature.clock == "none":
        return "a token by our own clock"
    clock = {"utc": "UTC", "local": "local"}[signature.clock]
    return f"a token by the camera's {clock} time ({round(ahead_ms / 1000):+d} s to ours)"


def _uri(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


_ADVICE = "Check the password, the rights of this account, and the camera's clock"
