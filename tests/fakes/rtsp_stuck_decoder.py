"""A decoder process that is alive and looks at its orders, and never does one: python -m ... DESCRIPTOR."""

from __future__ import annotations

import os
import socket
import sys

from drivers.cameras.streams import wire

link = socket.socket(fileno=int(sys.argv[1]))
wire.send(link, {"hello": os.getpid()})
while wire.receive(link) is not None:
    wire.send(link, {"seen": 1})
