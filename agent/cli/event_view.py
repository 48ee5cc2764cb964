"""How the station's events look on the terminal. Pure: facts as the daemon gives them, now_ms among them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from agent.amounts import ago, instant, many, moment, span, symbol, value
from agent.cli import screen, texts
from agent.cli.chart import Chart, Limit, Mark, Series
from agent.cli.lanes import STYLES
from agent.cli.plot import Signs, draw
from agent.cli.screen import BOLD, DIM, GOOD
from pipelines.events import Severity

INDENT = 2
LEAST_ID = 4
"""Digits of an id that are shown at least."""
PLOT_HEIGHT = 12

Facts = Mapping[str, Any]


def view(answer: Facts, *, recent: bool) -> Iterator[RenderableType]:
    """What to print, from top to bottom: open events with what they explain below them, then the rest."""
    now_ms, opened = answer["now_ms"], answer["open"]
    short = shortened([*opened, *answer["recent"]])
    yield _headline(opened)
    for event, depth in in_order(opened):
        yield from _open(event, depth, short, answer)
    if recent:
        yield Text("\nover" if answer["recent"] else f"\n{texts.NONE_RECENT}", BOLD)
        for event in sorted(answer["recent"], key=lambda each: -each["at_ms"]):
            yield _closed(event, short, now_ms)
    if answer["shelves"]:
        yield Text("\nput aside", BOLD)
        for shelf in answer["shelves"]:
            yield Padding(_shelf(shelf, now_ms), (0, 0, 0, INDENT))


def in_order(events: Sequence[Facts]) -> Iterator[tuple[Facts, int]]:
    """The gravest first, then the latest; behind each what it explains, with how deep that is."""
    ids = {event["id"] for event in events}
    below: dict[str, list[Facts]] = defaultdict(list)
    for event in sorted(events, key=lambda each: (-_severity(each), -each["began_ms"])):
        cause = event["caused_by"]
        below[cause if cause in ids and cause != event["id"] else ""].append(event)
    seen: set[str] = set()

    def walk(cause: str, depth: int) -> Iterator[tuple[Facts, int]]:
        for event in below.get(cause, ()):
            if event["id"] not in seen:
                seen.add(event["id"])
                yield event, depth
                yield from walk(event["id"], depth + 1)

    yield from walk("", 0)
    yield from ((event, 0) for event in events if event["id"] not in seen)  # two that explain each other


def shortened(events: Iterable[Facts]) -> dict[str, str]:
    """Of each id as many digits as tell it from the others."""
    ids = sorted({event["id"] for event in events})
    found = {}
    for n, each in enumerate(ids):
        beside = [*ids[max(n - 1, 0) : n], *ids[n + 1 : n + 2]]
        length = max((_common(each, other) + 1 for other in beside), default=0)
        found[each] = each[: max(length, LEAST_ID)]
    return found


def details(event: Facts, now_ms: int, width: int, signs: Signs) -> Iterator[RenderableType]:
    """Everything that is known of one event, its evidence as a plot."""
    is_closed = event["phase"] == "closed"
    unit, decimals = event["unit"], event["decimals"]
    lasted = span(((event["at_ms"] if is_closed else now_ms) - event["began_ms"]) / 1000)
    since = f"{instant(event['began_ms'])}, for {lasted}" + ("" if is_closed else " up to now")
    yield Text.assemble(_name(event), ("  over" if is_closed else "", GOOD))
    yield Padding(Text(event["message"]), (0, 0, 1, INDENT))
    yield screen.pairs(
        ("id", event["id"]),
        ("rule", f"{event['rule']}, version {event['version']}"),
        ("nature", texts.NATURES[event["nature"]]),
        ("began", since),
        ("last news", f"{instant(event['at_ms'])}, {event['phase']}"),
        *((name, value(event[name], unit, decimals)) for name in NUMBERS if event[name] is not None),
        ("window", _window(event["window"])),
        *((name, _detail(name, what, event)) for name, what in event["detail"].items()),
        ("caused by", event["caused_by"]),
        ("seen by", event["acknowledged"] or ("" if is_closed else "nobody yet")),
        ("shelved", "yes" if event["shelved"] else ""),
        ("left out", many(event["suppressed"], "message") if event["suppressed"] else ""),
    )
    if event["evidence"]:
        yield ""
        yield from draw(evidence(event), width, PLOT_HEIGHT, signs)


NUMBERS = ("value", "baseline", "threshold")
OF_THE_READINGS = {"highest", "deepest", "level", "lesser", "greater", "apart"}
"""Details that are in the unit of the readings behind an event, docs/platform/events.md."""


def evidence(event: Facts) -> Chart:
    """The readings behind an event, with its threshold and its time."""
    drawn = NUMBERS[1:] if event["unit"] == event["evidence_unit"] else ()
    limits = [Limit(name, event[name]) for name in drawn if event[name] is not None]
    over_ms = event["at_ms"] if event["phase"] == "closed" else None
    points = [(int(at_ms), number) for at_ms, number in event["evidence"]]
    began_ms = max(event["began_ms"], points[0][0])
    mark = Mark(
        event["kind"], began_ms, over_ms if over_ms is None else max(over_ms, began_ms), _severity(event)
    )
    return Chart(
        series=[Series(event["subject"], points)],
        limits=limits,
        marks=[mark],
        title=event["subject"],
        unit=symbol(event["evidence_unit"]),
    )


def _headline(opened: Sequence[Facts]) -> Text:
    if not opened:
        return Text(texts.NONE_OPEN, GOOD)
    unseen = sum(not event["acknowledged"] and not event["shelved"] for event in opened)
    line = f"{many(len(opened), 'event')} open"
    return Text(f"{line}, {unseen} of them not yet seen" if unseen else f"{line}, all seen", BOLD)


def _open(event: Facts, depth: int, short: Mapping[str, str], answer: Facts) -> Iterator[RenderableType]:
    shift = INDENT * depth
    since = ago(event["began_ms"], answer["now_ms"])
    head = Text.assemble("" if depth else "\n", _name(event), f", {since}  ", (short[event["id"]], DIM))
    yield Padding(head, (0, 0, 0, shift))
    yield Padding(Text(event["message"]), (0, 0, 0, shift + INDENT))
    if facts := ", ".join(_facts(event, depth, short, answer)):
        yield Padding(Text(facts, DIM), (0, 0, 0, shift + INDENT))


def _facts(event: Facts, depth: int, short: Mapping[str, str], answer: Facts) -> Iterator[str]:
    unit, decimals = event["unit"], event["decimals"]
    if event["value"] is not None:
        limit = event["threshold"]
        against = "" if limit is None else f" (limit {value(limit, unit, decimals)})"
        yield f"{value(event['value'], unit, decimals)}{against}"
    if event["acknowledged"]:
        yield f"seen by {event['acknowledged']}"
    if event["shelved"]:
        ends = [shelf["until_ms"] for shelf in answer["shelves"] if _covers(shelf, event)]
        yield f"put aside until {moment(max(ends))}" if ends else "put aside"
    if event["caused_by"] and not depth:
        yield f"caused by {short.get(event['caused_by'], event['caused_by'])}"
    if event["suppressed"]:
        yield f"{many(event['suppressed'], 'message')} left out"


def _closed(event: Facts, short: Mapping[str, str], now_ms: int) -> RenderableType:
    lasted = span((event["at_ms"] - event["began_ms"]) / 1000)
    head = f", lasted {lasted}, over {ago(event['at_ms'], now_ms)}  "
    return Padding(Text.assemble(_name(event), head, (short[event["id"]], DIM)), (0, 0, 0, INDENT))


def _name(event: Facts) -> Text:
    severity = event["severity"]
    return Text.assemble((severity, STYLES[_severity(event)]), f"  {event['kind']} {event['subject']}")


def _shelf(shelf: Facts, now_ms: int) -> Text:
    left = span(max(shelf["until_ms"] - now_ms, 0) / 1000)
    where = f" of {shelf['source']}" if shelf["source"] else ""
    until = f"until {moment(shelf['until_ms'])}, {left} more"
    return Text.assemble((shelf["rule"], BOLD), f"{where} {until}, by {shelf['by']}: {shelf['reason']}")


def _covers(shelf: Facts, event: Facts) -> bool:
    """As pipelines.docket decides it."""
    subject, rule = event["subject"], event["rule"]
    return shelf["rule"] in (rule, rule.partition(".")[0]) and shelf["source"] in (
        "", subject, subject.partition(".")[0],
    )  # fmt: skip


def _detail(name: str, what: object, event: Facts) -> str:
    """As precise as the readings are; of figures in other units six digits, at most."""
    if not isinstance(what, float):
        return str(what)
    if name in OF_THE_READINGS:
        return value(what, event["evidence_unit"], event["decimals"])
    return f"{what:g}"


def _window(window: Sequence[int] | None) -> str:
    if not window:
        return ""
    from_ms, to_ms, count = window
    return f"{instant(from_ms)} to {instant(to_ms)}, {many(count, 'reading')}"


def _severity(event: Facts) -> Severity:
    return Severity[event["severity"].upper()]


def _common(one: str, other: str) -> int:
    """How many digits at the beginning are the same."""
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
