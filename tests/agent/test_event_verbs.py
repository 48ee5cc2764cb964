"""Acknowledging and shelving, by the control socket's verbs and by the platform's commands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from fakes.judged import Judged, device, loaded

from agent import events
from agent.commands import Commands, topic
from agent.errors import Absent
from agent.wire import Leaf, rfc3339

STATION = (
    device("level", "water_level", every_s=10)
    + '[judgement]\nunusual = "off"\nslow = false\n'
    + '[rules.flood]\nkind = "stage"\ninput = "level.water_level"\nwarning = "3 m"\nguarantee = "5 m"\nclear_after = "1 min"\n'
)
TOPIC = topic("river", "gw-1", "events")


class Desk:
    """A station with an open event, and both ways to it."""

    def __init__(self, folder) -> None:
        self.it = Judged(loaded(folder, STATION))
        self.it.play("level", 60, 10, lambda _: {"water_level": 3.4})
        (event,) = self.it.on(Leaf.EVENTS)
        self.event: str = event["id"]
        clock = SimpleNamespace(now=lambda: (self.it.now_ms, True))
        self._verbs = events.verbs(SimpleNamespace(judging=self.it.judging, clock=clock))  # type: ignore[arg-type]
        self._commands = Commands(events.performers(lambda: self.it.judging), clock.now)
        self._count = 0

    async def ask(self, verb: str, **request: Any) -> Any:
        return await self._verbs[verb](request)

    def command(self, verb: str, **about: Any) -> dict[str, str]:
        self._count += 1
        times = {"issued": rfc3339(self.it.now_ms), "expires": rfc3339(self.it.now_ms + 60_000)}
        table = {"id": f"c-{self._count}", "verb": verb, "by": "l.chen", **times, **about}
        return self._commands.receive(TOPIC, orjson.dumps(table), retained=False)

    def last(self) -> dict[str, Any]:
        return self.it.on(Leaf.EVENTS)[-1]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


async def test_what_is_open_and_recent_is_listed_with_the_time_it_is_seen_from(desk):
    answer = await desk.ask("events")
    assert ([each["id"] for each in answer["open"]], answer["recent"]) == ([desk.event], [])
    assert answer["now_ms"] == desk.it.now_ms
    desk.it.play("level", 300, 10, lambda _: {"water_level": 2.0})
    answer = await desk.ask("events")
    assert (answer["open"], [each["phase"] for each in answer["recent"]]) == ([], ["closed"])


async def test_who_acknowledges_is_told_and_written_at_once_until_it_gets_worse(desk):
    kept = desk.it.kept
    answer = await desk.ask("acknowledge", event=desk.event, by="w.li")
    assert answer["event"]["acknowledged"] == "w.li"
    assert (desk.last()["state"], desk.last()["acknowledged"]) == ("updated", "w.li")
    assert desk.it.kept == kept + 1
    assert "docket" in desk.it.judging.due()
    desk.it.play("level", 100, 10, lambda _: {"water_level": 5.5})
    assert (desk.last()["severity"], desk.last().get("acknowledged")) == ("critical", None)


async def test_a_shelf_marks_what_is_open_and_what_comes_and_ends_by_itself(desk):
    answer = await desk.ask("shelve", rule="flood", for_s=600, by="w.li", reason="works")
    assert [each["shelved"] for each in answer["changed"]] == [True]
    (shelf,) = desk.it.judging.events()["shelves"]
    assert shelf == {
        "rule": "flood",
        "source": "",
        "until_ms": desk.it.now_ms + 600_000,
        "by": "w.li",
        "reason": "works",
    }
    desk.it.play("level", 700, 10, lambda _: {"water_level": 3.4})
    assert desk.last().get("shelved") is None
    assert desk.it.judging.events()["shelves"] == []


async def test_of_one_source_only_or_taken_up_again(desk):
    await desk.ask("shelve", rule="flood", source="other.water_level", for_s=600, by="w.li")
    assert desk.last().get("shelved") is None
    await desk.ask("shelve", rule="flood", source="level.water_level", for_s=600, by="w.li")
    assert desk.last()["shelved"] is True
    answer = await desk.ask("unshelve", rule="flood", source="level.water_level", by="w.li")
    assert [each["shelved"] for each in answer["changed"]] == [False]
    assert [shelf["source"] for shelf in desk.it.judging.events()["shelves"]] == ["other.water_level"]


async def test_what_is_critical_is_never_put_aside(desk):
    desk.it.play("level", 100, 10, lambda _: {"water_level": 5.5})
    await desk.ask("shelve", rule="flood", for_s=600, by="w.li")
    assert desk.last().get("shelved") is None


@pytest.mark.parametrize(
    ("verb", "request_", "said"),
    [
        ("acknowledge", {"by": "w.li"}, "event: expected a name"),
        ("acknowledge", {"event": "no", "by": "w.li"}, "no open event no"),
        ("acknowledge", {"event": "no", "by": ""}, "by: expected a name of 1 to 64"),
        ("acknowledge", {"event": "no", "by": "a\nb"}, "by: expected a name of 1 to 64"),
        ("shelve", {"rule": "floods", "for_s": 60, "by": "w.li"}, "no rule floods in this configuration"),
        ("shelve", {"rule": 7, "for_s": 60, "by": "w.li"}, "rule: expected a name"),
        ("shelve", {"rule": "flood", "for_s": 59, "by": "w.li"}, "expected 60 to 86400 s, got 59 s"),
        ("shelve", {"rule": "flood", "for_s": 90_000, "by": "w.li"}, "expected 60 to 86400 s"),
        ("shelve", {"rule": "flood", "for_s": float("nan"), "by": "w.li"}, "expected 60 to 86400 s"),
        ("shelve", {"rule": "flood", "by": "w.li"}, "expected 60 to 86400 s"),
        ("unshelve", {"rule": "flood", "by": "w.li"}, "flood is not shelved"),
        ("unshelve", {"rule": "flood", "source": "a.b", "by": "w.li"}, "flood about a.b is not shelved"),
    ],
)
async def test_what_cannot_be_done_is_refused_in_words(desk, verb, request_, said):
    before = desk.it.judging.events()
    with pytest.raises(ValueError, match=said):
        await desk.ask(verb, **request_)
    assert desk.it.judging.events() == before


@pytest.mark.parametrize(
    ("verb", "request_"),
    [
        ("acknowledge", {"event": "no", "by": "w.li"}),
        ("shelve", {"rule": "floods", "for_s": 60, "by": "w.li"}),
        ("unshelve", {"rule": "flood", "by": "w.li"}),
    ],
)
async def test_what_is_not_there_is_told_from_what_cannot_be_done(desk, verb, request_):
    with pytest.raises(Absent):
        await desk.ask(verb, **request_)


def test_the_platform_can_do_the_same(desk):
    assert desk.command("acknowledge", event=desk.event)["state"] == "done"
    assert desk.last()["acknowledged"] == "l.chen"
    reply = desk.command("shelve", rule="flood", for_s=600)
    assert (reply["state"], reply["message"]) == (
        "done",
        "flood is shelved for 600 s; 1 open events are marked so",
    )
    assert desk.last()["shelved"] is True
    assert desk.command("unshelve", rule="flood")["message"] == "flood counts again"


@pytest.mark.parametrize(
    ("verb", "about", "reason"),
    [
        ("acknowledge", {"event": "gone"}, "no_such_event"),
        ("shelve", {"rule": "food", "for_s": 60}, "no_such_rule"),
        ("unshelve", {"rule": "flood"}, "not_shelved"),
    ],
)
def test_the_platform_is_told_why_not(desk, verb, about, reason):
    reply = desk.command(verb, **about)
    assert (reply["state"], reply["reason"]) == ("refused", reason)
    assert "polegate " in reply["message"]


def test_shelves_are_bounded_the_oldest_is_taken_up_again(desk):
    for n in range(150):
        desk.it.judging.shelve("flood", f"d{n}.a", 600, "li", "")
    shelves = desk.it.judging.events()["shelves"]
    assert (len(shelves), shelves[-1]["source"]) == (100, "d149.a")


def test_what_this_station_does_not_have_cannot_be_shelved(desk):
    reply = desk.command("shelve", rule="flood", source="levl", for_s=600)
    assert (reply["state"], reply["reason"]) == ("refused", "no_such_source")
    assert desk.it.judging.events()["shelves"] == []
