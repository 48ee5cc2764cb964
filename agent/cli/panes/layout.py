"""The whole screen of polegate top: head, panes, body, foot; as many lines as the window has. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from agent.amounts import bar, instant, many, moment, size, span
from agent.cli import event_view, outbox, status, texts
from agent.cli.panes import rows
from agent.cli.panes.cells import beside, fit, lines_of, rule, spread
from agent.cli.panes.station import Facts, Look, Rates, Station
from agent.cli.panes.view import View
from agent.cli.screen import BAD, BOLD, BUSY, DIM, GOOD
from agent.cli.top_texts import (
    ALL_WELL,
    HELP,
    KEEPS_UP,
    KEYS,
    LAST_SEEN,
    LINES,
    MARKS,
    MORE,
    NOTHING,
    PANES,
    PAUSED,
    SORTS,
    STARTING,
    WAITING,
)

WIDE = 118
"""Columns from which on the first pane has two columns."""

MOST = 4
"""Lines of what is wrong in the first pane, of buses and of cameras, where it has one column only."""

FOOT = 1

KEEPS_UP_MS = 10_000
"""Readings wait for a second on their way; only what is older stays behind."""


def draw(station: Station, view: View, width: int, height: int, note: str = "") -> list[Text]:
    """`height` lines of at most `width` cells; `note` stands at the right end of the foot."""
    look = station.now
    head = list(_head(look, station.rates(), width)) if look else [Text("polegate top", BOLD)]
    head.append(_tabs(station, view, width))
    body = list(_body(station, view, width))
    view.room, view.length = max(height - len(head) - FOOT, 1), len(body)
    view.scroll()
    seen = body[view.offset : view.offset + view.room]
    blank = [Text()] * (view.room - len(seen))
    lines = [*head, *seen, *blank, _foot(view, len(seen), width, note)][:height]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def screen(station: Station, width: int, height: int) -> list[Text]:
    """The first pane, as long as `height` or as its lines; for --once."""
    lines = draw(station, View(), width, height)[:-FOOT]
    while lines and not lines[-1].plain.strip():
        lines.pop()
    return lines


def _head(look: Look, rates: Rates, width: int) -> Iterator[Text]:
    answer = look.status
    names = answer["station"]
    place = f"{names['site']}/{names['gateway']}"
    who = Text.assemble((names["title"] or place, BOLD), f"  {place}" if names["title"] else "")
    yield spread(who, Text(f"{instant(answer['now_ms'])[:19].replace('T', ' ')} UTC"), width)
    yield spread(_process(answer, rates), _clock(answer["clock"]), width)
    yield _uplink(answer["uplink"], answer["now_ms"], rates, width)
    yield _outbox(answer["outbox"], answer["now_ms"], rates, width)


def _process(answer: Facts, rates: Rates) -> Text:
    cpu = "" if rates.cpu is None else f"cpu {rates.cpu:.1%} "
    used = f"{cpu}{size(answer['process']['rss_bytes'])}"
    line = Text.assemble(("polegate ", DIM), f"{answer['version']} up {span(answer['uptime_s'])}  {used}")
    if worker := answer["worker"]:
        cpu = "" if rates.worker_cpu is None else f" {rates.worker_cpu:.1%}"
        line.append(f"  cameras{cpu} {size(worker['pss_bytes'])}")
    return line


def _clock(clock: Facts) -> Text:
    if not clock["trusted"]:
        return Text.assemble(("clock ", DIM), ("not trusted", BAD))
    return Text.assemble(("clock ", DIM), ("ok", GOOD))


def _uplink(uplink: Facts, now_ms: int, rates: Rates, width: int) -> Text:
    state, since_ms = uplink["state"], uplink.get("since_ms")
    style = {"connected": GOOD, "connecting": BUSY}.get(state, BAD)
    left = Text.assemble(("uplink   ", DIM), ("● ", style), (state, style))
    going = _going(uplink, rates, width - left.cell_len - 1)
    left.append(f" {span((now_ms - since_ms) // 1000)}" if since_ms else "")
    if uplink.get("error"):
        return fit(left.append(f"  {uplink['error']}", BAD), width)
    left.append(f"  {uplink['url']}")
    return spread(left, Text(going), width)


def _going(uplink: Facts, rates: Rates, room: int) -> str:
    """How the uplink does: as much of it as there is room for."""
    parts = [f"ack in {span(uplink['puback_s'])}"] if uplink.get("puback_s") else []
    if rates.sent_per_min is not None:
        parts.append(f"{rates.sent_per_min:,.{0 if rates.sent_per_min >= 10 else 1}f} msg/min")
    if rates.bytes_per_s is not None:
        parts.append(f"{size(round(rates.bytes_per_s))}/s")
    while parts and len("  ".join(parts)) > room:
        parts.pop()
    return "  ".join(parts)


def _outbox(held: Facts, now_ms: int, rates: Rates, width: int) -> Text:
    share = held["bytes"] / held["max_bytes"]
    style = BAD if share > 0.9 else "yellow" if share > 0.5 else ""
    left = Text.assemble(("outbox   ", DIM), (bar(share, 8), style), f" {share:.0%}")
    left.append(f" of {size(held['max_bytes'])}  ", DIM)
    left.append(many(held["items"], "reading") if held["batches"] else "nothing waits")
    if held["batches"] and held["oldest_ms"] is not None:
        left.append(f", {rows.shortly(max(now_ms - held['oldest_ms'], 0) // 1000)} old")
    right = Text()
    if lost := sum(held.get(reason, 0) for reason in texts.LOSSES):
        right.append(f"{lost:,} lost  ", BAD)
    waits_ms = now_ms - held["oldest_ms"] if held["oldest_ms"] is not None else 0
    if waits_ms < KEEPS_UP_MS:
        right.append(KEEPS_UP, DIM)
    elif rates.waiting_per_min is not None:
        right.append(f"{rates.waiting_per_min:+,.0f}/min")
    return spread(left, right, width)


def _tabs(station: Station, view: View, width: int) -> Text:
    tabs = Text()
    for number, pane in enumerate(PANES, 1):
        active = pane == view.pane and not view.helping
        tabs.append(f" {number} {pane} ", "bold reverse" if active else DIM)
    right = rows.counted(station.now) if station.now else Text()
    if station.down:
        right = Text("no answer", BAD)
    return spread(tabs, right, width)


def _foot(view: View, seen: int, width: int, note: str) -> Text:
    left = Text.assemble((PAUSED, "reverse"), " ") if view.paused else Text()
    left.append(KEYS, DIM)
    if view.sort != "order":
        left.append(f": {SORTS[view.sort]}", DIM)
    right = note
    if view.length > view.room:
        place = LINES.format(first=view.offset + 1, last=view.offset + seen, all=view.length)
        right = f"{place}  {note}" if note else place
    return spread(left, Text(right, DIM), width)


def _body(station: Station, view: View, width: int) -> Iterator[Text]:
    look = station.now
    if view.helping:
        yield from _help(width)
    elif station.down:
        yield from _down(station, width)
    elif look is None:
        yield Text(STARTING, DIM)
    elif view.pane == "all":
        yield from _all(station, look, view.sort, width)
    elif view.pane == "readings":
        yield from _readings(station, look, view.sort, width)
    elif view.pane == "buses":
        yield from _buses(station, look, width)
    elif view.pane == "cameras":
        yield from _cameras(look, width)
    elif view.pane == "events":
        yield from _events(look, width)
    else:
        yield from _waiting(look, width)


def _down(station: Station, width: int) -> Iterator[Text]:
    yield Text()
    yield from lines_of(Text(station.down, BAD), width)
    if station.now:
        yield Text(LAST_SEEN.format(since=moment(station.now.status["now_ms"])))
    yield Text()
    yield Text(WAITING)


def _help(width: int) -> Iterator[Text]:
    yield rule("keys", width)
    for key, what in HELP:
        yield Text.assemble((f"{key:22}", BOLD), what)
    yield Text()
    yield rule("quality", width)
    for (quality, style), (mark, what) in zip(rows.MARK_STYLES.items(), MARKS, strict=True):
        yield Text.assemble((f"{mark:3}", style), f"{what}  ", (f"QARTOD {quality}", DIM))


def _all(station: Station, look: Look, sort: str, width: int) -> Iterator[Text]:
    if width < WIDE:
        trouble = (fit(each, width) for each in rows.trouble(look))
        yield from rows.first(trouble, MOST, MORE)
        yield from _side(station, look, width, MOST)
        yield from _readings(station, look, sort, width)
        return
    right = min(max(width * 2 // 5, 52), 76)
    left = width - right - 3
    yield from beside(_readings(station, look, sort, left), _other(station, look, right), left)


def _other(station: Station, look: Look, width: int) -> Iterator[Text]:
    """The column on the right: buses, cameras, what is wrong in whole sentences."""
    yield from _side(station, look, width, 99)
    yield Text(f"{'what is wrong':{width}}", "underline")
    for each in rows.trouble(look):
        yield from each.wrap(Console(width=width), width)
    if not look.status["faults"] and not look.events["open"]:
        yield Text(ALL_WELL, GOOD)


def _side(station: Station, look: Look, width: int, most: int) -> Iterator[Text]:
    """Buses, then cameras, where there are any."""
    if look.buses["buses"]:
        yield from rows.first(_buses(station, look, width), most + 1, MORE.replace("5", "3"))
    if look.status["cameras"]:
        yield from rows.first(_cameras(look, width), most + 1, MORE.replace("5", "4"))


def _readings(station: Station, look: Look, sort: str, width: int) -> Iterator[Text]:
    if not look.status["devices"] and not look.status["cameras"]:
        yield Text(NOTHING["readings"], DIM)
        return
    yield from rows.readings(station, look, sort, width)


def _buses(station: Station, look: Look, width: int) -> Iterator[Text]:
    yield from rows.buses(station, look, width) if look.buses["buses"] else [Text(NOTHING["buses"], DIM)]


def _cameras(look: Look, width: int) -> Iterator[Text]:
    yield from rows.cameras(look, width) if look.status["cameras"] else [Text(NOTHING["cameras"], DIM)]


def _events(look: Look, width: int) -> Iterator[Text]:
    if look.status["faults"]:
        yield rule("faults", width)
        for part in status.faults(look.status):
            yield from lines_of(part, width)
    yield rule("events", width)
    for part in event_view.view(look.events, recent=True):
        yield from lines_of(part, width)


def _waiting(look: Look, width: int) -> Iterator[Text]:
    yield rule("outbox", width)
    for part in outbox.view({**look.status["outbox"], "peek": ()}, look.status["now_ms"]):
        yield from lines_of(part, width)
