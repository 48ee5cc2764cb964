"""How the fake camera checks who asks: WS-UsernameToken and HTTP digest, as a strict real one does."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
PASSWORD_DIGEST = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
)
REALM = "camera"


class Rejected(Exception):
    """Not let in; the text says why, for the test that wonders."""


@dataclass(slots=True)
class Gatekeeper:
    """`refusals` lists why each unsuccessful try was turned away."""

    user: str
    password: str
    nonces: set[bytes] = field(default_factory=set)
    http_nonces: set[str] = field(default_factory=set)
    counts: set[tuple[str, str]] = field(default_factory=set)
    refusals: list[str] = field(default_factory=list)

    def check_token(self, header: Any, clock_ms: int, window_s: float) -> None:
        """Raises Rejected unless the Security header of this envelope is right, new and in time."""
        token = None if header is None else header.find(f"{{{WSSE}}}Security/{{{WSSE}}}UsernameToken")
        if token is None:
            raise Rejected("no UsernameToken")
        password = token.find(f"{{{WSSE}}}Password")
        nonce64, created = token.findtext(f"{{{WSSE}}}Nonce"), token.findtext(f"{{{WSU}}}Created")
        if password is None or not nonce64 or not created or password.get("Type") != PASSWORD_DIGEST:
            raise Rejected("a token without digest, nonce or time")
        try:
            nonce, at = base64.b64decode(nonce64, validate=True), datetime.fromisoformat(created)
        except (binascii.Error, ValueError):
            raise Rejected(f"an unreadable nonce or time {created!r}") from None
        if not created.endswith("Z"):
            raise Rejected(f"no UTC time {created!r}")
        expected = hashlib.sha1(nonce + created.encode() + self.password.encode()).digest()
        if token.findtext(f"{{{WSSE}}}Username") != self.user:
            raise Rejected("an unknown user")
        if base64.b64encode(expected).decode() != password.text:
            raise Rejected("a wrong password")
        ahead_s = at.timestamp() - clock_ms / 1000
        if abs(ahead_s) > window_s:
            raise Rejected(f"signed {ahead_s:+.1f} s off")
        if nonce in self.nonces:
            raise Rejected("a nonce used before")
        self.nonces.add(nonce)

    def check_digest(self, method: str, uri: str, authorization: str) -> None:
        """Raises Rejected unless this Authorization header answers our challenge for this request."""
        if not authorization.lower().startswith("digest "):
            raise Rejected("no HTTP digest")
        said = {
            name: quoted or plain
            for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', authorization)
        }
        wanted = {"username": self.user, "realm": REALM, "uri": uri, "qop": "auth"}
        for name, value in wanted.items():
            if said.get(name) != value:
                raise Rejected(f"digest with {name} {said.get(name)!r}")
        nonce, count = said.get("nonce", ""), said.get("nc", "")
        if nonce not in self.http_nonces:
            raise Rejected(f"digest with nonce {nonce!r}")
        if (nonce, count) in self.counts:
            raise Rejected("a count used before")
        secret = _md5(f"{self.user}:{REALM}:{self.password}")
        tail = f"{count}:{said.get('cnonce', '')}:auth:{_md5(f'{method}:{uri}')}"
        if said.get("response") != _md5(f"{secret}:{nonce}:{tail}"):
            raise Rejected("a wrong password")
        self.counts.add((nonce, count))

    def challenges(self) -> list[str]:
        """Basic first, as many cameras have it; a client that sends it is not let in. Each has its own nonce."""
        nonce = secrets.token_hex(8)
        self.http_nonces.add(nonce)
        digest = f'Digest realm="{REALM}", qop="auth", algorithm=MD5, nonce="{nonce}", opaque="0a1b"'
        return [f'Basic realm="{REALM}"', digest]

    def forget(self) -> None:
        """As after a reboot."""
        self.nonces.clear()
        self.counts.clear()
        self.http_nonces.clear()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
