"""Where the gateway's certificate and key lie, and what fits them."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.certificates import Authority

from agent.config import Config
from agent.enrolment import openssl
from agent.enrolment.errors import EnrolmentFailed
from agent.enrolment.ours import Ours, fit, make_key, ours_of, stage, swap
from firmware_profiles.declared import checked


def configured(**uplink: object) -> Config:
    station = {"site": "riverside", "gateway": "pole-7"}
    return checked(Config, {"station": station, "uplink": {"url": "mqtts://localhost", **uplink}})


def test_where_they_lie(tmp_path: Path) -> None:
    folder, certificate = tmp_path / "etc", "/data/client.pem"
    unnamed = ours_of(configured(), folder)
    assert (unnamed.certificate, unnamed.key) == (
        folder / "mqtt-client.pem",
        folder / "credentials/mqtt-client-key",
    )
    assert (unnamed.named, unnamed.passed) == (False, True)
    passed = ours_of(configured(certificate=certificate, key={"credential": "k"}), folder)
    assert (passed.certificate, passed.key, passed.passed) == (
        Path(certificate),
        folder / "credentials/k",
        True,
    )
    own = ours_of(configured(certificate=certificate, key={"file": "/data/key"}), folder, tmp_path)
    assert (own.certificate, own.key) == (tmp_path / "data/client.pem", tmp_path / "data/key")
    assert (own.named, own.passed) == (True, False)


def test_a_key_stays_and_a_new_one_waits_beside_it(ours: Ours) -> None:
    before = ours.key.read_bytes()
    assert make_key(ours, "ec", anew=False) == ours.key
    assert make_key(ours, "ec", anew=True) == ours.next_key
    assert ours.key.read_bytes() == before != ours.next_key.read_bytes()
    assert stat.S_IMODE(ours.next_key.stat().st_mode) == 0o400


def test_the_certificate_of_the_key_that_waits_is_taken_first(
    ours: Ours, authority: Authority, request_text: str
) -> None:
    old = authority.sign(request_text)
    make_key(ours, "ec", anew=True)
    new = authority.sign(openssl.request(ours.next_key, "pole-7", ()))
    found = fit(ours, old + authority.ca.read_text() + new)
    assert (found.key, found.text.count("BEGIN CERTIFICATE")) == (ours.next_key, 3)
    assert found.text.startswith(found.certificate.pem)
    key = ours.next_key.read_bytes()
    swap(ours, found, stage(ours, found))
    assert (ours.key.read_bytes(), ours.next_key.exists(), ours.staged.exists()) == (key, False, False)
    assert ours.present() == found.certificate
    assert ours.key.with_name("mqtt-client-key.previous").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "it holds no certificate in PEM form"),
        ("{ca}", "none of its certificates .polegate test authority."),
    ],
)
def test_what_fits_nothing(ours: Ours, authority: Authority, text: str, expected: str) -> None:
    with pytest.raises(EnrolmentFailed, match=expected):
        fit(ours, text.format(ca=authority.ca.read_text()))


def test_a_certificate_before_there_is_a_key(ours: Ours, authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(EnrolmentFailed, match=r"there is no key at .*; begin with polegate certs request"):
        fit(replace(ours, key=tmp_path / "none"), authority.ca.read_text())


def test_none_yet_and_none_at_all(ours: Ours) -> None:
    assert ours.present() is None
    ours.certificate.write_text("hello")
    assert ours.present() is None
