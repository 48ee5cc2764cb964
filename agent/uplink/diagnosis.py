"""From what the system, OpenSSL and the broker report to an error that says what to do next. Pure: no I/O."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from dataclasses import dataclass

from agent.config import Uplink
from agent.uplink.errors import BrokerRefused, BrokerUnreachable, ConnectionLost, UplinkError
from agent.wire import rfc3339

_OPENSSL = re.compile(r"\[SSL(?:: (\w+))?\]")
_LONGEST_QUOTE = 200


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a diagnosis looks at besides the failure: the settings, the client id, and the gateway's clock."""

    settings: Uplink
    client_id: str
    now_ms: int

    @property
    def broker(self) -> str:
        """host:port, IPv6 in brackets."""
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"{host}:{self.settings.port}"


def quoted(text: str) -> str:
    """What another party said, fit for a log line: printable, short."""
    return "".join(c for c in text if c.isprintable())[:_LONGEST_QUOTE]


def unreachable(failure: BaseException | None, around: Circumstances) -> UplinkError:
    """The connection could not be made: DNS, TCP or TLS."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        return _untrusted(failure, around)
    if isinstance(failure, ssl.SSLError):
        return _handshake(str(failure), around)
    broker = around.broker
    match failure:
        case socket.gaierror() | UnicodeError():
            why = quoted(getattr(failure, "strerror", None) or str(failure))
            reason, message = "dns", (
                f"no address is known for {around.settings.host} ({why}); check the host in "
                "uplink.url and the gateway's DNS server (resolvectl status)"
            )  # fmt: skip
        case ConnectionRefusedError():
            reason, message = "refused", (
                f"{broker} refuses connections: nothing listens on that port; check the port in uplink.url, "
                "then whether the broker runs"
            )  # fmt: skip
        case TimeoutError():
            reason, message = "timeout", (
                f"{broker} did not answer in time; check the network (SIM, antenna, cable), then firewalls "
                "on the way"
            )  # fmt: skip
        case ConnectionResetError() if around.settings.tls:
            return _handshake(str(failure), around)
        case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
            reason, message = "no_route", (
                f"there is no way to {broker} ({failure.strerror}); check that the gateway has a network "
                "(ip route)"
            )  # fmt: skip
        case _:
            reason, message = "failed", f"no connection to {broker}: {quoted(str(failure))}"
    return BrokerUnreachable(reason, message)


def unanswered(said: str, around: Circumstances) -> UplinkError:
    """The connection ended before the broker answered CONNECT; `said` is what OpenSSL reported."""
    if _OPENSSL.search(said):
        return _handshake(said, around)
    settings = around.settings
    guesses = [] if settings.tls else [f"port {settings.port} may want TLS (mqtts:// in uplink.url)"]
    if settings.tls and settings.certificate is None:
        guesses.append("it may want a client certificate (uplink.certificate and uplink.key)")
    if settings.version == "5":
        guesses.append('it may speak only MQTT 3.1.1 (uplink.version = "3.1.1")')
    why = f": {quoted(said)}" if said else ""
    return BrokerUnreachable(
        "hung_up",
        f"{around.broker} hung up before it answered{why}; " + ", or ".join(guesses or ["see its log"]),
    )


def _untrusted(failure: ssl.SSLCertVerificationError, around: Circumstances) -> UplinkError:
    broker, settings, now = around.broker, around.settings, rfc3339(around.now_ms)
    said = quoted(failure.verify_message)
    match failure.verify_code:
        case 9:
            reason, message = "certificate_not_yet_valid", (
                f"the gateway's clock says {now}, before the certificate of {broker} becomes valid: the "
                "clock is the likely reason; check NTP (timedatectl) and the battery of the real-time clock"
            )  # fmt: skip
        case 10:
            reason, message = "certificate_expired", (
                f"the certificate of {broker} has expired, by the gateway's clock, which says {now}; if that "
                "is right the broker's certificate must be renewed"
            )  # fmt: skip
        case 62 | 64:
            reason, message = "certificate_wrong_host", (
                f"the certificate of {broker} is for another host ({said}); put a name that the certificate "
                "holds in uplink.url"
            )  # fmt: skip
        case 2 | 18 | 19 | 20 | 21:
            trusted = f"by {settings.ca} (uplink.ca)" if settings.ca else "by the system's CA certificates"
            reason, message = "certificate_unknown_ca", (
                f"the certificate of {broker} is not vouched for {trusted} ({said}); set uplink.ca to the "
                "PEM file of the CA that signed it"
            )  # fmt: skip
        case _:
            reason, message = "certificate_refused", (
                f"the certificate of {broker} cannot be trusted ({said}); it must be replaced at the broker"
            )  # fmt: skip
    return BrokerUnreachable(reason, message)


_CERTIFICATE_ALERTS = {
    "CERTIFICATE_REQUIRED": "it wants a client certificate",
    "UNKNOWN_CA": "it does not know the CA that signed ours",
    "CERTIFICATE_EXPIRED": "ours has expired",
    "CERTIFICATE_REVOKED": "ours was revoked",
    "CERTIFICATE_UNKNOWN": "it does not accept ours",
    "BAD_CERTIFICATE": "it does not accept ours",
    "UNSUPPORTED_CERTIFICATE": "it does not accept the kind of ours",
}


_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
    "UNEXPECTED_EOF_WHILE_READING",
)
"""What OpenSSL makes of a peer that does not speak TLS."""


def _handshake(said: str, around: Circumstances) -> UplinkError:
    """The other side broke off TLS: an alert, or no TLS at all. The texts are OpenSSL's reason names."""
    broker, settings = around.broker, around.settings
    found = _OPENSSL.search(said)
    name = (found and found[1]) or ""
    for alert, meaning in _CERTIFICATE_ALERTS.items():
        if name.endswith(f"ALERT_{alert}"):
            ours = f"the present one is {settings.certificate}" if settings.certificate else "none is set"
            return BrokerUnreachable(
                "client_certificate",
                f"{broker} refused our client certificate: {meaning}; check uplink.certificate and "
                f"uplink.key ({ours})",
            )
    if name in _NOT_TLS:
        return BrokerUnreachable(
            "not_tls",
            f"{broker} does not speak TLS on that port (8883 is usual); check the port in uplink.url",
        )
    if name.endswith("PROTOCOL_VERSION") or name == "UNSUPPORTED_PROTOCOL":
        return BrokerUnreachable(
            "tls_version", f"{broker} offers no TLS 1.2 or later; the broker's TLS must be brought up to date"
        )
    return BrokerUnreachable(
        "tls",
        f"TLS with {broker} failed ({quoted(said)}); check that the port in uplink.url is its TLS port, "
        "usually 8883, then its log",
    )


