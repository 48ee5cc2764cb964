"""Free TCP ports on loopback that no outgoing connection can take.

Ports that the kernel gives out itself are ephemeral: while a server on one is down for a restart, another
connection may take it, and a client that keeps knocking can even connect to itself (TCP's simultaneous open).
"""

from __future__ import annotations

import random
import socket

# Below Linux's default net.ipv4.ip_local_port_range, 32768 to 60999.
PORTS = range(15000, 30000)
TRIES = 100


def listen(host: str, port: int = 0) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the port or every try is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port:
        return socket.create_server((host, port), family=family, backlog=256)
    for _ in range(TRIES):
        try:
            return socket.create_server((host, random.choice(PORTS)), family=family, backlog=256)
        except OSError as error:
            taken = error
    raise taken


def free_port(host: str) -> int:
    """A port that was free a moment ago, for a server that binds it itself."""
    with listen(host) as listener:
        return int(listener.getsockname()[1])
