"""HTTP digest authentication, RFC 7616 and the older RFC 2617: from a server's challenge to our answer."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence

from drivers.cameras.access import Credentials

_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class Digest:
    """The answers of one user to one server.

    A server may offer several schemes in several challenges, Basic first: the strongest digest is taken,
    and the password is never sent.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._challenge: dict[str, str] = {}
        self._count = 0

    @property
    def ready(self) -> bool:
        """Whether a challenge has come that can be answered."""
        return bool(self._challenge)

    def challenged(self, challenges: Sequence[str]) -> bool:
        """Take up the WWW-Authenticate headers of a 401; False if none of them can be answered."""
        offers = [_parameters(text) for text in challenges if text.lower().startswith("digest ")]
        known = [offer for offer in offers if _algorithm(offer) in _HASHES and _usable(offer)]
        if not known:
            return False
        self._challenge = max(known, key=lambda offer: _algorithm(offer) == "SHA-256")
        self._count = 0
        return True

    def authorization(self, method: str, uri: str) -> str | None:
        """The Authorization header for a request, `uri` as in its first line; None before any challenge."""
        if not self._challenge:
            return None
        self._count += 1
        algorithm, realm, nonce = _algorithm(self._challenge), self._challenge.get("realm", ""), self._nonce
        user, password = self._credentials.username, self._credentials.password
        secret = _hash(algorithm, f"{user}:{realm}:{password}")
        asked = _hash(algorithm, f"{method}:{uri}")
        fields = {"username": user, "realm": realm, "nonce": nonce, "uri": uri}
        if self._challenge.get("qop"):
            count, ours = f"{self._count:08x}", secrets.token_hex(8)
            response = _hash(algorithm, f"{secret}:{nonce}:{count}:{ours}:auth:{asked}")
            extra = f", qop=auth, nc={count}" + f', cnonce="{ours}"'
        else:
            response = _hash(algorithm, f"{secret}:{nonce}:{asked}")
            extra = ""
        fields["response"] = response
        if "opaque" in self._challenge:
            fields["opaque"] = self._challenge["opaque"]
        if "algorithm" in self._challenge:
            extra += f", algorithm={algorithm}"
        quoted = ", ".join(f'{name}="{_escaped(value)}"' for name, value in fields.items())
        return f"Digest {quoted}{extra}"

    @property
    def _nonce(self) -> str:
        return self._challenge["nonce"]


def _parameters(challenge: str) -> dict[str, str]:
    found = _PARAMETER.findall(challenge.partition(" ")[2])
    return {name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain for name, quoted, plain in found}


def _algorithm(offer: dict[str, str]) -> str:
    return offer.get("algorithm", "MD5").upper()


def _usable(offer: dict[str, str]) -> bool:
    return "nonce" in offer and ("qop" not in offer or "auth" in re.split(r"[\s,]+", offer["qop"]))


def _hash(algorithm: str, text: str) -> str:
    return _HASHES[algorithm](text.encode()).hexdigest()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
