"""A camera's own alarms, by PullPoint: one subscription of ours at a time, for as long as it is wanted.

ONVIF Core, 9.1 to 9.3; WS-BaseNotification 1.3. Cameras have few places for subscribers, often four and
sometimes one, and no way to ask who has them: what is not given back is lost until it runs out. So the
first term is short, and longer ones are only asked for by renewal; and a place that could not be given
back, because the camera was away or its password had changed, goes over to whoever follows it next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4
from xml.sax.saxutils import escape

from lxml import etree  # type: ignore[import-untyped]

from drivers.backoff import Backoff
from drivers.cameras.onvif.envelope import NAMESPACES, Element, SoapFault, every, find, text
from drivers.cameras.onvif.happenings import Happening, News
from drivers.cameras.onvif.wire import split_address
from drivers.errors import DriverError, Garbled, LinkError, Refused, Unauthorised

LEAVING_S = 3.0
"""How long a camera may take to give a subscription up; after that it is left to run out."""

ANSWER_S = 10.0
"""So much longer than it said the camera may keep a pull."""

BEAT_S = 0.5
MOST_MESSAGES = 100
LONGEST_TERM_S = 24 * 3600.0
_PULLPOINT = "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription"
_MANAGER = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager"


class Calling(Protocol):
    """The part of OnvifCamera that is needed."""

    async def soap(
        self,
        address: str,
        action: str,
        body: str,
        headers: str = "",
        *,
        timeout_s: float | None = None,
        repeat: bool = True,
    ) -> Element: ...

    def time_ms(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds: how long a pull waits, the first term, later ones, between tries, and of pulls at least.

    A later term is how long a place is lost that a killed worker has left: a renewal costs one request.
    """

    pull_s: float = 20.0
    first_s: float = 60.0
    term_s: float = 120.0
    retry_s: float = 1.0
    longest_retry_s: float = 60.0
    pause_s: float = 0.75


@dataclass(slots=True)
class Place:
    """Ours at the camera: its address, what is to be sent with each call, and its term from `began_s`."""

    address: str
    parameters: str
    began_s: float
    term_s: float
    has_answered: bool = False

    @property
    def ends_s(self) -> float:
        return self.began_s + self.term_s

    def renew_at_s(self, pull_s: float) -> float:
        """After four fifths of the term, sooner where a pull would outlast the rest."""
        return self.began_s + max(self.term_s / 2, min(self.term_s * 0.8, self.term_s - 2 * pull_s))