def refused(code: int, said: str, around: Circumstances) -> BrokerRefused:
    """CONNACK with a reason code of failure (MQTT 5, 3.2.2.2); `said` is the broker's reason string or ""."""
    settings = around.settings
    user = f'user "{settings.username}"' if settings.username else "clients without a user name"
    other = "3.1.1" if settings.version == "5" else "5"
    reason, message = {
        0x84: ("protocol_version", f'does not speak MQTT {settings.version}; set uplink.version = "{other}"'),
        0x85: ("client_id", f'does not take the client id "{around.client_id}"; check uplink.client_id'),
        0x86: ("bad_password", f"refuses {user}: check uplink.username and the file behind uplink.password"),
        0x87: (
            "not_authorised",
            f"does not let {user} in; check uplink.username, then ask the broker's operator",
        ),
        0x88: ("unavailable", "is out of service; nothing to do here, it is tried again"),
        0x89: ("busy", "is busy; nothing to do here, it is tried again"),
        0x8A: ("banned", f'has banned the client id "{around.client_id}"; ask the broker\'s operator'),
        0x97: ("quota", "says that a quota is used up; ask the broker's operator"),
        0x9A: (
            "no_retain",
            "takes no retained messages, which the status needs; its operator must allow them",
        ),
        0x9B: ("no_qos_1", "takes no QoS 1, without which nothing can be acknowledged; use another broker"),
        0x9C: ("moved", "asks to use another server; correct uplink.url"),
        0x9D: ("moved", "has moved; correct uplink.url"),
        0x9F: ("too_often", "says that we connect too often; nothing to do here, it is tried again"),
    }.get(code, ("refused", f"refuses the connection with reason code 0x{code:02x}; see its log"))
    quote = f" (it says: {quoted(said)})" if said else ""
    return BrokerRefused(code, reason, f"{around.broker} {message}{quote}")


def deaf(code: int, said: str, topic_filter: str, around: Circumstances) -> str:
    """SUBACK with a reason code of failure (MQTT 5, 3.9.3): readings go out, commands do not come in."""
    why = {
        0x87: "not authorised",
        0x8F: "topic filter invalid",
        0x97: "quota used up",
        0xA2: "wildcards not supported",
    }.get(code, f"reason code 0x{code:02x}")
    quote = f"; it says: {quoted(said)}" if said else ""
    return _no_commands(f"{why}{quote}", topic_filter, around)


def snubbed(topic_filter: str, around: Circumstances) -> str:
    """The broker hung up each time we subscribed, as some do on what they do not allow."""
    return _no_commands("it hung up each time this was asked for", topic_filter, around)


def _no_commands(why: str, topic_filter: str, around: Circumstances) -> str:
    settings = around.settings
    user = f'user "{settings.username}"' if settings.username else f'client "{around.client_id}"'
    return (
        f"{around.broker} does not let this gateway receive commands ({why}); ask its operator to allow "
        f"{user} to subscribe to {topic_filter}. Everything else goes on"
    )


_ABOUT_A_MESSAGE = (0x80, 0x81, 0x82, 0x83, 0x90, 0x95, 0x99)
"""Reasons for DISCONNECT that a PUBLISH can give: unspecified, malformed, protocol, topic, size, payload."""


def lost(code: int, said: str, *, from_broker: bool, around: Circumstances) -> ConnectionLost:
    """The connection ended: DISCONNECT from the broker (MQTT 5, 3.14.2.1), or the line did it."""
    broker = around.broker
    if not from_broker and code == 0x8D:
        message = f"{broker} did not answer a ping: the line is dead or the broker hangs"
        return ConnectionLost("keepalive", message, hung_up=False)
    if not from_broker:
        why = f" ({quoted(said)})" if said else ""
        timed_out = "timed out" in said or "No route" in said or "unreachable" in said
        return ConnectionLost("lost", f"the connection to {broker} was lost{why}", hung_up=not timed_out)
    reason, message = {
        0x8B: ("shutting_down", "is shutting down"),
        0x8E: ("taken_over", f"dropped us because {_twin(around)}"),
        0x95: ("packet_too_large", "dropped us because a message was too large for it"),
        0x97: ("quota", "dropped us because a quota is used up"),
        0x98: ("dropped", "dropped us by order of its operator"),
    }.get(code, ("dropped", f"dropped us with reason code 0x{code:02x}"))
    quote = f" (it says: {quoted(said)})" if said else ""
    return ConnectionLost(reason, f"{broker} {message}{quote}", hung_up=code in _ABOUT_A_MESSAGE)


def _twin(around: Circumstances) -> str:
    return (
        f'another client connected with the id "{around.client_id}": do two gateways have the same '
        "station.gateway? Give each its own, or set uplink.client_id"
    )
