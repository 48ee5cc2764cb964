"""Certificates: how long they are good for. Pure."""

from __future__ import annotations

from agent.amounts import many, moment, span
from agent.certificates import Certificate
from agent.cli import doctor_texts as say
from agent.cli.checks.findings import Finding, fail, ok, warn

DAY_MS = 86_400_000
SOON_MS = 30 * DAY_MS
"""When to renew at the latest; one that lives less than three months after two thirds of its life."""


def days(ms: int) -> str:
    """`312 days`; of the last day hours and minutes, as some CAs give certificates for a day."""
    return many(ms // DAY_MS, "day") if ms >= DAY_MS else span(ms / 1000)


def judge(whose: str, certificate: Certificate, now_ms: int, renewal: str) -> Finding:
    """How long it is good for; `renewal` says what to do about one that ends."""
    left_ms = certificate.until_ms - now_ms
    facts = {
        "whose": whose,
        "name": certificate.name,
        "left": days(abs(left_ms)),
        "until": moment(certificate.until_ms)[:10],
    }
    if now_ms < certificate.since_ms:
        found = say.CERT_EARLY.format(since=moment(certificate.since_ms)[:10], **facts)
        return fail(found, say.CERT_ENDED_WHY, say.CERT_EARLY_DO)
    if left_ms < 0:
        return fail(say.CERT_ENDED.format(**facts), say.CERT_ENDED_WHY, renewal)
    if left_ms < min(SOON_MS, (certificate.until_ms - certificate.since_ms) // 3):
        return warn(say.CERT_SOON.format(**facts), say.CERT_WHY, renewal)
    return ok(say.CERT_OK.format(**facts))
