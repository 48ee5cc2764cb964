"""Certificates as openssl makes them, read from their DER form."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from fakes.certificates import Authority

from agent import certificates
from agent.clock import Clock

DAY_MS = 86_400_000


def test_names_dates_and_uses(authority: Authority) -> None:
    text = authority.client("pole-7").certificate.read_text() + authority.ca.read_text()
    ours, ca = certificates.read_pem(f"comments\n{text}")
    assert (ours.name, ours.issuer) == ("pole-7", "polegate test authority")
    assert (ca.name, ca.issuer) == ("polegate test authority", "polegate test authority")
    assert (ours.is_ca, ca.is_ca) == (False, True)
    assert (ours.usages, ca.usages) == (("clientAuth",), ())
    assert ours.serves("clientAuth")
    assert not ours.serves("serverAuth")
    assert ca.serves("serverAuth")
    days = (ours.until_ms - Clock().now()[0]) / DAY_MS
    assert 29.9 < days < 30.1
    assert ours.until_ms - ours.since_ms == 60 * DAY_MS
    assert ours.due_ms == ours.since_ms + 40 * DAY_MS
    assert certificates.read_pem(ours.pem) == [ours]


def test_a_servers_names(authority: Authority) -> None:
    server = authority.server(hosts=("localhost", "127.0.0.1", "::1"))
    (found,) = certificates.read_pem(server.certificate.read_text())
    assert found.names == ("DNS:localhost", "IP:127.0.0.1", "IP:::1")


def test_openssl_agrees_on_serial_digest_and_key(authority: Authority) -> None:
    ours = authority.client("pole-7")
    (found,) = certificates.read_pem(ours.certificate.read_text())

    def ask(*options: str | Path) -> bytes:
        return subprocess.run(["openssl", *options], check=True, capture_output=True).stdout

    said = ask("x509", "-in", ours.certificate, "-noout", "-serial", "-fingerprint", "-sha256").decode()
    assert f"serial={found.serial.upper().zfill(40)}" in said
    assert found.fingerprint.upper() in said.replace(":", "")
    der = ask("pkey", "-in", ours.key, "-pubout", "-outform", "DER")
    assert certificates.public_key(der) == found.public_key


def test_years_from_50_on_are_the_last_centurys() -> None:
    assert certificates._time(0x17, "491231235959Z") == 1000 * int(
        datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    )
    assert certificates._time(0x17, "500101000000Z") < 0
    assert certificates._time(0x18, "20500101000000Z") > 0


@pytest.mark.parametrize(
    "der", [b"", b"\x30", b"\x30\x05abc", b"\x30\x82", b"\x30\x03\x30\x01\x02", b"\x30\x80"]
)
def test_what_is_no_certificate(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"no X\.509 certificate"):
        certificates.read_der(der)
    with pytest.raises(ValueError, match="no public key"):
        certificates.public_key(der[:1])


def test_bytes_that_were_changed_are_refused_or_read(authority: Authority) -> None:
    """Whatever stands there, it is a certificate or a ValueError."""
    (whole,) = certificates.read_pem(authority.client("pole-7").certificate.read_text())
    refused = 0
    lengths = (0x00, 0x01, 0x02, 0x0A, 0x0B, 0x80, 0x81, 0xFF)  # that end early, or in the middle of an item
    for at, other in product(range(len(whole.der)), lengths):
        changed = bytearray(whole.der)
        changed[at] = other
        try:
            certificates.read_der(bytes(changed))
        except ValueError:
            refused += 1
    assert refused > 20


def test_pem_that_holds_none() -> None:
    assert certificates.read_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") == []
