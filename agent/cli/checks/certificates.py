"""Certificates: whose they are and until when, from their DER form; and how long that is. Pure."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.cli import doctor_texts as say
from agent.cli.amounts import many, moment
from agent.cli.checks.findings import Finding, fail, ok, warn

DAY_MS = 86_400_000
SOON_MS = 30 * DAY_MS
"""When to renew at the latest; one that lives less than three months after two thirds of its life."""

_UTC_TIME, _VERSION = 0x17, 0xA0
_COMMON_NAME, _ORGANISATION = bytes([0x55, 4, 3]), bytes([0x55, 4, 10])
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Certificate:
    """`name` is the subject's common name, else its organisation."""

    name: str
    since_ms: int
    until_ms: int


def read_pem(text: str) -> list[Certificate]:
    """Every certificate in a PEM file; what cannot be read is left out."""
    found = []
    for block in _PEM.findall(text):
        try:
            found.append(read_der(ssl.PEM_cert_to_DER_cert(block)))
        except ValueError:
            continue
    return found


def read_der(der: bytes) -> Certificate:
    """Name and validity of an X.509 certificate (RFC 5280, 4.1).

    Raises:
        ValueError: it is none.
    """
    try:
        (_, whole), *_ = _items(der)
        (_, signed), *_ = _items(whole)
        fields = list(_items(signed))
        if fields[0][0] == _VERSION:
            fields = fields[1:]
        _, _, _, (_, validity), (_, subject), *_ = fields
        since, until = (_time(tag, text.decode("ascii")) for tag, text in _items(validity))
    except (IndexError, UnicodeDecodeError, ValueError):
        raise ValueError("no X.509 certificate") from None
    return Certificate(_name(subject), since, until)


def judge(whose: str, certificate: Certificate, now_ms: int, renewal: str) -> Finding:
    """How long it is good for; `renewal` says what to do about one that ends."""
    left_ms = certificate.until_ms - now_ms
    facts = {
        "whose": whose,
        "name": certificate.name,
        "left": many(abs(left_ms) // DAY_MS, "day"),
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


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The tags and contents that DER strings together (X.690, 8.1); long lengths say how long they are."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            digits = length & 0x7F
            length, at = int.from_bytes(data[at : at + digits], "big"), at + digits
        if at + length > len(data):
            raise ValueError("cut short")
        yield tag, data[at : at + length]
        at += length


def _time(tag: int, text: str) -> int:
    """UTCTime has two digits of the year, those from 50 on of the last century (RFC 5280, 4.1.2.5.1)."""
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    at = datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    return int(at.timestamp()) * 1000


def _name(subject: bytes) -> str:
    names = {}
    for _, group in _items(subject):
        for _, pair in _items(group):
            (_, kind), (_, text), *_ = _items(pair)
            names[kind] = "".join(c for c in text.decode("utf-8", "replace") if c.isprintable())
    return names.get(_COMMON_NAME) or names.get(_ORGANISATION) or "without a name"
