"""Enrolment over Secure Transport (RFC 7030): cacerts, simpleenroll, simplereenroll."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import urlsplit

from agent.enrolment import openssl
from agent.enrolment.errors import EnrolmentFailed, StillPending
from agent.enrolment.https import Answer, Pair, Server

WELL_KNOWN = "/.well-known/est"
_REQUEST = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}


@dataclass(frozen=True, slots=True)
class Est:
    """An EST server; an address without a path means the well-known one (RFC 7030, 3.2.2)."""

    server: Server

    def ca_certificates(self) -> str:
        """Its CA certificates as PEM (4.1).

        Raises:
            EnrolmentFailed: see the message.
        """
        return self._certificates(self._ask("GET", "/cacerts"))

    def enrol(self, request_pem: str, name: str, code: str) -> str:
        """The first certificate, for a claim code by HTTP Basic (3.2.3, 4.2.1); PEM.

        Raises:
            EnrolmentFailed: refused, or not reached; StillPending where a person must approve it.
        """
        word = base64.b64encode(f"{name}:{code}".encode()).decode("ascii")
        return self._enrolled("/simpleenroll", request_pem, {"Authorization": f"Basic {word}"}, None)

    def renew(self, request_pem: str, pair: Pair) -> str:
        """The next certificate, for the present one (4.2.2); PEM.

        Raises:
            EnrolmentFailed: refused, or not reached; StillPending where a person must approve it.
        """
        return self._enrolled("/simplereenroll", request_pem, {}, pair)

    def _enrolled(self, path: str, request_pem: str, headers: dict[str, str], pair: Pair | None) -> str:
        body = base64.encodebytes(openssl.to_der(request_pem))
        answer = self._ask("POST", path, body, headers={**_REQUEST, **headers}, pair=pair)
        if answer.status == 202:
            wait = answer.headers.get("retry-after", "")
            when = f"in {wait} s" if wait.isdigit() else "later"
            raise StillPending(f"{self.server.url} has not approved the request yet; try again {when}")
        return self._certificates(answer)

    def _certificates(self, answer: Answer) -> str:
        url = self.server.url
        if answer.status == 401:
            raise EnrolmentFailed(
                f"{url} refuses us; is the claim code right and unused, the certificate good?"
            )
        if answer.status != 200:
            said = f": {answer.said}" if answer.said else ""
            raise EnrolmentFailed(f"{url} answers {answer.status}{said}; ask its operator")
        try:
            return openssl.unpack(base64.b64decode(answer.body, validate=False))
        except (binascii.Error, EnrolmentFailed):
            raise EnrolmentFailed(f"{url} answers, and not with certificates; is it an EST server?") from None

    def _ask(
        self, method: str, path: str, body: bytes | None = None, *,
        headers: dict[str, str] | None = None, pair: Pair | None = None,
    ) -> Answer:  # fmt: skip
        root = "" if urlsplit(self.server.url).path.strip("/") else WELL_KNOWN
        return self.server.ask(method, root + path, body, headers=headers, pair=pair)