class Alarms:
    """Follows one camera's events; `address` is that of its event service, `now` our time, ms UTC.

    `reason` and `message` say what was wrong last, "" while all is well. `left` is a place that another
    could not give back: it is used as long as it lasts.
    """

    def __init__(
        self,
        camera: Calling,
        address: str,
        now: Callable[[], int],
        pace: Pace | None = None,
        left: Place | None = None,
    ) -> None:
        self._camera = camera
        self._address = address
        self._now = now
        self._pace = pace or Pace()
        self._backoff = Backoff(self._pace.retry_s, self._pace.longest_retry_s)
        self._held = None if left is None else replace(left, has_answered=False)
        self._renewable = True
        self._by_path = False
        self.news = News()
        self.reason = ""
        self.message = ""
        self.left: Place | None = None
        """What could not be given back at the end of `run` and may be held still, for a successor."""
        self.subscribed = 0
        """Subscriptions so far."""
        self.notified = 0
        """Notifications so far, news or not."""

    @property
    def is_subscribed(self) -> bool:
        """Whether the camera has a place for us now, as far as we know."""
        return self._held is not None

    async def run(self, tell: Callable[[Happening], None]) -> None:
        """Follow for ever: errors of the camera are waited out. Gives the subscription up when cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._settle(tell))
                group.create_task(self._follow(tell))
        finally:
            await self.leave()

    async def leave(self) -> None:
        """Give our place back; where the camera does not hear or believe us, it is `left`."""
        place = self._held
        self.left = None if await self._is_left() else place

    async def _follow(self, tell: Callable[[Happening], None]) -> None:
        while True:
            try:
                if self._held is None:
                    self._held = await self._subscribe()
                if not self._held.has_answered:
                    await self._synchronise(self._held)
                await self._pull(self._held, tell)
                self._fine()
                await self._prolong(self._held)
            except DriverError as error:
                self.reason, self.message = error.reason, str(error)
                await self._give_up_what_failed(error)
                await asyncio.sleep(self._wait_s(error))

    async def _settle(self, tell: Callable[[Happening], None]) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            for each in self.news.settle(self._now()):
                tell(each)

    def _fine(self) -> None:
        self._backoff.reset()
        self.reason = self.message = ""

    def _wait_s(self, error: DriverError) -> float:
        """Wrong credentials may lock the account: they are tried seldom."""
        wait_s = next(self._backoff)
        return self._pace.longest_retry_s if isinstance(error, Unauthorised) else wait_s

    async def _give_up_what_failed(self, error: DriverError) -> None:
        """A broken connection keeps the place, which lives on at the camera; by a refusal it is lost."""
        if self._held is None:
            return
        is_lost = isinstance(error, Refused) and not isinstance(error, Unauthorised)
        if is_lost or time.monotonic() >= self._held.ends_s:
            await self._is_left()
        elif isinstance(error, LinkError) and not self._held.has_answered:
            self._by_path = not self._by_path

    async def _subscribe(self) -> Place:
        """A new place; one that the camera makes while we are cancelled is given back."""
        creating = asyncio.ensure_future(self._create())
        try:
            return await asyncio.shield(creating)
        except asyncio.CancelledError:
            await asyncio.wait([creating], timeout=LEAVING_S)
            if creating.done() and not creating.cancelled() and creating.exception() is None:
                self._held = creating.result()
            creating.cancel()
            raise

    async def _create(self) -> Place:
        term_s = self._pace.first_s if self._renewable else self._pace.term_s
        wish = f"<tev:InitialTerminationTime>{_duration(term_s)}</tev:InitialTerminationTime>"
        began_s = time.monotonic()
        try:
            answer = await self._ask_for_place(wish)
        except SoapFault as fault:
            if not _is_about_term(fault):
                raise
            answer = await self._ask_for_place("")
        reference = find(answer, "SubscriptionReference")
        address = text(reference, "Address")
        if not address:
            raise Garbled("the camera made a subscription and did not say where it is")
        self.subscribed += 1
        return Place(address, _parameters(reference), began_s, _term_s(answer) or term_s)

    async def _ask_for_place(self, wish: str) -> Element:
        action = f"{NAMESPACES['tev']}/EventPortType/CreatePullPointSubscriptionRequest"
        body = f"<tev:CreatePullPointSubscription>{wish}</tev:CreatePullPointSubscription>"
        return await self._camera.soap(
            self._address, action, body, _addressing(action, self._address), repeat=False
        )

    async def _synchronise(self, place: Place) -> None:
        """Ask for the states as they are; not every camera can."""
        try:
            await self._call(
                place, f"{_PULLPOINT}/SetSynchronizationPointRequest", "<tev:SetSynchronizationPoint/>"
            )
        except (Refused, Garbled):
            return

    async def _pull(self, place: Place, tell: Callable[[Happening], None]) -> None:
        began_s, wait_s = time.monotonic(), self._pace.pull_s
        body = (
            f"<tev:PullMessages><tev:Timeout>{_duration(wait_s)}</tev:Timeout>"
            f"<tev:MessageLimit>{MOST_MESSAGES}</tev:MessageLimit></tev:PullMessages>"
        )
        answer = await self._call(
            place, f"{_PULLPOINT}/PullMessagesRequest", body, timeout_s=wait_s + ANSWER_S
        )
        place.has_answered = True
        for notification in every(answer, "NotificationMessage"):
            self.notified += 1
            if (news := self.news.feed(notification, self._now())) is not None:
                tell(news)
        await asyncio.sleep(max(0.0, began_s + self._pace.pause_s - time.monotonic()))

    async def _prolong(self, place: Place) -> None:
        """Renew when it is time; where the camera cannot, give the place up and take another."""
        if time.monotonic() < place.renew_at_s(self._pace.pull_s):
            return
        absolute = datetime.fromtimestamp(self._camera.time_ms() / 1000 + self._pace.term_s, UTC)
        for end in (_duration(self._pace.term_s), absolute.strftime("%Y-%m-%dT%H:%M:%SZ")):
            began_s = time.monotonic()
            body = f"<wsnt:Renew><wsnt:TerminationTime>{end}</wsnt:TerminationTime></wsnt:Renew>"
            try:
                answer = await self._call(place, f"{_MANAGER}/RenewRequest", body)
            except Unauthorised:
                raise
            except (Refused, Garbled):
                continue
            place.began_s, place.term_s = began_s, _term_s(answer) or self._pace.term_s
            self._renewable = True
            return
        self._renewable = False
        await self._is_left()

    async def _is_left(self) -> bool:
        """Give our place back; whether the camera has heard it, or it has run out."""
        place, self._held = self._held, None
        if place is None:
            return True
        try:
            async with asyncio.timeout(LEAVING_S):
                await self._call(place, f"{_MANAGER}/UnsubscribeRequest", "<wsnt:Unsubscribe/>")
        except (LinkError, TimeoutError, Unauthorised):
            return time.monotonic() >= place.ends_s
        except DriverError:
            return True  # it knows of none: it has rebooted, or given it to another
        return True

    async def _call(self, place: Place, action: str, body: str, *, timeout_s: float | None = None) -> Element:
        parts = split_address(place.address)
        query = f"?{parts.query}" if parts.query else ""
        address = f"{parts.path or '/'}{query}" if self._by_path else place.address
        headers = _addressing(action, place.address) + place.parameters
        return await self._camera.soap(address, action, body, headers, timeout_s=timeout_s)


def _addressing(action: str, to: str) -> str:
    """WS-Addressing 1.0, which tells subscriptions behind one path apart."""
    return (
        f'<wsa:Action s:mustUnderstand="1">{action}</wsa:Action>'
        f'<wsa:MessageID>urn:uuid:{uuid4()}</wsa:MessageID><wsa:To s:mustUnderstand="1">{escape(to)}</wsa:To>'
    )


def _parameters(reference: Element) -> str:
    """Reference parameters, which are sent back as headers (WS-Addressing 1.0 SOAP binding, 3.4)."""
    headers = []
    for parameters in every(reference, "ReferenceParameters"):
        for each in parameters.iterchildren(tag=etree.Element):
            each.set(f"{{{NAMESPACES['wsa']}}}IsReferenceParameter", "true")
            headers.append(etree.tostring(each, encoding="unicode", with_tail=False))
    return "".join(headers)


def _duration(seconds: float) -> str:
    return f"PT{seconds:g}S"


def _term_s(answer: Element) -> float | None:
    """How long the camera keeps it, by its own clock; None where it does not say anything sensible."""
    try:
        start = datetime.fromisoformat(text(answer, "CurrentTime"))
        term_s = (datetime.fromisoformat(text(answer, "TerminationTime")) - start).total_seconds()
    except (ValueError, TypeError):  # TypeError: only one of them names its zone
        return None
    return term_s if 0 < term_s <= LONGEST_TERM_S else None


def _is_about_term(fault: SoapFault) -> bool:
    said = f"{fault} {' '.join(fault.subcodes)}".lower()
    return any(word in said for word in ("terminationtime", "initialtermination", "invalidargval"))
