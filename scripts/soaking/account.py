"""What the soak found, in words and tables."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

from scripts.soaking.courses import BACK_WITHIN_S, Case
from scripts.soaking.figures import ROLES, Meter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BANDS = {"daemon": (6, 3), "worker": (12, 4)}
"""Descriptors and threads that may be more at the end than at the start."""

MOST_GROWTH = {"daemon": 8.0, "worker": 16.0}
"""MiB an hour, over the second half of a run of an hour."""

LEAST_FOR_SLOPE_S = 900.0
RUNGS = ("unreachable", "reachable", "authorised", "streaming", "changing")


def told(case: Case) -> str:
    """One line of the log."""
    words = f"told after {case.told_s:.0f} s" if case.told_s is not None else "not told"
    flag = " MISSED" if case.missed else " (worker killed meanwhile)" if case.disturbed else ""
    return (
        f"{case.subject}: {case.trouble} for {case.held_s:.0f} s: {words}{flag}"
        f" [{', '.join(case.heard) or '-'}; {' > '.join(case.steps) or '-'}]"
        f", well {case.back_s or 0:.0f} s after"
    )


def troubles(cases: Iterable[Case]) -> Iterator[str]:
    """A row a trouble, Markdown."""
    by_name: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_name[case.trouble].append(case)
    heads = (
        "trouble",
        "times",
        "lasted",
        "to be told",
        "told",
        "reasons",
        "rungs",
        "told after",
        "well after",
    )
    yield from _head(*heads)
    for name, those in sorted(by_name.items()):
        must = [case for case in those if case.must and not case.disturbed]
        reasons = {reason: None for case in those for reason in case.heard}
        rungs = {step: None for case in those for step in case.steps if step in RUNGS[:-1]}
        row = [
            name, str(len(those)), _span([case.held_s for case in those]), str(len(must)),
            str(sum(case.told_s is not None for case in those)), ", ".join(reasons) or "-",
            ", ".join(rungs) or "-", _span([case.told_s for case in those if case.told_s is not None]),
            _span([case.back_s for case in those if case.back_s is not None]),
        ]  # fmt: skip
        yield f"| {' | '.join(row)} |"


def takes(meter: Meter, start: tuple[float, float], end: tuple[float, float]) -> Iterator[str]:
    """A row a role, Markdown."""
    spent_h = (meter.rows[-1][0] - meter.rows[0][0]) / 3600 or 1.0
    half_s = (meter.rows[0][0] + meter.rows[-1][0]) / 2
    growth = "growth of that in the second half, MiB/h"
    own = "its own at first, at last, most, MiB"
    yield from _head("", "PSS at first, at last, most, MiB", own, growth, "descriptors", "threads", "CPU")
    for role in ROLES:
        cells = [role]
        for what in ("pss_mib", "own_mib", "descriptors", "threads"):
            first, last = (meter.typical(role, what, *span) for span in (start, end))
            cells.append(f"{first:.0f}, {last:.0f}, {meter.most(role, what):.0f}")
        cells.insert(3, f"{meter.slope(role, half_s):+.1f}")
        cells.append(f"{meter.spent_s.get(role, 0.0) / spent_h / 36:.1f} %")
        yield f"| {' | '.join(cells)} |"


def grown(meter: Meter, start: tuple[float, float], end: tuple[float, float]) -> Iterator[str]:
    """What is more than it may be."""
    for role, most in BANDS.items():
        for what, band in zip(("descriptors", "threads"), most, strict=True):
            first, last = (meter.typical(role, what, *span) for span in (start, end))
            if last - first > band:
                yield f"{role}: {what} {first:.0f} at first, {last:.0f} at last"
    length_s = meter.rows[-1][0] - meter.rows[0][0]
    if length_s >= LEAST_FOR_SLOPE_S:
        for role, most_h in MOST_GROWTH.items():
            slope = meter.slope(role, meter.rows[0][0] + length_s / 2)
            if slope > most_h * max(1.0, 3600 / length_s):
                yield f"{role}: memory grows by {slope:.1f} MiB an hour"


def wrong(cases: Iterable[Case]) -> Iterator[str]:
    """What was to be told and was not, and what took too long to be well."""
    for case in cases:
        if case.missed:
            yield f"not told: {told(case)}"
        if case.back_s is None or case.back_s > BACK_WITHIN_S:
            yield f"well too late: {told(case)}"


def _head(*names: str) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield "|---" * len(names) + "|"


def _span(values: list[float]) -> str:
    if not values:
        return "-"
    low, high = min(values), max(values)
    return f"{low:.0f} s" if high - low < 1 else f"{low:.0f} to {high:.0f} s, median {median(values):.0f}"
