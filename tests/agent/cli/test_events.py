"""polegate events against a real control socket that serves a real docket."""

from __future__ import annotations

import asyncio
import getpass
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest
from fakes.waiting import wait_until

from agent import telling
from agent.cli.event_view import in_order, shortened
from agent.control import Control
from agent.errors import Absent
from pipelines.cross.causes import Causes
from pipelines.docket import Docket, Shelf
from pipelines.events import Event, Kind, Nature, Phase, Severity, Source, Window

NOW_MS = 1_795_420_800_000  # 2026-11-23T08:00:00Z
MINUTE_MS = 60_000
LEVEL, PROBE, CABINET = (
    Source("level", "water_level"),
    Source("level", "water_temperature"),
    Source("door", "switch"),
)


def stage(**facts: Any) -> Event:
    began_ms = NOW_MS - 130 * MINUTE_MS
    known = {
        "id": "3fa2c91e00000001", "kind": Kind.WATER_STAGE, "nature": Nature.HAPPENING, "rule": "flood", "version": 2,
        "source": LEVEL, "severity": Severity.CRITICAL, "phase": Phase.OPENED, "began_ms": began_ms, "at_ms": began_ms + 120_000,
        "value": 16.52, "baseline": 16.1, "threshold": 16.5, "window": Window(began_ms - 600_000, began_ms, 60),
        "evidence": tuple((began_ms + n * MINUTE_MS, 16.3 + n / 50) for n in range(12)), "detail": {"stage": "guarantee", "rate_m_h": 0.25, "highest": 16.5204},
    }  # fmt: skip
    return Event(**{**known, **facts})


def stuck(**facts: Any) -> Event:
    known = {
        "id": "3fb0000000000002", "kind": Kind.SENSOR_STUCK, "nature": Nature.FAULT, "rule": "sensor.stuck", "version": 1,
        "source": PROBE, "severity": Severity.WARNING, "phase": Phase.OPENED, "began_ms": NOW_MS - 3_600_000,
        "at_ms": NOW_MS - 3_600_000, "value": 12.3, "detail": {"test": "flat_line"},
    }  # fmt: skip
    return Event(**{**known, **facts})


def door(**facts: Any) -> Event:
    known = {
        "id": "00aa000000000003", "kind": Kind.DOOR_OPEN, "nature": Nature.HAPPENING, "rule": "door", "version": 1,
        "source": CABINET, "severity": Severity.WATCH, "phase": Phase.OPENED, "began_ms": NOW_MS - 90_000, "at_ms": NOW_MS - 90_000,
    }  # fmt: skip
    return Event(**{**known, **facts})


