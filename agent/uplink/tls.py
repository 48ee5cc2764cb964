"""The TLS side of the uplink: verification is always on."""

from __future__ import annotations

import ssl
from pathlib import Path

from agent.config import Uplink
from agent.uplink import secrets
from agent.uplink.errors import Unusable


class _Socket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho would leave that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def context(settings: Uplink) -> ssl.SSLContext:
    """TLS 1.2 or later, certificate and host name verified; reads files, so keep it off the event loop.

    Raises:
        Unusable: a file that [uplink] names cannot be used.
    """
    made = _trusting(settings.ca)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.sslsocket_class = _Socket
    if settings.certificate is not None and settings.key is not None:
        _present(made, settings.certificate, secrets.locate(settings.key, "uplink.key"))
    return made


def _trusting(ca: Path | None) -> ssl.SSLContext:
    if ca is None:
        return ssl.create_default_context()
    _assert_readable(ca, "uplink.ca")
    try:
        return ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        raise Unusable(
            "ca_garbled",
            f"uplink.ca: {ca} holds no certificate in PEM form; expected -----BEGIN CERTIFICATE----- blocks",
        ) from None


def _present(made: ssl.SSLContext, certificate: Path, key: Path) -> None:
    _assert_readable(certificate, "uplink.certificate")
    _assert_readable(key, "uplink.key")

    def refuse_password() -> str:  # OpenSSL would ask on the terminal
        raise Unusable(
            "key_encrypted",
            f"uplink.key: {key} is encrypted; give the plain key, with mode 0600 (openssl pkey -in A -out B)",
        )

    try:
        made.load_cert_chain(certificate, key, refuse_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            message = f"uplink.key: {key} is not the private key of {certificate}; they are made as a pair"
        else:
            message = (
                f"uplink.certificate: {certificate} and {key} cannot be used ({error.reason}); "
                "expected a certificate and a private key in PEM form"
            )
        raise Unusable("certificate_unusable", message) from None


def _assert_readable(path: Path, key: str) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise secrets.unreadable(path, key, error) from None
