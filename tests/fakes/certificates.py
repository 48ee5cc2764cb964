"""A certificate authority for tests, made with the openssl command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fakes.children import program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOOPBACK = ("localhost", "127.0.0.1", "::1")
VALID_FOR = timedelta(days=30)

_CONFIG = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca]
default_ca = this
[this]
database = {directory}/index.txt
new_certs_dir = {directory}
certificate = {directory}/ca.pem
private_key = {directory}/ca.key
rand_serial = yes
unique_subject = no
default_md = sha256
policy = policy
copy_extensions = copy
x509_extensions = issued
[policy]
commonName = supplied
[issued]
basicConstraints = critical, CA:false
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """PEM files of a certificate and its private key."""

    certificate: Path
    key: Path


class Authority:
    """A self-signed CA in `directory`; `ca` is the PEM file that clients and brokers trust."""

    def __init__(self, directory: Path, name: str = "polegate test authority") -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "index.txt").touch()
        self._config = directory / "openssl.cnf"
        self._config.write_text(_CONFIG.format(name=name, directory=directory))
        self.ca = directory / "ca.pem"
        self._openssl(
            *("req", "-x509", "-days", "3650", "-extensions", "authority", "-out", self.ca),
            *_new_key(directory / "ca.key"),
        )

    def server(self, *, hosts: Sequence[str] = LOOPBACK, expired: bool = False) -> Certificate:
        """A server certificate for these host names and addresses; others give a wrong host."""
        names = ",".join(f"IP:{host}" if _is_address(host) else f"DNS:{host}" for host in hosts)
        extensions = ("extendedKeyUsage=serverAuth", f"subjectAltName={names}")
        return self._issue(hosts[0], extensions, expired=expired)

    def client(self, name: str, *, expired: bool = False) -> Certificate:
        """A client certificate with `name` as its common name."""
        return self._issue(name, ("extendedKeyUsage=clientAuth",), expired=expired)

    def _issue(self, name: str, extensions: Sequence[str], *, expired: bool) -> Certificate:
        stem = self._directory / f"{sum(1 for _ in self._directory.glob('*.csr'))}-{name}"
        key, request, certificate = (stem.with_name(f"{stem.name}.{end}") for end in ("key", "csr", "pem"))
        wanted = [option for extension in extensions for option in ("-addext", extension)]
        self._openssl("req", "-new", "-subj", f"/CN={name}", *wanted, "-out", request, *_new_key(key))
        until = datetime.now(UTC) + (-VALID_FOR if expired else VALID_FOR)
        self._sign(request, certificate, until - 2 * VALID_FOR, until)
        return Certificate(certificate=certificate, key=key)

    def sign(self, request: str, *, since: timedelta = -VALID_FOR, until: timedelta = VALID_FOR) -> str:
        """The certificate for a request in PEM form, valid between these times from now, with its extensions."""
        stem = self._directory / f"{sum(1 for _ in self._directory.glob('*.csr'))}-asked"
        file, certificate, now = stem.with_suffix(".csr"), stem.with_suffix(".pem"), datetime.now(UTC)
        file.write_text(request)
        self._sign(file, certificate, now + since, now + until)
        return certificate.read_text()

    def _sign(self, request: Path, certificate: Path, since: datetime, until: datetime) -> None:
        dates = ("-startdate", f"{since:%Y%m%d%H%M%SZ}", "-enddate", f"{until:%Y%m%d%H%M%SZ}")
        self._openssl("ca", "-batch", "-notext", "-in", request, "-out", certificate, *dates)

    def _openssl(self, command: str, *options: str | Path) -> None:
        openssl = program("openssl", "openssl")
        argv = [openssl, command, "-config", self._config, *options]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"openssl {command} failed: {done.stderr}")


def _new_key(path: Path) -> tuple[str | Path, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path)


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
