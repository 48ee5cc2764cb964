"""What was verified: every claim of the demonstration as a check that can fail. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.amounts import many
from scripts.demonstration.gateway import Farewell
from scripts.demonstration.ledger import Run
from scripts.demonstration.platform import Platform

MOST_NAMED = 3

Shown = Iterable[tuple[str, str, str, float, float]]
"""Gateway, device, channel, lowest and highest value that the gauge has shown."""


@dataclass(frozen=True, slots=True)
class Check:
    """A claim, whether it holds, and the figures behind it."""

    claim: str
    holds: bool
    found: str


def verify(
    platform: Platform, farewells: Sequence[Farewell], shown: Shown, rain_faults: int, floods: int
) -> list[Check]:
    """All checks, when everything has been delivered.

    `shown` holds what the gauges have shown, `rain_faults` how often the rain gauge was unplugged, `floods`
    how many floods were seen to their end.
    """
    return [
        _arrived(platform),
        _once(platform),
        _counted(platform, farewells),
        _alike(platform),
        _plausible(platform, shown),
        _valid(platform),
        _left(farewells),
        _faults(platform, rain_faults),
        _events(platform, floods),
    ]


def _arrived(platform: Platform) -> Check:
    ledger = platform.ledger
    lost = [f"{run} sample {seq}" for run in ledger.runs for seq in ledger.lost(run)]
    count = sum(ledger.reached(run).count() for run in ledger.runs)
    found = f"{many(count, 'sample')}, {many(platform.readings, 'reading')}, {many(len(lost), 'hole')}"
    if died := ledger.died():
        found += f"; {many(died, 'sample')} of a killed daemon's last second had not been written"
    return _check("every sample that was on disk has arrived", count, lost, found)


def _once(platform: Platform) -> Check:
    wrong = [*platform.ledger.twice, *(f"batch {batch}" for batch in platform.contradictions)]
    found = f"{many(platform.repeats, 'repeat')} dropped by batch id, {len(wrong)} other"
    return _check("each sample once; a repeat has the same key and content", 1, wrong, found)


def _counted(platform: Platform, farewells: Sequence[Farewell]) -> Check:
    """The status verb's own counts against the highest sequence numbers that have arrived."""
    told = arrived = 0
    short = []
    for farewell in farewells:
        for device, count in farewell.samples.items():
            highest = platform.ledger.reached(Run(farewell.gateway, farewell.epoch, device)).highest
            told, arrived = told + count, arrived + highest
            if highest < count:
                short.append(f"{farewell.gateway} {device}: {highest} of {count}")
    found = f"the daemons in their last boots {told:,}, the platform {arrived:,}"
    return _check("as many samples as the daemons counted", told, short, found)


def _alike(platform: Platform) -> Check:
    ledger = platform.ledger
    wrong = [*ledger.differing, *ledger.unread()]
    found = f"{ledger.compared:,} compared with what the daemons read, {len(wrong)} differ"
    return _check("times and values are those that were read", ledger.compared, wrong, found)


def _plausible(platform: Platform, shown: Shown) -> Check:
    """Between the lowest and the highest value that the gauge itself has shown."""
    known = {
        (gateway, device, name): channel
        for gateway, about in platform.gateways.items()
        for (device, name), channel in about.channels.items()
        if channel.low <= channel.high
    }
    ranges = {(gateway, device, name): (low, high) for gateway, device, name, low, high in shown}
    wrong = [f"{key[1]} {key[2]}: no gauge shows it" for key in known.keys() - ranges.keys()]
    for key in known.keys() & ranges.keys():
        (low, high), channel = ranges[key], known[key]
        if channel.low < low or channel.high > high:
            wrong.append(f"{key[1]} {key[2]}: {channel.low:g} to {channel.high:g}, shown {low:g} to {high:g}")
    found = f"{many(len(known), 'channel')}, {len(wrong)} outside of what the gauge has shown"
    return _check("values are the simulated gauges' own", len(known), wrong, found)


def _valid(platform: Platform) -> Check:
    count = sum(platform.messages.values())
    found = f"{many(count, 'message')} validated, {len(platform.invalid)} invalid"
    return _check("every message keeps the wire contract", count, platform.invalid, found)


def _left(farewells: Sequence[Farewell]) -> Check:
    wrong = [f"{farewell.gateway}: {farewell.left} left" for farewell in farewells if farewell.left]
    wrong += [
        f"{farewell.gateway}: exit code {farewell.exit_code}" for farewell in farewells if farewell.exit_code
    ]
    for farewell in farewells:
        wrong += [f"{farewell.gateway}: {count} {why}" for why, count in farewell.given_up.items() if count]
    return _check(
        "daemons stopped cleanly, outboxes empty", len(farewells), wrong, "nothing left, nothing given up"
    )


def _faults(platform: Platform, rain_faults: int) -> Check:
    closed = sum(fault.subject == "rain" for fault in platform.closed_faults)
    wrong = [f"{fault.subject} {fault.reason} still open" for fault in platform.open_faults]
    if closed < rain_faults:
        wrong.append(f"{closed} closed")
    faults = many(len(platform.closed_faults), "fault")
    found = f"unplugged {many(rain_faults, 'time')}, {faults} opened and closed"
    return _check("unplugged gauges were reported, and their return", 1, wrong, found)


def _events(platform: Platform, floods: int) -> Check:
    """Each event is opened once and closed once, whatever came between; the config's end closes the last."""
    wrong = []
    for event_id, messages in platform.events.items():
        states = Counter(message.state for message in messages)
        if (states["opened"], states["closed"]) != (1, 1):
            wrong.append(
                f"{messages[0].kind} {event_id}: {states['opened']} opened, {states['closed']} closed"
            )
    if platform.floods_over < floods:
        wrong.append(f"{platform.floods_over} floods of {floods}")
    found = f"{many(len(platform.events), 'event')}, {many(platform.floods_over, 'flood')} among them"
    return _check("each event was told once: its beginning and its end", 1, wrong, found)


def _check(claim: str, seen: int, wrong: Sequence[str], found: str) -> Check:
    """A claim about nothing does not hold."""
    more = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
    named = f": {'; '.join(wrong[:MOST_NAMED])}{more}" if wrong else ""
    return Check(claim, seen > 0 and not wrong, found + named)
