"""The words of which the configuration's keys are made: names, sizes, addresses, places of secrets."""

from __future__ import annotations

import os
import re
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from firmware_profiles.declared import First, Limits, Strict, Then

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB)")
_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_HOST_PORT = re.compile(r"(?:\[([^\s/\[\]]+)\]|([^\s:/\[\]]+))(?::(\d{1,5}))?")
_BROKER_PORTS = {"mqtt": 1883, "mqtts": 8883}
_LONGEST_SOCKET = 107  # sockaddr_un.sun_path holds 108 with the final NUL, unix(7)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("expected lower-case letters, digits, - and _, at most 64 characters")
    return text


def _size(value: object) -> object:
    if isinstance(value, str):
        if not (match := _SIZE.fullmatch(value)):
            raise ValueError('expected a size such as "512MiB"')
        return int(float(match[1]) * _UNITS[match[2]])
    return value


def split_host_port(text: str, default: int) -> tuple[str, int]:
    """`host`, `host:port`, `[v6]:port` or `[v6%zone]:port` -> (host, port).

    Raises:
        ValueError: none of these.
    """
    match = _HOST_PORT.fullmatch(text)
    if not match or (match[1] and not _is_ipv6(match[1])):
        raise ValueError('expected "host", "host:port" or "[IPv6]:port"')
    port = int(match[3] or default)
    if not 0 < port <= 0xFFFF:
        raise ValueError(f"expected a port from 1 to 65535, got {port}")
    return match[1] or match[2], port


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def split_broker_url(url: str) -> tuple[str, str, int]:
    """`mqtts://host:port` -> (scheme, host, port); scheme and host in lower case (RFC 3986, 6.2.2.1).

    Raises:
        ValueError: anything else, or a user name or password in it, which is not repeated.
    """
    parts = urlsplit(url)
    if "@" in url:
        raise ValueError("put the user name in username and the password's place in password")
    if parts.scheme not in _BROKER_PORTS or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f'expected mqtts://host[:port], got "{url}"')
    _, port = split_host_port(parts.netloc, _BROKER_PORTS[parts.scheme])
    return parts.scheme, parts.hostname or "", port


def _socket(path: Path) -> Path:
    if (size := len(os.fsencode(path))) > _LONGEST_SOCKET:
        raise ValueError(f"{size} bytes; the system takes at most {_LONGEST_SOCKET} for a socket")
    return path


def _host_port(text: str) -> str:
    split_host_port(text, 502)
    return text


def split_listen(text: str) -> tuple[str, int] | Path:
    """`127.0.0.1:9464` or `[::1]:9464` -> (address, port), `unix:/run/polegate/x.sock` -> path.

    Raises:
        ValueError: none of these, or an address that others can reach.
    """
    if text.startswith("unix:"):
        path = _socket(Path(text.removeprefix("unix:")))
        if not path.is_absolute():
            raise ValueError("expected a whole path behind unix:")
        return path
    address, port = split_host_port(text, 0)
    try:
        loopback = ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError(f"only this machine may ask; expected 127.0.0.1, [::1] or unix:/path, got {address}")
    return address, port


def _listen(text: str) -> str:
    split_listen(text)
    return text


Name = Annotated[str, Then(_name)]
Size = Annotated[int, First(_size), Limits(ge=2**20)]
HostPort = Annotated[str, Then(_host_port)]
SocketPath = Annotated[Path, Then(_socket)]
Listen = Annotated[str, Then(_listen)]


class Secret(Strict):
    """Where a secret is kept, never the secret: a file, or the name of a systemd credential."""

    file: Path | None = None
    credential: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.file is None) == (self.credential is None):
            raise ValueError('expected either { file = "/path" } or { credential = "name" }')
