"""The closing words: what was verified, and what each gauge has to its account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from operator import add

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scripts.demonstration.ledger import Ledger
from scripts.demonstration.verdict import Check


def account(ledger: Ledger) -> Table:
    """Per gauge, over all boots of its daemon: read = arrived + holes + unwritten when it was killed."""
    figures: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 5)
    for run in ledger.runs:
        reached = ledger.reached(run)
        read = max(ledger.highest_read[run], reached.highest)
        more = (1, read, reached.count(), len(ledger.lost(run)), ledger.died(run))
        figures[run.gateway, run.device] = [*map(add, figures[run.gateway, run.device], more)]
    rows = Table("gateway", "gauge", box=SIMPLE_HEAD)
    for name in ("boots", "read", "arrived", "holes", "unwritten"):
        rows.add_column(name, justify="right")
    for names, counts in figures.items():
        rows.add_row(*names, *(f"{count:,}" for count in counts))
    return rows


def verified(checks: Sequence[Check]) -> Table:
    """Each claim, whether it holds, and the figures."""
    rows = Table("", "verified", "found", box=SIMPLE_HEAD)
    for check in checks:
        mark = Text("ok", "green") if check.holds else Text("FAILED", "bold red")
        rows.add_row(mark, check.claim, check.found)
    return rows


def close(console: Console, ledger: Ledger, checks: Sequence[Check]) -> bool:
    """Print both tables and the verdict; whether everything holds."""
    console.print(account(ledger))
    console.print(verified(checks))
    failed = sum(not check.holds for check in checks)
    console.print(
        f"{failed} of {len(checks)} checks FAILED." if failed else f"All {len(checks)} checks hold."
    )
    return not failed
