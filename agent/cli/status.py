"""polegate status: how the running daemon, its devices and its uplink are doing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from agent.amounts import ago, many, moment, size, span, value
from agent.cli import screen, status_cameras, texts
from agent.cli.exits import Exit, Failed, ask
from agent.cli.screen import BAD, BOLD, BUSY, DIM, GOOD

EVERY_S = 2.0
MOST_VALUES = 4

Facts = Mapping[str, Any]


@click.command("status")
@click.option("--watch", "-w", is_flag=True, help=f"Draw it anew every {EVERY_S:g} s until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="The daemon's answer as a line of JSON.")
@click.pass_obj
def command(paths: dict[str, Path], watch: bool, as_json: bool) -> None:
    """How the running daemon, its devices and its uplink are doing.

    Ends with 0 when all is well, 1 when something is wrong, 3 when no daemon runs.
    """
    answer = ask(paths["socket"], "status")
    if not watch:
        screen.machine(answer) if as_json else screen.show(*view(answer))
        sys.exit(Exit.PROBLEM if troubled(answer) else Exit.OK)
    if as_json:
        _stream(paths["socket"], answer)
    else:
        _redraw(paths["socket"], answer)


def troubled(answer: Facts) -> bool:
    """Whether anything here wants a person's attention."""
    return bool(
        answer["faults"]
        or answer["config"]["refused"]
        or answer["uplink"].get("error")
        or any(part["state"] != "running" for part in answer["parts"].values())
        or any(each["state"] not in ("ok", "starting") for each in (*answer["devices"], *answer["cameras"]))
    )


def view(answer: Facts) -> Iterator[RenderableType]:
    """What to print, from top to bottom."""
    yield _headline(answer)
    yield screen.pairs(
        ("uplink", _uplink(answer["uplink"], answer["now_ms"])),
        ("outbox", _outbox(answer["outbox"], answer["now_ms"])),
        ("pictures", status_cameras.pictures(answer["pictures"], answer["worker"])),
        ("events", _events(answer["events"])),
        ("clock", _clock(answer["clock"])),
        ("config", _config(answer["config"])),
    )
    yield ""
    if answer["devices"] or not answer["cameras"]:
        yield _devices(answer) if answer["devices"] else texts.NO_DEVICES
    if answer["cameras"]:
        yield ""
        yield status_cameras.table(answer["cameras"], answer["now_ms"])
    yield from faults(answer)
    yield from _parts(answer)


def _headline(answer: Facts) -> Text:
    station = answer["station"]
    name = f"{station['site']}/{station['gateway']}"
    since = moment(answer["now_ms"] - 1000 * answer["uptime_s"])
    return Text.assemble(
        (f"{station['title']} ({name})" if station["title"] else name, BOLD),
        f"\npolegate {answer['version']}, up {span(answer['uptime_s'])} since {since},",
        f" {size(answer['process']['rss_bytes'])} of memory",
    )


def _uplink(uplink: Facts, now_ms: int) -> Text:
    state = uplink["state"]
    since_ms = uplink.get("since_ms")
    since = f" for {span((now_ms - since_ms) // 1000)}" if since_ms else ""
    line = Text.assemble(
        (state, {"connected": GOOD, "connecting": BUSY}.get(state, BAD)), f"{since}: {uplink['url']}"
    )
    if uplink.get("error") and state != "connected":
        line.append(f"\n{uplink['error']}")
    if "published" in uplink:
        counts = [f"{uplink['published']:,} sent", f"{uplink['acknowledged']:,} acknowledged"]
        counts += [f"{uplink[key]:,} {key}" for key in ("repeated", "rejected") if uplink.get(key)]
        line.append(f"\n{', '.join(counts)}, {size(uplink['bytes'])} since the start")
    return line


