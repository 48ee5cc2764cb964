#!/usr/bin/env python3
"""A Modbus RTU gauge on a pty for checks in a bare root: needs nothing but Python.

gauge.py PATH    Make PATH a link to the line, and answer there for ever: each input register pair is 230.5.
"""

import grp
import os
import struct
import sys
import tty
from pathlib import Path

REQUEST_BYTES = 8


def crc(frame: bytes) -> bytes:
    """Modbus over Serial Line V1.02, 6.2.2: CRC-16, low byte first."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def answer(request: bytes) -> bytes:
    """To function 4, big-endian floats; nothing to a damaged frame."""
    if len(request) != REQUEST_BYTES or crc(request[:-2]) != request[-2:]:
        return b""
    unit, function, _, count = struct.unpack(">BBHH", request[:-2])
    body: bytes = struct.pack(">BBB", unit, function, 2 * count) + struct.pack(">f", 230.5) * (count // 2)
    return body + crc(body)


def main() -> None:
    line, device = os.openpty()
    tty.setraw(device)
    os.fchown(device, 0, grp.getgrnam("dialout").gr_gid)
    os.fchmod(device, 0o660)
    path = Path(sys.argv[1])
    path.unlink(missing_ok=True)
    path.symlink_to(os.ttyname(device))
    while True:
        os.write(line, answer(os.read(line, 256)))


if __name__ == "__main__":
    main()
