"""WS-Security UsernameToken with a password digest (OASIS UsernameToken Profile, ONVIF Core 5.9.4)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from drivers.cameras.access import Credentials

_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
WSSE = f"{_WSS}-wssecurity-secext-1.0.xsd"
WSU = f"{_WSS}-wssecurity-utility-1.0.xsd"
DIGEST = f"{_WSS}-username-token-profile-1.0#PasswordDigest"
BASE64 = f"{_WSS}-soap-message-security-1.0#Base64Binary"


def username_token(credentials: Credentials, at_ms: int) -> str:
    """The Security header for one request at `at_ms`, by the camera's clock; its nonce is never used twice.

    Digest = Base64(SHA1(nonce + created + password)).
    """
    nonce = secrets.token_bytes(16)
    created = stamp(at_ms)
    digest = hashlib.sha1(nonce + created.encode() + credentials.password.encode()).digest()  # noqa: S324  the standard's
    return (
        f'<wsse:Security s:mustUnderstand="1" xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}"><wsse:UsernameToken>'
        f"<wsse:Username>{escape(credentials.username)}</wsse:Username>"
        f'<wsse:Password Type="{DIGEST}">{base64.b64encode(digest).decode()}</wsse:Password>'
        f'<wsse:Nonce EncodingType="{BASE64}">{base64.b64encode(nonce).decode()}</wsse:Nonce>'
        f"<wsu:Created>{created}</wsu:Created></wsse:UsernameToken></wsse:Security>"
    )


def stamp(at_ms: int) -> str:
    """XML dateTime in UTC with milliseconds and Z: some cameras refuse an offset of +00:00."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
