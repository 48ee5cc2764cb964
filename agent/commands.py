"""Commands from the platform: only those allowed, validated, expiring, done once, answered and audited."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Any, Literal, NamedTuple

import orjson

from agent.flat import Mistaken, read
from agent.logs import line
from agent.wire import MAJOR
from firmware_profiles.declared import First, Shown, Strict, Then, Told, entry
from firmware_profiles.problems import did_you_mean

log = logging.getLogger("polegate")

MOST_BYTES = 8 * 1024
"""Longest payload of a command."""

LONGEST_LIFE = timedelta(hours=24)
"""Between `issued` and `expires`."""

AHEAD_MS = 5 * 60_000
"""A command issued later than this after the gateway's time has a wrong clock behind it."""

MOST_ANSWERS = 256
"""Commands whose answers are remembered, so that a repeat is not carried out again."""

_LONGEST_MESSAGE = 300
_TIME = "a time as in RFC 3339, with its zone, e.g. 2026-11-23T08:00:00Z"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def topic(site: str, gateway: str, kind: str) -> str:
    """The topic commands of one kind come on; `#` stands for all kinds."""
    return f"polegate/{MAJOR}/{site}/{gateway}/command/{kind}"


def _moment(value: object) -> int:
    """RFC 3339 -> ms UTC."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            return (datetime.fromisoformat(value.upper()) - _EPOCH) // timedelta(milliseconds=1)
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"expected {_TIME}")


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("expected one line of printable characters")
    return text


Moment = Annotated[int, First(_moment, _TIME), Shown({"type": "string", "format": "date-time"})]
Text = Annotated[str, Then(_printable)]


class Command(Strict):
    """What every command says."""

    id: str = entry(
        pattern=r"^[A-Za-z0-9_-]{1,64}$", description="New for each command, the same when it is sent again"
    )
    verb: str
    by: Text = entry(min_length=1, max_length=64, description="The person, as the platform knows them")
    issued: Moment = entry(description="RFC 3339 with zone; not in the future")
    expires: Moment = entry(
        description="RFC 3339 with zone, at most 24 h after `issued`; refused from then on"
    )
    reason: Text = entry(default="", max_length=200, description="Why, in that person's words")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.expires - self.issued <= LONGEST_LIFE // timedelta(milliseconds=1):
            raise ValueError("expires: expected a time after issued, and at most 24 h after it")

    @property
    def about(self) -> str:
        """What it is to act on, for the audit."""
        return ""


class Acknowledge(Command):
    """A person has seen an event."""

    verb: Literal["acknowledge"] = entry(description="Whoever sees the event knows that somebody is on it")
    event: str = entry(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="`id` of the event or fault")

    @property
    def about(self) -> str:
        return self.event


class _OfARule(Command):
    rule: str = entry(pattern=r"^[A-Za-z0-9._:/-]{1,128}$", description="Name of the rule, as its events say")
    source: str | None = entry(
        default=None,
        pattern=r"^[a-z0-9._-]{1,160}$",
        description="device.channel, as `subject` of its events; absent: wherever the rule judges",
    )

    @property
    def about(self) -> str:
        return " ".join(filter(None, (self.rule, self.source)))


class Shelve(_OfARule):
    """Put a rule aside for a time: its events are still told, marked as shelved."""

    verb: Literal["shelve"] = entry(description="For a time, and only for a time")
    for_s: int = entry(strict=True, ge=60, le=86_400, description="How long, from now on, s")


class Unshelve(_OfARule):
    """End a shelving before its time."""

    verb: Literal["unshelve"] = entry(description="The rule counts again")


AnyCommand = Annotated[Acknowledge | Shelve | Unshelve, Told("verb")]


class CommandRefused(Exception):
    """A command is not carried out: `reason` is a short name, str() says why and what to do next."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _Answer(NamedTuple):
    state: str
    reason: str
    message: str


