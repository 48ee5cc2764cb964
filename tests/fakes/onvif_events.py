"""The event service of the fake camera: PullPoint subscriptions with few places, and the faults of real ones."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from lxml import etree  # type: ignore[import-untyped]

from fakes.onvif_answers import SOAP, TEV, TT, Fault

WSA = "http://www.w3.org/2005/08/addressing"
WSNT = "http://docs.oasis-open.org/wsn/b-2"
TNS1 = "http://www.onvif.org/ver10/topics"
OWN = "http://camera.example/own"
CLOCK = datetime(2001, 1, 1, tzinfo=UTC)
"""What the camera's clock shows in its answers: only differences of it mean anything."""


@dataclass(slots=True, kw_only=True)
class EventQuirks:
    """`slots` subscriptions at a time; `address` host and port it gives for them, where not its own.

    `parameters`: all have one path and differ by a reference parameter. `empty`: a pull never has anything,
    and `at_once` comes back at once. `refuses_renew`, `refuses_relative`: renewal, or durations in it.
    `refuses_term`: the wish for one in a new subscription. `unsynchronised`: no SetSynchronizationPoint.
    `pull_faults`: so many pulls are answered with a fault. `slow_create_s`: until a subscription is answered.
    `term_s`: a term of its own, whatever is asked for. `grace_s`: it keeps them so much longer than it says.
    """

    slots: int = 4
    address: str = ""
    parameters: bool = False
    empty: bool = False
    at_once: bool = False
    refuses_renew: bool = False
    refuses_relative: bool = False
    refuses_term: bool = False
    unsynchronised: bool = False
    pull_faults: int = 0
    slow_create_s: float = 0.0
    term_s: float | None = None
    grace_s: float = 5.0


@dataclass(slots=True)
class _Subscription:
    until_s: float
    queue: list[str] = field(default_factory=list)
    filled: asyncio.Event = field(default_factory=asyncio.Event)


class FakeEvents:
    """To be given to FakeCamera. `calls` counts operations by name, `terms` are those that were asked for."""

    def __init__(self, netloc: str = "127.0.0.1", quirks: EventQuirks | None = None) -> None:
        self.netloc = netloc
        self.quirks = quirks or EventQuirks()
        self.calls: Counter[str] = Counter()
        self.terms: list[str] = []
        self.states: dict[tuple[str, str], str] = {}
        self.most_held = 0
        self._ids = itertools.count(1)
        self._held: dict[str, _Subscription] = {}

    @property
    def held(self) -> int:
        """Subscriptions that have not run out."""
        now_s = time.monotonic()
        self._held = {name: one for name, one in self._held.items() if one.until_s > now_s}
        return len(self._held)

    def occupy(self, places: int, for_s: float) -> None:
        """As others have them, or as an earlier run of ours has left them."""
        for _ in range(places):
            self._held[f"other-{next(self._ids)}"] = _Subscription(time.monotonic() + for_s)

    def forget(self) -> None:
        """A restart."""
        self._held.clear()

    def emit(
        self,
        topic: str,
        source: str = "video_source_1",
        *,
        operation: str = "Changed",
        times: int = 1,
        **data: str,
    ) -> None:
        """Tell all subscribers."""
        notification = notification_of(topic, {"Source": source}, data, operation)
        self.states[topic, source] = notification_of(topic, {"Source": source}, data, "Initialized")
        self.emit_xml(notification, times=times)

    def emit_xml(self, notification: str, *, times: int = 1) -> None:
        for one in self._held.values():
            one.queue += [notification] * times
            one.filled.set()

    async def handle(self, path: str, envelope: Any) -> bytes:
        operation = etree.QName(envelope.find(f"{{{SOAP}}}Body")[0]).localname
        element = envelope.find(f"{{{SOAP}}}Body")[0]
        self.calls[operation] += 1
        if (
            envelope.findtext(f"{{{SOAP}}}Header/{{{WSA}}}Action", "").rpartition("/")[2]
            != f"{operation}Request"
        ):
            raise Fault("ActionMismatch", "The action of the header is not that of the body")
        if path.startswith("/onvif/events"):
            return _wrapped(await self._create(operation, element))
        name = path.rpartition("/")[2]
        if self.quirks.parameters:
            name = envelope.findtext(f"{{{SOAP}}}Header/{{{OWN}}}Id", "")
        _ = self.held
        if name not in self._held:
            raise Fault("ResourceUnknownFault", "No such subscription")
        return _wrapped(await self._managed(operation, element, name))

    async def _create(self, operation: str, element: Any) -> str:
        if operation != "CreatePullPointSubscription":
            raise Fault("ActionNotSupported", operation)
        wish = element.findtext(f"{{{TEV}}}InitialTerminationTime", "")
        if wish and self.quirks.refuses_term:
            raise Fault("InvalidArgVal", "InitialTerminationTime")
        if self.held >= self.quirks.slots:
            raise Fault("SubscribeCreationFailedFault", "No more subscriptions")
        name, term_s = str(next(self._ids)), self._term_s(wish)
        self._held[name] = _Subscription(time.monotonic() + term_s + self.quirks.grace_s)
        self.most_held = max(self.most_held, len(self._held))
        await asyncio.sleep(self.quirks.slow_create_s)
        tail = "all" if self.quirks.parameters else name
        address = f"http://{self.quirks.address or self.netloc}/onvif/subscription/{tail}"
        parameters = f'<own:Id xmlns:own="{OWN}">{name}</own:Id>' if self.quirks.parameters else ""
        inside = f"<wsa:ReferenceParameters>{parameters}</wsa:ReferenceParameters>" if parameters else ""
        return (
            "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference>"
            f"<wsa:Address>{address}</wsa:Address>{inside}</tev:SubscriptionReference>"
            f"{_times('wsnt', term_s)}</tev:CreatePullPointSubscriptionResponse>"
        )

    async def _managed(self, operation: str, element: Any, name: str) -> str:
        one = self._held[name]
        if operation == "PullMessages":
            return await self._pull(one, element)
        if operation == "Unsubscribe":
            del self._held[name]
            return "<wsnt:UnsubscribeResponse/>"
        if operation == "Renew":
            return self._renew(one, element.findtext(f"{{{WSNT}}}TerminationTime", ""))
        if operation == "SetSynchronizationPoint" and not self.quirks.unsynchronised:
            one.queue += self.states.values()
            return "<tev:SetSynchronizationPointResponse/>"
        raise Fault("ActionNotSupported", operation)

    async def _pull(self, one: _Subscription, element: Any) -> str:
        if self.quirks.pull_faults:
            self.quirks.pull_faults -= 1
            raise Fault("PullMessagesFaultResponse", "Internal error")
        if self.quirks.empty:
            one.queue.clear()
        if not one.queue and not self.quirks.at_once:
            one.filled.clear()
            try:
                async with asyncio.timeout(_seconds(element.findtext(f"{{{TEV}}}Timeout", ""))):
                    await one.filled.wait()
            except TimeoutError:
                pass
        limit = int(element.findtext(f"{{{TEV}}}MessageLimit", "1"))
        taken, one.queue[:] = ([], []) if self.quirks.empty else (one.queue[:limit], one.queue[limit:])
        return f"<tev:PullMessagesResponse>{_times('tev', 60)}{''.join(taken)}</tev:PullMessagesResponse>"

    def _renew(self, one: _Subscription, end: str) -> str:
        if self.quirks.refuses_renew or (self.quirks.refuses_relative and end.startswith("P")):
            raise Fault("UnacceptableTerminationTimeFault", "Not this time")
        term_s = self._term_s(end)
        one.until_s = time.monotonic() + term_s + self.quirks.grace_s
        return f"<wsnt:RenewResponse>{_times('wsnt', term_s)}</wsnt:RenewResponse>"

    def _term_s(self, end: str) -> float:
        self.terms.append(end)
        if self.quirks.term_s is not None:
            return self.quirks.term_s
        return _seconds(end) if end.startswith("P") else 60.0


