"""The closing words: what was verified, and what each gauge has to its account."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scripts.demonstration.ledger import Ledger
from scripts.demonstration.verdict import Check


def account(ledger: Ledger) -> Table:
    """Per device and boot: samples read, arrived, missing."""
    rows = Table("gateway", "boot", "gauge", box=SIMPLE_HEAD)
    for name in ("read", "arrived", "holes"):
        rows.add_column(name, justify="right")
    for run in ledger.runs:
        reached, boot = ledger.reached(run), run.epoch.partition(".")[2]
        read = max(ledger.highest_read[run], reached.highest)
        rows.add_row(
            run.gateway, boot, run.device, f"{read:,}", f"{reached.count():,}", f"{len(ledger.lost(run)):,}"
        )
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
