"""Whether the broker takes a certificate, by TLS alone: a CONNECT would throw a running daemon out."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass, replace
from pathlib import Path

from agent.config import Uplink
from agent.config_words import Secret
from agent.uplink import diagnosis, tls
from agent.uplink.diagnosis import Circumstances
from agent.uplink.errors import UplinkError

CONNECT_S = 10.0
ALERT_S = 1.0
"""At least so long, or three times the handshake, an alert is waited for: with TLS 1.3 a client learns only
after its own last word that its certificate is refused (RFC 8446, 2)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """`accepted`, `refused`, or neither: then `message` says why it could not be tried, if it was."""

    accepted: bool = False
    refused: bool = False
    message: str = ""


def ask_broker(settings: Uplink, certificate: Path, key: Path, now_ms: int) -> Trial:
    """Shake hands and listen for an alert; a broker that waits for CONNECT has accepted."""
    with_it = replace(settings, certificate=certificate, key=Secret(file=key))
    around = Circumstances(with_it, "", now_ms)
    try:
        context = tls.context(with_it)
        began_s = time.monotonic()
        with (
            socket.create_connection((settings.host, settings.port), timeout=CONNECT_S) as line,
            context.wrap_socket(line, server_hostname=settings.host) as secured,
        ):
            secured.settimeout(max(ALERT_S, 3 * (time.monotonic() - began_s)))
            return _heard(secured)
    except UplinkError as error:
        return Trial(message=str(error))
    except (OSError, ValueError) as error:
        found = diagnosis.unreachable(error, around)
        refused = found.reason == "client_certificate"
        return Trial(refused=refused, message=str(found).partition(";")[0] if refused else str(found))


def _heard(secured: ssl.SSLSocket) -> Trial:
    try:
        if secured.recv(1):
            return Trial(accepted=True)
    except TimeoutError:
        return Trial(accepted=True)
    return Trial(message="the broker hung up during the trial; see its log")
