"""What becomes of a command: let through once, in its time, by its form; answered and audited always."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import wire
from agent.commands import MOST_ANSWERS, MOST_BYTES, Acknowledge, CommandRefused, Commands, Shelve, topic
from agent.wire import rfc3339
from firmware_profiles.declared import checked
from pipelines.state import decode, encode

TOPIC = topic("riverside", "pole-7", "events")
NOW_MS = 1_795_420_800_000  # 2026-11-23T08:00:00Z
HOUR_MS = 3_600_000
ACKNOWLEDGE: dict[str, Any] = {
    "id": "c-1",
    "verb": "acknowledge",
    "by": "l.chen",
    "issued": rfc3339(NOW_MS - 1000),
    "expires": rfc3339(NOW_MS + HOUR_MS),
    "event": "9f86d081884c7d65",
    "reason": "crew is on its way",
}
SHELVE: dict[str, Any] = {
    **{key: ACKNOWLEDGE[key] for key in ("by", "issued", "expires")},
    "id": "c-2",
    "verb": "shelve",
    "rule": "water_stage",
    "source": "level.water_level",
    "for_s": 3600,
}


class Desk:
    """Commands with performers that write down what they were given; event "gone" is none of theirs."""

    def __init__(
        self, *, trusted: bool = True, verbs: tuple[str, ...] = ("acknowledge", "shelve", "unshelve")
    ):
        self.now_ms, self.trusted = NOW_MS, trusted
        self.performed: list[Any] = []
        self.audit: list[str] = []
        self.commands = Commands(
            dict.fromkeys(verbs, self.perform), lambda: (self.now_ms, self.trusted), self.audit.append
        )

    def perform(self, command: Any) -> str:
        self.performed.append(command)
        if command.about == "gone":
            raise CommandRefused("no_such_event", "no open event has that id")
        return f"{command.verb}d"

    def send(
        self, command: object = ACKNOWLEDGE, *, on: str = TOPIC, retained: bool = False, **changes: Any
    ) -> dict[str, str]:
        if isinstance(command, dict):
            merged = {key: value for key, value in {**command, **changes}.items() if value is not None}
            command = orjson.dumps(merged)
        assert isinstance(command, bytes)
        reply = self.commands.receive(on, command, retained=retained)
        header = {"batch": "s.1-1", "at": rfc3339(NOW_MS), "sent": rfc3339(NOW_MS), "delivery": "live"}
        checked(wire.Reply, {**header, "clock": "synced", **reply})
        return reply


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_command_is_carried_out_answered_and_audited(desk: Desk) -> None:
    assert desk.send() == {
        "id": "c-1",
        "verb": "acknowledge",
        "by": "l.chen",
        "state": "done",
        "reason": "",
        "message": "acknowledged",
    }
    (command,) = desk.performed
    assert isinstance(command, Acknowledge)
    assert (command.event, command.reason) == ("9f86d081884c7d65", "crew is on its way")
    assert desk.audit == [
        (
            "event=command id=c-1 verb=acknowledge by=l.chen about=9f86d081884c7d65"
            ' why="crew is on its way" outcome=done message=acknowledged'
        )
    ]


def test_shelving_says_what_and_for_how_long(desk: Desk) -> None:
    assert desk.send(SHELVE)["state"] == "done"
    assert desk.send(SHELVE, id="c-3", source=None)["state"] == "done"
    assert desk.send(SHELVE, id="c-4", verb="unshelve", for_s=None)["state"] == "done"
    first, second, third = desk.performed
    assert isinstance(first, Shelve)
    assert (first.rule, first.source, first.for_s) == ("water_stage", "level.water_level", 3600)
    assert (second.source, third.verb) == (None, "unshelve")
    assert 'about="water_stage level.water_level"' in desk.audit[0]


def test_times_may_have_any_zone(desk: Desk) -> None:
    assert desk.send(issued="2026-11-23T15:59:59+08:00", expires="2026-11-23t08:00:01.5z")["state"] == "done"
    (command,) = desk.performed
    assert (command.issued, command.expires) == (NOW_MS - 1000, NOW_MS + 1500)


@pytest.mark.parametrize(
    ("changes", "reason", "says"),
    [
        ({"verb": "reboot"}, "unknown_verb", "expected one of acknowledge, shelve, unshelve"),
        ({"verb": "acknowlege"}, "unknown_verb", 'did you mean "acknowledge"?'),
        ({"verb": None}, "invalid", 'verb: missing; expected one of "acknowledge", "shelve"'),
        ({"verb": ["shelve"]}, "invalid", "verb"),
        ({"id": "a b"}, "invalid", "id: expected a string of the form"),
        ({"id": "x" * 65}, "invalid", "id: expected a string of the form"),
        ({"id": None}, "invalid", "id: missing"),
        ({"by": ""}, "invalid", "by: expected a string, 1 to 64 characters"),
        ({"by": "root\nevent=command"}, "invalid", "by: "),
        ({"event": None}, "invalid", "event: missing"),
        ({"rule": "water_stage"}, "invalid", 'unknown key "rule"'),
        ({"reason": "x" * 201}, "invalid", "reason: expected a string"),
        ({"issued": None}, "invalid", "issued: missing; expected a time as in RFC 3339"),
        ({"issued": "2026-11-23T08:00:00"}, "invalid", "issued: "),
        ({"issued": NOW_MS}, "invalid", "issued: "),
        ({"issued": "2026-02-30T08:00:00Z"}, "invalid", "issued: "),
        ({"expires": rfc3339(NOW_MS - 1001)}, "invalid", "expires: expected a time after issued"),
        ({"expires": rfc3339(NOW_MS + 24 * HOUR_MS)}, "invalid", "at most 24 h"),
        ({"expires": rfc3339(NOW_MS)}, "expired", "expired 0 s ago"),
        (
            {"issued": rfc3339(NOW_MS + 300_001), "expires": rfc3339(NOW_MS + HOUR_MS)},
            "issued_in_future",
            "clock of the sender",
        ),
        ({"event": "gone"}, "no_such_event", "no open event has that id"),
    ],
)
def test_what_is_refused_and_how_that_is_said(
    desk: Desk, changes: dict[str, Any], reason: str, says: str
) -> None:
    reply = desk.send(**changes)
    assert (reply["state"], reply["reason"]) == ("refused", reason)
    assert says in reply["message"]
    assert f"outcome=refused reason={reason} " in desk.audit[0]
    assert len(desk.performed) == (reason == "no_such_event")


@pytest.mark.parametrize("for_s", [59, 86_401, "3600", 3600.5, True, None])
def test_a_shelving_lasts_a_minute_to_a_day(desk: Desk, for_s: object) -> None:
    reply = desk.send(SHELVE, for_s=for_s)
    assert reply["reason"] == "invalid"
    assert reply["message"].startswith("for_s: ")
    assert "expected a whole number from 60 to 86400" in reply["message"]


def test_up_to_five_minutes_ahead_are_a_matter_of_clocks(desk: Desk) -> None:
    assert desk.send(issued=rfc3339(NOW_MS + 300_000))["state"] == "done"


def test_only_what_has_a_performer_is_allowed() -> None:
    desk = Desk(verbs=("acknowledge",))
    assert desk.send(SHELVE)["reason"] == "unknown_verb"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"[]", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[" * MOST_BYTES, "not_json"),
        (b"{}", "invalid"),
        (b" " * (MOST_BYTES + 1), "too_large"),
    ],
)
def test_what_is_no_command_is_answered_without_an_id(desk: Desk, payload: bytes, reason: str) -> None:
    reply = desk.send(payload)
    assert (reply["reason"], reply["id"]) == (reason, "")
    assert len(desk.audit) == 1


@pytest.mark.parametrize("on", [topic("riverside", "pole-7", "config"), f"{TOPIC}/x", TOPIC[:-7], ""])
def test_other_topics_are_for_nothing_yet(desk: Desk, on: str) -> None:
    assert desk.send(on=on)["reason"] == "unknown_topic"
    assert not desk.performed


def test_a_retained_command_is_not_carried_out(desk: Desk) -> None:
    reply = desk.send(retained=True)
    assert reply["reason"] == "retained"
    assert "retained=True" in desk.audit[0]
    assert desk.send()["state"] == "done"  # the refusal was not held against its id


def test_without_a_clock_nobody_can_tell_whether_it_has_expired() -> None:
    desk = Desk(trusted=False)
    assert desk.send()["reason"] == "clock_untrusted"
    desk.trusted = True
    assert desk.send()["state"] == "done"


@pytest.mark.parametrize("event", ["9f86d081884c7d65", "gone"])
def test_a_repeat_gets_the_same_answer_and_does_nothing(desk: Desk, event: str) -> None:
    first = desk.send(event=event)
    desk.now_ms += 2 * HOUR_MS  # expired by now: it was carried out all the same
    assert desk.send(event=event) == first
    assert desk.send(event=event, expires=rfc3339(desk.now_ms + HOUR_MS)) == first
    assert len(desk.performed) == 1
    assert "repeated=True" in desk.audit[1]


def test_another_command_under_the_same_id_is_told_so(desk: Desk) -> None:
    desk.send()
    assert desk.send(event="other")["reason"] == "id_taken"
    assert len(desk.performed) == 1


def test_a_repeat_after_a_restart_is_still_a_repeat(desk: Desk) -> None:
    first, refused = desk.send(), desk.send(id="c-9", event="gone")
    later = Desk()
    later.commands.restore(decode(encode(desk.commands.state())))
    assert later.commands.state() == desk.commands.state()
    assert (later.send(), later.send(id="c-9", event="gone")) == (first, refused)
    assert not later.performed


def test_memory_is_bounded_and_forgets_the_oldest(desk: Desk) -> None:
    for number in range(MOST_ANSWERS + 1):
        desk.send(id=f"n-{number}")
    assert len(desk.commands.state()["answers"]) == MOST_ANSWERS
    assert desk.commands.performed == MOST_ANSWERS + 1
    desk.send(id=f"n-{1}")
    assert len(desk.performed) == MOST_ANSWERS + 1
    desk.send(id="n-0")
    assert len(desk.performed) == MOST_ANSWERS + 2


@pytest.mark.parametrize(
    "state",
    [{}, {"answers": 1}, {"answers": [1]}, {"answers": [["a"]]}, {"answers": [["a", "b", "c", "d", 1]]}],
)
def test_a_foreign_state_is_refused_and_nothing_is_remembered(desk: Desk, state: dict[str, Any]) -> None:
    desk.send()
    with pytest.raises((ValueError, KeyError, TypeError)):
        desk.commands.restore(state)
    assert desk.commands.state() == {"answers": []}


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
moments = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)


@given(st.binary() | json_values.map(json.dumps).map(str.encode))
def test_no_bytes_bring_it_down(payload: bytes) -> None:
    desk = Desk()
    assert desk.send(payload)["state"] == "refused"
    assert desk.audit[0].isprintable()
    assert not desk.performed


@given(st.data())
def test_nor_does_anything_in_place_of_a_field(data: st.DataObject) -> None:
    command = data.draw(st.sampled_from([ACKNOWLEDGE, SHELVE, {**SHELVE, "verb": "unshelve"}]))
    keys = st.sampled_from([*ACKNOWLEDGE, *SHELVE]) | st.text()
    changes = data.draw(st.dictionaries(keys, json_values | moments, max_size=3))
    desk = Desk()
    reply = desk.send(json.dumps({**command, **changes}).encode())
    assert reply["state"] == ("done" if desk.performed else "refused")
    assert desk.audit[0].isprintable()
    assert all(value.isprintable() for value in reply.values())
    again = desk.send(json.dumps({**command, **changes}).encode())
    assert again == reply
    assert len(desk.performed) <= 1


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, HOUR_MS // 4), st.booleans()), max_size=30))
def test_whatever_the_order_each_id_is_carried_out_at_most_once(steps: list[tuple[int, int, bool]]) -> None:
    desk = Desk()
    for number, later_ms, restart in steps:
        desk.now_ms += later_ms
        if restart:
            kept = desk.commands.state()
            desk.commands = Commands(
                {"acknowledge": desk.perform}, lambda: (desk.now_ms, True), desk.audit.append
            )
            desk.commands.restore(kept)
        desk.send(id=f"c-{number}")
    done = [command.id for command in desk.performed]
    assert len(done) == len(set(done))
