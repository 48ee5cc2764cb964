"""Keys and requests by the openssl command (3.0). Secrets go by files and pipes, never as an argument."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from agent.certificates import public_key
from agent.enrolment.errors import EnrolmentFailed

KeyType = Literal["ec", "rsa"]

RUN_S = 60.0
"""RSA 3072 takes a small processor some seconds."""

_KEYS: dict[KeyType, tuple[str, ...]] = {
    "ec": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"),
    "rsa": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"),
}
_REQUEST = """\
[req]
distinguished_name = subject
req_extensions = wanted
prompt = no
utf8 = yes
[subject]
CN = {name}
[wanted]
subjectAltName = {names}
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
"""


def new_key(kind: KeyType) -> bytes:
    """A private key in PEM form (PKCS #8), not encrypted.

    Raises:
        EnrolmentFailed: openssl cannot.
    """
    return _run("genpkey", *_KEYS[kind])


def check_readable(key: Path) -> None:
    """A key that is the service's own is not for root without its powers, as in polegate-renew.service.

    Raises:
        PermissionError: it is there, and not for this user.
    """
    if key.exists() and not os.access(key, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(key))


def public_of(key: Path) -> bytes:
    """What a certificate of this private key must hold as its public key; see Certificate.public_key.

    Raises:
        EnrolmentFailed: there is no private key in the file, or it is encrypted.
        PermissionError: it is not for this user.
    """
    check_readable(key)
    try:
        return public_key(_run("pkey", "-in", str(key), "-passin", "pass:", "-pubout", "-outform", "DER"))
    except (EnrolmentFailed, ValueError):
        raise EnrolmentFailed(
            f"{key} holds no private key that can be read; move it away, polegate certs request makes one"
        ) from None


def request(key: Path, name: str, names: Sequence[str]) -> str:
    """A certificate signing request (PKCS #10, RFC 2986) in PEM form, signed by the key.

    `name` becomes the common name, `names` (DNS:, IP:, URI:, email:) the alternative ones.

    Raises:
        EnrolmentFailed: openssl cannot, or a name has a character that its settings give a meaning.
    """
    for each in (name, *names):
        if not each.isprintable() or any(c in each for c in "\\$,;#\"'= "):
            raise EnrolmentFailed(
                f"the name {each!r} cannot stand in a request; use letters, digits, - . : @ /"
            )
    settings = _REQUEST.format(name=name, names=", ".join(names or (f"DNS:{name}",)))
    options = ("-new", "-config", "/dev/stdin", "-key", str(key), "-passin", "pass:")
    return _run("req", *options, given=settings.encode()).decode("ascii")


def to_der(request_pem: str) -> bytes:
    """The request as EST sends it."""
    return _run("req", "-outform", "DER", given=request_pem.encode())


def same_request(key: Path, certificate: Path) -> str:
    """A request with the very names of a certificate, as EST wants it for a renewal (RFC 7030, 4.2.2)."""
    options = ("-x509toreq", "-copy_extensions", "copyall", "-in", str(certificate), "-signkey", str(key))
    return _run("x509", *options, "-passin", "pass:").decode("ascii")


def unpack(certs_only: bytes) -> str:
    """The certificates in a PKCS #7 message without a content (RFC 5272, 4.1), as PEM.

    Raises:
        EnrolmentFailed: it is none.
    """
    return _run("pkcs7", "-inform", "DER", "-print_certs", given=certs_only).decode("utf-8", "replace")


def chain_fault(certificate: Path, ca: Path) -> str:
    """Why a client certificate, with the chain behind it in its file, does not lead to a CA; "" when it does.

    Whether it is valid today is not looked at.
    """
    options = ("-no_check_time", "-purpose", "sslclient", "-CAfile", str(ca), "-untrusted", str(certificate))
    done = _call(["openssl", "verify", *options, str(certificate)], b"")
    if done.returncode == 0:
        return ""
    said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if " lookup: " in line]
    return said[0].partition(" lookup: ")[2] if said else "it does not lead there"


def _run(command: str, *options: str, given: bytes = b"") -> bytes:
    done = _call(["openssl", command, *options], given)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise EnrolmentFailed(f"openssl {command} failed: {said[-1] if said else 'without a word'}")
    return done.stdout


def _call(words: Sequence[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603  words of ours
            words, input=given, capture_output=True, timeout=RUN_S, check=False
        )
    except FileNotFoundError:
        raise EnrolmentFailed("there is no openssl on this gateway; apt install openssl") from None
    except subprocess.TimeoutExpired:
        raise EnrolmentFailed(f"openssl did not finish within {RUN_S:g} s; try again") from None
