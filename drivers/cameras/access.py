"""Who we are to a camera, and whether we believe that it is who it says."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from drivers.errors import BadConfig


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user of the camera; the password is left out of every repr."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How a camera's certificate is checked: by the system's authorities, by those of `ca`, or not at all.

    Cameras come with certificates they signed themselves, for no name: `ca` may be such a certificate, and
    with it the host name is not compared.
    """

    verify: bool = True
    ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """For any TLS connection to this camera.

        Raises:
            BadConfig: the file of `ca` cannot be read, or holds no certificate.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise BadConfig(f"the camera's CA file {self.ca} cannot be used: {error}") from None
        if self.ca is not None or not self.verify:
            context.check_hostname = False
        if not self.verify:
            context.verify_mode = ssl.CERT_NONE
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # of `ca`: it need not be an authority's
        return context


def shown_url(url: str) -> str:
    """A camera's address as it may be shown: without user and password, wherever it keeps them."""
    parts = urlsplit(url)
    address = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    return _SECRET.sub(r"\1***", address)


_SECRET = re.compile(
    r"((?:pass?(?:word|wd)?|psw|pwd?|user(?:name)?|auth|token|secret)=)[^&/?;]*", re.IGNORECASE
)
