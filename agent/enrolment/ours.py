"""This gateway's certificate and key: where they lie, what a new one must be, how it is put in place."""

from __future__ import annotations

import os
import pwd
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.certificates import Certificate, read_pem
from agent.config import Config
from agent.config_words import Secret
from agent.enrolment import openssl
from agent.enrolment.errors import EnrolmentFailed
from agent.enrolment.https import Pair
from agent.enrolment.openssl import KeyType
from agent.rooted import HERE, below
from agent.writing import put, settle

CERTIFICATE, KEY, CREDENTIALS = "mqtt-client.pem", "mqtt-client-key", "credentials"
SERVICE = "polegate"


@dataclass(frozen=True, slots=True)
class Ours:
    """`named` when [uplink] names both; else they are where `certs request` puts them.

    `passed` when systemd passes the key on: root keeps it, and the service's user cannot read the file.
    """

    gateway: str
    certificate: Path
    key: Path
    named: bool
    passed: bool

    @property
    def next_key(self) -> Path:
        """A key that waits for its certificate."""
        return self.key.with_name(f"{self.key.name}.next")

    @property
    def request(self) -> Path:
        """Where the last request lies."""
        return self.certificate.with_suffix(".csr")

    @property
    def staged(self) -> Path:
        """A certificate that is about to be put in place."""
        return self.certificate.with_name(f"{self.certificate.name}.next")

    @property
    def previous(self) -> Path:
        """The certificate before this one."""
        return self.certificate.with_name(f"{self.certificate.name}.previous")

    @property
    def pair(self) -> Pair:
        return Pair(self.certificate, self.key)

    def present(self) -> Certificate | None:
        """The certificate in use.

        Raises:
            OSError: it cannot be read.
        """
        try:
            found = read_pem(self.certificate.read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            return None
        return found[0] if found else None


def ours_of(config: Config, folder: Path, root: Path = HERE) -> Ours:
    """By the configuration that lies in `folder`, with the gateway's files below `root`.

    A credential is kept in credentials/ beside it, as systemd/polegate.service says.
    """
    uplink, gateway = config.uplink, config.station.gateway
    if uplink.certificate is None or uplink.key is None:
        key = folder / CREDENTIALS / KEY
        return Ours(gateway, folder / CERTIFICATE, key, named=False, passed=True)
    key = file_of(uplink.key, folder, root)
    passed = uplink.key.credential is not None
    return Ours(gateway, below(root, uplink.certificate), key, named=True, passed=passed)


def file_of(secret: Secret, folder: Path, root: Path = HERE) -> Path:
    """Where root keeps a secret that the configuration in `folder` names."""
    if secret.file is not None:
        return below(root, secret.file)
    return folder / CREDENTIALS / str(secret.credential)


def make_key(ours: Ours, kind: KeyType, *, anew: bool) -> Path:
    """The key to ask a certificate for: the one there is, or a new one, which never leaves this machine.

    Raises:
        EnrolmentFailed: openssl cannot.
        OSError: it cannot be written.
    """
    if not anew and ours.key.exists():
        return ours.key
    key = ours.next_key if ours.key.exists() else ours.key
    key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    put(key, openssl.new_key(kind), 0o400)
    if not ours.passed:
        _hand_over(key)
    return key


def _hand_over(key: Path) -> None:
    """To the service's user, where root writes it; systemd passes credentials on by itself."""
    if os.geteuid() == 0:
        with suppress(KeyError):
            user = pwd.getpwnam(SERVICE)
            os.chown(key, user.pw_uid, user.pw_gid)


@dataclass(frozen=True, slots=True)
class Fitting:
    """A certificate that fits one of our keys, and the file's text: it first, then its chain."""

    certificate: Certificate
    key: Path
    text: str


def fit(ours: Ours, text: str) -> Fitting:
    """Find among PEM certificates the one made for a key of ours, the waiting one first.

    Raises:
        EnrolmentFailed: there is none, or it is not for a client.
    """
    found = read_pem(text)
    if not found:
        raise EnrolmentFailed(
            "it holds no certificate in PEM form; ask the CA for PEM, -----BEGIN CERTIFICATE-----"
        )
    keys = [key for key in (ours.next_key, ours.key) if key.exists()]
    if not keys:
        raise EnrolmentFailed(f"there is no key at {ours.key}; begin with polegate certs request")
    for key in keys:
        wanted = openssl.public_of(key)
        for each in found:
            if each.public_key == wanted:
                rest = [other.pem for other in found if other is not each]
                return Fitting(_for_clients(each), key, "".join([each.pem, *rest]))
    names = ", ".join(each.name for each in found)
    raise EnrolmentFailed(
        f"none of its certificates ({names}) was made for the key of this gateway; "
        f"send the CA the request anew: {ours.request}"
    )


def _for_clients(certificate: Certificate) -> Certificate:
    if not certificate.serves("clientAuth"):
        usages = ", ".join(certificate.usages)
        raise EnrolmentFailed(
            f"{certificate.name} may be used for {usages}, and not by a client; ask the CA for clientAuth"
        )
    return certificate


def stage(ours: Ours, fitting: Fitting) -> Path:
    """Write the new certificate beside the old one, from where it can be installed if a run is cut off.

    Raises:
        OSError: it cannot be written.
    """
    ours.certificate.parent.mkdir(parents=True, exist_ok=True)
    put(ours.staged, fitting.text.encode(), 0o644)
    return ours.staged


def swap(ours: Ours, fitting: Fitting, staged: Path) -> None:
    """Put the certificate in place, with its key where that is new; the old ones stay beside as *.previous.

    The same key: one step. Another key: its step, then the certificate's; cut off between the two, `staged`
    fits the key that is there, and to install it finishes the work.

    Raises:
        OSError: it cannot be written.
    """
    if fitting.key != ours.key:
        put(ours.key.with_name(f"{ours.key.name}.previous"), ours.key.read_bytes(), 0o400)
        fitting.key.replace(ours.key)
        settle(ours.key.parent)  # or a power cut could leave the new certificate with the old key
    if ours.certificate.exists():
        put(ours.previous, ours.certificate.read_bytes(), 0o644)
    staged.replace(ours.certificate)
    settle(ours.certificate.parent)
