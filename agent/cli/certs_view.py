"""Certificates as a table, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from agent.amounts import moment
from agent.cli import certs_texts as say
from agent.cli import screen
from agent.cli.certs_facts import Entry, Store
from agent.cli.checks.certificates import DAY_MS, days
from agent.cli.checks.findings import Finding, Verdict
from agent.cli.checks.machine import mode_words
from agent.cli.screen import BAD, BUSY, DIM, GOOD
from agent.config import Enrolment

_STYLES = {Verdict.OK: GOOD, Verdict.WARN: "yellow", Verdict.FAIL: BAD, Verdict.UNKNOWN: BUSY}


def view(store: Store, enrolment: Enrolment, now_ms: int) -> Iterator[RenderableType]:
    """What to print, from top to bottom."""
    if store.entries:
        yield _table(store.entries, now_ms)
        yield ""
    ours = next((entry for entry in store.entries if entry.whose == say.OURS), None)
    if ours is not None:
        yield _details(ours, enrolment, now_ms)
        yield ""
    ending = [entry.finding for entry in store.entries if entry.finding.do]
    for finding in [*ending, *store.findings]:
        yield _line(finding)
        if finding.do:
            yield f"  {finding.do}"


def facts(store: Store, enrolment: Enrolment, now_ms: int) -> dict[str, Any]:
    """For programs."""
    return {
        "ok": not store.bad,
        "now_ms": now_ms,
        "gateway": store.ours.gateway,
        "certificate": str(store.ours.certificate),
        "key": str(store.ours.key),
        "enrolment": {"by": enrolment.by, "url": enrolment.url},
        "certificates": [_described(entry, now_ms) for entry in store.entries],
        "findings": [each.facts("certs") for each in store.judged],
    }


def _described(entry: Entry, now_ms: int) -> dict[str, Any]:
    certificate = entry.certificate
    return {
        "whose": entry.whose,
        "file": str(entry.file),
        "subject": certificate.name,
        "issuer": certificate.issuer,
        "serial": certificate.serial,
        "names": list(certificate.names),
        "usages": list(certificate.usages),
        "since_ms": certificate.since_ms,
        "until_ms": certificate.until_ms,
        "due_ms": certificate.due_ms,
        "days_left": (certificate.until_ms - now_ms) // DAY_MS,
        "sha256": certificate.fingerprint,
        "verdict": entry.finding.facts("certs")["verdict"],
    }


def _table(entries: list[Entry], now_ms: int) -> RenderableType:
    rows = screen.table("certificate", "name", "issued by", "until", "left", whole=("until", "left"))
    for entry in entries:
        certificate = entry.certificate
        left = Text(_left(certificate.until_ms - now_ms), _STYLES[entry.finding.verdict])
        until = moment(certificate.until_ms)[:10]
        rows.add_row(entry.whose, certificate.name, certificate.issuer, until, left)
    return rows


def _left(left_ms: int) -> str:
    return days(left_ms) if left_ms >= 0 else f"ended {days(-left_ms)} ago"


def when(at_ms: int, now_ms: int) -> str:
    """The day, near by with the time of day."""
    return moment(at_ms)[:10] if abs(at_ms - now_ms) >= 3 * DAY_MS else moment(at_ms)


def _details(ours: Entry, enrolment: Enrolment, now_ms: int) -> RenderableType:
    certificate = ours.certificate
    due = when(certificate.due_ms, now_ms)
    return screen.pairs(
        ("file", f"{ours.file}, {mode_words(ours.file.stat().st_mode)}"),
        ("serial", certificate.serial),
        ("names", ", ".join(certificate.names) or Text("none but the common name", DIM)),
        ("for", ", ".join(certificate.usages) or "any use"),
        ("renewal", say.RENEWAL_BY[enrolment.by].format(due=due, url=enrolment.url)),
    )


def _line(finding: Finding) -> RenderableType:
    return Text.assemble((f"{finding.verdict:<5}", _STYLES[finding.verdict]), finding.found)
