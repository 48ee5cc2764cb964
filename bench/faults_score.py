"""What a run shows beside the same month without the fault: caught, falsely raised, told, missed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.faults_inject import DAY_MS, HOUR_MS, Fault
from bench.faults_station import Flag, Log, Told, opened
from bench.faults_truth import MINUTE_MS, Happening, Truth

SAME_MS = HOUR_MS
"""Messages of one rule about one subject in two runs that are no further apart say the same."""
EARLY_MS, LATE_MS = HOUR_MS, 2 * HOUR_MS
"""An event belongs to a happening if it is told this long before its begin up to this long after it ended."""
AHEAD_MS = 3 * HOUR_MS
"""What is foretold two hours ahead belongs to what then comes."""
RANK = {"info": 0, "watch": 1, "warning": 2, "critical": 3}


@dataclass(slots=True)
class Catch:
    """How one fault was noticed: by a flag on its values, by an event about its sensor, or not."""

    flag_ms: int | None = None
    flag_by: str = ""
    event_ms: int | None = None
    event_by: str = ""
    false: Counter[str] = field(default_factory=Counter)
    """Events about other things that the month without the fault does not have."""
    explained: int = 0
    """Of these, such as name the cause they come from."""
    wrong: Counter[str] = field(default_factory=Counter)
    """Happenings told of by the false values that were none."""
    missed: Counter[str] = field(default_factory=Counter)
    """Happenings of sound sensors that are told without the fault, and not with it."""


def caught(log: Log, clean: Log, fault: Fault, truth: Truth) -> Catch:
    """Compare a run with the clean one over the same time."""
    found = Catch()
    last_ms = fault.until_ms + fault.grace_ms
    first = min(_doubts(log, clean, fault, last_ms), default=None)
    if first is not None:
        found.flag_ms, found.flag_by = first.known_ms - fault.from_ms, first.test
    for each in _news(log, clean, fault.from_ms):
        if _names(each, fault):
            if each.known_ms <= last_ms and found.event_ms is None:
                found.event_ms, found.event_by = each.known_ms - fault.from_ms, name_of(each)
        elif any(_belongs(each, happening) for happening in (*truth.happenings, *truth.weather)):
            continue  # true, and told once more
        elif not each.fault and _spoiled(each, fault):
            found.wrong[name_of(each)] += 1
        else:
            found.false[f"{name_of(each)} {each.subject}"] += 1
            found.explained += each.caused
    for each in _news(clean, log, fault.from_ms):
        if not each.fault and not _spoiled(each, fault) and each.known_ms <= last_ms:
            found.missed[f"{name_of(each)} {each.subject}"] += 1
    return found


def _doubts(log: Log, clean: Log, fault: Fault, last_ms: int) -> Iterator[Flag]:
    """Of the false values, and not of the true ones in their place."""
    for (subject, at_ms), flag in log.flags.items():
        during = fault.from_ms <= at_ms < fault.until_ms and flag.known_ms <= last_ms
        if during and subject in fault.subjects and (subject, at_ms) not in clean.flags:
            yield flag


def _names(each: Told, fault: Fault) -> bool:
    """Whether it says that something is wrong with what is wrong."""
    subjects = _subjects(fault)
    return each.fault and (each.kind == "bus_silent" or each.subject in subjects or each.other in subjects)


def _subjects(fault: Fault) -> set[str]:
    """The channels that are wrong, their devices, and the station where it is the clock."""
    devices = {subject.split(".", 1)[0] for subject in fault.subjects}
    return {*fault.subjects, *devices, "station"}


def _spoiled(each: Told, fault: Fault) -> bool:
    """Whether it tells of what the wrong values say."""
    devices = {subject.split(".", 1)[0] for subject in fault.subjects}
    return each.subject in fault.subjects or each.subject in devices


def _news(log: Log, other: Log, from_ms: int) -> list[Told]:
    """Events opened in one run and not in the other: none of the same rule and subject at about that time."""
    known: dict[tuple[str, str], list[int]] = defaultdict(list)
    for each in opened(other.told):
        known[each.rule, each.subject].append(each.known_ms)
    return [
        each
        for each in opened(log.told)
        if each.known_ms >= from_ms
        and not any(abs(each.known_ms - then) <= SAME_MS for then in known[each.rule, each.subject])
    ]


def name_of(each: Told) -> str:
    """The kind of an event, and the test or the alarm of a rule behind it."""
    alarm = each.rule.partition(".")[2]
    behind = each.test or (alarm if alarm.split(".")[0] not in each.kind else "")
    return f"{each.kind} ({behind})" if behind else each.kind


@dataclass(slots=True)
class Heard:
    """How a happening was told."""

    name: str
    told: bool
    delay_ms: int = 0


def heard(log: Log, happenings: Iterable[Happening]) -> list[Heard]:
    """Which of what truly happened was told, and how long after it began."""
    return [_heard(log.told, each) for each in happenings]


def _heard(told: Sequence[Told], happening: Happening) -> Heard:
    """By a message from an hour before it began on, or because that much was told already and is not over."""
    worst: dict[str, int] = {}
    least = RANK.get(happening.severity, 0)
    for each in told:
        if each.kind not in happening.kinds or each.subject != happening.subject:
            continue
        if each.known_ms > happening.began_ms and max(worst.values(), default=-1) >= least:
            return Heard(happening.name, True, 0)
        if each.known_ms > happening.until_ms + LATE_MS:
            break
        if each.state == "closed":
            worst.pop(each.id, None)
            continue
        before = worst.get(each.id, -1)
        worst[each.id] = RANK[each.severity]
        news = before < least <= worst[each.id] if least else before < 0
        if news and each.known_ms >= happening.began_ms - EARLY_MS:
            return Heard(happening.name, True, each.known_ms - happening.began_ms)
    return Heard(happening.name, False)


def needless(log: Log, truth: Truth) -> Counter[tuple[str, str, str]]:
    """In a month without faults: events that tell of nothing that happened, by name, severity and subject."""
    found: Counter[tuple[str, str, str]] = Counter()
    for each in opened(log.told):
        if not any(_belongs(each, true) for true in (*truth.happenings, *truth.weather)):
            found[name_of(each), each.severity, each.subject] += 1
    return found


def _belongs(each: Told, happening: Happening) -> bool:
    near = happening.began_ms - AHEAD_MS <= each.known_ms <= happening.until_ms + LATE_MS
    same = each.subject == happening.subject and each.kind in happening.kinds
    foretold = each.kind != "water_threshold_ahead" or each.rule.endswith(happening.name)
    return near and same and foretold


def sensor_months(truth: Truth, days: float) -> float:
    return sum(len(signals) for signals in truth.signals.values()) * days / 30


def lasting(delay_ms: float | None) -> str:
    """A delay for people."""
    if delay_ms is None:
        return "-"
    if abs(delay_ms) < 100 * 1000:
        return f"{delay_ms / 1000:.0f} s"
    if abs(delay_ms) < 100 * MINUTE_MS:
        return f"{delay_ms / MINUTE_MS:.0f} min"
    if abs(delay_ms) < 48 * HOUR_MS:
        return f"{delay_ms / HOUR_MS:.1f} h"
    return f"{delay_ms / DAY_MS:.1f} d"
