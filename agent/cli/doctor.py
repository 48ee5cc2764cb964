"""polegate doctor: look at everything a station needs, and say what to do about what is not well."""

from __future__ import annotations

import queue
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Final

import click
from rich.table import Table
from rich.text import Text

from agent.cli import doctor_texts as say
from agent.cli import screen
from agent.cli.checks import (
    broker,
    buses,
    cameras,
    clock,
    configuration,
    daemon,
    disk,
    heat,
    memory,
    ports,
    power,
    secrets,
    unit,
    wear,
)
from agent.cli.checks.case import Case, gather
from agent.cli.checks.findings import Finding, Verdict, fail
from agent.cli.exits import Exit
from agent.cli.screen import BAD, BOLD, BUSY, DIM, GOOD

Check = Callable[[Case], Iterator[Finding]]

CHECKS: Final[dict[str, Check]] = {
    "config": configuration.check,
    "daemon": daemon.check,
    "unit": unit.check,
    "secrets": secrets.check,
    "ports": ports.check,
    "buses": buses.check,
    "cameras": cameras.check,
    "clock": clock.check,
    "disk": disk.check,
    "wear": wear.check,
    "heat": heat.check,
    "memory": memory.check,
    "power": power.check,
    "broker": broker.check,
}
"""In this order, the network last: it may take its time."""

CHECK_S = 10.0
BROKER_S = 90.0
"""A dead name server takes 20 s, a dead address 10 s for each family and for TLS, CONNECT 20 s."""

STYLES = {Verdict.OK: GOOD, Verdict.WARN: BUSY, Verdict.FAIL: BAD, Verdict.UNKNOWN: DIM}


@click.command("doctor")
@click.option(
    "--only", "names", type=click.Choice(list(CHECKS)), multiple=True, help="This check; may be repeated."
)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each finding.")
@click.pass_obj
def command(paths: dict[str, Path], names: tuple[str, ...], as_json: bool) -> None:
    """Look at everything a station needs, and say what to do about what is not well.

    Nothing is changed, no port is opened, nothing is published. Ends with 0 when nothing is wrong, and with
    1 when something is; what is only worth a look, or cannot be told, is not wrong.
    """
    case = gather(paths["config"], paths["socket"])
    counts: Counter[Verdict] = Counter()
    for name, check in CHECKS.items():
        if names and name not in names:
            continue
        for place, finding in enumerate(findings(name, check, case)):
            counts[finding.verdict] += 1
            if as_json:
                screen.machine(finding.facts(name))
            else:
                screen.show(row("" if place else name, finding))
                sys.stdout.flush()
    if not as_json:
        screen.show("", summary(counts))
    sys.exit(Exit.PROBLEM if counts[Verdict.FAIL] else Exit.OK)


def findings(name: str, check: Check, case: Case, deadline_s: float | None = None) -> Iterator[Finding]:
    """What a check finds, as it finds it. One that hangs is left behind, one that breaks says so."""
    found: queue.SimpleQueue[Finding | bool] = queue.SimpleQueue()

    def look() -> None:
        whole = False
        try:
            for each in check(case):
                found.put(each)
            whole = True
        finally:
            found.put(whole)

    patience_s = deadline_s or (BROKER_S if name == "broker" else CHECK_S)
    ends_s = time.monotonic() + patience_s
    Thread(target=look, name=f"doctor {name}", daemon=True).start()
    while True:
        try:
            each = found.get(timeout=max(ends_s - time.monotonic(), 0.001))
        except queue.Empty:
            late = say.LATE.format(seconds=patience_s)
            yield fail(late, say.LATE_WHY, say.LATE_DO.format(check=name))
            return
        if isinstance(each, bool):
            if not each:
                yield fail(say.BROKEN, say.BROKEN_WHY, say.BROKEN_DO)
            return
        yield each


def row(name: str, finding: Finding) -> Table:
    """`disk  ok  ...`, and below it why it matters and what to do."""
    style = STYLES[finding.verdict]
    rows = Table.grid(padding=(0, 1))
    rows.add_column(style=BOLD, no_wrap=True, min_width=max(map(len, CHECKS)) + 1)
    rows.add_column(no_wrap=True, min_width=4)
    rows.add_column(overflow="fold")
    rows.add_row(name, Text(str(finding.verdict), style), Text(finding.found))
    for lead, text in (("why", finding.why), ("do", finding.do)):
        if text:
            rows.add_row("", Text(f"{lead:>4}", DIM), Text(text, DIM if lead == "why" else ""))
    return rows


def summary(counts: Counter[Verdict]) -> str:
    """The last line."""
    if not (counts[Verdict.FAIL] or counts[Verdict.WARN] or counts[Verdict.UNKNOWN]):
        return say.ALL_WELL
    return say.SUMMARY.format(
        fails=counts[Verdict.FAIL], warns=counts[Verdict.WARN], unknowns=counts[Verdict.UNKNOWN]
    )