def notification_of(
    topic: str, sources: dict[str, str], data: dict[str, str], operation: str = "Changed"
) -> str:
    """A NotificationMessage, well formed."""

    def items(part: str, values: dict[str, str]) -> str:
        inside = "".join(
            f"<tt:SimpleItem Name={quoteattr(k)} Value={quoteattr(v)}/>" for k, v in values.items()
        )
        return f"<tt:{part}>{inside}</tt:{part}>"

    return (
        f'<wsnt:NotificationMessage><wsnt:Topic Dialect="{TEV}/topicExpression/ConcreteSet">{escape(topic)}</wsnt:Topic>'
        f'<wsnt:Message><tt:Message UtcTime="2001-01-01T00:00:00Z" PropertyOperation="{operation}">'
        f"{items('Source', sources)}{items('Data', data)}</tt:Message></wsnt:Message></wsnt:NotificationMessage>"
    )


def _wrapped(body: str) -> bytes:
    declared = {"s": SOAP, "tt": TT, "tev": TEV, "wsa": WSA, "wsnt": WSNT, "tns1": TNS1}
    prefixes = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in declared.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {prefixes}><s:Body>{body}</s:Body></s:Envelope>'.encode()


def _times(prefix: str, term_s: float) -> str:
    end = (CLOCK + timedelta(seconds=term_s)).isoformat().replace("+00:00", "Z")
    start = CLOCK.isoformat().replace("+00:00", "Z")
    return f"<{prefix}:CurrentTime>{start}</{prefix}:CurrentTime><{prefix}:TerminationTime>{end}</{prefix}:TerminationTime>"


def _seconds(duration: str) -> float:
    match = re.fullmatch(r"PT(?:(\d+)M)?(?:([\d.]+)S)?", duration)
    if match is None:
        raise Fault("InvalidArgVal", f"no duration {duration!r}")
    return 60.0 * int(match[1] or 0) + float(match[2] or 0)
