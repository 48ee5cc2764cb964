"""Readings, buses, cameras and what is wrong, as lines of the full-screen view. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from rich.text import Text

from agent.amounts import ago, bar, many, span, sparkline, value
from agent.cli import texts
from agent.cli.event_view import in_order, shortened
from agent.cli.lanes import STYLES
from agent.cli.panes.cells import Column, table, tail, widths
from agent.cli.panes.station import Facts, Look, Station
from agent.cli.screen import BAD, BOLD, BUSY, DIM, GOOD
from agent.cli.top_texts import MARKS
from pipelines.events import Severity

MARK = dict(zip((1, 2, 3, 4, 9), (mark for mark, _ in MARKS), strict=True))
MARK_STYLES = {1: GOOD, 2: DIM, 3: "yellow", 4: BAD, 9: BAD}
BAR = 8
NAME = 18
LATE = 3
"""A device that has been silent for so many of its intervals is late."""

_READINGS = (
    Column("device", 14), Column("reading", 19), Column("value", 14, right=True, floor=9),
    Column("quality", 16, floor=9), Column("age", 7, right=True, floor=6), Column("trend", 0),
)  # fmt: skip
_BUSES = (
    Column("bus", NAME), Column("load", BAR + 5), Column("devices", 10), Column("", 0),
)  # fmt: skip
_CAMERAS = (
    Column("camera", 12), Column("rung", 10), Column("way", 9), Column("score", 5, right=True),
    Column("last", 6, right=True), Column("", 0),
)  # fmt: skip


def readings(station: Station, look: Look, sort: str, width: int) -> Iterator[Text]:
    """A row a channel: its value, its quality, how old it is, and its trend to the end of the line."""
    status = look.status
    named = [(each["device"], each) for each in status["devices"]]
    named += [
        (each["camera"], {**each, "error": each["message"]}) for each in status["cameras"] if each["values"]
    ]
    named.sort(key=_ORDERS[sort])
    rows = [row for name, device in named for row in _device(name, device, status["now_ms"])]
    found = widths(_READINGS, rows, width)
    trends = [trend for name, device in named for trend in _trends(name, device, station, found[-1])]
    return table(_READINGS, [[*row, trend] for row, trend in zip(rows, trends, strict=True)], found)


_ORDERS: Mapping[str, Callable[[tuple[str, Facts]], Any]] = {
    "order": lambda _: 0,
    "trouble": lambda each: -_gravity(each[1]),
    "name": lambda each: each[0],
    "age": lambda each: each[1]["last_ms"] or 0,
}


def _gravity(device: Facts) -> int:
    """How bad the worst of it is; a device that is starting is not bad."""
    if device["state"] == "starting":
        return 0
    worst: int = max((int(each["quality"]) for each in device["values"]), default=0)
    return worst + (0 if device["state"] == "ok" else 10)


def _well(device: Facts) -> bool:
    return device["state"] in ("ok", "starting")


def _device(name: str, device: Facts, now_ms: int) -> Iterator[list[Text]]:
    for number, each in enumerate(device["values"]):
        title, age = Text(name, BOLD if _well(device) else BAD), _age(device, now_ms)
        shown = value(each["value"], each["unit"], each["decimals"])
        yield [
            Text() if number else title, Text(each["channel"]), Text(shown), _quality(each),
            Text() if number else age,
        ]  # fmt: skip


def _trends(name: str, device: Facts, station: Station, room: int) -> Iterator[Text]:
    """Behind the first channel of a device that cannot be read stands why."""
    for number, each in enumerate(device["values"]):
        if not number and not _well(device) and device["error"]:
            yield Text(device["error"], BAD)
        else:
            values = list(station.trends.get((name, each["channel"]), ()))
            yield Text(sparkline(values[-room:]).replace("█", "▇"), BUSY)  # rows keep a gap between them


def _quality(each: Facts) -> Text:
    quality, test = each["quality"], each["test"]
    said = f" {test}" if test and quality in (3, 4, 9) else ""
    return Text(f"{MARK[quality]}{said}", MARK_STYLES[quality])


def _age(device: Facts, now_ms: int) -> Text:
    if device["last_ms"] is None:
        return Text("never", DIM)
    seconds = max(now_ms - device["last_ms"], 0) // 1000
    is_late = seconds > LATE * device.get("every_s", seconds) + 1
    return Text(shortly(seconds), BAD if is_late else "")


def shortly(seconds: int) -> str:
    """`3 s`, `2 h`: the largest unit alone."""
    return " ".join(span(seconds).split(" ")[:2])


def buses(station: Station, look: Look, width: int) -> Iterator[Text]:
    """A row a bus: how much of its time it is busy, how many devices answer, and what is said of one."""
    loads = station.rates().loads
    rows = []
    for bus in look.buses["buses"]:
        devices = [each for each in look.status["devices"] if each["bus"] == bus["bus"]]
        failing = [each for each in devices if each["state"] not in ("ok", "starting")]
        well = f"{len(devices) - len(failing)} of {len(devices)} ok"
        name = tail(bus["bus"].removeprefix("/dev/polegate/").removeprefix("/dev/"), NAME)
        last = f"{failing[-1]['device']}: {failing[-1]['error']}" if failing else ""
        style = "" if bus["open"] else BAD
        rows.append(
            [
                Text(name, style),
                _load(bus, loads),
                Text(well, BAD if failing else GOOD),
                Text(last, BAD),
            ]
        )
    found = widths(_BUSES, [row[:-1] for row in rows], width)
    return table(_BUSES, rows, found)


def _load(bus: Facts, loads: Mapping[str, float | None]) -> Text:
    if not bus["open"]:
        return Text("closed", BAD)
    load = loads.get(bus["bus"])
    if load is None:
        return Text("listens" if bus["busy_s"] is None else "-", DIM)
    return Text(f"{bar(load, BAR)} {load:4.0%}", "yellow" if load > 0.7 else "")


def cameras(look: Look, width: int) -> Iterator[Text]:
    """A row a camera: the rung it stands on, how its pictures come, how good the last was and how old."""
    rows = []
    for camera in look.status["cameras"]:
        is_well = camera["state"] == "ok"
        style = GOOD if is_well else BUSY if camera["state"] == "starting" else BAD
        score = "-" if camera["score"] is None else str(camera["score"])
        said = camera["message"] or ", ".join(camera["faults"]) or camera["why"]
        last = _age({**camera, "every_s": camera["figures"].get("every_s", 60)}, look.status["now_ms"])
        rows.append([
            Text(camera["camera"], BOLD), Text(camera["step"], style), Text(camera["way"] or "-"),
            Text(score), last, Text(said, DIM if is_well else BAD),
        ])  # fmt: skip
    found = widths(_CAMERAS, [row[:-1] for row in rows], width)
    return table(_CAMERAS, rows, found)


def trouble(look: Look) -> Iterator[Text]:
    """A line a fault, then a line an open event, the gravest first."""
    now_ms, opened = look.status["now_ms"], look.events["open"]
    for fault in look.status["faults"]:
        since = ago(fault["began_ms"], now_ms)
        advice = texts.advice(fault["kind"], fault["reason"], fault["subject"])
        yield Text.assemble((fault["kind"], BAD), f" {fault['subject']}, {since}  ", (advice, DIM))
    short = shortened(opened)
    for event, depth in in_order(opened):
        severity = Severity[event["severity"].upper()]
        since = ago(event["began_ms"], now_ms)
        yield Text.assemble(
            "  " * depth, (event["severity"], STYLES[severity]),
            f" {event['kind']} {event['subject']}, {since} ",
            (f"{short[event['id']]} {event['message']}", DIM),
        )  # fmt: skip


def counted(look: Look) -> Text:
    """`2 faults, 3 events`; green where there is none."""
    faults, opened = len(look.status["faults"]), look.events["open"]
    parts = [many(faults, "fault")] * bool(faults) + [many(len(opened), "event")] * bool(opened)
    return Text(", ".join(parts), BAD if faults else "yellow") if parts else Text("all well", GOOD)


def first(lines: Iterator[Text], most: int, more: str) -> Iterator[Text]:
    """At most so many; of more, one line says how many there are."""
    found = list(lines)
    yield from (
        found
        if len(found) <= most
        else chain(found[: most - 1], [Text(more.format(count=len(found) - most + 1), DIM)])
    )
