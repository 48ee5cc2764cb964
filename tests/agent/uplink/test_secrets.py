"""Secrets from files and systemd credentials; tls material that cannot be used."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.certificates import Authority

from agent.config import Uplink
from agent.config_words import Secret
from agent.uplink import secrets, tls
from agent.uplink.errors import Unusable


def fails(call: Callable[[], object]) -> Unusable:
    with pytest.raises(Unusable) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"s3cret", "s3cret"),
        (b"s3cret\n", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b"two\n\n", "two\n"),
        (b" \n", " "),
    ],
)
def test_one_newline_at_the_end_is_not_part_of_it(tmp_path: Path, content: bytes, secret: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    assert secrets.read(Secret(file=file), "uplink.password") == secret


def test_a_systemd_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mqtt").write_text("s3cret\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert secrets.read(Secret(credential="mqtt"), "uplink.password") == "s3cret"


def test_a_credential_without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    error = fails(lambda: secrets.read(Secret(credential="mqtt"), "uplink.password"))
    assert error.reason == "credential_missing"
    assert "LoadCredential=mqtt:" in str(error)


def test_a_missing_file_names_the_key_and_the_file(tmp_path: Path) -> None:
    error = fails(lambda: secrets.read(Secret(file=tmp_path / "none"), "uplink.password"))
    assert str(error).startswith(f"uplink.password: {tmp_path / 'none'} cannot be read")
    assert "create it" in str(error)


@pytest.mark.parametrize(("content", "reason"), [(b"\n", "secret_empty"), (b"\xff\xfe", "secret_garbled")])
def test_what_is_no_secret(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    error = fails(lambda: secrets.read(Secret(file=file), "uplink.password"))
    assert error.reason == reason
    assert str(file) in str(error)


def test_verification_is_on_whatever_is_configured(authority: Authority) -> None:
    for ca in (None, authority.ca):
        context = tls.context(Uplink(url="mqtts://localhost", ca=ca))
        assert context.check_hostname
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_ca_file_without_certificates(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing of the kind\n")
    error = fails(lambda: tls.context(Uplink(url="mqtts://localhost", ca=file)))
    assert error.reason == "ca_garbled"
    assert str(error).startswith(f"uplink.ca: {file}")


def test_a_missing_ca_file(tmp_path: Path) -> None:
    error = fails(lambda: tls.context(Uplink(url="mqtts://localhost", ca=tmp_path / "ca.pem")))
    assert error.reason == "file_unreadable"
    assert str(error).startswith("uplink.ca: ")


def test_a_key_that_belongs_to_another_certificate(authority: Authority) -> None:
    one, other = authority.client("one"), authority.client("other")
    settings = Uplink(url="mqtts://localhost", certificate=one.certificate, key=Secret(file=other.key))
    error = fails(lambda: tls.context(settings))
    assert "is not the private key of" in str(error)


def test_a_key_file_that_is_no_key(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("nothing of the kind\n")
    certificate = authority.client("pole").certificate
    settings = Uplink(url="mqtts://localhost", certificate=certificate, key=Secret(file=tmp_path / "key"))
    assert "expected a certificate and a private key in PEM form" in str(fails(lambda: tls.context(settings)))


def test_an_encrypted_key_does_not_ask_on_the_terminal(authority: Authority, tmp_path: Path) -> None:
    pole = authority.client("pole")
    encrypted = tmp_path / "encrypted"
    argv = ["openssl", "pkey", "-in", pole.key, "-out", encrypted, "-aes256", "-passout", "pass:x"]
    subprocess.run(argv, check=True)
    settings = Uplink(url="mqtts://localhost", certificate=pole.certificate, key=Secret(file=encrypted))
    assert fails(lambda: tls.context(settings)).reason == "key_encrypted"
