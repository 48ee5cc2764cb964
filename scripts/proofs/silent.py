#!/usr/bin/env python3
"""What takes connections and says nothing, for checks in a bare root: needs nothing but Python.

silent.py PORT PATH    Take every connection to 127.0.0.1:PORT, make PATH a link to a serial line; for ever.
"""

import grp
import os
import socket
import sys
import tty
from pathlib import Path


def main() -> None:
    taken = []
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    _line, device = os.openpty()
    tty.setraw(device)
    os.fchown(device, 0, grp.getgrnam("dialout").gr_gid)
    os.fchmod(device, 0o660)
    Path(sys.argv[2]).symlink_to(os.ttyname(device))
    while True:
        taken.append(listener.accept())


if __name__ == "__main__":
    main()
