"""step-ca by its HTTPS interface: a one-time token, its root by the token's digest, sign and renew."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from agent.certificates import read_pem
from agent.enrolment.errors import EnrolmentFailed
from agent.enrolment.https import Answer, Pair, Server

_JSON = {"Content-Type": "application/json"}
_NO_TOKEN = "the claim code is no token of step-ca; make one: step ca token GATEWAY"  # noqa: S105  no token


@dataclass(frozen=True, slots=True)
class Token:
    """What a one-time token of `step ca token` says: for whom, by which names, the digest of the root."""

    text: str
    subject: str
    names: tuple[str, ...]
    root: str


def read_token(text: str) -> Token:
    """The claims of the token (RFC 7519), as the server will check them; the signature is for the server.

    Raises:
        EnrolmentFailed: it is none.
    """
    try:
        _, middle, _ = text.strip().split(".")
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        subject = claims["sub"]
        names = claims.get("sans") or [subject]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise EnrolmentFailed(_NO_TOKEN) from None
    if not isinstance(subject, str) or not all(isinstance(each, str) for each in names):
        raise EnrolmentFailed(_NO_TOKEN)
    return Token(text.strip(), subject, tuple(map(_general_name, names)), str(claims.get("sha", "")))


def _general_name(name: str) -> str:
    """By the look of it, as step-ca does."""
    try:
        ip_address(name)
    except ValueError:
        kind = "URI" if "://" in name or name.startswith("urn:") else "email" if "@" in name else "DNS"
        return f"{kind}:{name}"
    return f"IP:{name}"


def trusting_root(server: Server, digest: str) -> Server:
    """The server, trusted by the root certificate whose SHA-256 the token names.

    Raises:
        EnrolmentFailed: not reached, or the root is another.
    """
    answer = server.ask_unverified(f"/1.0/root/{digest}")
    pem = _fields(answer, server).get("ca", "")
    found = read_pem(pem) if isinstance(pem, str) else []
    if len(found) != 1 or found[0].fingerprint != digest.lower():
        raise EnrolmentFailed(
            f"{server.url} shows another root than the token names; is somebody on the way?"
        )
    return Server(server.url, ca_text=found[0].pem)


@dataclass(frozen=True, slots=True)
class Step:
    """A step-ca server."""

    server: Server

    def enrol(self, request_pem: str, token: Token) -> str:
        """The first certificate and its chain, for a one-time token; PEM.

        Raises:
            EnrolmentFailed: refused, or not reached.
        """
        body = json.dumps({"csr": request_pem, "ott": token.text}).encode()
        return self._chain(self.server.ask("POST", "/1.0/sign", body, headers=_JSON))

    def renew(self, pair: Pair) -> str:
        """The next certificate of the same key and names, for the present one; PEM.

        Raises:
            EnrolmentFailed: refused, or not reached.
        """
        return self._chain(self.server.ask("POST", "/1.0/renew", b"", headers=_JSON, pair=pair))

    def roots(self) -> str:
        """Its root certificates; PEM.

        Raises:
            EnrolmentFailed: see the message.
        """
        found = _fields(self.server.ask("GET", "/1.0/roots"), self.server).get("crts", [])
        return "".join(each for each in found if isinstance(each, str))

    def _chain(self, answer: Answer) -> str:
        facts = _fields(answer, self.server)
        chain = facts.get("certChain") or [facts.get("crt"), facts.get("ca")]
        return "".join(f"{each.strip()}\n" for each in chain if isinstance(each, str))


def _fields(answer: Answer, server: Server) -> dict[str, Any]:
    try:
        facts = json.loads(answer.body)
    except ValueError:
        facts = None
    if answer.status == 401:
        raise EnrolmentFailed(
            f"{server.url} refuses us; a token is good once and for minutes, a certificate to its end"
        )
    if answer.status not in (200, 201):
        said = facts.get("message") if isinstance(facts, dict) else answer.said
        raise EnrolmentFailed(f"{server.url} answers {answer.status}: {said or 'nothing'}; ask its operator")
    if not isinstance(facts, dict):
        raise EnrolmentFailed(f"{server.url} answers, and not as step-ca does; is it the right address?")
    return facts