class Commands:
    """Carries out what comes on the topic command/events; `perform` maps the verbs allowed to what they do.

    A performer is given its Command and returns what it did, in words, or raises CommandRefused. `audit` is
    given one log line for each command, whatever became of it.
    """

    def __init__(
        self,
        perform: Mapping[str, Callable[[Any], str]],
        now: Callable[[], tuple[int, bool]],
        audit: Callable[[str], object] = log.info,
    ) -> None:
        self.performed = 0
        """Commands that reached a performer since the start: `state` has changed when this has."""
        self._perform = perform
        self._now = now
        self._audit = audit
        self._answers: dict[str, tuple[str, _Answer]] = {}  # id -> digest, answer; oldest first

    def receive(self, topic: str, payload: bytes, *, retained: bool) -> dict[str, str]:
        """The body of the reply, whatever the bytes were."""
        table: dict[str, Any] = {}
        about: dict[str, object] = {}
        try:
            table = _parsed(topic, payload)
            command = self._validated(table)
            about = {"about": command.about, "why": command.reason or None}
            answer = self._repeated(command)
            if answer:
                about["repeated"] = True
            else:
                self._admit(command, retained=retained)
                answer = self._obey(command)
        except CommandRefused as refusal:
            answer = _Answer("refused", refusal.reason, _clean(str(refusal), _LONGEST_MESSAGE))
        who = {key: _word(table.get(key)) for key in ("id", "verb", "by")}
        outcome = {"outcome": answer.state, "reason": answer.reason or None, "message": answer.message}
        self._audit(line("command", **who, **about, retained=retained or None, **outcome))
        return {**who, **answer._asdict()}

    def _validated(self, table: dict[str, Any]) -> Command:
        verb = table.get("verb")
        if isinstance(verb, str) and verb not in self._perform:
            allowed = ", ".join(self._perform)
            hint = did_you_mean(verb, self._perform) or f"expected one of {allowed}"
            raise CommandRefused("unknown_verb", f'verb: "{_clean(verb, 64)}" is not allowed here; {hint}')
        try:
            command: Command = read(AnyCommand, table)
        except Mistaken as error:
            raise CommandRefused("invalid", "; ".join(map(str, error.problems[:3]))) from None
        return command

    def _repeated(self, command: Command) -> _Answer | None:
        """The answer it was given before.

        Raises:
            CommandRefused: another command had its id.
        """
        digest, answer = self._answers.get(command.id, ("", None))
        if answer and digest != _digest(command):
            raise CommandRefused("id_taken", "another command came under this id; give each its own")
        return answer

    def _admit(self, command: Command, *, retained: bool) -> None:
        """Let it pass if its time is now.

        Raises:
            CommandRefused: it is retained, expired or too early, or nobody can tell.
        """
        now_ms, trusted = self._now()
        if retained:
            raise CommandRefused(
                "retained",
                "a retained command would come again with each connection; publish it without retain, "
                "and an empty retained message to clear this one",
            )
        if not trusted:
            raise CommandRefused(
                "clock_untrusted",
                "the gateway's clock is not synchronised, so it cannot tell whether the command has expired; "
                "send it again once `clock` in its messages is synced",
            )
        if command.issued > now_ms + AHEAD_MS:
            raise CommandRefused(
                "issued_in_future",
                f"issued {(command.issued - now_ms) // 1000} s ahead of the gateway's clock, which is "
                "synchronised; check the clock of the sender",
            )
        if command.expires <= now_ms:
            late_s = (now_ms - command.expires) // 1000
            raise CommandRefused("expired", f"expired {late_s} s ago; issue it anew if it is still wanted")

    def _obey(self, command: Command) -> _Answer:
        self.performed += 1
        try:
            answer = _Answer("done", "", _clean(self._perform[command.verb](command), _LONGEST_MESSAGE))
        except CommandRefused as refusal:
            answer = _Answer("refused", refusal.reason, _clean(str(refusal), _LONGEST_MESSAGE))
        self._answers[command.id] = _digest(command), answer
        while len(self._answers) > MOST_ANSWERS:
            del self._answers[next(iter(self._answers))]
        return answer

    def state(self) -> dict[str, Any]:
        """The answers given, oldest first."""
        return {"answers": [[id_, digest, *answer] for id_, (digest, answer) in self._answers.items()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Remember what `state` gave before a restart.

        Raises:
            ValueError, KeyError, TypeError: it is no such state; nothing is remembered then.
        """
        self._answers = {}
        found: dict[str, tuple[str, _Answer]] = {}
        for id_, digest, *answer in state["answers"][-MOST_ANSWERS:]:
            if not all(isinstance(word, str) for word in (id_, digest, *answer)):
                raise ValueError("not the answers to commands")
            found[id_] = digest, _Answer(*answer)
        self._answers = found


def _parsed(topic: str, payload: bytes) -> dict[str, Any]:
    if topic.split("/")[4:] != ["command", "events"]:
        where = _clean(topic, 128)
        raise CommandRefused("unknown_topic", f"no commands are taken on {where}; use .../command/events")
    if len(payload) > MOST_BYTES:
        raise CommandRefused("too_large", f"expected at most {MOST_BYTES} bytes")
    try:
        table = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise CommandRefused("not_json", f"expected a JSON object: {error}") from None
    if not isinstance(table, dict):
        raise CommandRefused("not_json", "expected a JSON object")
    return table


def _digest(command: Command) -> str:
    """What it asks for, apart from when: sent again it may have been given more time."""
    asked = {name: value for name, value in vars(command).items() if name not in ("issued", "expires")}
    return blake2b(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def _word(value: object) -> str:
    return _clean(value, 64) if isinstance(value, str) else ""


def _clean(text: str, longest: int) -> str:
    """Printable, on one line, short: what strangers wrote goes into logs and replies."""
    return "".join(c for c in text[:longest] if c.isprintable())
