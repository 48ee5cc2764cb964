"""HTTPS to an enrolment server, by the standard library: verified, bounded, without redirects."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from agent.enrolment.errors import EnrolmentFailed

TIMEOUT_S = 30.0
MOST_BYTES = 2**20
_UNKNOWN_CA = (2, 18, 19, 20, 21)
_WRONG_HOST = (62, 64)
_TOO_EARLY, _TOO_LATE = 9, 10


@dataclass(frozen=True, slots=True)
class Pair:
    """PEM files of a client certificate and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> str:
        """The beginning of a text the server sent, fit to be printed."""
        text = " ".join(self.body[:400].decode("utf-8", "replace").split())
        return "".join(c for c in text if c.isprintable())[:200]


@dataclass(frozen=True, slots=True)
class _Wish:
    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Server:
    """Where the enrolment server is, and the CAs it is trusted by: of a file, a PEM text, or the system."""

    url: str
    ca: Path | None = None
    ca_text: str = ""

    def ask(
        self, method: str, path: str, body: bytes | None = None, *,
        headers: Mapping[str, str] | None = None, pair: Pair | None = None,
    ) -> Answer:  # fmt: skip
        """One request, one answer, whatever its status.

        Raises:
            EnrolmentFailed: no connection, not trusted, or an answer that is none.
        """
        return _exchange(self, _context(self, pair), _Wish(method, path, body, headers or {}))

    def ask_unverified(self, path: str) -> Answer:
        """GET from whoever answers, for what is checked by its digest and holds no secret."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return _exchange(self, context, _Wish("GET", path))


def _context(server: Server, pair: Pair | None) -> ssl.SSLContext:
    try:
        made = ssl.create_default_context(cafile=server.ca, cadata=server.ca_text or None)
    except (OSError, ssl.SSLError):
        raise EnrolmentFailed(f"{server.ca} holds no CA certificate in PEM form that can be read") from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if pair is not None:
        try:
            made.load_cert_chain(pair.certificate, pair.key, lambda: "")
        except (OSError, ssl.SSLError):
            raise EnrolmentFailed(
                f"{pair.certificate} and {pair.key} cannot be used together; see: polegate certs show"
            ) from None
    return made


def _exchange(server: Server, context: ssl.SSLContext, wish: _Wish) -> Answer:
    parts = urlsplit(server.url)
    host, port = parts.hostname or "", parts.port or 443
    link = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
    try:
        link.request(wish.method, parts.path.rstrip("/") + wish.path, wish.body, dict(wish.headers))
        with link.getresponse() as answer:
            content = answer.read(MOST_BYTES + 1)
            found = {name.lower(): value for name, value in answer.getheaders()}
    except ssl.SSLCertVerificationError as error:
        raise EnrolmentFailed(_untrusted(server, error)) from None
    except TimeoutError:
        raise EnrolmentFailed(f"{server.url} did not answer within {TIMEOUT_S:g} s; {_LATER}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
        raise EnrolmentFailed(f"no connection to {server.url} ({why}); {_LATER}") from None
    finally:
        link.close()
    if len(content) > MOST_BYTES:
        raise EnrolmentFailed(f"{server.url} answers with more than a certificate; is it the right address?")
    return Answer(answer.status, found, content)


_LATER = "check the network and enrolment.url, then try again"


def _untrusted(server: Server, error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _TOO_EARLY:
        return (
            f"by this gateway's clock the certificate of {server.url} is not valid yet; "
            "put the clock right first: polegate doctor --only clock"
        )
    if error.verify_code == _TOO_LATE:
        return (
            f"the certificate of {server.url} has expired, by this gateway's clock; is the clock right "
            "(polegate doctor --only clock)? Else the server needs a new one"
        )
    if error.verify_code in _WRONG_HOST:
        return f"the certificate of {server.url} is for another host; name it in enrolment.url as it is there"
    if error.verify_code in _UNKNOWN_CA:
        by = f"by {server.ca} (enrolment.ca)" if server.ca else "by the system's CAs"
        return f"{server.url} is not vouched for {by}; set enrolment.ca to the PEM file of its CA"
    return f"{server.url} cannot be trusted ({error.verify_message}); ask its operator"
