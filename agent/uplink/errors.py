"""What can go wrong between the outbox and the broker.

UplinkError          `reason` is its short name, str() says what happened and what to do next
├ BrokerUnreachable  no connection: DNS, TCP, TLS, or no answer
├ BrokerRefused      the broker answered, and said no: `code` is its MQTT 5 reason code
├ ConnectionLost     it ended without our doing
├ PublishTimeout     a message was not acknowledged in time
└ Unusable           a file or secret named in [uplink] cannot be used
"""

from __future__ import annotations


class UplinkError(Exception):
    """Root of the uplink's errors; all of them are tried again."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class BrokerUnreachable(UplinkError):
    """No connection could be made."""


class BrokerRefused(UplinkError):
    """The broker turned the connection away with an MQTT 5 reason code (that of 3.1.1 translated)."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.code = code


class ConnectionLost(UplinkError):
    """The connection ended; `hung_up` if the broker closed it, False if the line or a timer did."""

    def __init__(self, reason: str, message: str, *, hung_up: bool) -> None:
        super().__init__(reason, message)
        self.hung_up = hung_up


class PublishTimeout(UplinkError):
    """The oldest message in flight was not acknowledged within uplink.timeout_s."""


class Unusable(UplinkError):
    """A certificate, key or secret that [uplink] names is missing, unreadable or not what it should be."""
