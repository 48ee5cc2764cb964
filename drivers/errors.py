"""What can go wrong between a driver and the field.

DriverError
├ BadConfig      never retried: the configuration or the profile cannot work
├ LinkError      the bus or the connection
│ ├ LinkTimeout  nothing came back in time
│ └ LinkClosed   the port is gone, or the peer hung up
├ Garbled        bytes came, but no valid frame: checksum, length, framing
└ Refused        the device answered no; `code` is its reason
  └ Unauthorised it does not accept these credentials
"""

from __future__ import annotations


class DriverError(Exception):
    """Root of the driver errors; `reason` is the short name used in quality flags and faults."""

    reason = "driver"


class BadConfig(DriverError):
    """The device cannot work as configured; retrying will not help."""

    reason = "config"


class LinkError(DriverError):
    """The bus or connection failed."""

    reason = "link"


class LinkTimeout(LinkError):
    """No answer within the deadline."""

    reason = "timeout"


class LinkClosed(LinkError):
    """The port is gone or the peer closed the connection."""

    reason = "closed"


class Garbled(DriverError):
    """Bytes arrived that form no valid frame; `data` holds them."""

    reason = "garbled"

    def __init__(self, message: str, data: bytes = b"") -> None:
        super().__init__(message)
        self.data = data


class Refused(DriverError):
    """The device answered with a refusal; `code` is the protocol's exception code."""

    reason = "refused"

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Unauthorised(Refused):
    """The device does not accept these credentials, or not the time they were signed with."""

    reason = "unauthorised"
