"""What people ask of the judge: the command line by the control socket, the platform by commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agent.commands import Acknowledge, CommandRefused, Shelve, Unshelve
from agent.control import Answer, Verb
from agent.errors import Absent
from agent.judge.judging import Judging
from agent.running import Running

SHORTEST_SHELF_S, LONGEST_SHELF_S = 60, 86_400
"""Nothing is put aside for ever: whoever shelved it must think of it again within a day."""

LONGEST_REASON = 200


def performers(judging: Callable[[], Judging]) -> Mapping[str, Callable[[Any], str]]:
    """What each command of the platform does; each can be carried out twice without harm."""

    def acknowledge(command: Acknowledge) -> str:
        try:
            event = judging().acknowledge(command.event, command.by)
        except KeyError:
            raise CommandRefused("no_such_event", _no_event(command.event)) from None
        return f"{event.kind} of {event.source} is acknowledged by {command.by}"

    def shelve(command: Shelve) -> str:
        source = command.source or ""
        if not _knows(judging(), source):
            raise CommandRefused("no_such_source", _no_source(source))
        try:
            events = judging().shelve(command.rule, source, command.for_s, command.by, command.reason)
        except KeyError:
            raise CommandRefused("no_such_rule", _no_rule(command.rule)) from None
        under = f"{len(events)} open events are marked so"
        return f"{_subject(command.rule, source)} is shelved for {command.for_s} s; {under}"

    def unshelve(command: Unshelve) -> str:
        source = command.source or ""
        try:
            judging().unshelve(command.rule, source)
        except KeyError:
            raise CommandRefused("not_shelved", _not_shelved(command.rule, source)) from None
        return f"{_subject(command.rule, source)} counts again"

    return {"acknowledge": acknowledge, "shelve": shelve, "unshelve": unshelve}


def verbs(running: Running) -> dict[str, Verb]:
    """The control socket's verbs for events."""
    judging = running.judging

    async def listed(_request: Mapping[str, Any]) -> Answer:
        return {"now_ms": running.clock.now()[0], **judging.events()}

    async def acknowledge(request: Mapping[str, Any]) -> Answer:
        event_id = _word(request, "event")
        try:
            return {"event": judging.shown(judging.acknowledge(event_id, _person(request)))}
        except KeyError:
            raise Absent(_no_event(event_id)) from None

    async def shelve(request: Mapping[str, Any]) -> Answer:
        rule, source = _word(request, "rule"), str(request.get("source") or "")
        by, reason = _person(request), str(request.get("reason") or "")[:LONGEST_REASON]
        for_s = float(request.get("for_s") or 0)
        if not SHORTEST_SHELF_S <= for_s <= LONGEST_SHELF_S:
            raise ValueError(f"expected {SHORTEST_SHELF_S} to {LONGEST_SHELF_S} s, got {for_s:g} s")
        try:
            events = judging.shelve(rule, source, for_s, by, reason)
        except KeyError:
            raise Absent(_no_rule(rule)) from None
        return {"changed": [judging.shown(event) for event in events]}

    async def unshelve(request: Mapping[str, Any]) -> Answer:
        rule, source = _word(request, "rule"), str(request.get("source") or "")
        _person(request)
        try:
            return {"changed": [judging.shown(event) for event in judging.unshelve(rule, source)]}
        except KeyError:
            raise Absent(_not_shelved(rule, source)) from None

    return {"events": listed, "acknowledge": acknowledge, "shelve": shelve, "unshelve": unshelve}


def lessons(running: Running) -> dict[str, Verb]:
    """The control socket's verbs for learning limits."""
    judging = running.judging

    async def learn(request: Mapping[str, Any]) -> Answer:
        judging.learn(on=bool(request["on"]))
        return _learning(judging)

    async def learned(request: Mapping[str, Any]) -> Answer:
        channels = [str(each) for each in request.get("channels") or ()]
        return {**_learning(judging), "proposals": judging.learning.proposals(channels)}

    return {"learn": learn, "learned": learned}


def _learning(judging: Judging) -> dict[str, Any]:
    return {"learning": judging.learning.since_ms is not None, "since_ms": judging.learning.since_ms}


def _word(request: Mapping[str, Any], key: str) -> str:
    if not isinstance(word := request.get(key), str) or not word:
        raise ValueError(f"{key}: expected a name")
    return word


def _person(request: Mapping[str, Any]) -> str:
    by = str(request.get("by", "")).strip()
    if not by or len(by) > 64 or not by.isprintable():
        raise ValueError("by: expected a name of 1 to 64 printable characters")
    return by


def _knows(judging: Judging, source: str) -> bool:
    """Whether it is a device or a channel of numbers of this station; "" is all of it."""
    plan = judging.plan
    return source in ("", *plan.buses) or source in {str(each) for each in plan.by_source}


def _no_source(source: str) -> str:
    return f"no device or channel {source} here; which there are: polegate qc show"


def _subject(rule: str, source: str) -> str:
    return f"{rule} about {source}" if source else rule


def _no_event(event_id: str) -> str:
    return f"no open event {event_id}; what is open: polegate events"


def _no_rule(rule: str) -> str:
    return f"no rule {rule} in this configuration; which there are: polegate rules check"


def _not_shelved(rule: str, source: str) -> str:
    return f"{_subject(rule, source)} is not shelved; what is: polegate events"
