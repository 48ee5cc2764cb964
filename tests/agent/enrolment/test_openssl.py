"""Keys, requests and chains by the openssl command."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from fakes.certificates import Authority
from fakes.enrolment import key_of
from fakes.nobody import by_nobody

from agent.certificates import read_pem, requested_name
from agent.enrolment import openssl
from agent.enrolment.errors import EnrolmentFailed
from agent.enrolment.ours import Ours
from agent.writing import put


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_request_is_of_its_key_and_has_its_names(kind: openssl.KeyType, tmp_path: Path) -> None:
    key = tmp_path / "key"
    put(key, openssl.new_key(kind), 0o400)
    text = openssl.request(key, "pole-7", ())
    assert (requested_name(text), key_of(text)) == ("pole-7", openssl.public_of(key))


def test_a_renewal_asks_for_the_very_names(ours: Ours, authority: Authority) -> None:
    names = ("DNS:pole-7", "IP:10.0.0.7", "URI:urn:x:1")
    ours.certificate.write_text(authority.sign(openssl.request(ours.key, "pole-7", names)))
    again = authority.sign(openssl.same_request(ours.key, ours.certificate))
    assert read_pem(again)[0].names == names


@pytest.mark.parametrize(
    "name", ["a b", "a\nCN = b", "$ENV::HOME", 'a"', "a=b", "a,b", "a;b", "a#b", "a'b", "a\\b"]
)
def test_a_name_that_its_settings_would_take_for_more(ours: Ours, name: str) -> None:
    for names in ((name, ()), ("pole-7", (f"DNS:{name}",))):
        with pytest.raises(EnrolmentFailed, match="cannot stand in a request"):
            openssl.request(ours.key, *names)


def test_what_is_no_key_and_no_message(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hello")
    with pytest.raises(EnrolmentFailed, match="holds no private key that can be read; move it away"):
        openssl.public_of(tmp_path / "key")
    with pytest.raises(EnrolmentFailed, match="openssl pkcs7 failed"):
        openssl.unpack(b"hello")


def test_where_a_chain_leads(ours: Ours, authority: Authority, request_text: str, tmp_path: Path) -> None:
    ours.certificate.write_text(authority.sign(request_text))
    assert openssl.chain_fault(ours.certificate, authority.ca) == ""
    other = Authority(tmp_path / "other", name="somebody else")
    assert "unable to get local issuer certificate" in openssl.chain_fault(ours.certificate, other.ca)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to give a key away")
def test_a_key_that_is_not_for_this_user_is_not_said_to_be_none() -> None:
    """Else the advice is to move it away, and to make another."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        key = Path(folder, "key")
        put(key, openssl.new_key("ec"), 0o400)

        def met() -> str:
            try:
                openssl.public_of(key)
            except PermissionError as error:
                return str(error.filename)
            return "read"

        assert met() == "read"
        assert by_nobody(met) == str(key)