def _outbox(outbox: Facts, now_ms: int) -> str:
    lost = [f"{outbox[reason]:,} {reason}" for reason in texts.LOSSES if outbox.get(reason)]
    loss = f"\nlost since ever: {', '.join(lost)}; why: polegate outbox" if lost else ""
    if not outbox["batches"]:
        return f"empty: the platform has everything{loss}"
    held = f"{many(outbox['items'], 'reading')} in {many(outbox['batches'], 'message')}"
    share = f"{outbox['bytes'] / outbox['max_bytes']:.0%}"
    room = f"{size(outbox['bytes'])} of {size(outbox['max_bytes'])} ({share})"
    oldest_ms = outbox["oldest_ms"]
    back = f", the oldest from {ago(oldest_ms, now_ms)}" if oldest_ms is not None else ""
    return f"{held}, {room}{back}{loss}"


def _events(events: Facts) -> str:
    return texts.EVENTS.format(open=events["open"], worst=events["worst"]) if events["open"] else ""


def _clock(clock: Facts) -> str:
    return texts.CLOCK_TRUSTED[clock["source"]] if clock["trusted"] else texts.CLOCK_UNTRUSTED


def _config(config: Facts) -> str:
    return texts.CONFIG_REFUSED if config["refused"] else ""


def _devices(answer: Facts) -> RenderableType:
    rows = screen.table("device", "state", "last good", "values", right=["last good"], whole=["state"])
    for device in answer["devices"]:
        state = device["state"]
        cell = Text(_values(device["values"]) if state in ("ok", "starting") else device["error"])
        if losses := _losses(device):
            cell.append(f"\n{losses}", style=DIM)
        style = {"ok": GOOD, "starting": BUSY}.get(state, BAD)
        rows.add_row(device["device"], Text(state, style), ago(device["last_ms"], answer["now_ms"]), cell)
    return rows


def _values(values: Sequence[Facts]) -> str:
    shown = [_value(each) for each in values[:MOST_VALUES]]
    more = len(values) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")


def _value(each: Facts) -> str:
    text = f"{each['channel']} {value(each['value'], each['unit'], each['decimals'])}"
    if each["value"] is not None and each["quality"] in (3, 4):
        return f"{text} ({texts.QUALITY[each['quality']]}: {each['test']})"
    return text


def _losses(device: Facts) -> str:
    """`3 of 1,204 samples missing: 2 timeout, 1 garbled; 5 polls skipped`."""
    parts = []
    if lost := sum(device["counts"].values()):
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in device["counts"].items())
        parts.append(f"{lost:,} of {many(device['samples'], 'sample')} missing: {reasons}")
    if device["missed"]:
        parts.append(f"{many(device['missed'], 'poll')} skipped")
    return "; ".join(parts)


def faults(answer: Facts) -> Iterator[RenderableType]:
    """Open faults, each with what to do about it."""
    said = {device["error"] for device in answer["devices"]}
    for fault in answer["faults"]:
        since = ago(fault["began_ms"], answer["now_ms"])
        yield Text.assemble("\n", (fault["kind"], BAD), f" {fault['subject']}, {since}")
        if fault["message"] not in said:
            yield Padding(Text(fault["message"]), (0, 0, 0, 2))
        yield Padding(Text(texts.advice(fault["kind"], fault["reason"], fault["subject"]), DIM), (0, 0, 0, 2))


def _parts(answer: Facts) -> Iterator[RenderableType]:
    """Parts that rest or restart, but for those a fault speaks of."""
    told = {fault["subject"] for fault in answer["faults"]}
    for name, part in answer["parts"].items():
        if part["state"] != "running" and name not in told:
            yield Text.assemble("\n", (f"{part['state']}: ", BAD), f"{name}: {part['error']}")


def _stream(socket: Path, answer: Facts) -> None:
    """A line of JSON each EVERY_S until Ctrl-C."""
    try:
        while True:
            screen.machine(answer)
            time.sleep(EVERY_S)
            answer = ask(socket, "status")
    except KeyboardInterrupt:
        return


def _redraw(socket: Path, answer: Facts) -> None:
    """Redraw until Ctrl-C; a daemon that restarts meanwhile is waited for."""
    parts: list[RenderableType] = list(view(answer))
    with screen.redrawn() as live:
        while True:
            live.update(Group(*parts, ""), refresh=True)
            time.sleep(EVERY_S)
            try:
                parts = list(view(ask(socket, "status")))
            except Failed as error:
                parts = [error.message]