class Station:
    """The verbs that the daemon serves, over a docket whose clock stands still; in a thread of its own."""

    def __init__(self, socket: Path) -> None:
        self.docket = Docket(Causes({}))
        self._socket = socket
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(5.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        verbs = {
            "events": self._events,
            "acknowledge": self._acknowledge,
            "shelve": self._shelve,
            "unshelve": self._unshelve,
        }
        async with Control(verbs, {}).listening(self._socket):
            self._up.set()
            await self._stop.wait()
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=5.0)
        await asyncio.sleep(0)

    async def _events(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        shelves = [
            dict(zip(("rule", "source", "until_ms", "by", "reason"), each, strict=True))
            for each in self.docket.shelves
        ]
        opened, recent = [*map(facts, self.docket.open.values())], [*map(facts, self.docket.recent)]
        return {"now_ms": NOW_MS, "open": opened, "recent": recent, "shelves": shelves}

    async def _acknowledge(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"event": facts(self.docket.acknowledge(request["event"], request["by"], NOW_MS))}

    async def _shelve(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        until_ms = NOW_MS + int(request["for_s"] * 1000)
        shelf = Shelf(request["rule"], request["source"], until_ms, request["by"], request["reason"])
        return {"changed": [*map(facts, self.docket.shelve(shelf, NOW_MS))]}

    async def _unshelve(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            changed = self.docket.unshelve(request["rule"], request["source"], NOW_MS)
        except KeyError:
            raise Absent(f"{request['rule']} is not shelved") from None
        return {"changed": [*map(facts, changed)]}


def facts(event: Event) -> dict[str, Any]:
    return {**telling.shown(event, 0), "window": list(event.window) if event.window else None}


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "control.sock") as running:
        yield running


@pytest.fixture
def busy(station: Station) -> Station:
    """A flood, a stuck probe that it explains, and a door."""
    for event in (
        door(),
        stage(),
        stuck(caused_by="3fa2c91e00000001"),
        door(id="00ab", phase=Phase.CLOSED, at_ms=NOW_MS),
    ):
        station.docket.enter(event)
    return station


def test_nothing_is_going_on(station, polegate) -> None:
    result = polegate("events")
    assert (result.stdout, result.exit_code) == ("Nothing is going on: no event is open.\n", 0)
    assert "none is over lately" in polegate("events", "--recent").stdout


def test_the_gravest_first_and_what_it_explains_below_it(busy, polegate) -> None:
    assert (
        polegate("events").stdout
        == """\
3 events open, 3 of them not yet seen

critical  water_stage level.water_level, 2 h 10 min ago  3fa2
  water level 16.520 m at level.water_level: the guarantee stage of 16.500 m is
  reached
  16.520 m (limit 16.500 m)
  warning  sensor_stuck level.water_temperature, 1 h ago  3fb0
    level.water_temperature stands still at 12.3 °C: is the sensor stuck, silted
    up, frozen?
    12.3 °C

watch  door_open door.switch, 1 min ago  00aa
  the door at door.switch stands open
"""
    )


def test_list_is_the_same_with_its_name_and_recent_adds_what_is_over(busy, polegate) -> None:
    assert polegate("events", "list").stdout == polegate("events").stdout
    recent = polegate("events", "-r").stdout
    assert recent.endswith("\nover\n  watch  door_open door.switch, lasted 1 min, over now  00ab\n")


def test_every_line_fits_the_terminal(busy, polegate) -> None:
    for columns in (40, 80):
        lines = polegate("events", "--recent", columns=columns).stdout.splitlines()
        assert max(map(len, lines)) <= columns


def test_json_is_what_the_daemon_says(busy, polegate) -> None:
    answer = json.loads(polegate("events", "--json").stdout)
    assert [event["id"] for event in answer["open"]] == list(busy.docket.open)
    assert answer["recent"][0]["phase"] == "closed"
    shown = json.loads(polegate("events", "show", "3fb", "--json").stdout)
    assert shown == next(event for event in answer["open"] if event["id"].startswith("3fb"))


def test_an_event_in_full_with_its_readings(busy, polegate) -> None:
    text = polegate("events", "show", "3fa2").stdout
    lines = text.splitlines()
    assert lines[0] == "critical  water_stage level.water_level"
    for fact in (
        "id         3fa2c91e00000001", "rule       flood, version 2", "nature     happening: the river, the air, the street",
        "began      2026-11-23T05:50:00.000Z, for 2 h 10 min up to now", "value      16.520 m", "baseline   16.100 m",
        "threshold  16.500 m", "window     2026-11-23T05:40:00.000Z to 2026-11-23T05:50:00.000Z, 60", "stage      guarantee",
        "rate_m_h   0.25", "highest    16.520 m", "seen by    nobody yet",
    ):  # fmt: skip
        assert any(line.startswith(fact) for line in lines), fact
    assert any(line.startswith("level.water_level m ") and line.endswith("2026-11-23 UTC") for line in lines)
    assert len(lines[-1]) <= 80


@pytest.mark.parametrize(("locale", "limit"), [("C.UTF-8", "│╌╌"), ("C", "|--")])
def test_its_plot_is_in_signs_that_the_locale_has(busy, terminal, locale: str, limit: str) -> None:
    shown = terminal("events", "show", "3fa2", LC_ALL=locale)
    assert shown.wait() == 0
    assert limit in next(line for line in shown.text.splitlines() if line.endswith(" threshold"))
    assert shown.text.isascii() == (locale == "C")


def test_one_that_is_over(busy, polegate) -> None:
    lines = polegate("events", "show", "00ab").stdout.splitlines()
    assert lines[0] == "watch  door_open door.switch  over"
    assert "began      2026-11-23T07:58:30.000Z, for 1 min" in lines


def test_seen(busy, polegate) -> None:
    result = polegate("events", "ack", "3FA", "--by", "wang")
    assert result.stdout == "water_stage level.water_level: seen by wang. The platform is told.\n"
    assert busy.docket.open["3fa2c91e00000001"].acknowledged == "wang"
    assert "16.520 m (limit 16.500 m), seen by wang" in polegate("events").stdout
    assert "3 events open, 2 of them not yet seen" in polegate("events").stdout
    answer = json.loads(polegate("events", "ack", "00aa", "--json").stdout)
    assert answer["event"]["acknowledged"] == getpass.getuser()
    polegate("events", "ack", "3fb")
    assert "3 events open, all seen" in polegate("events").stdout


def test_an_id_must_tell_it_from_the_others(busy, polegate) -> None:
    result = polegate("events", "ack", "3f")
    assert result.exit_code == 2
    assert (
        'several events begin with "3f":\n  3fa2c91e00000001  water_stage level.water_level\n'
        in result.stderr
    )
    result = polegate("events", "ack", "ffff")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        2,
        'Error: no event "ffff"; see: polegate events --recent',
    )
    assert polegate("events", "ack", "00ab").exit_code == 2, "what is over needs nobody"


def test_put_aside_and_taken_up_again(busy, polegate) -> None:
    result = polegate(
        "events", "shelve", "door", "--for", "2h", "--reason", "painters are here", "--by", "li"
    )
    assert (
        result.stdout
        == "door: put aside until 2026-11-23 10:00 UTC, with 1 open event. What is critical alarms all the same.\n"
    )
    assert busy.docket.open["00aa000000000003"].shelved
    text = polegate("events").stdout
    assert "put aside until 2026-11-23 10:00 UTC" in text
    assert text.endswith(
        "\nput aside\n  door until 2026-11-23 10:00 UTC, 2 h more, by li: painters are here\n"
    )
    assert "shelved    yes" in polegate("events", "show", "00aa").stdout
    assert polegate("events", "unshelve", "door").stdout == "door: taken up again, with 1 open event.\n"
    result = polegate("events", "unshelve", "door")
    assert (result.exit_code, result.stderr) == (2, "Error: unshelve: door is not shelved\n")


def test_of_one_source_only(busy, polegate) -> None:
    words = ("sensor", "level.water_temperature", "--for", "30 min", "--reason", "cleaning")
    answer = json.loads(polegate("events", "shelve", *words, "--json").stdout)
    assert [event["shelved"] for event in answer["changed"]] == [True]
    shelf = busy.docket.shelves[0]
    assert shelf == Shelf(
        "sensor", "level.water_temperature", NOW_MS + 30 * MINUTE_MS, getpass.getuser(), "cleaning"
    )
    answer = json.loads(polegate("events", "unshelve", *words[:2], "--json").stdout)
    assert [event["shelved"] for event in answer["changed"]] == [False]


@pytest.mark.parametrize("time", ["59 s", "25 h", "soon", "5"])
def test_a_time_that_cannot_be(station, polegate, time: str) -> None:
    result = polegate("events", "shelve", "door", "--for", time, "--reason", "x")
    assert result.exit_code == 2
    assert "expected" in result.stderr
    assert time in result.stderr


def test_a_misspelt_word_is_not_taken_for_list(station, polegate) -> None:
    result = polegate("events", "shelf")
    assert result.exit_code == 2
    assert "shelf" in result.stderr
    assert "Usage: polegate events" in polegate("events", "--help").stdout


def test_without_a_daemon_and_with_an_older_one(daemon, polegate) -> None:
    result = polegate("events", "unshelve", "door")
    assert (result.exit_code, "no verb" in result.stderr) == (1, True)


def test_nobody_answers(polegate) -> None:
    assert polegate("events").exit_code == polegate("events", "ack", "1").exit_code == 3


def test_watch_is_redrawn(busy, terminal) -> None:
    watching = terminal("events", "--watch", rows=50)
    wait_until(lambda: "3 events open" in watching.text)
    busy.docket.acknowledge("3fa2c91e00000001", "wang", NOW_MS)
    wait_until(lambda: "seen by wang" in watching.text)
    assert watching.interrupt() == 0


def test_watch_as_json(busy, terminal) -> None:
    watching = terminal("events", "list", "--watch", "--json", columns=20_000)
    wait_until(lambda: watching.text.count('"shelves"') >= 2)
    assert watching.interrupt() == 0


def test_causes_that_go_round_in_a_circle_are_all_shown() -> None:
    events = [
        facts(stage(id="a", caused_by="b")),
        facts(stage(id="b", caused_by="a")),
        facts(stage(id="c", caused_by="gone")),
    ]
    assert sorted(event["id"] for event, _ in in_order(events)) == ["a", "b", "c"]


def test_ids_are_shortened_as_far_as_they_differ() -> None:
    ids = ["3fa2c91e", "3fa2c9ff", "3fb00000"]
    assert shortened({"id": each} for each in ids) == {
        "3fa2c91e": "3fa2c91",
        "3fa2c9ff": "3fa2c9f",
        "3fb00000": "3fb0",
    }
