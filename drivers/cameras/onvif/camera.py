"""One ONVIF camera: everything that is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from drivers.cameras.access import Credentials, Trust
from drivers.cameras.onvif.envelope import Element
from drivers.cameras.onvif.session import Request, Session
from drivers.cameras.onvif.wire import Wire


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
        self.services: dict[str, str] = {}

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

        `address`: `services[namespace]`, or what the camera gave as an address: its host is replaced by the
        one we reach it at, its path and port are kept. `body` and `headers` (WS-Addressing: send Action and
        To) are XML with the prefixes of `envelope.NAMESPACES`. `timeout_s`: longer than a pull waits.
        `repeat`: False for what must not happen twice, such as a new subscription; then the camera hanging
        up on an idle connection is LinkClosed. Returns the first element of the answer's body.

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
