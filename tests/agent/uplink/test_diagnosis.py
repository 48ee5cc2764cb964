"""What the operator reads for each failure; the failures the tests with real brokers cannot bring about too."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from agent.config import Uplink
from agent.uplink import diagnosis
from agent.uplink.diagnosis import Circumstances

NOW_MS = 946_684_800_000  # 2000-01-01T00:00:00Z, as after a boot without a real-time clock
AROUND = Circumstances(Uplink(url="mqtts://broker.city.example"), "polegate-7", NOW_MS)
PLAIN = Circumstances(Uplink(url="mqtt://[::1]", version="3.1.1"), "polegate-7", NOW_MS)


def unverified(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"certificate verify failed: {message}")
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize(
    ("failure", "reason", "says"),
    [
        (
            unverified(9, "certificate is not yet valid"),
            "certificate_not_yet_valid",
            "the clock is the likely",
        ),
        (unverified(10, "certificate has expired"), "certificate_expired", "2000-01-01T00:00:00.000Z"),
        (unverified(62, "Hostname mismatch"), "certificate_wrong_host", "uplink.url"),
        (unverified(64, "IP address mismatch"), "certificate_wrong_host", "uplink.url"),
        (unverified(20, "unable to get local issuer"), "certificate_unknown_ca", "set uplink.ca"),
        (unverified(18, "self-signed certificate"), "certificate_unknown_ca", "set uplink.ca"),
        (unverified(26, "unsuitable purpose"), "certificate_refused", "unsuitable purpose"),
        (socket.gaierror(-2, "Name or service not known"), "dns", "broker.city.example"),
        (ConnectionRefusedError(111, "Connection refused"), "refused", "broker.city.example:8883"),
        (TimeoutError("timed out"), "timeout", "SIM"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "no_route", "ip route"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "no_route", "ip route"),
        (OSError(errno.EMFILE, "Too many open files"), "failed", "Too many open files"),
        (ConnectionResetError(104, "Connection reset by peer"), "tls", "8883"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "not_tls", "8883"),
        (ssl.SSLError(1, "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] alert"), "tls_version", "TLS 1.2"),
        (ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] x"), "client_certificate", "none is set"),
        (ssl.SSLError(1, "[SSL: TLSV1_ALERT_UNKNOWN_CA] x"), "client_certificate", "does not know the CA"),
        (ssl.SSLError(1, "[SSL: NO_SHARED_CIPHER] x"), "tls", "NO_SHARED_CIPHER"),
    ],
)
def test_unreachable(failure: Exception, reason: str, says: str) -> None:
    error = diagnosis.unreachable(failure, AROUND)
    assert error.reason == reason
    assert says in str(error)


@pytest.mark.parametrize(
    "code", [0x80, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x97, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F]
)
def test_refused(code: int) -> None:
    error = diagnosis.refused(code, "", PLAIN)
    assert error.code == code
    assert str(error).startswith("[::1]:1883 ")


def test_an_old_broker_and_an_old_setting_point_at_each_other() -> None:
    assert 'uplink.version = "3.1.1"' in str(diagnosis.refused(0x84, "", AROUND))
    assert 'uplink.version = "5"' in str(diagnosis.refused(0x84, "", PLAIN))


def test_what_the_broker_says_is_quoted_on_one_line() -> None:
    said = str(diagnosis.refused(0x87, "no\x1b[31m such\ntenant " + "x" * 1000, AROUND))
    assert "(it says: no[31m suchtenant xxx" in said
    assert said.isprintable()
    assert len(said) < 500


def test_hung_up_before_an_answer_guesses_from_the_settings() -> None:
    assert 'version = "3.1.1"' in str(diagnosis.unanswered("", AROUND))
    assert "client certificate" in str(diagnosis.unanswered("", AROUND))
    assert "may want TLS" in str(diagnosis.unanswered("", PLAIN))
    alert = "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"
    assert diagnosis.unanswered(alert, AROUND).reason == "client_certificate"


@pytest.mark.parametrize(
    ("code", "from_broker", "said", "reason", "hung_up"),
    [
        (0x80, False, "", "lost", True),
        (0x80, False, "[Errno 104] Connection reset by peer", "lost", True),
        (0x80, False, "[Errno 110] Connection timed out", "lost", False),
        (0x80, False, "[Errno 113] No route to host", "lost", False),
        (0x8D, False, "", "keepalive", False),
        (0x8B, True, "", "shutting_down", False),
        (0x8E, True, "", "taken_over", False),
        (0x95, True, "", "packet_too_large", True),
        (0x97, True, "", "quota", False),
        (0x98, True, "", "dropped", False),
        (0x81, True, "", "dropped", True),
    ],
)
def test_lost(code: int, from_broker: bool, said: str, reason: str, hung_up: bool) -> None:
    error = diagnosis.lost(code, said, from_broker=from_broker, around=AROUND)
    assert (error.reason, error.hung_up) == (reason, hung_up)
